/* What a thread's move to another node takes, and what nodes serve. Prints "name nanoseconds" or "name per-second". */
#include <popcorn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOVES = 400, PAGE = 4096, PAGES = 1500, LETTER = 512 /* about what a move of a short stack sends */ };

static long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000 + t.tv_nsec;
}

static int before(const void *a, const void *b)
{
	long x = *(const long *)a, y = *(const long *)b;

	return x < y ? -1 : x > y;
}

static long median(long *times, int n)
{
	qsort(times, n, sizeof *times, before);
	return times[n / 2];
}

/* The rival: as many bytes there over the same kind of socket, and as many back, to a process that waits for them. */
static void bare(void)
{
	static long times[MOVES];
	char letter[LETTER] = "";
	int s[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, s)) exit(1);
	pid_t other = fork();
	if (!other) {
		close(s[0]);
		while (recv(s[1], letter, LETTER, MSG_WAITALL) == LETTER && send(s[1], letter, LETTER, 0) == LETTER);
		_exit(0);
	}
	close(s[1]);
	for (int i = 0; i < MOVES; i++) {
		long begin = now();
		if (send(s[0], letter, LETTER, 0) != LETTER || recv(s[0], letter, LETTER, MSG_WAITALL) != LETTER) exit(1);
		times[i] = now() - begin;
	}
	close(s[0]);
	waitpid(other, 0, 0);
	printf("bare %ld\n", median(times, MOVES));
}

static void moves(int node)
{
	static long times[MOVES];
	long begin = now();

	if (popcorn_migrate(node)) exit(1);
	printf("cold %ld\n", now() - begin);
	if (popcorn_migrate(0)) exit(1);
	for (int i = 0; i < MOVES; i++) { /* there and back */
		begin = now();
		if (popcorn_migrate(node) || popcorn_migrate(0)) exit(1);
		times[i] = now() - begin;
	}
	printf("warm %ld\n", median(times, MOVES));
}

static char *memory;
static pthread_barrier_t start;

static void *reads(void *number)
{
	long n = (long)number, sum = 0;
	char *own = memory + n * PAGES * 2 * PAGE;

	if (popcorn_migrate((int)n + 1)) exit(1);
	pthread_barrier_wait(&start);
	for (int i = 0; i < PAGES; i++) sum += own[(long)(i * 7 % PAGES) * 2 * PAGE]; /* in no order that is fetched ahead */
	popcorn_migrate(0);
	return (void *)sum;
}

static void service(int readers)
{
	pthread_t thread[16];

	memory = calloc(readers, (long)PAGES * 2 * PAGE);
	for (long i = 0; i < (long)readers * PAGES * 2; i++) memory[i * PAGE] = 1;
	pthread_barrier_init(&start, 0, readers + 1);
	for (long i = 0; i < readers; i++) pthread_create(thread + i, 0, reads, (void *)i);
	pthread_barrier_wait(&start);
	long begin = now();
	for (int i = 0; i < readers; i++) pthread_join(thread[i], 0);
	printf("%d-nodes %ld\n", readers, readers * (long)PAGES * 1000000000 / (now() - begin));
	free(memory);
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		bare();
		moves(1);
	} else for (int n = 1; n <= 8 && n < popcorn_nodes(); n *= 2) service(n);
	return 0;
}
