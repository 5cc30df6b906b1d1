/* What the threads of the simulated machine do, one access at a time: plain accesses and atomics anywhere; and critical
 * sections under a lock, some of which sleep for a signal or give one, made of futexes as C libraries make them (the third
 * mutex of Drepper's Futexes Are Tricky; a condition variable that requeues to it). A step that finds its page closed
 * is begun again when the thread is woken. */
#include "sim.h"

enum step { PICK, READ, SCAN, WRITE, ADD, SWAP, LOCK, CONTEND, FIRST, SECOND, BUMP_FIRST, BUMP_SECOND, LOOK, COUNT, UNLOCK, NAP, RING };

static const struct place LOCK_WORD = { 0, 0 }, SEQUENCE = { 0, 3 }, ONE = { 0, 1 }, OTHER = { 1, 2 };

static unsigned id(const struct thread *t)
{
	return (unsigned)(t - world.thread);
}

/* Critical section: `inside` is done while it is held, `after` when it is left. */
static void enter(struct thread *t, int inside, int after)
{
	t->pc = LOCK;
	t->inside = inside;
	t->after = after;
}

static void move(struct thread *t)
{
	t->node = below(world.nnodes);
	t->activity = MOVING;
	note("thread %u leaves for node %u", id(t), t->node);
}

/* As when a thread comes: pages it will write are asked for, whether it does or not. */
static void expect(const struct thread *t)
{
	unsigned page = below(PAGES);

	if (t->node == DSM_ORIGIN && world.mapped[page] != DSM_MAY_WRITE) return;
	note("node %u wants page %u", t->node, page);
	popcorn_replica_want(&world.node[t->node].replica, page);
}

static void pick(struct thread *t)
{
	if (!t->left--) {
		t->activity = OVER;
		return;
	}
	t->at = (struct place){ below(PAGES), below(WORDS) };
	if (t->at.page < SYNC_PAGES) t->at = (struct place){ 1, 0 }; /* beside what the lock guards */
	if (!below(40)) expect(t);
	switch (below(12)) {
	case 0: move(t); break;
	case 1: enter(t, FIRST, PICK); break;
	case 2: enter(t, LOOK, NAP); break;
	case 3: enter(t, COUNT, RING); break;
	case 4: case 5: t->pc = WRITE; break;
	case 6: t->pc = ADD; break;
	case 7: t->pc = SWAP; break;
	case 8:
		t->pc = SCAN;
		t->at = (struct place){ SYNC_PAGES - 1, 0 };
		t->scanned = PAGES - SYNC_PAGES + 1;
		break;
	default: t->pc = READ;
	}
}

void thread_begin(struct thread *t)
{
	t->activity = READY;
	t->pc = PICK;
}

void thread_denied(struct thread *t)
{
	if (t->at.page < SYNC_PAGES) fail("thread %u was refused page %u, which is never unmapped", id(t), t->at.page);
	note("thread %u has a segmentation fault, and goes on to the next", id(t));
	t->activity = READY;
	t->pc = PICK;
}

static void call(struct thread *t, enum dsm_kind kind, struct place at, uint32_t value, uint32_t count)
{
	struct popcorn_dsm_message m = popcorn_dsm_message(kind, at.page * DSM_PAGE + word_offset[at.word]);

	m.thread = id(t);
	m.ticket = ++t->ticket;
	m.value = value;
	m.count = count;
	m.limit = -1u;
	if (kind == DSM_REQUEUE) {
		m.target = LOCK_WORD.page * DSM_PAGE + word_offset[LOCK_WORD.word];
		m.access = 1;
	}
	t->activity = kind == DSM_WAIT ? ASLEEP : CALLING;
	t->nap = kind == DSM_WAIT && at.word == SEQUENCE.word;
	t->cancelled = 0;
	note("thread %u calls %s", id(t), kind_name(kind));
	if (t->node == DSM_ORIGIN) popcorn_futex_deliver(&world.futexes, DSM_ORIGIN, &m);
	else net_send(t->node, DSM_ORIGIN, &m);
}

/* Must somebody who naps be woken? Not before it was signalled, or if whoever would have passed that on is dead. */
int thread_may_sleep(const struct thread *t)
{
	return world.crashed || t->sequence == world.current[SEQUENCE.page][SEQUENCE.word];
}

/* Its time is over, or there is a signal for it. */
void thread_cancel(struct thread *t)
{
	struct popcorn_dsm_message m = popcorn_dsm_message(DSM_CANCEL, 0);

	m.thread = id(t);
	m.ticket = t->ticket;
	m.value = (uint32_t)-110;
	t->cancelled = 1;
	note("thread %u has slept enough", id(t));
	if (t->node == DSM_ORIGIN) popcorn_futex_deliver(&world.futexes, DSM_ORIGIN, &m);
	else net_send(t->node, DSM_ORIGIN, &m);
}

