/* Cancellation of threads: where it acts, what cleans up, what join is told; and what other calls of threads refuse. */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "check.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static sem_t ready, gate;
static int order, pipe_ends[2];

static void clean(void *arg) { order = order * 10 + (int)(long)arg; }
static void unlock(void *arg) { order = order * 10 + 9; pthread_mutex_unlock(arg); }

static void *reads(void *arg)
{
	char c;

	pthread_cleanup_push(clean, (void *)1);
	pthread_cleanup_push(clean, (void *)2);
	sem_post(&ready);
	read(pipe_ends[0], &c, 1);
	pthread_cleanup_pop(0);
	pthread_cleanup_pop(0);
	return arg;
}

static void *sleeps(void *arg)
{
	pthread_cleanup_push(clean, (void *)3);
	sem_post(&ready);
	sleep(100);
	pthread_cleanup_pop(0);
	return arg;
}

static void *waits(void *arg)
{
	pthread_mutex_lock(&lock);
	pthread_cleanup_push(unlock, &lock);
	sem_post(&ready);
	for (;;) pthread_cond_wait(&condition, &lock);
	pthread_cleanup_pop(0);
	return arg;
}

static void *waits_for_gate(void *arg)
{
	sem_post(&ready);
	sem_wait(&gate);
	return arg;
}

static void *turns(void *arg)
{
	volatile unsigned n = 0;

	pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, 0);
	sem_post(&ready);
	for (;;) {
		n++;
		pthread_testcancel();
	}
	return arg;
}

static void *disabled(void *arg)
{
	int old;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
	sem_post(&ready);
	sem_wait(&gate);
	order = order * 10 + 5;
	pthread_setcancelstate(old, 0);
	pthread_testcancel();
	order = order * 10 + 6;
	return arg;
}

static void cancelled(void *(*body)(void *), int open)
{
	pthread_t thread;
	void *result = 0;

	order = 0;
	CHECK(pthread_create(&thread, 0, body, (void *)4));
	CHECK(sem_wait(&ready));
	CHECK(pthread_cancel(thread));
	if (open) CHECK(sem_post(&gate));
	CHECK(pthread_join(thread, &result));
	CHECK(result == PTHREAD_CANCELED);
	CHECK(order);
}

int main(void)
{
	struct timespec past = { 1, 0 };
	pthread_mutexattr_t kind;
	pthread_mutex_t checking;
	pthread_attr_t attributes;
	pthread_t thread;
	size_t size = 0;
	int value;

	sem_init(&ready, 0, 0), sem_init(&gate, 0, 0);
	CHECK(pipe(pipe_ends));
	cancelled(reads, 0);
	cancelled(sleeps, 0);
	cancelled(waits, 0);
	CHECK(pthread_mutex_trylock(&lock));
	CHECK(pthread_mutex_unlock(&lock));
	cancelled(waits_for_gate, 0);
	cancelled(turns, 0);
	cancelled(disabled, 1);

	CHECK(pthread_setcancelstate(99, &value));
	CHECK(pthread_setcanceltype(99, &value));
	CHECK(pthread_mutexattr_init(&kind));
	CHECK(pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_ERRORCHECK));
	CHECK(pthread_mutexattr_settype(&kind, 77));
	CHECK(pthread_mutex_init(&checking, &kind));
	CHECK(pthread_mutex_unlock(&checking));
	CHECK(pthread_mutex_lock(&checking));
	CHECK(pthread_mutex_lock(&checking));
	CHECK(pthread_mutex_trylock(&checking));
	CHECK(pthread_mutex_timedlock(&checking, &past));
	CHECK(pthread_cond_timedwait(&condition, &checking, &past));
	CHECK(pthread_mutex_unlock(&checking));
	CHECK(pthread_attr_init(&attributes));
	CHECK(pthread_attr_setstacksize(&attributes, 1));
	CHECK(pthread_attr_setstacksize(&attributes, 1 << 20));
	CHECK(pthread_attr_getstacksize(&attributes, &size));
	CHECK(size);
	CHECK(pthread_attr_setdetachstate(&attributes, 5));
	CHECK(pthread_kill(pthread_self(), 0));
	CHECK(pthread_kill(pthread_self(), 999));
	CHECK(pthread_create(&thread, &attributes, waits_for_gate, (void *)8));
	CHECK(sem_post(&gate));
	CHECK(pthread_join(thread, (void **)&size));
	CHECK(size);
	return 0;
}
