/* Counts to a large number in frames that a debugger is to name, a handler of SIGUSR1 among them. */
#include <signal.h>
#include <stdio.h>
#include <time.h>

static volatile int handled;

static void pause_for(long nanoseconds)
{
	struct timespec time = { nanoseconds / 1000000000, nanoseconds % 1000000000 };

	nanosleep(&time, 0);
}

static void handler(int sig)
{
	handled = sig;
	printf("handler %d\n", sig);
	fflush(stdout);
	pause_for(60000000000); /* a debugger looks on */
}

__attribute__((noinline)) static double deepest(int count, double scale)
{
	for (int i = 1; i <= count; i++) {
		pause_for(20000000);
		scale += i;
		printf("count %d\n", i);
		fflush(stdout);
	}
	return scale;
}

__attribute__((noinline)) static double middle(int count)
{
	double first = deepest(count, 0.5); /* not the last call: the frame stays */

	return first + handled;
}

int main(void)
{
	signal(SIGUSR1, handler);
	printf("%g\n", middle(100000));
	return 0;
}
