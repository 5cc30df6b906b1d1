/* The program's system calls: common numbers and layouts in, this ISA's out to the kernel. */
#include "spread.h"
#include "native_numbers.h"

static const uint16_t native[POPCORN_COMMON_CALLS] = POPCORN_NATIVE_NUMBERS; /* plus one; 0: no such call */

static popcorn_fixup *const fixups[POPCORN_COMMON_CALLS] = {
	/* memory.c */
	[C_mmap] = popcorn_do_mmap, [C_munmap] = popcorn_do_munmap, [C_mprotect] = popcorn_do_mprotect,
	[C_mremap] = popcorn_do_mremap, [C_brk] = popcorn_do_brk, [C_shmat] = popcorn_do_shmat, [C_shmdt] = popcorn_do_shmdt,
	[C_pkey_mprotect] = popcorn_do_pkey_mprotect, [C_madvise] = popcorn_do_madvise,
	[C_mlock] = popcorn_do_mlock, [C_mlock2] = popcorn_do_mlock,
	/* signal.c */
	[C_rt_sigaction] = popcorn_do_rt_sigaction, [C_rt_sigprocmask] = popcorn_do_rt_sigprocmask,
	[C_sigaltstack] = popcorn_do_sigaltstack,
	/* thread.c, ids.c */
	[C_clone] = popcorn_do_clone, [C_exit] = popcorn_do_exit, [C_set_tid_address] = popcorn_do_set_tid_address,
	[C_set_robust_list] = popcorn_do_set_robust_list, [C_get_robust_list] = popcorn_do_get_robust_list,
	[C_gettid] = popcorn_do_gettid, [C_getpid] = popcorn_do_getpid,
	[C_kill] = popcorn_do_kill, [C_tkill] = popcorn_do_tkill, [C_tgkill] = popcorn_do_tgkill,
	[C_rt_sigqueueinfo] = popcorn_do_rt_sigqueueinfo, [C_rt_tgsigqueueinfo] = popcorn_do_rt_tgsigqueueinfo,
	[C_sched_setparam] = popcorn_do_tid_argument, [C_sched_getparam] = popcorn_do_tid_argument,
	[C_sched_setscheduler] = popcorn_do_tid_argument, [C_sched_getscheduler] = popcorn_do_tid_argument,
	[C_sched_setaffinity] = popcorn_do_tid_argument, [C_sched_getaffinity] = popcorn_do_tid_argument,
	[C_sched_rr_get_interval] = popcorn_do_tid_argument, [C_sched_setattr] = popcorn_do_tid_argument,
	[C_sched_getattr] = popcorn_do_tid_argument, [C_prlimit64] = popcorn_do_pid_argument,
	[C_getpgid] = popcorn_do_pid_argument, [C_getsid] = popcorn_do_pid_argument, [C_setpgid] = popcorn_do_pid_argument,
	[C_pidfd_open] = popcorn_do_pid_argument,
	/* timers.c */
	[C_timer_create] = popcorn_do_timer_create, [C_timer_settime] = popcorn_do_timer_settime,
	[C_timer_gettime] = popcorn_do_timer_gettime, [C_timer_getoverrun] = popcorn_do_timer_getoverrun,
	[C_timer_delete] = popcorn_do_timer_delete,
	/* fixups.c */
	[C_openat] = popcorn_do_openat, [C_openat2] = popcorn_do_openat2, [C_open_by_handle_at] = popcorn_do_open_by_handle_at,
	[C_fcntl] = popcorn_do_fcntl, [C_pipe2] = popcorn_do_pipe2, [C_fstat] = popcorn_do_fstat,
	[C_newfstatat] = popcorn_do_newfstatat, [C_epoll_ctl] = popcorn_do_epoll_ctl,
	[C_epoll_pwait] = popcorn_do_epoll_pwait, [C_semctl] = popcorn_do_semctl,
	[C_renameat] = popcorn_do_renameat, [C_ppoll] = popcorn_do_ppoll,
	[C_pselect6] = popcorn_do_pselect6, [C_rt_sigsuspend] = popcorn_do_mask0, [C_rt_sigtimedwait] = popcorn_do_mask0,
	[C_signalfd4] = popcorn_do_signalfd4,
	/* no program's call, or nothing that could be carried to another ISA: programs have to do without already
	 * on kernels that lack them */
	[C_rt_sigreturn] = popcorn_do_refuse, [C_clone3] = popcorn_do_refuse, [C_io_setup] = popcorn_do_refuse,
	[C_rseq] = popcorn_do_refuse, [C_epoll_pwait2] = popcorn_do_refuse, [C_remap_file_pages] = popcorn_do_refuse,
	[C_pkey_alloc] = popcorn_do_refuse, [C_pkey_free] = popcorn_do_refuse,
};

