/* The origin's half of a thread that is elsewhere. The kernel's thread stays here, as the deputy of the one that runs at a
 * replica (its guest): so its number, its signal mask, its robust list and all else that the kernel keeps stay what they
 * are. It executes the guest's system calls, and hands on what signals come for it.
 *
 * A signal's handler runs at the guest while the deputy is inside of its own handler, and serves from there; so calls that it
 * interrupted begin again or fail as the kernel has it. Handlers nest; `depth` counts them on both sides, and the guest's letters
 * say how many signals it has taken: one of a lesser depth, by a guest that has taken them all, has left a handler by longjmp.
 *
 * In common memory the thread block is the guest's: the deputy has one of its own.
 */
#include "arch.h"
#include "park.h"
#include "spread.h"

static void take_block(struct popcorn_thread *t)
{
	t->own_block[POPCORN_SELF / 8] = (uintptr_t)t;
	popcorn_set_tp(t->own_block);
}

static void give_block(struct popcorn_thread *t)
{
	*(struct popcorn_thread **)(void *)(t->tp + POPCORN_SELF) = t;
	popcorn_set_tp(t->tp);
}

/* The kernel mask that the program's own one means here. */
static void set_mask(uint64_t mask)
{
	popcorn_set_signals(mask & ~POPCORN_OWN_SIGNALS);
}

/* A child that shares memory runs compiled code, which needs the real thread block; the guest waits meanwhile. */
static long clone_for(struct popcorn_thread *t, const long a[6])
{
	struct popcorn_thread **self = (struct popcorn_thread **)(void *)(t->tp + POPCORN_SELF), *guests = *self;
	long r;

	give_block(t);
	r = __clone((void *)a[0], (void *)a[1], a[2], (void *)a[3], (long *)a[4]);
	*self = guests;
	take_block(t);
	return r;
}

static long clock_for(int clock)
{
	struct k_timespec t;
	long e = popcorn_read_clock(clock, &t);

	return e ? e : t.sec * 1000000000 + t.nsec;
}

static void send_stop(struct popcorn_thread *t)
{
	t->stop_sent = 1;
	popcorn_letter_send((unsigned)t->place, (uint32_t)t->tid, LETTER_STOP, 0, 0, 0, 0);
}

static void serve_call(struct popcorn_thread *t, const struct popcorn_letter *l)
{
	struct popcorn_remote_call c;
	struct popcorn_remote_reply r = { 0, -1 };
	static volatile int never;

	popcorn_copy(&c, l->bytes, sizeof c);
	if (c.n == CALL_UNMAPSELF) __unmapself((void *)c.a[0], (size_t)c.a[1]);
	if (c.n == CALL_CLONE) r.value = clone_for(t, (const long *)c.a);
	else if (c.n == CALL_CLOCK) r.value = clock_for((int)c.a[0]);
	else r.value = popcorn_call(t, c.cancel ? (volatile int *)c.cancel : &never, c.n, (const long *)c.a);
	r.time_left = t->time_left;
	if (t->gather == POPCORN_GATHER_WANTED && !t->stop_sent) send_stop(t); /* before it comes to its next point */
	popcorn_letter_send((unsigned)t->place, (uint32_t)t->tid, LETTER_REPLY, l->ticket, 0, &r, sizeof r);
}

static void die_of(int sig)
{
	uint64_t bit = 1ull << (sig - 1);

	popcorn_end_by(sig, 1);
	K4(K_rt_sigprocmask, 1, &bit, 0, 8);
	for (;;) K1(K_exit_group, 128 + sig);
}

/* The program's own fault at the guest: as if it had been raised here. */
static void serve_raise(struct popcorn_thread *t, const struct popcorn_letter *l)
{
	struct popcorn_context c = { 0 };
	enum { MAPERR = 1, ACCERR = 2 };
	struct popcorn_handler h;
	uint64_t old = 0, siginfo[16];
	int32_t sig, code;

	popcorn_copy(siginfo, l->bytes, sizeof siginfo);
	popcorn_copy(&sig, siginfo, sizeof sig);
	code = popcorn_spread_mapped(siginfo[2]) ? ACCERR : MAPERR; /* what its own kernel said is of the replica's mappings */
	popcorn_copy(siginfo + 1, &code, sizeof code);
	if (sig < 1 || sig > 64) return;
	K4(K_rt_sigprocmask, K_SIG_BLOCK, 0, &old, 8);
	h = popcorn_handlers[sig - 1];
	if (h.handler <= 1 || t->blocks_fault) die_of(sig);
	set_mask(old | h.mask | 1ull << (sig - 1));
	c.mask = old;
	popcorn_forward(t, sig, &h, siginfo, &c);
	set_mask(c.mask);
}

