// Mutexes of every kind: threads count under a lock, recursive locking, error checking, trylock and timeout.
// flags: -pthread
// rebuild-every: 3
// expect: 400 800 1600 1111
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

static pthread_mutex_t plain = PTHREAD_MUTEX_INITIALIZER, recursive, checking;
static long counter, check;

static int nested(int n)
{
	pthread_mutex_lock(&recursive);
	int r = n ? nested(n - 1) + 1 : 0;
	check += n;
	pthread_mutex_unlock(&recursive);
	return r;
}

static void *run(void *argument)
{
	long sum = 0;
	for (int i = 0; i < 100; i++) {
		pthread_mutex_lock(&plain);
		long seen = counter;
		sum += nested(i % 5);
		counter = seen + 1;
		pthread_mutex_unlock(&plain);
	}
	*(long *)argument = sum;
	return 0;
}

int main(void)
{
	pthread_t t[4];
	long sums[4], total = 0;
	pthread_mutexattr_t a;
	pthread_mutexattr_init(&a);
	pthread_mutexattr_settype(&a, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&recursive, &a);
	pthread_mutexattr_settype(&a, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_init(&checking, &a);
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], 0, run, &sums[i]);
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], 0);
		total += sums[i];
	}
	int e1 = pthread_mutex_unlock(&checking) == EPERM;
	pthread_mutex_lock(&checking);
	int e2 = pthread_mutex_lock(&checking) == EDEADLK, e3 = pthread_mutex_trylock(&checking) == EBUSY;
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec = (until.tv_nsec + 10000000) % 1000000000;
	pthread_mutex_lock(&plain);
	until.tv_sec -= until.tv_nsec < 10000000 ? 0 : 1;
	int e4 = pthread_mutex_timedlock(&plain, &until) == ETIMEDOUT;
	printf("%ld %ld %ld %d%d%d%d\n", counter, total, check, e1, e2, e3, e4);
	return 0;
}
