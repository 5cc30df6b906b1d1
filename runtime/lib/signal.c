/* Signals. The kernel runs popcorn's own handler, on the machine stack; it copies what the program may see to the
 * common stack in the common format, and calls the program's handler:
 *
 *   common stack, high to low:  what was interrupted | reserve | ucontext, siginfo | the handler's own frames
 *
 * The request signal never reaches the program, nor can the program block it. */
#include "spread.h"

struct popcorn_handler popcorn_handlers[64];

enum {
	FAULT = 11, SA_SIGINFO = 4, SA_NODEFER = 0x40000000, SA_ONSTACK = 0x08000000, SA_RESTART = 0x10000000, SA_RESTORER = 0x04000000, SA_RESETHAND = (int)0x80000000,
	SS_ONSTACK = 1, SS_DISABLE = 2, SIGNALS = 64, MIN_ALTSTACK = 2048,
	/* a frame is claimed by one store, but the compiler may have put stores to it before that one */
	RESERVE = 1024,
	SIGINFO_SIZE = 128,
};
enum { SIG_DFL, SIG_IGN };

struct common_sigaction { uint64_t handler, flags, restorer, mask; };

struct common_context { /* ucontext_t of the common format; registers are not the program's business (law 3) */
	uint64_t flags, link;
	uint64_t stack[3];
	uint64_t gregs[23], fpregs, reserved[8];
	uint64_t mask[16];
	uint64_t fpmem[64];
};
enum { GREG_PC = 16 };

struct common_frame {
	struct common_context context;
	uint64_t siginfo[SIGINFO_SIZE / 8];
};

static int on_altstack(const struct popcorn_thread *t, uint64_t csp)
{
	return !(t->altstack[1] & SS_DISABLE) && t->altstack[2] && csp - t->altstack[0] < t->altstack[2];
}

/* A system call that had not begun, or that the kernel would begin again, goes back to its caller if it was
 * cancelled or is to pass a migration point. */
static void leave_window(struct popcorn_context *c)
{
	uint64_t pc = c->pc;

	if (pc < (uintptr_t)popcorn_window_begin || pc >= (uintptr_t)popcorn_window_end) return;
	if (*(volatile int *)(uintptr_t)POPCORN_CONTEXT_CANCEL(c) || *(volatile int *)(uintptr_t)POPCORN_CONTEXT_INTERRUPT(c))
		c->pc = (uintptr_t)popcorn_window_abort;
}

static void own_pid(uint64_t *siginfo)
{
	int32_t *si = (int32_t *)(void *)siginfo;

	if (si[2] <= 0 && si[4] == popcorn_kernel_pid) si[4] = popcorn_pid; /* si_code: sent by a process; si_pid */
}

void popcorn_deliver(int sig, const struct popcorn_handler *given, const void *siginfo, struct popcorn_context *context)
{
	struct popcorn_thread *t = popcorn_self();
	struct popcorn_handler h = *given;
	uint64_t csp = TP_CSP(t), top = csp - RESERVE;
	struct common_frame *f;

	if (h.flags & SA_ONSTACK && !(t->altstack[1] & SS_DISABLE) && t->altstack[2] && !on_altstack(t, csp))
		top = t->altstack[0] + t->altstack[2];
	f = (struct common_frame *)(uintptr_t)((top - sizeof *f) & -64ull);

	popcorn_clear(&f->context, sizeof f->context);
	f->context.stack[0] = t->altstack[0];
	f->context.stack[1] = t->altstack[2] ? on_altstack(t, csp) ? SS_ONSTACK : t->altstack[1] : SS_DISABLE;
	f->context.stack[2] = t->altstack[2];
	f->context.gregs[GREG_PC] = context->pc;
	f->context.mask[0] = context->mask & ~REQUEST_BIT;
	popcorn_copy(f->siginfo, siginfo, SIGINFO_SIZE);
	own_pid(f->siginfo);

	t->signals++;
	t->in_handler++;
	TP_CSP(t) = (uintptr_t)f;
	((void (*)(int, void *, void *))(uintptr_t)h.handler)(sig, f->siginfo, &f->context);
	TP_CSP(t) = csp; /* a handler that leaves by longjmp has both restored from the jmp_buf */
	t->in_handler--;

	context->mask = f->context.mask[0] & ~REQUEST_BIT;
}

