// A blocked signal that one thread's handler sends while the other waits at a point, stopped, waits like any other.
// timeout: 120
// move-every: 300
// expect: 10 received, rounds add up to 45
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

enum { ROUNDS = 10, FAR = 1000, LONG = 10000000 };

static atomic_int asked, sent;
static atomic_long progress, sum;
static pthread_t receiver;
static volatile long ten = 10, spun;

static long busy(long n) { return n ? busy(n - 1) + n % 3 : 0; }

/* A thread does not stop in a handler. Meanwhile the other passes many points, or stops at one if it is to move. */
static void send(int unused)
{
	long before = atomic_load(&progress);
	(void)unused;
	for (int part = 0; part < 4; part++)
		for (long k = 0; k < LONG && atomic_load(&progress) < before + FAR; k++) {} /* nested: has no points itself */
	pthread_kill(receiver, SIGUSR1);
}

static void *sender(void *unused)
{
	for (int round = 1; round <= ROUNDS; round++) {
		while (atomic_load(&asked) < round) spun = busy(ten);
		sum += round - 1;
		raise(SIGUSR2);
		atomic_store(&sent, round);
	}
	return unused;
}

int main(void)
{
	pthread_t thread;
	sigset_t set;
	int received = 0;
	receiver = pthread_self();
	signal(SIGUSR2, send);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, 0);
	pthread_create(&thread, 0, sender, 0);
	for (int round = 1; round <= ROUNDS; round++) {
		struct timespec none = { 0, 0 };
		atomic_store(&asked, round);
		while (atomic_load(&sent) < round) {
			progress++;
			spun = busy(ten);
		}
		received += sigtimedwait(&set, 0, &none) == SIGUSR1;
	}
	pthread_join(thread, 0);
	printf("%d received, rounds add up to %ld\n", received, (long)sum);
	return 0;
}
