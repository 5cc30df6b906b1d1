/* Threads of all nodes work on the same words; the origin says at the end what is in them.
 *
 *   work NODE NODES THREADS ROUNDS FD...    the origin gets a socket to each remote, a remote one to the origin
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "host.h"

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

#define shared ((volatile struct shared *)COMMON)
static unsigned number, nodes, threads, rounds;

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
	return 0;
}

static void results(void)
{
	uint64_t sum = 0, slots = 0;

	for (unsigned i = 0; i < COUNTERS; i++) sum += shared->counter[i].value;
	for (unsigned i = 0; i < nodes * threads; i++) slots += shared->slot[i] == rounds;
	printf("sum %lu guarded %lu %lu slots %lu mail %lu faults %lu\n", (unsigned long)sum, (unsigned long)shared->guarded[0],
	       (unsigned long)shared->guarded[1], (unsigned long)slots, (unsigned long)shared->mailbox[nodes * threads - 1],
	       (unsigned long)node.faults);
}

int main(int argc, char **argv)
{
	pthread_t worker[MOST_THREADS];

	if (argc < 6) return 2;
	number = (unsigned)atoi(argv[1]);
	nodes = (unsigned)atoi(argv[2]);
	threads = (unsigned)atoi(argv[3]);
	rounds = (unsigned)atoi(argv[4]);
	host_begin(number, nodes, PAGES, argv + 5);
	for (uintptr_t i = 0; i < threads; i++) pthread_create(worker + i, 0, work, (void *)(number * threads + i));
	for (unsigned i = 0; i < threads; i++) pthread_join(worker[i], 0);
	host_has_finished();
	atomic_fetch_add(&shared->done, 1);
	if (number) {
		host_wait_for_the_end();
		return 0;
	}
	while (atomic_load(&shared->done) != nodes) usleep(1000);
	results();
	return 0;
}