/* All its frames are here; `mask` is the thread's. */
static _Noreturn void home(struct popcorn_thread *t, uint64_t mask)
{
	int unable = t->wanted == POPCORN_UNABLE;

	t->mask = mask & ~t->requeued;
	t->requeued = 0;
	give_block(t);
	t->place = 0;
	t->stop_sent = 0;
	if (unable) {
		t->destination = 0;
		t->wanted = -1;
	}
	if (!t->rebuilt && !(t->rebuilt = popcorn_pages(sizeof *t->rebuilt))) popcorn_die("no memory for thread %d", t->tid);
	if (popcorn_rebuild(t, (uintptr_t)t->machine_top, popcorn_config.rebuild_every != 0, t->rebuilt))
		popcorn_die("thread %d can't go on on " POPCORN_ISA_NAME ": in %s, %s", t->tid, t->blocked_in, t->blocked_why);
	popcorn_fp_set(t->rebuilt, t->rounding, t->exceptions);
	popcorn_resume(popcorn_point_at_home(t, t->rebuilt));
}

static int is_frames(const struct popcorn_thread *t, const struct popcorn_letter *l, uint32_t unused)
{
	(void)t, (void)unused;
	return l->kind == LETTER_FRAMES;
}

/* There is no guest any more: signals stay blocked until the thread is whole again. */
static _Noreturn void come_home(struct popcorn_thread *t, struct popcorn_letter *l, uint64_t mask)
{
	for (;; l = 0) {
		uint32_t seen = __atomic_load_n(&t->mail, __ATOMIC_SEQ_CST);
		int whole;
		if (!l && !(l = popcorn_letter_take(t, is_frames, 0))) {
			K6(K_futex, &t->mail, FUTEX_WAIT, seen, 0, 0, 0);
			continue;
		}
		whole = popcorn_arriving(t, l);
		popcorn_letter_free(t, l);
		if (whole < 0) popcorn_die("thread %d came back damaged from node %u of the machine", t->tid, popcorn_machine_node((unsigned)t->place));
		if (whole) home(t, mask);
	}
}

static int has_taken_all(const struct popcorn_thread *t, const struct popcorn_letter *l)
{
	return l->depth >> 8 == (t->forwarded & 0xffffff);
}

/* Calls of a guest that has not heard of the last signal yet wait until its handler is done. */
static int wanted(const struct popcorn_thread *t, const struct popcorn_letter *l, uint32_t unused)
{
	uint32_t depth = l->depth & 255;

	(void)unused;
	switch (l->kind) {
	case LETTER_CALL:
	case LETTER_RAISE: return depth == t->depth || (depth < t->depth && has_taken_all(t, l));
	case LETTER_DONE: return depth == t->depth;
	case LETTER_FRAMES: return !t->depth || has_taken_all(t, l);
	}
	return 0; /* no guest sends that */
}

/* It has left for here without having heard of the last signal. */
static int leaving(const struct popcorn_thread *t, const struct popcorn_letter *l, uint32_t unused)
{
	(void)unused;
	return l->kind == LETTER_FRAMES && !l->ticket && !has_taken_all(t, l);
}

/* 1: the handler at this depth has returned, its mask is in *done. */
static int serve(struct popcorn_thread *t, struct popcorn_letter *l, uint64_t *done)
{
	int over = l->kind == LETTER_DONE;

	if (l->kind == LETTER_CALL) serve_call(t, l);
	else if (l->kind == LETTER_RAISE) serve_raise(t, l);
	else popcorn_copy(done, l->bytes, sizeof *done);
	popcorn_letter_free(t, l);
	return over;
}

