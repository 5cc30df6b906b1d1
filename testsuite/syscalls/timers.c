/* POSIX timers: what they are told, what is left of them, how they tell, what was missed. */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "check.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static volatile sig_atomic_t ticks, last;
static sem_t told, reported; /* by a thread of the timer's; that a thread was made */
static volatile int told_value;

static void tick(int sig, siginfo_t *info, void *context)
{
	(void)context;
	ticks++;
	last = info->si_code == SI_TIMER ? sig * 1000 + info->si_value.sival_int : -1;
}

static void tell(union sigval value)
{
	told_value = value.sival_int;
	sem_post(&told);
}

static struct itimerspec every(long ms)
{
	return (struct itimerspec){ { 0, ms * 1000000 }, { 0, ms * 1000000 } };
}

static struct itimerspec once(long ms)
{
	return (struct itimerspec){ { 0, 0 }, { 0, ms * 1000000 } };
}

static struct sigevent event(int notify, int sig, int value)
{
	struct sigevent e = { .sigev_notify = notify, .sigev_signo = sig, .sigev_value.sival_int = value };

	return e;
}

static void sleep_ms(long ms)
{
	struct timespec t = { 0, ms * 1000000 };

	while (nanosleep(&t, &t)) ;
}

/* Checks enough for a move or two in between. */
static void stay_a_while(void)
{
	for (int i = 0; i < 12; i++) CHECK(i * i);
}

static void refused(void)
{
	struct sigevent e = event(SIGEV_SIGNAL, 99, 0);
	struct itimerspec t = { { 0 }, { 0, 1000000000 } };
	timer_t timer;

	CHECK(timer_create(99, 0, &timer));
	CHECK(timer_create(CLOCK_MONOTONIC, &e, &timer));
	e = event(77, SIGUSR1, 0);
	CHECK(timer_create(CLOCK_MONOTONIC, &e, &timer));
	CHECK(timer_create(CLOCK_MONOTONIC, 0, &timer));
	CHECK(timer_settime(timer, 0, &t, 0));
	t.it_value = (struct timespec){ -1, 0 };
	CHECK(timer_settime(timer, 0, &t, 0));
	CHECK(timer_delete(timer));
	CHECK(timer_gettime(timer, &t));
	CHECK(timer_settime(timer, 0, &t, 0));
	CHECK(timer_getoverrun(timer));
	CHECK(timer_delete(timer) != 0);
}

static void left(void)
{
	struct sigevent e = event(SIGEV_NONE, 0, 0);
	struct itimerspec t = { { 7, 8 }, { 1000, 0 } }, was = { 0 };
	timer_t long_one, brief;
	struct timespec now;

	CHECK(timer_create(CLOCK_MONOTONIC, 0, &long_one));
	CHECK(timer_gettime(long_one, &was));
	CHECK(was.it_value.tv_sec + was.it_value.tv_nsec + was.it_interval.tv_sec);
	CHECK(timer_settime(long_one, 0, &t, &was));
	CHECK(timer_create(CLOCK_REALTIME, &e, &brief));
	t = once(5);
	CHECK(timer_settime(brief, 0, &t, 0));
	stay_a_while();
	CHECK(timer_gettime(long_one, &was));
	CHECK(was.it_value.tv_sec >= 900 && was.it_value.tv_sec < 1000);
	CHECK(was.it_interval.tv_sec * 10 + was.it_interval.tv_nsec);
	sleep_ms(10);
	CHECK(timer_gettime(brief, &was));
	CHECK(was.it_value.tv_sec + was.it_value.tv_nsec);
	clock_gettime(CLOCK_REALTIME, &now);
	t = (struct itimerspec){ { 0 }, { now.tv_sec + 5000, 0 } };
	CHECK(timer_settime(brief, TIMER_ABSTIME, &t, &was));
	stay_a_while();
	CHECK(timer_gettime(brief, &was));
	CHECK(was.it_value.tv_sec >= 4900 && was.it_value.tv_sec <= 5000);
	CHECK(timer_delete(brief));
	t.it_value = (struct timespec){ 0 };
	CHECK(timer_settime(long_one, 0, &t, &was));
	CHECK(was.it_value.tv_sec >= 900);
	CHECK(timer_gettime(long_one, &was));
	CHECK(was.it_value.tv_sec);
	CHECK(timer_delete(long_one));
}

static void handled(void)
{
	struct sigaction action = { .sa_sigaction = tick, .sa_flags = SA_SIGINFO };
	struct sigevent e = event(SIGEV_SIGNAL, SIGUSR1, 17);
	struct itimerspec t = every(3), never = { 0 };
	timer_t timer, standard;

	CHECK(sigaction(SIGUSR1, &action, 0));
	CHECK(sigaction(SIGALRM, &action, 0));
	CHECK(timer_create(CLOCK_MONOTONIC, &e, &timer));
	CHECK(timer_settime(timer, 0, &t, 0));
	stay_a_while();
	while (ticks < 5) sleep_ms(1);
	CHECK(last);
	CHECK(timer_settime(timer, 0, &never, 0));
	CHECK(timer_delete(timer));
	ticks = 0;
	CHECK(timer_create(CLOCK_REALTIME, 0, &standard));
	t = once(20);
	CHECK(timer_settime(standard, 0, &t, 0));
	stay_a_while();
	while (!ticks) sleep_ms(1);
	CHECK(last / 1000);
	stay_a_while();
	CHECK(ticks);
	CHECK(timer_delete(standard));
}

