/* What a fault takes, against what no protocol could do without: a request over the same kind of socket, a page back,
 * its protection changed, and the access itself. Nanoseconds, the median of `rounds`, one line each.
 *
 *   measure NODE 2 ROUNDS FD BARE    sockets to the other node: the protocol's, and the one for the rival
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "host.h"

enum { PAGES = 1 << 16, SPREAD = 3 /* no stream of faults that would be fetched ahead of */ };

static char bytes[sizeof(struct popcorn_dsm_message) + DSM_PAGE];

static long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000 + t.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
	return *(const long *)a < *(const long *)b ? -1 : *(const long *)a > *(const long *)b;
}

static void report(const char *what, long *each, int rounds)
{
	qsort(each, (size_t)rounds, sizeof *each, ascending);
	printf("%s %ld\n", what, each[rounds / 2]);
	fflush(stdout);
}

static volatile uint64_t *page(int k)
{
	return (volatile uint64_t *)(COMMON + (uint64_t)k * SPREAD * DSM_PAGE);
}

static void receive(int fd, size_t n)
{
	if (recv(fd, bytes, n, MSG_WAITALL) != (ssize_t)n) exit(1);
}

/* The rival's other end: gets headers, sends pages. */
static void echo(int fd, int rounds)
{
	while (rounds--) {
		receive(fd, sizeof(struct popcorn_dsm_message));
		if (send(fd, bytes, sizeof bytes, 0) != sizeof bytes) exit(1);
	}
}

/* Into a mapping like ours, pages as far apart: the kernel has as many pieces to keep. */
static void bare(int fd, long *each, int rounds)
{
	int memory = memfd_create("bare", 0);
	char *at, *alias;

	if (ftruncate(memory, PAGES * (off_t)DSM_PAGE)) exit(1);
	at = mmap(0, PAGES * (size_t)DSM_PAGE, PROT_NONE, MAP_SHARED, memory, 0);
	alias = mmap(0, PAGES * (size_t)DSM_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	for (int k = 0; k < rounds; k++) {
		size_t offset = (size_t)k * SPREAD * DSM_PAGE;
		long begin = now();
		if (send(fd, bytes, sizeof(struct popcorn_dsm_message), 0) < 0) exit(1);
		receive(fd, sizeof bytes);
		memcpy(alias + offset, bytes, DSM_PAGE);
		mprotect(at + offset, DSM_PAGE, PROT_READ);
		(void)*(volatile char *)(at + offset);
		each[k] = now() - begin;
	}
	munmap(at, PAGES * (size_t)DSM_PAGE);
	munmap(alias, PAGES * (size_t)DSM_PAGE);
	report("bare", each, rounds);
}

static void faults(long *each, int rounds)
{
	for (int k = 0; k < rounds; k++) {
		long begin = now();
		(void)*page(k);
		each[k] = now() - begin;
	}
	report("read", each, rounds);
	for (int k = 0; k < rounds; k++) {
		long begin = now();
		*page(k) = 1;
		each[k] = now() - begin;
	}
	report("upgrade", each, rounds);
	for (int k = 0; k < rounds; k++) {
		long begin = now();
		*page(rounds + k) = 1;
		each[k] = now() - begin;
	}
	report("write", each, rounds);
}

int main(int argc, char **argv)
{
	int number = atoi(argv[1]), rounds = argc == 6 ? atoi(argv[3]) : 0;
	long *each = calloc((size_t)rounds + 1, sizeof *each);

	if (!rounds || 2 * rounds * SPREAD > PAGES) return 2;
	host_begin((unsigned)number, 2, PAGES, argv + 4);
	if (number) {
		bare(atoi(argv[5]), each, rounds);
		faults(each, rounds);
		host_has_finished();
		*page(0) = 2;
		host_wait_for_the_end();
	} else {
		for (int k = 0; k < 2 * rounds; k++) *page(k) = 7;
		*page(0) = 0;
		echo(atoi(argv[5]), rounds);
		while (*page(0) != 2) nanosleep(&(struct timespec){ 0, 20000000 }, 0);
	}
	return 0;
}
