/* A seed becomes a machine, a program for its threads and an order of all that happens. Every seed has habits of its
 * own (how many nodes, how slow their links, how long a page is held, which faults) so that rare orders are common somewhere.
 * When the time for faults is over, links heal, and all that was begun has to end.
 */
#include <stdio.h>
#include <string.h>
#include "sim.h"

enum { LONGEST = 200000 };

struct world world;

enum event { STEP, ARRIVE, TRANSMIT, DELIVER, RELEASE, CANCEL, CHANGE, APPLY, CUT, HEAL, CRASH, LOSE, LIE, EVENTS };

void note(const char *format, ...)
{
	va_list ap;

	if (!world.verbose) return;
	printf("%6lu  ", world.step);
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	putchar('\n');
}

void fail(const char *format, ...)
{
	va_list ap;

	if (world.failed) return;
	world.failed = 1;
	va_start(ap, format);
	vsnprintf(world.failure, sizeof world.failure, format, ap);
	va_end(ap);
	note("VIOLATION: %s", world.failure);
}

const char *kind_name(unsigned kind)
{
	static const char *const names[DSM_KINDS] = {
		"0", "READ", "WRITE", "PREFETCH", "ACK", "DATA", "GRANT", "DENY", "INVALIDATE", "SHARE", "TAKE", "ENDED",
		"WAIT", "WAKE", "REQUEUE", "CANCEL", "RESULT", "MAIL", "HELLO", "HEARD",
	};
	return names[kind];
}

/* Vigna's xorshift64* */
unsigned below(unsigned n)
{
	world.random ^= world.random >> 12;
	world.random ^= world.random << 25;
	world.random ^= world.random >> 27;
	return (unsigned)((world.random * 0x2545f4914f6cdd1dull >> 32) * n >> 32);
}

int one_in(unsigned n)
{
	return !below(n);
}

static int may_be_cancelled(const struct thread *t)
{
	return t->activity == ASLEEP && t->nap && !t->cancelled && (world.faults || thread_may_sleep(t));
}

static int activity(enum activity wanted, void (*act)(struct thread *))
{
	unsigned first = below(world.nthreads);

	for (unsigned i = 0; i < world.nthreads; i++) {
		struct thread *t = world.thread + (first + i) % world.nthreads;
		if (t->activity != wanted || (wanted == ASLEEP && !may_be_cancelled(t))) continue;
		act(t);
		return 1;
	}
	return 0;
}

static void arrive(struct thread *t)
{
	struct node *n = world.node + t->node;

	t->activity = takes_part(t->node) && !n->ended ? READY : OVER;
	note("thread %u arrives on node %u", (unsigned)(t - world.thread), t->node);
}

static int release(void)
{
	unsigned first = below(world.nnodes * PAGES);

	for (unsigned i = 0; i < world.nnodes * PAGES; i++) {
		unsigned k = (first + i) % (world.nnodes * PAGES);
		struct node *n = world.node + k / PAGES;
		if (n->dead || !n->release[k % PAGES]) continue;
		n->release[k % PAGES] = 0;
		popcorn_replica_release(&n->replica, k % PAGES);
		return 1;
	}
	return 0;
}

static int on_link(int (*act)(unsigned, unsigned))
{
	unsigned ends = 2 * (world.nnodes - 1), first = below(ends);

	for (unsigned i = 0; i < ends; i++) {
		unsigned k = (first + i) % ends;
		if (act(1 + k / 2, k % 2)) return 1;
	}
	return 0;
}

static int cut_or_heal(int heal)
{
	unsigned c = 1 + below(world.nnodes - 1);

	if (world.channel[c].closed || world.channel[c].up != !heal || (!heal && !world.faults)) return 0;
	if (heal) net_connect(c);
	else net_cut(c);
	return 1;
}

/* A node dies, which the origin learns in time; or it lives, and the origin gives it up; or it loses its mind. */
static int crash(void)
{
	unsigned n = 1 + below(world.nnodes - 1);

	if (!world.faults || !takes_part(n)) return 0;
	world.crashed++;
	if (world.holder >= 0 && world.thread[world.holder].node == n) world.holder = -1;
	switch (below(4)) {
	case 0: lose(n); break;
	case 1: go_mad(n); break;
	default: die(n);
	}
	return 1;
}

/* The origin learns that a node is dead, or a node that the origin thinks it is. */
static int learn(void)
{
	struct popcorn_dsm_message ended = popcorn_dsm_message(DSM_ENDED, 0);

	for (unsigned i = 1; i < world.nnodes; i++) {
		struct node *n = world.node + i;
		if ((n->dead || (n->liar && !world.faults)) && !n->lost) {
			lose(i);
			return 1;
		}
		if (n->lost && !n->dead && !n->ended) {
			to_replica(i, &ended);
			return 1;
		}
	}
	return 0;
}

static int tell_lies(void)
{
	for (unsigned n = 1; n < world.nnodes; n++)
		if (world.faults && world.node[n].liar && !world.node[n].lost) {
			lie(n);
			return 1;
		}
	return 0;
}

static int happen(enum event e)
{
	switch (e) {
	case STEP: return activity(READY, thread_step);
	case ARRIVE: return activity(MOVING, arrive);
	case TRANSMIT: return on_link(net_transmit);
	case DELIVER: return on_link(net_deliver);
	case RELEASE: return release();
	case CANCEL: return activity(ASLEEP, thread_cancel);
	case CHANGE: return world.faults && !world.changing ? begin_change(), 1 : 0;
	case APPLY: return apply_change();
	case CUT: return cut_or_heal(0);
	case HEAL: return cut_or_heal(1);
	case CRASH: return crash();
	case LOSE: return learn();
	case LIE: return tell_lies();
	case EVENTS: break;
	}
	return 0;
}