/* What has gone off while the program is on its way is there once, with what was missed. */
static void waited_for(int sig)
{
	struct timespec brief = { 0, 20000000 }, long_time = { 10, 0 };
	struct sigevent e = event(SIGEV_SIGNAL, sig, 23);
	struct itimerspec t = once(1);
	timer_t timer;
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set), sigaddset(&set, sig);
	CHECK(sigprocmask(SIG_BLOCK, &set, 0));
	CHECK(timer_create(CLOCK_MONOTONIC, &e, &timer));
	CHECK(timer_settime(timer, 0, &t, 0));
	sleep_ms(5);
	stay_a_while();
	CHECK(sigtimedwait(&set, &info, &long_time) == sig);
	CHECK(info.si_code);
	CHECK(info.si_value.sival_int);
	CHECK(timer_getoverrun(timer));
	CHECK(sigtimedwait(&set, &info, &brief));
	t = every(10);
	CHECK(timer_settime(timer, 0, &t, 0));
	sleep_ms(55);
	stay_a_while();
	CHECK(sigtimedwait(&set, &info, &long_time) == sig);
	CHECK(timer_getoverrun(timer) >= 4);
	CHECK(sigtimedwait(&set, &info, &long_time) == sig);
	CHECK(info.si_code);
	t = (struct itimerspec){ { 0 }, { 500, 0 } };
	CHECK(timer_settime(timer, 0, &t, 0));
	CHECK(timer_getoverrun(timer));
	CHECK(timer_delete(timer));
	while (sigtimedwait(&set, &info, &(struct timespec){ 0 }) == sig) ;
	CHECK(sigprocmask(SIG_UNBLOCK, &set, 0));
}

static void told_by_thread(void)
{
	struct sigevent e = event(SIGEV_THREAD, 0, 31);
	struct itimerspec t = once(2), was;
	timer_t timer;

	e.sigev_notify_function = tell;
	CHECK(sem_init(&told, 0, 0));
	CHECK(timer_create(CLOCK_MONOTONIC, &e, &timer));
	CHECK(timer_gettime(timer, &was));
	CHECK(timer_settime(timer, 0, &t, 0));
	stay_a_while();
	CHECK(sem_wait(&told));
	CHECK(told_value);
	CHECK(sem_trywait(&told));
	t = every(4);
	CHECK(timer_settime(timer, 0, &t, 0));
	for (int i = 0; i < 12; i++) CHECK(sem_wait(&told));
	CHECK(timer_delete(timer));
}

static void *one_thread(void *at)
{
	struct timespec long_time = { 10, 0 };
	struct sigevent e = event(SIGEV_THREAD_ID, SIGRTMIN + 3, 41);
	struct itimerspec t = every(4);
	siginfo_t info;
	sigset_t set;
	timer_t timer;

	sem_wait(&reported);
	sigemptyset(&set), sigaddset(&set, SIGRTMIN + 3);
	CHECK(pthread_sigmask(SIG_BLOCK, &set, 0));
	e.sigev_notify_thread_id = syscall(SYS_gettid);
	CHECK(timer_create(CLOCK_MONOTONIC, &e, &timer));
	CHECK(timer_settime(timer, 0, &t, 0));
	stay_a_while();
	for (int i = 0; i < 8; i++) CHECK(sigtimedwait(&set, &info, &long_time) == SIGRTMIN + 3);
	CHECK(info.si_value.sival_int);
	CHECK(timer_delete(timer));
	while (sigtimedwait(&set, &info, &(struct timespec){ 0 }) > 0) ;
	return at;
}

static void processor_time(clockid_t clock)
{
	struct sigevent e = event(SIGEV_SIGNAL, SIGUSR1, 5);
	struct itimerspec t = once(20), was;
	timer_t timer;

	ticks = 0;
	CHECK(timer_create(clock, &e, &timer));
	CHECK(timer_settime(timer, 0, &t, 0));
	stay_a_while();
	while (!ticks) ;
	CHECK(last);
	stay_a_while();
	CHECK(timer_gettime(timer, &was));
	CHECK(was.it_value.tv_nsec);
	CHECK(ticks);
	CHECK(timer_delete(timer));
}

int main(void)
{
	pthread_t thread;
	void *result;

	refused();
	left();
	handled();
	waited_for(SIGUSR2);
	waited_for(SIGRTMIN + 2);
	told_by_thread();
	CHECK(sem_init(&reported, 0, 0));
	CHECK(pthread_create(&thread, 0, one_thread, &thread));
	sem_post(&reported);
	CHECK(pthread_join(thread, &result));
	processor_time(CLOCK_PROCESS_CPUTIME_ID);
	processor_time(CLOCK_THREAD_CPUTIME_ID);
	return 0;
}
