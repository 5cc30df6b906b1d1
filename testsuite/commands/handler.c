/* SIGUSR2's handler works until SIGUSR1 comes; main says "idle" meanwhile and always. */
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t leave;

static void asked(int sig)
{
	(void)sig;
	leave = 1;
}

static void work(int sig)
{
	struct timespec pause = { 0, 10000000 };

	(void)sig;
	if (write(1, "handling\n", 9) != 9) _exit(1);
	while (!leave) nanosleep(&pause, 0);
	if (write(1, "left\n", 5) != 5) _exit(1);
}

int main(void)
{
	struct timespec pause = { 0, 20000000 };

	signal(SIGUSR1, asked);
	signal(SIGUSR2, work);
	for (;;) {
		if (write(1, "idle\n", 5) != 5) return 1;
		nanosleep(&pause, 0);
	}
}