static void wait(struct popcorn_thread *t, uint32_t seen)
{
	if (popcorn_should_interrupt()) popcorn_take_order(t);
	if (popcorn_should_interrupt() && !t->stop_sent) send_stop(t);
	K6(K_futex, &t->mail, FUTEX_WAIT, seen, 0, 0, 0);
}

static void deputy(struct popcorn_thread *);

/* One letter is dealt with, or waited for; no signal comes between a guest's farewell and what follows from it. */
static int step(struct popcorn_thread *t, uint64_t *done)
{
	uint32_t seen = __atomic_load_n(&t->mail, __ATOMIC_SEQ_CST);
	uint64_t now = popcorn_block_signals(), mask = t->again_blocked ? t->again_mask : now;
	struct popcorn_letter *l = t->again ? t->again : popcorn_letter_take(t, wanted, 0);

	t->again = 0;
	t->again_blocked = 0;
	if (l && (l->depth & 255) < t->depth) {
		/* the handlers in between were left by longjmp: what is on this stack belongs to them */
		t->depth = l->depth & 255;
		t->again = l;
		t->again_blocked = 1;
		t->again_mask = mask;
		popcorn_enter((void *)deputy, t, t->runtime_top);
	}
	if (l && l->kind == LETTER_FRAMES) come_home(t, l, mask);
	popcorn_set_signals(mask);
	if (l) return serve(t, l, done);
	wait(t, seen);
	return 0;
}

static void deputy(struct popcorn_thread *t)
{
	uint64_t unused;

	for (;;) step(t, &unused);
}

/* The guest had left before this came: it gets it when it is here, or at the next node. */
static void queue_again(struct popcorn_thread *t, int sig, const void *siginfo)
{
	uint64_t bit = 1ull << (sig - 1);

	K4(K_rt_sigprocmask, K_SIG_BLOCK, &bit, 0, 8);
	K4(K_rt_tgsigqueueinfo, popcorn_kernel_pid, t->ktid, sig, siginfo);
	t->requeued |= bit;
}

/* In the signal's handler. */
void popcorn_forward(struct popcorn_thread *t, int sig, const struct popcorn_handler *h, const void *siginfo, struct popcorn_context *context)
{
	struct popcorn_remote_signal b = { .sig = sig, .handler = h->handler, .flags = h->flags, .mask = context->mask & ~POPCORN_OWN_SIGNALS };
	uint64_t mask = b.mask;
	int over = 0;

	popcorn_copy(b.siginfo, siginfo, sizeof b.siginfo);
	popcorn_copy(b.altstack, t->altstack, sizeof b.altstack);
	if (!t->again) {
		t->forwarded++;
		popcorn_letter_send((unsigned)t->place, (uint32_t)t->tid, LETTER_SIGNAL, t->forwarded, ++t->depth, &b, sizeof b);
		while (!over && !(t->again = popcorn_letter_take(t, leaving, 0))) over = step(t, &mask);
		t->depth--;
		if (!over) t->forwarded--;
	}
	if (!over) {
		queue_again(t, sig, siginfo);
		mask |= 1ull << (sig - 1);
	}
	context->mask = mask & ~POPCORN_OWN_SIGNALS;
}

struct popcorn_registers *popcorn_leave(struct popcorn_thread *t, struct popcorn_registers *regs)
{
	if (popcorn_unwind(t, regs)) return regs;
	popcorn_fp_get(regs, &t->rounding, &t->exceptions);
	t->place = t->destination;
	t->depth = t->forwarded = 0;
	t->wanted = -1;
	take_block(t);
	popcorn_travel(t, (unsigned)t->place, -1);
	set_mask(t->mask);
	popcorn_enter((void *)deputy, t, t->runtime_top);
}

void popcorn_mail_at_origin(unsigned from, const struct popcorn_dsm_message *m, const void *behind)
{
	popcorn_lock_threads();
	for (struct popcorn_thread *t = popcorn_threads; t; t = t->next)
		if (t->tid == (int)m->thread && t->place == (int)from) popcorn_letter_came(t, behind, popcorn_dsm_behind(m));
	popcorn_unlock_threads();
}
