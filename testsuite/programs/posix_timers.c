// A timer that ticks by a handler, one by threads of its own and one that is waited for, while all are moved.
// timeout: 120
// expect: 1 1 1 1 1
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static volatile sig_atomic_t handled;
static atomic_int notified, wrong;

static void handler(int sig, siginfo_t *info, void *context)
{
	(void)context;
	handled += sig == SIGUSR1 && info->si_value.sival_int == 3;
}

static void notify(union sigval value)
{
	if (value.sival_int == 4) notified++;
	else wrong++;
}

static timer_t started(int how, int sig, int value, long ms)
{
	struct sigevent event;
	struct itimerspec time = { { 0, ms * 1000000 }, { 0, ms * 1000000 } };
	timer_t timer;

	memset(&event, 0, sizeof event);
	event.sigev_notify = how;
	event.sigev_signo = sig;
	event.sigev_value.sival_int = value;
	event.sigev_notify_function = notify;
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) || timer_settime(timer, 0, &time, 0)) wrong++;
	return timer;
}

static unsigned spin(unsigned n) { return n ? spin(n / 2) * 3 + n : 1; }

int main(void)
{
	struct sigaction action;
	struct itimerspec left;
	struct timespec begin, end;
	sigset_t set;
	siginfo_t info;
	unsigned sum = 0;

	memset(&action, 0, sizeof action);
	action.sa_sigaction = handler;
	action.sa_flags = SA_SIGINFO;
	sigaction(SIGUSR1, &action, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 1);
	sigprocmask(SIG_BLOCK, &set, 0);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	timer_t first = started(SIGEV_SIGNAL, SIGUSR1, 3, 7), second = started(SIGEV_THREAD, 0, 4, 11);
	timer_t third = started(SIGEV_SIGNAL, SIGRTMIN + 1, 5, 13);
	while (handled < 5 || notified < 5) sum |= spin(100) + 1;
	/* each that went off is accounted for: waited for, or counted as missed */
	long beats = 0;
	for (int n = 0; n < 8; n++) {
		int sig;
		do sig = sigwaitinfo(&set, &info);
		while (sig < 0 && errno == EINTR); /* by the other one's handler */
		if (sig != SIGRTMIN + 1 || info.si_value.sival_int != 5) wrong++;
		beats += 1 + timer_getoverrun(third);
		for (int i = 0; i < 20; i++) sum |= spin(100) + 1;
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	long passed = ((end.tv_sec - begin.tv_sec) * 1000 + (end.tv_nsec - begin.tv_nsec) / 1000000) / 13;
	timer_gettime(third, &left);
	printf("%d %d", left.it_interval.tv_nsec == 13000000, beats <= passed + 1 && beats >= 8);
	printf(" %d %d %d\n", !timer_delete(first) && !timer_delete(second) && !timer_delete(third), wrong == 0, sum != 0);
	return 0;
}
