/* Threads and processes.
 *
 * A thread's private mapping, low to high (popcorn.h):
 *
 *   guard | struct popcorn_thread | stack for SA_ONSTACK handlers | runtime stack | guard | machine stack
 *
 * Its common stack, with struct pthread above it, is the program's business (pthread_create). */
#include "spread.h"
#include "timers.h"

enum { HEAD = 8192, ALTSTACK = 128 << 10, RUNTIME_STACK = 256 << 10, MACHINE_STACK = 64 << 20, CHILD_STACK = 1 << 20 };
_Static_assert(sizeof(struct popcorn_thread) <= HEAD, "struct popcorn_thread");

#define THREAD_FLAGS \
	(K_CLONE_VM | K_CLONE_FS | K_CLONE_FILES | K_CLONE_SIGHAND | K_CLONE_THREAD | K_CLONE_SYSVSEM | K_CLONE_SETTLS \
	 | K_CLONE_PARENT_SETTID)

struct popcorn_thread *popcorn_threads;

static struct popcorn_lock threads_lock;
static struct popcorn_thread *ended; /* whose stacks may still be in use by their last instructions */

void popcorn_returned(int status);

void popcorn_lock_threads(void)
{
	popcorn_lock(&threads_lock);
}

void popcorn_unlock_threads(void)
{
	popcorn_unlock(&threads_lock);
}

static int gone(const struct popcorn_thread *t)
{
	return K3(K_tgkill, popcorn_kernel_pid, t->ktid, 0) == -K_ESRCH;
}

/* A stack of a thread that is no more, if it has one of this size. */
static struct popcorn_thread *reuse(size_t size)
{
	struct popcorn_thread *t = 0;

	popcorn_lock_threads();
	for (struct popcorn_thread **p = &ended; *p; p = &(*p)->next)
		if ((*p)->stack_size == size && gone(*p)) {
			t = *p;
			*p = t->next;
			break;
		}
	popcorn_unlock_threads();
	return t;
}

struct popcorn_thread *popcorn_thread_sized(size_t machine)
{
	size_t size = PAGE + HEAD + ALTSTACK + RUNTIME_STACK + PAGE + machine;
	struct popcorn_thread *t = reuse(size);
	long p;

	if (!t) {
		p = K6(K_mmap, 0, size, 0, K_MAP_PRIVATE | K_MAP_ANONYMOUS | K_MAP_NORESERVE, -1, 0);
		if (p < 0 && p > -4096) return 0;
		if (K3(K_mprotect, p + PAGE, HEAD + ALTSTACK + RUNTIME_STACK, K_PROT_READ | K_PROT_WRITE)
		    || K3(K_mprotect, p + size - machine, machine, K_PROT_READ | K_PROT_WRITE)) {
			K2(K_munmap, p, size);
			return 0;
		}
		t = (struct popcorn_thread *)(p + PAGE);
	}
	popcorn_clear(t, sizeof *t);
	t->stack_base = (char *)t - PAGE;
	t->stack_size = size;
	t->runtime_top = (char *)t + HEAD + ALTSTACK + RUNTIME_STACK;
	t->machine_top = t->stack_base + size;
	t->machine_low = t->machine_top - machine;
	t->altstack[1] = 2; /* SS_DISABLE */
	t->time_left = -1;
	t->wanted = -1;
	return t;
}

struct popcorn_thread *popcorn_thread_new(void)
{
	return popcorn_thread_sized(MACHINE_STACK);
}

static void free_thread(struct popcorn_thread *t)
{
	K2(K_munmap, t->stack_base, t->stack_size);
}

void popcorn_thread_list(struct popcorn_thread *t)
{
	popcorn_lock_threads();
	t->next = popcorn_threads;
	popcorn_threads = t;
	popcorn_unlock_threads();
}

static void unlist(struct popcorn_thread *t)
{
	struct popcorn_thread **p = &popcorn_threads;

	while (*p && *p != t) p = &(*p)->next;
	if (*p) *p = t->next;
}

/* Handlers that ask for it (SA_ONSTACK) run here even when the machine stack has overflowed. */
void popcorn_thread_signal_stack(const struct popcorn_thread *t)
{
	uint64_t stack[3] = { (uintptr_t)t + HEAD, 0, ALTSTACK };

	K2(K_sigaltstack, stack, 0);
}

void popcorn_thread_attach(struct popcorn_thread *t, void *tp, uint64_t csp)
{
	t->tp = tp;
	TP_CSP(t) = csp;
	*(struct popcorn_thread **)(void *)(t->tp + POPCORN_SELF) = t;
}

/* musl's own thread pointer takes over from the provisional one of start.c. */
int __set_thread_area(void *tp)
{
	struct popcorn_thread *t = popcorn_self();

	popcorn_thread_attach(t, tp, TP_CSP(t));
	popcorn_set_tp(tp);
	return 0;
}

