// alarm, setitimer and their remaining times; a handler counts ticks while the program computes.
// timeout: 60
// expect: 0 1 1 1 1
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

static volatile sig_atomic_t ticks;

static void tick(int sig) { ticks += sig == SIGALRM; }
static unsigned spin(unsigned n) { return n ? spin(n / 2) * 3 + n : 1; }

int main(void)
{
	struct sigaction act;
	memset(&act, 0, sizeof act);
	act.sa_handler = tick;
	sigaction(SIGALRM, &act, 0);
	unsigned left = alarm(1000), again = alarm(0);
	struct itimerval t = {{0, 20000}, {0, 10000}}, was;
	setitimer(ITIMER_REAL, &t, 0);
	unsigned h = 0;
	while (ticks < 3)
		h |= spin(100) + 1;
	memset(&t, 0, sizeof t);
	setitimer(ITIMER_REAL, &t, &was);
	int stopped = ticks;
	usleep(30000);
	printf("%u %d %d %d %d\n", left, again >= 990 && again <= 1000, ticks >= 3, stopped == ticks, was.it_interval.tv_usec == 20000);
	return h == 0;
}
