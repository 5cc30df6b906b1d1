/* Holds eight megabytes that differ, says "beat N", and checks them when SIGUSR1 asks it to end. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { WORDS = 1 << 20 };

static volatile sig_atomic_t asked;

static void ask(int sig)
{
	(void)sig;
	asked = 1;
}

int main(void)
{
	struct timespec pause = { 0, 20000000 };
	unsigned long *p = malloc(WORDS * sizeof *p), x = 1;

	if (!p) return 2;
	signal(SIGUSR1, ask);
	for (int i = 0; i < WORDS; i++) p[i] = x = x * 6364136223846793005ul + 1442695040888963407ul;
	for (int n = 1; !asked; n++) {
		printf("beat %d\n", n);
		fflush(stdout);
		nanosleep(&pause, 0);
	}
	x = 1;
	for (int i = 0; i < WORDS; i++)
		if (p[i] != (x = x * 6364136223846793005ul + 1442695040888963407ul)) return 3;
	return 0;
}
