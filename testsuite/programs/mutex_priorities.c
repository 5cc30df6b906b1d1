// Mutexes that hand on priorities: a crowd, error checking, trylock, timeout, an owner that dies, and threads that waited.
// flags: -pthread
// rebuild-every: 3
// expect: made 0
// expect: counted 400
// expect: checking 1 1 1
// expect: timeout 1
// expect: died 1 0 1
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t crowded, checking, robust;
static long counter;

static int make(pthread_mutex_t *m, int type, int robustness)
{
	pthread_mutexattr_t a;
	pthread_mutexattr_init(&a);
	return pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_INHERIT) || pthread_mutexattr_settype(&a, type)
	       || pthread_mutexattr_setrobust(&a, robustness) || pthread_mutex_init(m, &a);
}

static void *count(void *unused)
{
	for (int i = 0; i < 100; i++) {
		pthread_mutex_lock(&crowded);
		long seen = counter;
		if (i % 10 == 0) usleep(100); /* the others come to wait in the kernel */
		counter = seen + 1;
		pthread_mutex_unlock(&crowded);
	}
	return unused;
}

static void *fail(void *unused)
{
	struct timespec until;
	printf("%d", pthread_mutex_trylock(&checking) == EBUSY);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += 20000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	printf("\ntimeout %d\n", pthread_mutex_timedlock(&checking, &until) == ETIMEDOUT);
	return unused;
}

static void *die(void *unused)
{
	pthread_mutex_lock(&robust);
	usleep(20000); /* main waits for it */
	return unused;
}

int main(void)
{
	pthread_t t[4];
	int e = make(&crowded, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED) || make(&checking, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_STALLED)
	        || make(&robust, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST);
	printf("made %d\n", e);
	for (int i = 0; i < 4; i++) pthread_create(&t[i], 0, count, 0);
	for (int i = 0; i < 4; i++) pthread_join(t[i], 0);
	printf("counted %ld\n", counter);

	printf("checking %d", pthread_mutex_unlock(&checking) == EPERM);
	pthread_mutex_lock(&checking);
	printf(" %d ", pthread_mutex_lock(&checking) == EDEADLK);
	pthread_create(t, 0, fail, 0);
	pthread_join(*t, 0);
	pthread_mutex_unlock(&checking);

	pthread_create(t, 0, die, 0);
	while (!(e = pthread_mutex_trylock(&robust))) pthread_mutex_unlock(&robust); /* until it has it, or had */
	int died = (e == EBUSY ? pthread_mutex_lock(&robust) : e) == EOWNERDEAD;
	pthread_join(*t, 0);
	int consistent = pthread_mutex_consistent(&robust);
	pthread_mutex_unlock(&robust);
	printf("died %d %d %d\n", died, consistent, pthread_mutex_lock(&robust) == 0);
	return 0;
}
