/* What happens at migration points: rebuilding in place for tests, and stopping all threads for a request.
 *
 * A request begins with a signal (POPCORN_REQUEST_SIGNAL) that raises __popcorn_flag. The first thread to pass a
 * point takes the order from popcorn's socket and signals the others, so that those in a system call come
 * out of it. Each thread unwinds itself at its next point and parks. When all have, each looks at what signals the
 * others have sent to it meanwhile, and the last to do so leads: it acts for the process while the others wait. A
 * thread that can't be unwound where it is goes on and tries again at its next point. Whoever notices that the deadline
 * has passed refuses the request and lets all go on.
 *
 * No signal of the program is taken from here on: every entry blocks all of them first.
 */
#include "kernel.h"
#include "park.h"
#include "timers.h"

_Static_assert(offsetof(struct popcorn_thread, in_handler) == POPCORN_T_IN_HANDLER, "popcorn_offsets.h");
_Static_assert(offsetof(struct popcorn_thread, runtime_top) == POPCORN_T_RUNTIME_TOP, "popcorn_offsets.h");

#define SECOND 1000000000ull
enum { POLL_NS = 10000000, PR_GET_NAME = 16 };

static enum { IDLE, SIGNALLED, COLLECTING } state;
static int sender;   /* pid that signalled; 0 none, -1 ourselves */
static int lock;     /* over state and order; held by the leader while it acts */
static uint32_t finished; /* requests */
static uint32_t gate; /* parked threads wait for it to change, as it does when all are parked and when a request ends */
static struct popcorn_order order;

void popcorn_point_in_handler(struct popcorn_registers *, struct popcorn_thread *);

static int always_up(void)
{
	return popcorn_config.rebuild_every || popcorn_config.move_every || popcorn_config.roam_every;
}