static int taken(int tid)
{
	for (struct popcorn_thread *t = popcorn_threads; t; t = t->next)
		if (t->tid == tid) return 1;
	return 0;
}

/* The kernel's number, unless a thread that came from elsewhere has been using it. Parent and child both ask. */
static int number(struct popcorn_thread *t)
{
	popcorn_lock_threads();
	if (!t->tid) {
		int tid = t->ktid;
		while (taken(tid)) tid += 1 << 22; /* above every number of the kernel's (PID_MAX_LIMIT) */
		t->tid = tid;
	}
	popcorn_unlock_threads();
	return t->tid;
}

static void begin(struct popcorn_thread *t)
{
	popcorn_thread_signal_stack(t);
	((void (*)(struct popcorn_thread *))t->entry)(t);
}

int popcorn_thread_start(struct popcorn_thread *t, void (*fn)(struct popcorn_thread *))
{
	t->entry = (void *)fn;
	return (int)popcorn_clone(THREAD_FLAGS, t->runtime_top, &t->ktid, 0, t->tp, (void *)begin, t);
}

static void begin_pthread(struct popcorn_thread *t)
{
	int tid = number(t);

	if (t->set_tid) *t->set_tid = tid; /* its parent may not have come to it yet */
	popcorn_thread_signal_stack(t);
	popcorn_enter(t->entry, t->entry_arg, t->machine_top);
}

static int new_thread(void *fn, void *stack, int flags, void *arg, int *ptid, void *tls, int *ctid)
{
	struct popcorn_thread *t;
	int r;

	if (!(flags & K_CLONE_SETTLS) || !tls || !stack) return -K_EINVAL;
	if (!(t = popcorn_thread_new())) return -K_ENOMEM;
	popcorn_thread_attach(t, tls, (uintptr_t)stack & -16ull);
	if (flags & K_CLONE_CHILD_CLEARTID) t->clear_child_tid = ctid;
	if (flags & K_CLONE_PARENT_SETTID) t->set_tid = ptid;
	t->entry = fn;
	t->entry_arg = arg;
	t->blocks_fault = popcorn_self()->blocks_fault;
	popcorn_thread_list(t);
	r = (int)popcorn_clone(THREAD_FLAGS, t->runtime_top, &t->ktid, 0, tls, (void *)begin_pthread, t);
	if (r < 0) {
		popcorn_lock_threads();
		unlist(t);
		popcorn_unlock_threads();
		free_thread(t);
		return r;
	}
	r = number(t);
	if (flags & K_CLONE_PARENT_SETTID) *ptid = r;
	return r;
}

void popcorn_thread_gone(struct popcorn_thread *t)
{
	popcorn_lock_threads();
	unlist(t);
	t->state = POPCORN_DEAD;
	t->next = ended;
	ended = t;
	popcorn_unlock_threads();
}

/* The calling thread touches common memory for the last time, its signals blocked, then leaves the list; its private
 * stack stays until the kernel has done with it. clear_child_tid is cleared here and not by the kernel, which would do so when a
 * move has already been made without this thread: the lock that musl has there would stay taken for ever. */
static void leave(struct popcorn_thread *t)
{
	enum { WAKE = 1 };

	if (t->clear_child_tid) {
		static volatile int never;
		__atomic_store_n(t->clear_child_tid, 0, __ATOMIC_SEQ_CST);
		if (popcorn_spread) popcorn_call(t, &never, C_futex, (long[]){ (long)t->clear_child_tid, WAKE, 1, 0, 0, 0 });
		else K3(K_futex, t->clear_child_tid, WAKE, 1);
	}
	popcorn_thread_gone(t);
	popcorn_letters_forget(t);
	popcorn_thread_forget(t);
}

long popcorn_do_exit(struct popcorn_call *c)
{
	if (K0(K_gettid) == c->thread->ktid) {
		popcorn_block_signals();
		leave(c->thread);
	}
	for (;;) K1(K_exit, c->a[0]);
}

/* The first function of a thread has returned: of a child made by clone(), its exit status. */
void popcorn_returned(int status)
{
	for (;;) K1(K_exit_group, status);
}

/* A detached thread's last call: its common stack goes, and its thread pointer with it. */
void __unmapself(void *base, size_t size)
{
	struct popcorn_thread *t = popcorn_self();

	if (t->guest) popcorn_remote_end(t, CALL_UNMAPSELF, (long[6]){ (long)base, (long)size });
	popcorn_block_signals(); /* a request that came once the thread pointer is gone would find nothing there */
	popcorn_unmap((uintptr_t)base, size);
	leave(t);
	for (;;) K1(K_exit, 0);
}

