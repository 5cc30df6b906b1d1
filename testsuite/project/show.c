#include "sums.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static void *work(void *n)
{
	printf("long has %d bytes, epoll %d, the sum is %.6f\n", LONG_SIZE, HAVE_EPOLL, sum_of_roots(*(int *)n));
	return 0;
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 3;
	pthread_t thread;

	return pthread_create(&thread, 0, work, &n) || pthread_join(thread, 0);
}
