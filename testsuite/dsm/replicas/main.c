/* Real nodes: one process each, of whatever ISA, joined by sockets that whoever starts them has made. Threads of all nodes
 * work on the same words; the origin says at the end what is in them, and how many faults there were.
 *
 *   replicas NODE NODES THREADS ROUNDS FD...    the origin gets a socket to each remote, a remote one to the origin
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "abi.h"
#include "kernel.h"
#include "node.h"

enum { PAGES = 64, COUNTERS = 8, MOST_THREADS = 64 };

/* What all nodes share. Each counter is on a page of its own, all slots on one: every thread writes its own there. */
struct shared {
	struct { _Atomic uint64_t value; char pad[DSM_PAGE - 8]; } counter[COUNTERS];
	_Atomic uint32_t done, lock, turn;
	char pad1[DSM_PAGE - 12];
	uint64_t guarded[2], pad2[DSM_PAGE / 8 - 2];
	uint32_t slot[MOST_THREADS];
	char pad3[DSM_PAGE - 4 * MOST_THREADS];
	uint64_t mailbox[MOST_THREADS]; /* written by one thread, read by the next */
};
_Static_assert(sizeof(struct shared) <= PAGES * DSM_PAGE, "fits");

static struct popcorn_node node;
static char *const common = (char *)0x2000000000;
#define shared ((volatile struct shared *)(void *)common)
static unsigned number, nodes, threads, rounds;
static int stop;
static atomic_int finished; /* this node's threads have done their work: the origin may go */

long popcorn_kernel(long n, ...)
{
	va_list v;
	long a[6], r;

	va_start(v, n);
	for (int i = 0; i < 6; i++) a[i] = va_arg(v, long);
	va_end(v);
	r = syscall(n, a[0], a[1], a[2], a[3], a[4], a[5]);
	return r < 0 ? -(long)errno : r;
}

long __popcorn_clock(int clock, struct k_timespec *t)
{
	struct timespec now;
	long r = clock_gettime(clock, &now);

	t->sec = now.tv_sec;
	t->nsec = now.tv_nsec;
	return r;
}

static enum dsm_access rights(uint64_t page)
{
	(void)page;
	return DSM_MAY_WRITE;
}

static void lost(uint64_t page, unsigned peer)
{
	fprintf(stderr, "page %lu was lost with node %u\n", (unsigned long)page, peer);
	_exit(3);
}

static void drained(void)
{
}

static const struct popcorn_origin origin = { rights, lost, drained };

static void on_fault(int signal, siginfo_t *info, void *context)
{
	static const enum dsm_access meant[] = { DSM_NO_ACCESS, DSM_MAY_READ, DSM_MAY_WRITE };
	uintptr_t offset = (uintptr_t)info->si_addr - (uintptr_t)common;

	(void)signal;
	if (offset >= PAGES * DSM_PAGE) {
		struct sigaction plain = { .sa_handler = SIG_DFL };
		sigaction(SIGSEGV, &plain, 0);
		return;
	}
	if (popcorn_node_fault(&node, offset / DSM_PAGE, meant[popcorn_context_wrote(context) + 1])) _exit(4);
}

static void *service(void *unused)
{
	popcorn_node_serve(&node, &stop);
	if (!finished) _exit(5);
	return unused;
}

static void lock(void)
{
	while (atomic_exchange(&shared->lock, 1)) sched_yield();
}

/* Adds to all counters, under the lock to two words that must stay equal, to its own slot without any, and passes what its
 * neighbour wrote on. */
static void *work(void *argument)
{
	unsigned me = (unsigned)(uintptr_t)argument, all = nodes * threads;

	for (unsigned k = 1; k <= rounds; k++) {
		atomic_fetch_add(&shared->counter[(me + k) % COUNTERS].value, k);
		lock();
		if (shared->guarded[0] != shared->guarded[1]) _exit(6);
		shared->guarded[0]++;
		shared->guarded[1]++;
		atomic_store(&shared->lock, 0);
		shared->slot[me]++;
		while (atomic_load(&shared->turn) != (k - 1) * all + me) sched_yield();
		shared->mailbox[me] = shared->mailbox[(me + all - 1) % all] + me;
		atomic_fetch_add(&shared->turn, 1);
	}
	atomic_fetch_add(&shared->done, 1);
	return 0;
}

static void results(void)
{
	uint64_t sum = 0, slots = 0;

	for (unsigned i = 0; i < COUNTERS; i++) sum += shared->counter[i].value;
	for (unsigned i = 0; i < nodes * threads; i++) slots += shared->slot[i] == rounds;
	printf("sum %lu guarded %lu %lu slots %lu mail %lu\n", (unsigned long)sum, (unsigned long)shared->guarded[0],
	       (unsigned long)shared->guarded[1], (unsigned long)slots, (unsigned long)shared->mailbox[nodes * threads - 1]);
}

static int begin(char **fds)
{
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
	long e;

	sigfillset(&action.sa_mask);
	sigaction(SIGSEGV, &action, 0);
	if ((e = popcorn_node_begin(&node, number, common, PAGES, number ? 0 : &origin))) return (int)-e;
	if (number) popcorn_node_connect(&node, 0, atoi(fds[0]));
	else for (unsigned i = 1; i < nodes; i++) popcorn_node_connect(&node, i, atoi(fds[i - 1]));
	return 0;
}

int main(int argc, char **argv)
{
	pthread_t server, worker[MOST_THREADS];
	int e;

	if (argc < 6) return 2;
	number = (unsigned)atoi(argv[1]);
	nodes = (unsigned)atoi(argv[2]);
	threads = (unsigned)atoi(argv[3]);
	rounds = (unsigned)atoi(argv[4]);
	if ((e = begin(argv + 5))) {
		fprintf(stderr, "node %u: %s\n", number, strerror(e));
		return 1;
	}
	pthread_create(&server, 0, service, 0);
	for (uintptr_t i = 0; i < threads; i++) pthread_create(worker + i, 0, work, (void *)(number * threads + i));
	for (unsigned i = 0; i < threads; i++) pthread_join(worker[i], 0);
	finished = 1;
	if (number) {
		pthread_join(server, 0); /* until the origin has gone */
		return 0;
	}
	while (atomic_load(&shared->done) != nodes * threads) usleep(1000);
	results();
	fprintf(stderr, "node %u: %lu faults, %lu messages\n", number, (unsigned long)node.faults, (unsigned long)node.sent);
	return 0;
}
