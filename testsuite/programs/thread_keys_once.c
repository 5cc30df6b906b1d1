// pthread_once, thread-specific keys with destructors, results by join and pthread_exit, cleanup handlers, cancellation.
// flags: -pthread
// timeout: 60
// expect: 1 180723 990 1021 1 0
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static int initialised, destroyed, cleaned;

static void destroy(void *p) { __atomic_fetch_add(&destroyed, *(int *)p, __ATOMIC_SEQ_CST); free(p); }
static void start(void) { initialised++; pthread_key_create(&key, destroy); }
static void clean(void *p) { __atomic_fetch_add(&cleaned, (int)(long)p, __ATOMIC_SEQ_CST); }

static int use(int n)
{
	int *mine = pthread_getspecific(key);
	*mine += n;
	return n ? use(n - 1) : *mine;
}

static void leave(int depth, long result)
{
	if (depth)
		leave(depth - 1, result);
	pthread_exit((void *)result);
}

static void *run(void *argument)
{
	long id = (long)argument;
	pthread_once(&once, start);
	int *p = malloc(sizeof *p);
	*p = 0;
	pthread_setspecific(key, p);
	long r = 0;
	pthread_cleanup_push(clean, (void *)id);
	for (int i = 0; i < 10; i++)
		r += use(i);
	if (id % 2)
		leave(20, r + id);
	pthread_cleanup_pop(1);
	return (void *)(r + id);
}

static void *forever(void *argument)
{
	pthread_cleanup_push(clean, argument);
	for (;;)
		pause();
	pthread_cleanup_pop(0);
	return 0;
}

int main(void)
{
	pthread_t t[6], f;
	long sum = 0;
	for (long i = 0; i < 6; i++)
		pthread_create(&t[i], 0, run, (void *)(i + 1));
	for (int i = 0; i < 6; i++) {
		void *r;
		pthread_join(t[i], &r);
		sum = sum * 3 + (long)r;
	}
	void *how;
	pthread_create(&f, 0, forever, (void *)1000L);
	usleep(20000);
	pthread_cancel(f);
	pthread_join(f, &how);
	printf("%d %ld %d %d %d %d\n", initialised, sum, destroyed, cleaned, how == PTHREAD_CANCELED, pthread_equal(pthread_self(), t[0]) != 0);
	return 0;
}
