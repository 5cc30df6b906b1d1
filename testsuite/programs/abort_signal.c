// abort ends the program by SIGABRT, after the handler has returned; nothing buffered is lost that was flushed.
// expect-exit: -6
// expect: before
// expect: handler
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void handler(int sig)
{
	(void)sig;
	write(1, "handler\n", 8);
}

static int deep(int n)
{
	if (n == 0)
		abort();
	return deep(n - 1) * 2 + n;
}

int main(void)
{
	signal(SIGABRT, handler);
	printf("before\n");
	fflush(stdout);
	printf("lost");
	return deep(40);
}
