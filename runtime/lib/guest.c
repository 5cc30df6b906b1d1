/* A replica's side: threads of the process that run here as guests, while their deputies are at the origin.
 *
 * A guest has every signal blocked but two: that of faults, and the request signal, by which it hears that the origin wants it
 * back or that a signal of the program has come for it. */
#include "arch.h"
#include "park.h"
#include "spread.h"

enum { MACHINE_STACK = 64 << 20 };

static void send(struct popcorn_thread *t, enum popcorn_letter_kind kind, uint32_t ticket, const void *body, size_t n)
{
	popcorn_letter_send(DSM_ORIGIN, (uint32_t)t->tid, kind, ticket, (uint32_t)t->in_handler | t->forwarded << 8, body, n);
}

static _Noreturn void end(struct popcorn_thread *t)
{
	popcorn_letters_forget(t);
	popcorn_thread_forget(t);
	for (;;) K1(K_exit, 0);
}

/* Back to how a guest has its signals. */
static void open_signals(void)
{
	popcorn_set_signals(~POPCORN_OWN_SIGNALS);
}

static int is_reply(const struct popcorn_thread *t, const struct popcorn_letter *l, uint32_t ticket)
{
	(void)t;
	return l->kind == LETTER_REPLY && l->ticket == ticket;
}

static void call(struct popcorn_thread *t, volatile int *cancel, long n, const long a[6], uint32_t ticket)
{
	struct popcorn_remote_call c = { n, { a[0], a[1], a[2], a[3], a[4], a[5] }, (uintptr_t)cancel };

	send(t, LETTER_CALL, ticket, &c, sizeof c);
}

long popcorn_remote(struct popcorn_thread *t, volatile int *cancel, long n, const long a[6])
{
	uint32_t ticket = ++t->ticket;
	struct popcorn_remote_reply r;
	struct popcorn_letter *l;

	call(t, cancel, n, a, ticket);
	for (;;) {
		uint32_t seen = __atomic_load_n(&t->mail, __ATOMIC_SEQ_CST);
		if ((l = popcorn_letter_take(t, is_reply, ticket))) break;
		K6(K_futex, &t->mail, FUTEX_WAIT, seen, 0, 0, 0);
	}
	popcorn_copy(&r, l->bytes, sizeof r);
	popcorn_letter_free(t, l);
	t->time_left = r.time_left;
	return r.value;
}

void popcorn_remote_end(struct popcorn_thread *t, long n, const long a[6])
{
	popcorn_block_signals();
	popcorn_thread_gone(t);
	call(t, 0, n, a, ++t->ticket);
	end(t);
}

static int is_signal(const struct popcorn_thread *t, const struct popcorn_letter *l, uint32_t unused)
{
	(void)t, (void)unused;
	return l->kind == LETTER_SIGNAL;
}

void popcorn_guest_signals(struct popcorn_thread *t, struct popcorn_context *context)
{
	struct popcorn_remote_signal b;
	struct popcorn_letter *l = popcorn_letter_take(t, is_signal, 0);
	uint64_t mask;
	uint32_t depth;

	if (!l) return;
	popcorn_copy(&b, l->bytes, sizeof b);
	depth = l->depth;
	popcorn_letter_free(t, l);
	t->forwarded++;
	mask = context->mask;
	context->mask = b.mask; /* what the handler is shown */
	popcorn_copy(t->altstack, b.altstack, sizeof t->altstack);
	open_signals();
	popcorn_deliver(b.sig, &(struct popcorn_handler){ b.handler, b.flags, 0 }, b.siginfo, context);
	popcorn_block_signals();
	popcorn_letter_send(DSM_ORIGIN, (uint32_t)t->tid, LETTER_DONE, 0, depth | t->forwarded << 8, &context->mask, 8);
	context->mask = mask;
}

void popcorn_guest_fault(struct popcorn_thread *t, const void *siginfo)
{
	uint64_t signals = t->forwarded;

	send(t, LETTER_RAISE, 0, siginfo, 128);
	open_signals();
	while (t->forwarded == signals) {
		uint32_t seen = __atomic_load_n(&t->mail, __ATOMIC_SEQ_CST);
		if (t->forwarded == signals) K6(K_futex, &t->mail, FUTEX_WAIT, seen, 0, 0, 0);
	}
	popcorn_block_signals(); /* as the fault's handler began */
}

/* The flag that points look at stays up while anybody is to go home. */
static void lower_flag(void)
{
	int up = popcorn_config.rebuild_every || popcorn_config.roam_every;

	popcorn_lock_threads();
	for (const struct popcorn_thread *t = popcorn_threads; t; t = t->next) up |= t->stop;
	__popcorn_flag = up;
	popcorn_unlock_threads();
}

static _Noreturn void travel_home(struct popcorn_thread *t, int wanted)
{
	popcorn_thread_gone(t);
	lower_flag();
	popcorn_travel(t, DSM_ORIGIN, wanted);
	end(t);
}

void popcorn_go_home(struct popcorn_thread *t, const struct popcorn_registers *regs)
{
	if (popcorn_unwind(t, regs)) return;
	popcorn_fp_get(regs, &t->rounding, &t->exceptions);
	travel_home(t, t->wanted);
}