/* A futex call that the origin answers ends for the signal. */
static void wake(struct popcorn_thread *t)
{
	uint32_t *word = __atomic_load_n(&t->asleep, __ATOMIC_SEQ_CST), state = NODE_ASLEEP;

	if (word) __atomic_compare_exchange_n(word, &state, NODE_INTERRUPTED, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static void deliver(struct popcorn_thread *t, int sig, const void *siginfo, struct popcorn_context *c)
{
	struct popcorn_handler h = popcorn_handlers[sig - 1];

	if (h.handler <= SIG_IGN) return; /* changed since the kernel looked */
	if (h.flags & (uint32_t)SA_RESETHAND) popcorn_handlers[sig - 1].handler = SIG_DFL;
	if (!t->place) {
		popcorn_deliver(sig, &h, siginfo, c);
		return;
	}
	uint64_t own[SIGINFO_SIZE / 8];
	popcorn_copy(own, siginfo, SIGINFO_SIZE);
	own_pid(own);
	t->signals++;
	popcorn_forward(t, sig, &h, own, c);
}

static void signalled(int sig, const void *siginfo, void *ucontext)
{
	struct popcorn_context *c = ucontext;
	struct popcorn_thread *t = popcorn_self();

	deliver(t, sig, siginfo, c);
	wake(t);
	leave_window(c);
}

/* The default action: what was tried will be tried again, and end the program; what was sent is sent again. */
void popcorn_end_by(int sig, int sent)
{
	struct popcorn_native_sigaction k = POPCORN_SIGACTION(SIG_DFL, 0, 0);

	K4(K_rt_sigaction, sig, &k, 0, 8);
	if (sent) K3(K_tgkill, K0(K_getpid), K0(K_gettid), sig);
}

/* SIGSEGV of a process that is on several nodes: mostly a page that another one has. Every signal but this one is blocked. */
static void faulted(int sig, const void *siginfo, void *ucontext)
{
	struct popcorn_context *c = ucontext;
	const int32_t *si = siginfo;
	const uint64_t *address = (const uint64_t *)siginfo + 2;
	struct popcorn_handler h = popcorn_handlers[sig - 1];
	struct popcorn_thread *t;
	uint64_t inside, before;
	int sent = si[2] <= 0; /* si_code: by a process */
	int r = !sent ? popcorn_spread_fault(*address, popcorn_context_wrote(c)) : DSM_UNMAPPED;

	if (!r) return;
	if (r < 0) popcorn_spread_over(); /* the origin is no more */
	if (r == DSM_LOST) popcorn_die("memory at %x was lost with the node that had it", *address);
	t = popcorn_self();
	if (t->guest) {
		popcorn_guest_fault(t, siginfo);
	} else if (h.handler <= SIG_IGN || t->blocks_fault) {
		if (!sent || h.handler != SIG_IGN) popcorn_end_by(sig, sent);
	} else {
		inside = (c->mask | h.mask) & ~POPCORN_OWN_SIGNALS;
		K4(K_rt_sigprocmask, K_SIG_SETMASK, &inside, &before, 8);
		deliver(t, sig, siginfo, c);
		K4(K_rt_sigprocmask, K_SIG_SETMASK, &before, 0, 8);
	}
	leave_window(c);
}

static void requested(int sig, const void *siginfo, void *ucontext)
{
	const int32_t *si = siginfo;
	struct popcorn_thread *t = popcorn_self();

	(void)sig;
	popcorn_request_signal(si[4]);
	t->requests++;
	if (popcorn_should_interrupt()) {
		t->interrupt = 1;
		wake(t);
		__atomic_add_fetch(&t->mail, 1, __ATOMIC_SEQ_CST); /* the kernel begins a wait again */
	}
	if (t->guest) {
		popcorn_guest_signals(t, ucontext);
		wake(t);
	}
	leave_window(ucontext);
}

static void install_fault(void)
{
	uint64_t program = popcorn_handlers[FAULT - 1].flags & SA_ONSTACK;
	struct popcorn_native_sigaction k = POPCORN_SIGACTION((uintptr_t)faulted, SA_SIGINFO | SA_NODEFER | program, ~POPCORN_FAULT_BIT);

	K4(K_rt_sigaction, FAULT, &k, 0, 8);
}

static long install(int sig)
{
	const struct popcorn_handler *h = popcorn_handlers + sig - 1;
	uint64_t own = popcorn_spread ? POPCORN_OWN_SIGNALS : REQUEST_BIT;
	struct popcorn_native_sigaction k = POPCORN_SIGACTION(h->handler, h->flags & ~(uint64_t)SA_RESTORER, h->mask & ~own);

	if (popcorn_spread && sig == FAULT) {
		install_fault();
		return 0;
	}
	if (h->handler > SIG_IGN) {
		k.handler = (uintptr_t)signalled;
		k.flags |= SA_SIGINFO;
	}
	return K4(K_rt_sigaction, sig, &k, 0, 8);
}

static void install_request(void)
{
	struct popcorn_native_sigaction k = POPCORN_SIGACTION((uintptr_t)requested, SA_SIGINFO | SA_RESTART, 0);
	long r = K4(K_rt_sigaction, POPCORN_REQUEST_SIGNAL, &k, 0, 8);

	if (r < 0) popcorn_die("can't handle signal %d, by which requests come: error %d", POPCORN_REQUEST_SIGNAL, (int)-r);
}

void popcorn_install_handlers(void)
{
	popcorn_kernel_pid = (int)K0(K_getpid);
	for (int sig = 1; sig <= SIGNALS; sig++)
		if (popcorn_handlers[sig - 1].handler) install(sig);
	if (popcorn_spread) install_fault();
	install_request();
}

void popcorn_give_back_faults(void)
{
	popcorn_install_handlers();
	install(FAULT); /* also where the program has none */
}

/* Whoever started us may have blocked them. Their handler needs the thread pointer. */
void popcorn_accept_requests(void)
{
	uint64_t bit = REQUEST_BIT;

	K4(K_rt_sigprocmask, 1, &bit, 0, 8);
}

/* What the program's parent had it ignore. */
void popcorn_inherit_handlers(void)
{
	for (int sig = 1; sig <= SIGNALS; sig++) {
		struct popcorn_native_sigaction k = { 0 };
		if (!K4(K_rt_sigaction, sig, 0, &k, 8) && k.handler == SIG_IGN) popcorn_handlers[sig - 1].handler = SIG_IGN;
	}
	popcorn_handlers[POPCORN_REQUEST_SIGNAL - 1].handler = SIG_DFL;
}

long popcorn_do_rt_sigaction(struct popcorn_call *c)
{
	const struct common_sigaction *new = (const void *)c->a[1];
	struct common_sigaction *old = (void *)c->a[2];
	long sig = c->a[0], r = 0;
	uint64_t mask;
	struct popcorn_handler before;

	if (sig < 1 || sig > SIGNALS || c->a[3] != 8) return -K_EINVAL;
	if (sig == POPCORN_REQUEST_SIGNAL && new) return -K_EINVAL; /* it is not the program's */
	mask = popcorn_block_signals();
	before = popcorn_handlers[sig - 1];
	if (new) {
		struct popcorn_handler h = { new->handler, new->flags, new->mask & ~REQUEST_BIT };
		popcorn_handlers[sig - 1] = h;
		if ((r = install((int)sig)) < 0) popcorn_handlers[sig - 1] = before;
	}
	popcorn_set_signals(mask);
	if (old && !r) {
		struct common_sigaction k = { before.handler, before.flags, 0, before.mask };
		*old = k;
	}
	return r;
}

long popcorn_do_rt_sigprocmask(struct popcorn_call *c)
{
	uint64_t own = popcorn_spread ? POPCORN_OWN_SIGNALS : REQUEST_BIT, set, before;
	const uint64_t *given = (const void *)c->a[1];
	uint64_t *old = (void *)c->a[2], blocked = c->thread->blocks_fault, wanted = given ? *given & POPCORN_FAULT_BIT : 0;
	long r;

	if (given) {
		set = *given & ~own;
		c->a[1] = (long)&set;
	}
	if (!popcorn_spread) return popcorn_issue(c);
	/* a guest's is not to be begun again: where a jmp_buf gets its mask, it passes no migration point */
	r = K4(K_rt_sigprocmask, c->a[0], c->a[1], &before, c->a[3]);
	if (r) return r;
	if (given) c->thread->blocks_fault = c->a[0] == K_SIG_SETMASK ? wanted : c->a[0] == K_SIG_BLOCK ? blocked | wanted : blocked & ~wanted;
	if (old) *old = before | blocked;
	return 0;
}

long popcorn_do_sigaltstack(struct popcorn_call *c)
{
	const uint64_t *new = (const void *)c->a[0];
	uint64_t *old = (void *)c->a[1], *own = c->thread->altstack, csp = TP_CSP(c->thread);
	uint64_t before[3] = { own[0], own[2] ? on_altstack(c->thread, csp) ? SS_ONSTACK : own[1] : SS_DISABLE, own[2] };

	if (new) {
		uint64_t flags = new[1] & 0xffffffff;
		if (on_altstack(c->thread, csp)) return -K_EPERM;
		if (flags & ~(uint64_t)(SS_DISABLE | SS_ONSTACK)) return -K_EINVAL;
		if (flags & SS_DISABLE) {
			own[0] = own[2] = 0;
			own[1] = SS_DISABLE;
		} else {
			if (new[2] < MIN_ALTSTACK) return -K_ENOMEM;
			own[0] = new[0];
			own[1] = 0;
			own[2] = new[2];
		}
	}
	if (old)
		for (int i = 0; i < 3; i++) old[i] = before[i];
	return 0;
}
