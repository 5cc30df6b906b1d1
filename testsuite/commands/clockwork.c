/* Says "handler N" and "thread N" at the ticks of two timers, until SIGUSR1 asks it to end; a third, once in an hour, is
 * to be as far off then as it was. */
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static volatile sig_atomic_t asked, ticks;
static sem_t told;

static void handle(int sig)
{
	if (sig == SIGUSR1) asked = 1;
	else ticks++;
}

static void tell(union sigval value)
{
	(void)value;
	sem_post(&told);
}

static timer_t every(int how, long seconds, long ns)
{
	struct itimerspec t = { { seconds, ns }, { seconds, ns } };
	struct sigevent e;
	timer_t timer;

	memset(&e, 0, sizeof e);
	e.sigev_notify = how;
	e.sigev_signo = SIGUSR2;
	e.sigev_notify_function = tell;
	return timer_create(CLOCK_MONOTONIC, &e, &timer) || timer_settime(timer, 0, &t, 0) ? 0 : timer;
}

int main(void)
{
	struct timespec pause = { 0, 5000000 };
	struct itimerspec left;
	int handled = 0, threads = 0;

	sem_init(&told, 0, 0);
	signal(SIGUSR1, handle);
	signal(SIGUSR2, handle);
	every(SIGEV_SIGNAL, 0, 20000000);
	every(SIGEV_THREAD, 0, 30000000);
	timer_t rare = every(SIGEV_NONE, 3600, 0);
	while (!asked) {
		while (handled < ticks) printf("handler %d\n", ++handled);
		while (!sem_trywait(&told)) printf("thread %d\n", ++threads);
		fflush(stdout);
		nanosleep(&pause, 0);
	}
	timer_gettime(rare, &left);
	return left.it_interval.tv_sec == 3600 && left.it_value.tv_sec > 3000 && left.it_value.tv_sec < 3600 ? 7 : 1;
}