/* In the child of a fork, locks held: there is only this thread. */
static void only_me(struct popcorn_thread *t)
{
	struct popcorn_thread *lists[2] = { popcorn_threads, ended };

	for (int i = 0; i < 2; i++)
		for (struct popcorn_thread *o = lists[i], *next; o; o = next) {
			next = o->next;
			if (o != t) free_thread(o);
		}
	t->next = 0;
	popcorn_threads = t;
	ended = 0;
	popcorn_pid = popcorn_kernel_pid = (int)K0(K_getpid);
	t->tid = t->ktid = (int)K0(K_gettid);
	t->clear_child_tid = 0;
	t->robust_list = 0;
	popcorn_timers_after_fork();
	popcorn_park_after_fork();
}

static long fork_with(struct popcorn_thread *t, long flags, int *ptid, void *tls, int *ctid)
{
	long r;

	if (popcorn_spread) return popcorn_gather_first(t); /* a child would have the pages of this node alone */
	popcorn_lock(&popcorn_memory_lock);
	popcorn_lock(&popcorn_timers_lock);
	popcorn_lock_threads();
	r = popcorn_kernel(K_clone, flags, 0l, (long)ptid, POPCORN_CLONE_ORDER(tls, ctid));
	if (!r) {
		only_me(t);
		if (flags & (K_CLONE_CHILD_SETTID)) *ctid = t->tid;
	}
	popcorn_unlock_threads();
	popcorn_unlock(&popcorn_timers_lock);
	popcorn_unlock(&popcorn_memory_lock);
	return r;
}

long popcorn_do_clone(struct popcorn_call *c)
{
	/* with shared memory only by way of __clone, which gives the child a stack */
	if (c->a[0] & (K_CLONE_VM | K_CLONE_THREAD | K_CLONE_SETTLS | K_CLONE_CHILD_CLEARTID) || c->a[1]) return -K_EINVAL;
	return fork_with(c->thread, c->a[0], (int *)c->a[2], (void *)c->a[4], (int *)c->a[3]);
}

/* posix_spawn's child: it runs on the parent's thread structure while the parent waits, until it execs. */
static int spawn(struct popcorn_thread *t, void *fn, void *stack, int flags, void *arg, int *ptid)
{
	uint64_t csp = TP_CSP(t);
	char *machine = popcorn_pages(CHILD_STACK);
	int r;

	if (!machine) return -K_ENOMEM;
	t->in_handler++; /* the child must not be taken for the thread, and moved */
	TP_CSP(t) = (uintptr_t)stack & -16ull;
	r = (int)popcorn_clone((unsigned long)flags, machine + CHILD_STACK, ptid, 0, 0, fn, arg);
	TP_CSP(t) = csp;
	t->in_handler--;
	popcorn_free_pages(machine, CHILD_STACK);
	return r;
}

int __clone(void *fn, void *stack, long flags, void *arg, long *rest)
{
	struct popcorn_thread *t = popcorn_self();
	int *ptid, *ctid, r;
	void *tls;

	if (t->guest) return (int)popcorn_remote(t, 0, CALL_CLONE, (long[6]){ (long)fn, (long)stack, flags, (long)arg, (long)rest });
	ptid = (int *)rest[0];
	tls = (void *)rest[1];
	ctid = (int *)rest[2];
	if (flags & K_CLONE_THREAD) return new_thread(fn, stack, flags, arg, ptid, tls, ctid);
	if (flags & K_CLONE_SETTLS) return -K_EINVAL;
	if (flags & K_CLONE_VM) return flags & K_CLONE_VFORK ? spawn(t, fn, stack, flags, arg, ptid) : -K_EINVAL;
	r = (int)fork_with(t, flags, ptid, tls, ctid);
	if (r) return r == AGAIN ? -K_EAGAIN : r; /* no caller would issue it again */
	TP_CSP(t) = (uintptr_t)stack & -16ull;
	popcorn_enter(fn, arg, t->machine_top);
}

long popcorn_do_set_tid_address(struct popcorn_call *c)
{
	c->thread->clear_child_tid = (int *)c->a[0];
	return c->thread->tid;
}

enum { ROBUST_LENGTH = 24 }; /* of struct robust_list_head */

long popcorn_do_set_robust_list(struct popcorn_call *c)
{
	if (c->a[1] != ROBUST_LENGTH) return -K_EINVAL;
	c->thread->robust_list = (uint64_t)c->a[0];
	c->thread->robust_len = (uint64_t)c->a[1];
	popcorn_issue(c);
	return 0; /* an emulator has none: there nobody marks what a process that is killed had locked, as musl does for a thread */
}

long popcorn_do_get_robust_list(struct popcorn_call *c)
{
	uint64_t *list = (uint64_t *)c->a[1], *length = (uint64_t *)c->a[2];

	if (c->a[0] && (int)c->a[0] != c->thread->tid) return popcorn_do_tid_argument(c);
	if (!list || !length) return -K_EFAULT;
	*list = c->thread->robust_list;
	*length = c->thread->robust_len;
	return 0;
}