/* Called by the signal's handler, anywhere: no locks. */
void popcorn_request_signal(int pid)
{
	int none = 0;

	if (pid <= 0 || pid == K0(K_getpid)) return; /* ourselves: it only had to end a system call */
	if (!__atomic_compare_exchange_n(&sender, &none, pid, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) return;
	__atomic_store_n(&state, SIGNALLED, __ATOMIC_SEQ_CST);
	__atomic_store_n(&__popcorn_flag, 1, __ATOMIC_SEQ_CST);
}

int popcorn_should_interrupt(void)
{
	const struct popcorn_thread *t = popcorn_self();

	return (__atomic_load_n(&state, __ATOMIC_SEQ_CST) != IDLE || t->stop) && !t->in_handler;
}

void popcorn_park_after_fork(void)
{
	if (state == COLLECTING) popcorn_order_close(&order);
	state = IDLE;
	sender = 0;
	lock = 0;
	__popcorn_flag = always_up();
}

void popcorn_thread_forget(struct popcorn_thread *t)
{
	if (t->frames) popcorn_free_pages(t->frames, t->frames->capacity);
	if (t->jumps) popcorn_free_pages(t->jumps, t->jumps_capacity);
	if (t->rebuilt) popcorn_free_pages(t->rebuilt, sizeof *t->rebuilt);
	t->frames = 0;
	t->jumps = 0;
	t->rebuilt = 0;
}

static void wake_parked(void)
{
	__atomic_add_fetch(&gate, 1, __ATOMIC_SEQ_CST);
	K6(K_futex, &gate, FUTEX_WAKE, INT32_MAX, 0, 0, 0);
}

/* The request is over, lock held. The flag goes down before the next request can come in. */
static void finish(void)
{
	popcorn_order_close(&order);
	popcorn_timers_go_on();
	__popcorn_flag = always_up();
	__atomic_store_n(&state, IDLE, __ATOMIC_SEQ_CST);
	finished++;
	__atomic_store_n(&sender, 0, __ATOMIC_SEQ_CST);
	wake_parked();
}

/* A thread that still runs, or 0. */
static struct popcorn_thread *running(struct popcorn_thread *self)
{
	struct popcorn_thread *t;

	popcorn_lock_threads();
	for (t = popcorn_threads; t; t = t->next)
		if (t != self && __atomic_load_n(&t->state, __ATOMIC_SEQ_CST) == POPCORN_RUNNING) break;
	popcorn_unlock_threads();
	return t;
}

static void signal_running(struct popcorn_thread *self)
{
	long pid = K0(K_getpid);

	popcorn_lock_threads();
	for (struct popcorn_thread *t = popcorn_threads; t; t = t->next)
		if (t != self && __atomic_load_n(&t->state, __ATOMIC_SEQ_CST) == POPCORN_RUNNING)
			K3(K_tgkill, pid, t->ktid, POPCORN_REQUEST_SIGNAL);
	popcorn_unlock_threads();
}

static void refuse_late(struct popcorn_thread *t)
{
	if (t->in_handler)
		popcorn_text_set(&order.error, "could not stop thread %d: it is in a signal handler; try again", (long)t->tid);
	else if (t->blocked_in)
		popcorn_text_set(&order.error, "could not stop thread %d: in %s, %s; try again", (long)t->tid, t->blocked_in, t->blocked_why);
	else
		popcorn_text_set(&order.error, "could not stop thread %d: it has passed no migration point for %u s; try again",
		                 (long)t->tid, (unsigned long)((popcorn_now() - order.started) / SECOND));
	popcorn_order_answer(&order, POPCORN_STATUS_REFUSED);
	finish();
}

/* All threads are stopped, lock held. Returns when the program is to go on here. */
static void lead(void)
{
	int done = -1;

	if (order.op == POPCORN_OP_CHECKPOINT || order.op == POPCORN_OP_MIGRATE || order.op == POPCORN_OP_GATHER) popcorn_gather();
	switch (order.op) {
	case POPCORN_OP_MIGRATE:
		popcorn_move(&order);
		if (order.connection < 0) { /* its own: say it once, and don't try at every Nth point from now on */
			popcorn_message("%s: can't move by itself: %s", popcorn_config.program, order.error.s);
			popcorn_config.move_every = 0;
		}
		break;
	case POPCORN_OP_INFO:
		done = popcorn_image_write(&order, order.fd, POPCORN_IMAGE_NOTES_ONLY, -1, -1);
		break;
	case POPCORN_OP_CHECKPOINT:
		done = popcorn_image_write(&order, order.fd, 0, -1, -1);
		break;
	case POPCORN_OP_GATHER:
		done = 0;
		break;
	case POPCORN_OP_THREAD:
		done = popcorn_assign(&order);
		break;
	default:
		popcorn_text_set(&order.error, "unknown request %u; is this popcorn newer than the program?", (unsigned long)order.op);
	}
	popcorn_order_answer(&order, done ? POPCORN_STATUS_REFUSED : POPCORN_STATUS_DONE);
	if (!done && order.op == POPCORN_OP_CHECKPOINT && !(order.flags & POPCORN_REQUEST_LEAVE_RUNNING)
	    && popcorn_order_confirmed(&order)) {
		/* it goes on in the image; here it must not look as if it had finished its work */
		K2(K_kill, K0(K_getpid), K_SIGKILL);
		for (;;) K1(K_exit_group, 137);
	}
}

/* The robust list names futexes in shared memory; a move ends this thread in the kernel's eyes, but its owner lives on. */
static void robust(struct popcorn_thread *t, uint64_t list)
{
	if (t->robust_list) K2(K_set_robust_list, list, t->robust_len);
}

/* Signals that only the program's mask holds back: what it has not blocked comes as soon as it goes on here. */
static uint64_t waiting(void)
{
	uint64_t set = 0;

	K2(K_rt_sigpending, &set, 8);
	return set & ~(1ull << (POPCORN_REQUEST_SIGNAL - 1));
}

/* All threads are parked, lock held: nobody can send this one anything more. The first to come here wakes the others; true
 * for the last. */
static int settle(struct popcorn_thread *t)
{
	int first = !t->settled, last = 1;

	if (!t->settled) {
		t->pending = waiting();
		popcorn_timers_stop(t);
		t->settled = 1;
	}
	popcorn_lock_threads();
	for (const struct popcorn_thread *o = popcorn_threads; o; o = o->next) {
		if (o == t || o->state != POPCORN_PARKED) continue;
		if (o->settled) first = 0;
		else last = 0;
	}
	popcorn_unlock_threads();
	if (first && !last) wake_parked();
	return last;
}

/* Lock held and state COLLECTING; the thread's signals are blocked. Returns with the lock dropped. */
static void stop(struct popcorn_thread *t, const struct popcorn_registers *regs)
{
	uint32_t entered = finished, seen;

	t->blocked_in = 0;
	if (popcorn_unwind(t, regs)) {
		if (order.connection < 0 || popcorn_now() > order.deadline) refuse_late(t);
		popcorn_drop(&lock);
		return;
	}
	popcorn_fp_get(regs, &t->rounding, &t->exceptions);
	K2(K_prctl, PR_GET_NAME, t->name);
	robust(t, 0);
	__atomic_store_n(&t->state, POPCORN_PARKED, __ATOMIC_SEQ_CST);
	for (;;) {
		struct popcorn_thread *other = running(t);
		struct k_timespec wait = { 0, POLL_NS };
		if (!other && settle(t)) {
			lead();
			finish();
			break;
		}
		if (other && popcorn_now() > order.deadline) {
			refuse_late(other);
			break;
		}
		if (other) signal_running(t);
		seen = gate;
		popcorn_drop(&lock);
		K6(K_futex, &gate, FUTEX_WAIT, seen, &wait, 0, 0);
		popcorn_take(&lock);
		if (finished != entered) break;
	}
	robust(t, t->robust_list);
	t->settled = 0;
	__atomic_store_n(&t->state, POPCORN_RUNNING, __ATOMIC_SEQ_CST);
	popcorn_drop(&lock);
}

/* The order is taken if one was announced. Lock held; 1: it is being collected for. */
static int collecting(struct popcorn_thread *t)
{
	if (state == SIGNALLED) {
		if (popcorn_order_take(&order, sender)) {
			finish();
			return 0;
		}
		order.started = popcorn_now();
		order.deadline = order.started + 10 * SECOND;
		if (order.op == POPCORN_OP_STATUS) { /* needs nobody to stop */
			popcorn_order_report(&order);
			finish();
			return 0;
		}
		state = COLLECTING;
		signal_running(t);
	}
	return state == COLLECTING;
}

/* Lock held, and nobody else's request under way. */
static void stop_for(struct popcorn_thread *t, const struct popcorn_registers *regs, uint64_t patience)
{
	order.started = popcorn_now();
	order.deadline = order.started + patience;
	__atomic_store_n(&state, COLLECTING, __ATOMIC_SEQ_CST);
	__popcorn_flag = 1;
	stop(t, regs);
}

static void move_by_itself(struct popcorn_thread *t, const struct popcorn_registers *regs)
{
	int none = 0;

	if (!__atomic_compare_exchange_n(&sender, &none, -1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) return;
	popcorn_take(&lock);
	if (popcorn_move_prepare(&order)) {
		finish();
		popcorn_drop(&lock);
		return;
	}
	stop_for(t, regs, SECOND);
}

void popcorn_ask_itself(struct popcorn_thread *t, const struct popcorn_registers *regs, uint32_t op, unsigned node)
{
	int none = 0;

	if (!__atomic_compare_exchange_n(&sender, &none, -1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) return;
	popcorn_take(&lock);
	order.connection = order.fd = -1;
	order.op = op;
	order.thread = (uint32_t)t->tid;
	order.node = node;
	order.flags = 0;
	order.error.n = order.error.s[0] = 0;
	stop_for(t, regs, op == POPCORN_OP_GATHER ? 10 * SECOND : SECOND); /* a program rarely asks twice for a child */
	if (op == POPCORN_OP_THREAD && !t->destination && order.error.n) popcorn_message("thread %d stays: %s", t->tid, order.error.s);
}

void popcorn_take_order(struct popcorn_thread *t)
{
	uint64_t mask = popcorn_block_signals();

	popcorn_take(&lock);
	if (state == SIGNALLED) collecting(t);
	popcorn_drop(&lock);
	popcorn_set_signals(mask);
}

/* At the origin, signals blocked. A thread that is to be elsewhere comes back by popcorn_point_at_home. */
static struct popcorn_registers *at_origin(struct popcorn_thread *t, struct popcorn_registers *regs)
{
	if (__atomic_load_n(&state, __ATOMIC_SEQ_CST) != IDLE) {
		popcorn_take(&lock);
		if (collecting(t)) stop(t, regs);
		else popcorn_drop(&lock);
	}
	return popcorn_take_place(t, regs);
}

struct popcorn_registers *popcorn_point_at_home(struct popcorn_thread *t, struct popcorn_registers *regs)
{
	regs = at_origin(t, regs);
	popcorn_set_signals(t->mask);
	return regs;
}

static int due(uint64_t every, uint64_t n)
{
	return every && n % every == 0;
}

struct popcorn_registers *popcorn_point(struct popcorn_registers *regs)
{
	struct popcorn_thread *t = popcorn_self();
	uint64_t n = ++t->points;
	int move = due(popcorn_config.move_every, n), rebuild = due(popcorn_config.rebuild_every, n);

	if (due(popcorn_config.roam_every, n)) popcorn_roam(t);
	if (__atomic_load_n(&state, __ATOMIC_SEQ_CST) == IDLE && !move && !rebuild && !t->stop && t->wanted < 0 && !t->destination
	    && t->gather != POPCORN_GATHER_WANTED)
		return regs;
	t->mask = popcorn_block_signals();
	if (!t->guest) regs = at_origin(t, regs);
	else if (t->stop || t->wanted >= 0) popcorn_go_home(t, regs);
	if (move) move_by_itself(t, regs);
	if (rebuild) regs = popcorn_rebuild_here(t, regs);
	popcorn_set_signals(t->mask);
	return regs;
}

/* On whatever stack the handler runs: the thread can't stop here, but the request must not wait forever. */
void popcorn_point_in_handler(struct popcorn_registers *regs, struct popcorn_thread *t)
{
	uint64_t mask;

	(void)regs;
	if (__atomic_load_n(&state, __ATOMIC_SEQ_CST) == IDLE) return;
	mask = popcorn_block_signals();
	popcorn_take(&lock);
	if (collecting(t) && popcorn_now() > order.deadline) refuse_late(t);
	popcorn_drop(&lock);
	popcorn_set_signals(mask);
}
