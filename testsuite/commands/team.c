/* Four threads add under a mutex, each waits on a condition from time to time; SIGUSR1 ends them, and the sums must
 * agree. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

enum { THREADS = 4 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turn = PTHREAD_COND_INITIALIZER;
static volatile sig_atomic_t asked;
static long total, rounds, own[THREADS];
static __thread long mine;

static void ask(int sig)
{
	(void)sig;
	asked = 1;
}

__attribute__((noinline)) static void count(long n)
{
	for (int i = 0; i < 1000; i++) mine += i % 7 + n;
}

static void *work(void *arg)
{
	long n = (long)arg;

	for (;;) {
		pthread_mutex_lock(&lock);
		while (rounds % THREADS != n && !asked) pthread_cond_wait(&turn, &lock);
		if (asked) break;
		count(n);
		total += n + 1;
		own[n] += n + 1;
		rounds++;
		pthread_cond_broadcast(&turn);
		pthread_mutex_unlock(&lock);
	}
	pthread_cond_broadcast(&turn);
	pthread_mutex_unlock(&lock);
	return (void *)mine;
}

int main(void)
{
	pthread_t thread[THREADS];
	struct timespec pause = { 0, 20000000 };
	long sum = 0;
	int right = 1;

	signal(SIGUSR1, ask);
	for (long n = 0; n < THREADS; n++)
		if (pthread_create(thread + n, 0, work, (void *)n)) return 2;
	while (!asked) {
		pthread_mutex_lock(&lock);
		printf("round %ld\n", rounds);
		fflush(stdout);
		pthread_mutex_unlock(&lock);
		nanosleep(&pause, 0);
	}
	pthread_cond_broadcast(&turn);
	for (int n = 0; n < THREADS; n++) {
		void *result;
		pthread_join(thread[n], &result);
		sum += own[n];
		right &= (long)result == own[n] / (n + 1) * (2997 + n * 1000);
	}
	printf("sums %s, thread-locals %s\n", sum == total ? "agree" : "differ", right ? "agree" : "differ");
	return 0;
}
