/* Says "tick N" again and again, some frames deep, until SIGUSR1 asks it to end with status 7. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static volatile sig_atomic_t asked;

static void ask(int sig)
{
	(void)sig;
	asked = 1;
}

static int deeper(int depth, int *count, double scale)
{
	struct timespec pause = { 0, 20000000 };

	if (depth) return deeper(depth - 1, count, scale / 2) + 1;
	while (!asked) {
		printf("tick %d %g\n", ++*count, scale);
		fflush(stdout);
		nanosleep(&pause, 0);
	}
	return 0;
}

int main(int argc, char **argv)
{
	int count = 0, depth = argc > 1 ? atoi(argv[1]) : 3;

	signal(SIGUSR1, ask);
	return deeper(depth, &count, 1024) == depth ? 7 : 1;
}