static void begin(uint64_t seed)
{
	int verbose = world.verbose;

	world.random = (seed + 1) * 0x9e3779b97f4a7c15ull;
	for (int i = 0; i < 4; i++) below(2);
	world.verbose = verbose;
	world.step = 1;
	world.failed = world.changing = world.crashed = world.origin_dead = 0;
	world.nown = world.written = 0;
	world.holder = -1;
	world.faults = 1;
	world.nnodes = 2 + below(NODES - 1);
	world.nthreads = 2 + below(THREADS - 1);
	memset(world.opened, 0, sizeof world.opened);
	memset(world.lacked, 0, sizeof world.lacked);
	memset(world.current, 0, sizeof world.current);
	memset(world.gone, 0, sizeof world.gone);
	memset(world.was_gone, 0, sizeof world.was_gone);
	for (unsigned p = 0; p < PAGES; p++) world.mapped[p] = DSM_MAY_WRITE;
	nodes_begin();
	for (unsigned i = 1; i < world.nnodes; i++) {
		struct channel *c = world.channel + i;
		for (unsigned side = 0; side < 2; side++) {
			c->link[side] = (struct popcorn_link){ .bytes = c->room[side], .capacity = FIRST_ROOM };
			c->wire[side].begin = c->wire[side].end = 0;
		}
		c->closed = 0;
		net_connect(i);
	}
	for (unsigned i = 0; i < world.nthreads; i++) {
		struct thread *t = world.thread + i;
		*t = (struct thread){ .node = below(world.nnodes), .left = 3 + below(10) };
		thread_begin(t);
	}
}

static void advance(enum event e)
{
	if (!happen(e)) return;
	settle();
	if (e != TRANSMIT && !world.failed) check_world();
	world.step++;
}

/* How often what is tried; a schedule leaves some of it out. */
static void choose_weights(unsigned *weight)
{
	static const unsigned char usual[EVENTS] = { 20, 5, 20, 20, 8, 1, 4, 4, 2, 4, 1, 4, 4 };

	for (unsigned e = 0; e < EVENTS; e++) weight[e] = 1 + below(2u * usual[e]);
	if (one_in(2)) weight[CRASH] = 0;
	if (one_in(3)) weight[CHANGE] = 0;
	if (one_in(3)) weight[CUT] = 0;
	if (one_in(2)) weight[LOSE] = 0; /* it takes until all else is over */
}

static void disorder(unsigned steps)
{
	unsigned weight[EVENTS], total = 0;

	choose_weights(weight);
	for (unsigned e = 0; e < EVENTS; e++) total += weight[e];
	while (steps-- && !world.failed) {
		unsigned r = below(total), e = 0;
		while (r >= weight[e]) r -= weight[e++];
		if (e == CRASH && !one_in(4)) continue;
		advance(e);
	}
}

/* Faults are over: whatever can happen happens, in turn, until nothing can. */
static void quiet(void)
{
	static const enum event order[] = { LOSE, APPLY, DELIVER, TRANSMIT, RELEASE, ARRIVE, STEP };
	unsigned long idle = 0, began = world.step;

	world.faults = 0;
	note("the time for faults is over");
	for (unsigned c = 1; c < world.nnodes; c++)
		if (!world.channel[c].closed && !world.channel[c].up) net_connect(c);
	while (idle < 2 && !world.failed) {
		unsigned long before = world.step;
		for (unsigned i = 0; i < sizeof order / sizeof *order; i++) advance(order[i]);
		if (world.step == before) advance(CANCEL);
		idle = world.step == before ? idle + 1 : 0;
		if (world.step - began > LONGEST) fail("no end after %d steps", LONGEST);
	}
}

static void all_is_over(void)
{
	static const char *const doing[] = { "ready", "waiting for a page", "asleep", "in a call", "moving", "over" };

	for (unsigned i = 0; i < world.nthreads && !world.failed; i++) {
		const struct thread *t = world.thread + i;
		int excused = world.crashed && t->activity == ASLEEP; /* whoever had the lock is no more */
		if (t->activity != OVER && !excused)
			fail("thread %u on node %u is %s for ever (page %u)", i, t->node, doing[t->activity], t->at.page);
	}
	if (world.changing) fail("a recall does not end");
}

/* The end of all: every replica hears that the origin is no more. */
static void origin_dies(void)
{
	world.origin_dead = 1;
	for (unsigned i = 1; i < world.nnodes; i++)
		if (!world.node[i].dead) popcorn_replica_origin_lost(&world.node[i].replica);
	for (unsigned i = 0; i < world.nthreads; i++) {
		struct thread *t = world.thread + i;
		if (t->node == DSM_ORIGIN) t->activity = OVER;
		if (t->activity == MOVING) arrive(t);
		if (t->activity != OVER) fail("thread %u outlives the origin", i);
	}
}

/* One schedule: 0, or 1 with what went wrong in sim_failure. */
int sim_run(uint64_t seed, int verbose)
{
	world.verbose = verbose;
	begin(seed);
	note("%u nodes, %u threads", world.nnodes, world.nthreads);
	disorder(100 + below(400));
	if (one_in(50) && !world.failed) origin_dies();
	else {
		quiet();
		all_is_over();
	}
	if (verbose) fflush(stdout);
	return world.failed;
}

/* Up to `count` schedules from a seed on: how many went well. */
unsigned long sim_many(uint64_t first, unsigned long count, unsigned long *steps)
{
	for (unsigned long i = 0; i < count; i++) {
		if (sim_run(first + i, 0)) return i;
		*steps += world.step;
	}
	return count;
}

const char *sim_failure(void)
{
	return world.failure;
}
