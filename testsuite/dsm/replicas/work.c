/* Threads of all nodes work on the same words; the origin says at the end what is in them.
 *
 *   work NODE NODES THREADS ROUNDS FD...    the origin gets a socket to each remote, a remote one to the origin
 */
#include <pthread.h>
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

static long futex(enum dsm_kind kind, volatile void *word, uint32_t me, uint32_t value, uint32_t count, long most)
{
	struct popcorn_dsm_message m = popcorn_dsm_message(kind, (uintptr_t)word - COMMON);
	uint32_t over = NODE_ASLEEP;

	m.thread = me;
	m.value = value;
	m.count = count;
	m.limit = -1u;
	return popcorn_node_futex(&node, &m, most, &over);
}

/* 0 free, 1 taken, 2 taken and waited for (Drepper, Futexes Are Tricky, 2011). */
static void lock(uint32_t me)
{
	uint32_t free = 0;

	if (atomic_compare_exchange_strong(&shared->lock, &free, 1)) return;
	while (atomic_exchange(&shared->lock, 2)) futex(DSM_WAIT, &shared->lock, me, 2, 0, -1);
}

static void unlock(uint32_t me)
{
	if (atomic_exchange(&shared->lock, 0) == 2) futex(DSM_WAKE, &shared->lock, me, 0, 1, -1);
}

/* Sleeps, unless the turn has come since it was looked at; sometimes for so short that it is over first. */
static void await_turn(uint32_t me, uint32_t turn)
{
	uint32_t now;

	while ((now = atomic_load(&shared->turn)) != turn) futex(DSM_WAIT, &shared->turn, me, now, 0, turn % 3 ? -1 : 1000000);
}

/* Adds to all counters, under the lock to two words that must stay equal, to its own slot without any, and in its turn passes
 * what its neighbour wrote on. */
static void *work(void *argument)
{
	unsigned me = (unsigned)(uintptr_t)argument, all = nodes * threads;

	for (unsigned k = 1; k <= rounds; k++) {
		atomic_fetch_add(&shared->counter[(me + k) % COUNTERS].value, k);
		lock(me);
		if (shared->guarded[0] != shared->guarded[1]) _exit(6);
		shared->guarded[0]++;
		shared->guarded[1]++;
		unlock(me);
		shared->slot[me]++;
		await_turn(me, (k - 1) * all + me);
		shared->mailbox[me] = shared->mailbox[(me + all - 1) % all] + me;
		atomic_fetch_add(&shared->turn, 1);
		futex(DSM_WAKE, &shared->turn, me, 0, -1u, -1);
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
