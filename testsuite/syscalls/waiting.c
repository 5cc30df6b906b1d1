/* Waiting with and without limits: select, poll, timers, signals; what interrupts, what is left. */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/select.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>
#include "check.h"

static volatile sig_atomic_t seen;

static void handler(int sig) { seen = sig; }

static void soon(void)
{
	struct itimerval t = { .it_value = { 0, 30000 } };

	seen = 0;
	setitimer(ITIMER_REAL, &t, 0);
}

int main(void)
{
	struct sigaction action = { .sa_handler = handler }, old;
	struct itimerval t = { { 3, 4 }, { 1000, 2 } }, was;
	struct timespec brief = { 0, 1000000 }, left = { 0 }, now;
	struct timeval tv = { 0, 1000 };
	union sigval value = { .sival_int = 1234 };
	siginfo_t info;
	sigset_t set, none, pending;
	fd_set fds;
	int p[2];
	struct pollfd polled[3];

	sigemptyset(&none), sigemptyset(&set), sigaddset(&set, SIGALRM), sigaddset(&set, SIGUSR1), sigaddset(&set, SIGRTMIN + 1);
	CHECK(sigaction(SIGALRM, &action, 0));
	CHECK(sigaction(SIGALRM, 0, &old));
	CHECK(old.sa_handler == handler);
	CHECK(old.sa_flags & ~0x04000000);
	CHECK(sigaction(SIGKILL, &action, 0));
	CHECK(sigaction(99, &action, 0));
	CHECK(pipe(p));
	FD_ZERO(&fds);
	FD_SET(p[0], &fds);
	CHECK(select(p[0] + 1, &fds, 0, 0, &tv));
	CHECK(FD_ISSET(p[0], &fds));
	CHECK(select(-1, 0, 0, 0, &tv));
	polled[0] = (struct pollfd){ p[0], POLLIN, 0 }, polled[1] = (struct pollfd){ p[1], POLLOUT, 0 }, polled[2] = (struct pollfd){ 500, POLLIN, 0 };
	CHECK(poll(polled, 1, 5));
	CHECK(poll(polled, 3, 5));
	CHECK(polled[1].revents);
	CHECK(polled[2].revents);
	CHECK(ppoll(polled, 1, &brief, 0));
	CHECK(ppoll(polled, 1, &(struct timespec){ 0, -1 }, 0));
	CHECK(write(p[1], "x", 1));
	CHECK(ppoll(polled, 1, 0, &set));
	CHECK(polled[0].revents);
	polled[0].fd = -1;
	soon();
	CHECK(poll(polled, 1, -1));
	CHECK(seen);
	FD_ZERO(&fds);
	CHECK(sigprocmask(SIG_BLOCK, &set, 0));
	CHECK(sigprocmask(77, &set, 0));
	soon();
	CHECK(pselect(0, 0, 0, 0, 0, &none));
	CHECK(seen);
	soon();
	CHECK(ppoll(0, 0, 0, &none));
	CHECK(seen);
	soon();
	CHECK(sigsuspend(&none));
	CHECK(seen);
	CHECK(sigtimedwait(&set, &info, &brief));
	CHECK(kill(getpid(), SIGUSR1));
	CHECK(sigpending(&pending));
	CHECK(sigismember(&pending, SIGUSR1));
	CHECK(sigwaitinfo(&set, &info));
	CHECK(info.si_code);
	CHECK(info.si_pid == getpid());
	CHECK(sigqueue(getpid(), SIGRTMIN + 1, value));
	CHECK(sigqueue(getpid(), SIGRTMIN + 1, (union sigval){ .sival_int = 5678 }));
	for (int i = 0; i < 2; i++) {
		CHECK(sigtimedwait(&set, &info, &brief) == SIGRTMIN + 1);
		CHECK(info.si_code);
		CHECK(info.si_value.sival_int);
	}
	CHECK(sigqueue(getpid(), 99, value));
	CHECK(raise(SIGUSR1));
	CHECK(sigwait(&set, &seen));
	CHECK(seen);
	CHECK(sigprocmask(SIG_UNBLOCK, &set, 0));
	soon();
	CHECK(nanosleep(&(struct timespec){ 100, 0 }, &left));
	CHECK(left.tv_sec);
	CHECK(nanosleep(&(struct timespec){ 0, 1000000000 }, 0));
	CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &brief, 0));
	CHECK(clock_nanosleep(99, 0, &brief, 0));
	soon();
	CHECK(clock_nanosleep(CLOCK_REALTIME, 0, &(struct timespec){ 100, 0 }, &left));
	soon();
	CHECK(sleep(50));
	CHECK(setitimer(ITIMER_REAL, &t, &was));
	CHECK(was.it_value.tv_sec);
	CHECK(getitimer(ITIMER_REAL, &was));
	CHECK(was.it_interval.tv_sec * 1000000 + was.it_interval.tv_usec);
	CHECK(was.it_value.tv_sec >= 990);
	CHECK(alarm(500) >= 980);
	CHECK(alarm(0) >= 490);
	CHECK(setitimer(99, &t, 0));
	t.it_value.tv_usec = 1000000;
	CHECK(setitimer(ITIMER_VIRTUAL, &t, 0));
	t = (struct itimerval){ { 0, 0 }, { 0, 20000 } };
	CHECK(sigaction(SIGPROF, &action, 0));
	CHECK(setitimer(ITIMER_PROF, &t, 0));
	while (seen != SIGPROF);
	CHECK(seen);
	CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now));
	CHECK(now.tv_sec * 1000 + now.tv_nsec / 1000000 >= 15);
	CHECK(clock_gettime(99, &now));
	CHECK(clock_getres(CLOCK_MONOTONIC, &now));
	CHECK(now.tv_nsec);
	CHECK(clock_settime(CLOCK_MONOTONIC, &now));
	CHECK(times(&(struct tms){ 0 }) > 0);
	action.sa_flags = SA_RESTART;
	CHECK(sigaction(SIGALRM, &action, 0));
	soon();
	CHECK(poll(0, 0, 1000));
	return 0;
}
