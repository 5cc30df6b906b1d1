/* Accesses to simulated memory, each of which the oracle knows the outcome of; and what must be true at any time. */
#include <string.h>
#include "sim.h"

const unsigned word_offset[WORDS] = { 0, 64, 2048, DSM_PAGE - 4 };

static uint32_t word_at(const struct node *n, unsigned page, unsigned word)
{
	uint32_t v;

	memcpy(&v, n->memory[page] + word_offset[word], sizeof v);
	return v;
}

/* A page that is mapped so may not be refused, unless it was not mapped so at some time while the thread waited. */
static void failed(struct thread *t, enum dsm_reason reason)
{
	unsigned page = t->at.page;
	int fair = reason == DSM_LOST ? world.gone[page] || world.was_gone[page] >= t->since
	                              : world.mapped[page] < t->access || world.lacked[page][t->access] >= t->since;

	if (!fair) fail("thread %u on node %u may access page %u and was refused", (unsigned)(t - world.thread), t->node, page);
	if (reason == DSM_LOST) t->activity = OVER; /* the process would end */
	else thread_denied(t);
}

int reach(struct thread *t, struct place at, enum dsm_access access)
{
	struct node *n = world.node + t->node;
	enum dsm_fault fault;

	t->at = at;
	t->access = access;
	t->since = world.step;
	if (n->open[at.page] >= access) return 1;
	if (t->node == DSM_ORIGIN && world.mapped[at.page] < access) {
		failed(t, DSM_UNMAPPED);
		return 0;
	}
	fault = popcorn_replica_fault(&n->replica, at.page, access);
	note("thread %u faults on node %u, page %u, to %s", (unsigned)(t - world.thread), t->node, at.page, access == 2 ? "write" : "read");
	if (fault == DSM_RETRY) fail("node %u holds page %u open, its MMU does not", t->node, at.page);
	t->activity = fault == DSM_PROCESS_ENDED ? OVER : FAULTING;
	t->asked = fault == DSM_ASKED;
	return 0;
}

void threads_wake(unsigned node, unsigned page, int denied, enum dsm_reason reason)
{
	for (unsigned i = 0; i < world.nthreads; i++) {
		struct thread *t = world.thread + i;
		if (t->node != node || t->activity != FAULTING || t->at.page != page) continue;
		t->activity = READY;
		if (denied && t->asked) failed(t, reason);
	}
}

uint32_t load(struct thread *t, struct place at)
{
	uint32_t v = word_at(world.node + t->node, at.page, at.word);

	note("thread %u on node %u reads %u.%u: %u", (unsigned)(t - world.thread), t->node, at.page, at.word, v);
	if (v != world.current[at.page][at.word])
		fail("thread %u on node %u reads %u at %u.%u, where %u was written last", (unsigned)(t - world.thread), t->node, v,
		     at.page, at.word, world.current[at.page][at.word]);
	return v;
}

void store(struct thread *t, struct place at, uint32_t v)
{
	note("thread %u on node %u writes %u.%u: %u", (unsigned)(t - world.thread), t->node, at.page, at.word, v);
	memcpy(world.node[t->node].memory[at.page] + word_offset[at.word], &v, sizeof v);
	world.current[at.page][at.word] = v;
}

static void check_copy(unsigned node, unsigned page)
{
	for (unsigned w = 0; w < WORDS; w++) {
		uint32_t v = word_at(world.node + node, page, w);
		if (v != world.current[page][w])
			fail("node %u can read %u at %u.%u, where %u was written last", node, v, page, w, world.current[page][w]);
	}
}

static void check_page(unsigned page)
{
	unsigned writers = 0, readers = 0;

	for (unsigned i = 0; i < world.nnodes; i++) {
		const struct node *n = world.node + i;
		if (!takes_part(i) || !n->open[page]) continue;
		if (n->open[page] > popcorn_replica_access(&n->replica, page)) fail("node %u has page %u open, but not the page", i, page);
		if (n->open[page] == DSM_MAY_WRITE) writers++;
		else readers++;
		check_copy(i, page);
	}
	if (writers > 1) fail("page %u has %u owners", page, writers);
	if (writers && readers) fail("page %u is open for writing, and for reading elsewhere", page);
}

void check_world(void)
{
	if (world.origin_dead) return;
	for (unsigned p = 0; p < PAGES; p++) check_page(p);
}