/* Which argument is a relative timeout, plus one. The kernel measures it anew when a call is issued again. */
enum { TIMESPEC = 16, MILLISECONDS = 32, UNLESS_ABSOLUTE = 64, FUTEX_WAIT_ONLY = 128 };
static const uint8_t timeouts[POPCORN_COMMON_CALLS] = {
	[C_nanosleep] = TIMESPEC | 1, [C_clock_nanosleep] = TIMESPEC | UNLESS_ABSOLUTE | 3, [C_ppoll] = TIMESPEC | 3,
	[C_rt_sigtimedwait] = TIMESPEC | 3, [C_futex] = TIMESPEC | FUTEX_WAIT_ONLY | 4, [C_semtimedop] = TIMESPEC | 4,
	[C_pselect6] = TIMESPEC | 5, [C_recvmmsg] = TIMESPEC | 5, [C_epoll_pwait] = MILLISECONDS | 4,
};

/* The call's timeout in nanoseconds, -1: none, or one that needs no care. */
static int64_t timeout_of(const struct popcorn_call *c)
{
	unsigned t = timeouts[c->n];
	const struct k_timespec *ts;
	long a;

	if (!t) return -1;
	a = c->a[(t & 15) - 1];
	if (t & MILLISECONDS) return (int32_t)a > 0 ? (int64_t)(int32_t)a * 1000000 : -1;
	if ((t & UNLESS_ABSOLUTE && c->a[1] & 1) || (t & FUTEX_WAIT_ONLY && (c->a[1] & 127) != 0)) return -1;
	if (!(ts = (const void *)a) || ts->sec < 0 || ts->sec > INT32_MAX || (uint64_t)ts->nsec > 999999999) return -1;
	return ts->sec || ts->nsec ? ts->sec * 1000000000 + ts->nsec : -1;
}

static long issue(struct popcorn_call *c)
{
	struct popcorn_thread *t = c->thread;
	uint64_t signals = t->signals, requests = t->requests, began = 0;
	int64_t timeout = timeout_of(c);
	long r;

	t->time_left = timeout;
	/* a request that comes from here on sets interrupt, one that came earlier is seen by the question */
	__atomic_store_n(&t->interrupt, 0, __ATOMIC_SEQ_CST);
	if (popcorn_should_interrupt()) return AGAIN;
	if (timeout >= 0) began = popcorn_now();
	r = popcorn_window(native[c->n] - 1, c->a[0], c->a[1], c->a[2], c->a[3], c->a[4], c->a[5], c->cancel, &t->interrupt);
	if (r == -K_EINTR && t->signals == signals && t->requests != requests) r = AGAIN; /* the request's doing alone */
	if (r == AGAIN && timeout >= 0) {
		int64_t spent = (int64_t)(popcorn_now() - began);
		t->time_left = spent < timeout ? timeout - spent : 0;
	}
	return r;
}

long __popcorn_time_left(void)
{
	return popcorn_self()->time_left;
}

long popcorn_issue(struct popcorn_call *c)
{
	return popcorn_spread ? popcorn_issue_buffered(c, issue) : issue(c);
}

/* Of a guest, what needs no origin. */
static long at_a_replica(struct popcorn_call *c)
{
	switch (c->n) {
	case C_futex: return popcorn_spread_futex(c);
	case C_gettid: return c->thread->tid;
	case C_getpid: return popcorn_pid;
	case C_sched_yield: return K0(K_sched_yield);
	case C_exit: popcorn_remote_end(c->thread, C_exit, c->a);
	}
	return popcorn_remote(c->thread, c->cancel, c->n, c->a);
}

long popcorn_call(struct popcorn_thread *t, volatile int *cancel, long n, const long a[6])
{
	struct popcorn_call c = { t, n, cancel, { a[0], a[1], a[2], a[3], a[4], a[5] } };

	if ((unsigned long)n >= POPCORN_COMMON_CALLS || !native[n]) return -K_ENOSYS;
	t->time_left = -1;
	if (n == C_futex && popcorn_futex_is_pi(&c)) return popcorn_futex_pi(&c);
	if (t->guest) return at_a_replica(&c);
	if (popcorn_spread && n == C_futex) return popcorn_spread_futex(&c);
	return fixups[n] ? fixups[n](&c) : popcorn_issue(&c);
}

long __popcorn_syscall_raw(long n, long a, long b, long c, long d, long e, long f)
{
	static volatile int never;

	return popcorn_call(popcorn_self(), &never, n, (long[]){ a, b, c, d, e, f });
}

long __popcorn_syscall_cp_raw(volatile int *cancel, long n, long a, long b, long c, long d, long e, long f)
{
	return popcorn_call(popcorn_self(), cancel, n, (long[]){ a, b, c, d, e, f });
}