/* On the new thread. */
static void arrive(struct popcorn_thread *t)
{
	popcorn_block_signals();
	*(struct popcorn_thread **)(void *)(t->tp + POPCORN_SELF) = t;
	if (!(t->rebuilt = popcorn_pages(sizeof *t->rebuilt)) || popcorn_rebuild(t, (uintptr_t)t->machine_top, popcorn_config.rebuild_every != 0, t->rebuilt)) {
		popcorn_message("thread %d can't go on on " POPCORN_ISA_NAME ": in %s, %s", t->tid, t->blocked_in, t->blocked_why);
		travel_home(t, POPCORN_UNABLE);
	}
	popcorn_fp_set(t->rebuilt, t->rounding, t->exceptions);
	K3(K_tgkill, popcorn_kernel_pid, t->ktid, POPCORN_REQUEST_SIGNAL); /* what came before this was a thread */
	open_signals();
	popcorn_resume(t->rebuilt);
}

static struct popcorn_thread *guest(uint32_t tid)
{
	struct popcorn_thread *t;

	popcorn_lock_threads();
	for (t = popcorn_threads; t && t->tid != (int)tid; t = t->next);
	popcorn_unlock_threads();
	return t;
}

static void configure(const struct popcorn_traveller *h)
{
	popcorn_pid = h->pid;
	popcorn_config.rebuild_every = h->rebuild_every;
	popcorn_config.roam_every = h->roam_every;
	popcorn_config.seed = h->seed;
	if (h->rebuild_every || h->roam_every) __popcorn_flag = 1;
}

static void frames_came(uint32_t tid, const struct popcorn_letter *l)
{
	struct popcorn_thread *t = guest(tid);
	struct popcorn_traveller h;
	int whole;

	if (!l->ticket && l->size >= sizeof h) {
		popcorn_copy(&h, l->bytes, sizeof h);
		popcorn_expect(l);
		if (!(t = popcorn_thread_sized((MACHINE_STACK + 16 * h.size + PAGE - 1) & -PAGE))) popcorn_die("no memory for thread %d", (int)tid);
		t->tid = (int)tid;
		t->guest = 1;
		configure(&h);
		popcorn_thread_list(t);
	}
	if (!t || (whole = popcorn_arriving(t, l)) < 0) popcorn_die("thread %d came damaged", (int)tid);
	t->wanted = -1;
	if (whole && popcorn_thread_start(t, arrive) < 0) popcorn_die("thread %d can't be started", (int)tid);
}

static void mail_at_replica(unsigned from, const struct popcorn_dsm_message *m, const void *behind)
{
	static struct popcorn_letter l; /* with the node's lock held */
	struct popcorn_thread *t;
	size_t n = popcorn_dsm_behind(m);

	(void)from;
	if (n < 16) return;
	popcorn_copy(&l.size, behind, n);
	if (l.size != n - 16) return;
	if (l.kind == LETTER_FRAMES) {
		frames_came(m->thread, &l);
		return;
	}
	if (!(t = guest(m->thread))) return; /* it has left; its deputy will see that it did not hear this */
	if (l.kind == LETTER_STOP) {
		t->stop = 1;
		__popcorn_flag = 1;
	} else popcorn_letter_came(t, behind, n);
	if (l.kind != LETTER_REPLY && t->ktid) K3(K_tgkill, popcorn_kernel_pid, t->ktid, POPCORN_REQUEST_SIGNAL);
}

static uint64_t number(const char **s)
{
	uint64_t n = 0;

	for (; **s >= '0' && **s <= '9'; ++*s) n = n * 10 + (uint64_t)(**s - '0');
	if (**s == ':') ++*s;
	return n;
}

/* `given` is POPCORN_REPLICA's value: descriptor of the link, number, key, whether the clocks are another host's. */
void popcorn_replica(const char *given)
{
	struct popcorn_node_settings s = popcorn_node_of_process();
	struct popcorn_thread *t = popcorn_thread_sized(256 << 10);
	int link = (int)number(&given);
	static const int stop;
	long e;

	s.mail = mail_at_replica;
	s.number = (unsigned)number(&given);
	s.key = number(&given);
	popcorn_clocks_far = (int)number(&given);
	if (!t) popcorn_die("no memory for a replica");
	t->own_block[POPCORN_SELF / 8] = (uintptr_t)t;
	popcorn_set_tp(t->own_block);
	popcorn_block_signals();
	/* what is the origin's is not here; only the first access to a page brings it */
	K2(K_munmap, __popcorn_data_start, __popcorn_data_end - __popcorn_data_start);
	popcorn_spread = POPCORN_REPLICA;
	popcorn_install_handlers();
	if ((e = popcorn_node_begin(&popcorn_own_node, &s)) || (e = popcorn_node_connect(&popcorn_own_node, DSM_ORIGIN, (int)popcorn_high_fd(link))))
		popcorn_die("a replica can't begin: error %d", (int)-e);
	popcorn_node_serve(&popcorn_own_node, &stop);
	popcorn_spread_over();
}