void thread_result(unsigned node, uint32_t thread, uint32_t ticket, int32_t value)
{
	struct thread *t = world.thread + thread;

	note("thread %u has the result %d", thread, value);
	if (!takes_part(node) || t->activity == OVER) return;
	if (t->node != node || t->ticket != ticket || (t->activity != ASLEEP && t->activity != CALLING))
		fail("thread %u has a result it does not wait for", thread);
	if (value == -110 && !t->cancelled) fail("thread %u timed out before its time", thread);
	if (value == -12 || value == -14) {
		t->activity = OVER; /* the page is gone with a node */
		if (!world.crashed) fail("thread %u can't sleep: %d", thread, value);
	} else t->activity = READY;
}

static void taken(struct thread *t)
{
	if (world.holder >= 0) fail("threads %d and %u are in the critical section", world.holder, id(t));
	world.holder = (int)id(t);
	t->pc = t->inside;
}

static void lock(struct thread *t)
{
	uint32_t v;

	if (!reach(t, LOCK_WORD, DSM_MAY_WRITE)) return;
	v = load(t, LOCK_WORD);
	if (t->pc == LOCK && v) {
		t->pc = CONTEND;
		return;
	}
	store(t, LOCK_WORD, t->pc == LOCK ? 1 : 2);
	if (v) call(t, DSM_WAIT, LOCK_WORD, 2, 0);
	else taken(t);
}

static void unlock(struct thread *t)
{
	uint32_t v;

	if (!reach(t, LOCK_WORD, DSM_MAY_WRITE)) return;
	v = load(t, LOCK_WORD);
	world.holder = -1;
	store(t, LOCK_WORD, 0);
	t->pc = t->after;
	if (v == 2) call(t, DSM_WAKE, LOCK_WORD, 0, 1);
}

/* The two counters are changed together by whoever holds the lock. */
static void guarded(struct thread *t)
{
	uint32_t v;

	if (t->pc == FIRST || t->pc == SECOND) {
		if (!reach(t, t->pc == FIRST ? ONE : OTHER, DSM_MAY_READ)) return;
		v = load(t, t->pc == FIRST ? ONE : OTHER);
		if (t->pc == SECOND && v != t->seen) fail("thread %u finds %u and %u, which are equal under the lock", id(t), t->seen, v);
		t->seen = v;
		t->pc++;
		return;
	}
	if (!reach(t, t->pc == BUMP_FIRST ? ONE : OTHER, DSM_MAY_WRITE)) return;
	store(t, t->pc == BUMP_FIRST ? ONE : OTHER, t->seen + 1);
	t->pc = t->pc == BUMP_FIRST ? BUMP_SECOND : UNLOCK;
}

static void sequence(struct thread *t)
{
	if (!reach(t, SEQUENCE, t->pc == COUNT ? DSM_MAY_WRITE : DSM_MAY_READ)) return;
	t->sequence = load(t, SEQUENCE);
	if (t->pc == COUNT) store(t, SEQUENCE, ++t->sequence);
	t->pc = UNLOCK;
}

/* Of those who nap one is woken, the others wait for the lock then; all of them take it as one that others wait for. */
static void nap_or_ring(struct thread *t)
{
	if (t->pc == NAP) {
		t->pc = CONTEND;
		t->inside = FIRST;
		t->after = PICK;
		call(t, DSM_WAIT, SEQUENCE, t->sequence, 0);
	} else {
		t->pc = PICK;
		call(t, DSM_REQUEUE, SEQUENCE, t->sequence, 1);
	}
}

static void plain(struct thread *t)
{
	struct place at = t->at;
	uint32_t v;

	if (!reach(t, at, t->pc <= SCAN ? DSM_MAY_READ : DSM_MAY_WRITE)) return;
	v = load(t, at);
	if (t->pc == WRITE) store(t, at, ++world.written << 8);
	if (t->pc == ADD) store(t, at, v + 1);
	if (t->pc == SWAP && v == t->seen) store(t, at, v ^ 0x80000000);
	t->seen = v;
	if (t->pc == SCAN && --t->scanned) t->at.page++;
	else t->pc = PICK;
}

void thread_step(struct thread *t)
{
	switch (t->pc) {
	case PICK: pick(t); break;
	case READ: case SCAN: case WRITE: case ADD: case SWAP: plain(t); break;
	case LOCK: case CONTEND: lock(t); break;
	case LOOK: case COUNT: sequence(t); break;
	case UNLOCK: unlock(t); break;
	case NAP: case RING: nap_or_ring(t); break;
	default: guarded(t);
	}
}
