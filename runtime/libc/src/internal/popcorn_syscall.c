/* The compiled end of a system call. A call that a migration request interrupts comes back as AGAIN: the thread passes
 * a migration point, on which it may leave for another ISA, and issues the call there. Relative timeouts
 * go on with what is left of them. */
#include <time.h>
#include "pthread_impl.h"
#include "syscall.h"
#include "popcorn_syscall.h"

#define AGAIN (-512) /* ERESTARTSYS, which no kernel returns */

long __popcorn_syscall_raw(long, long, long, long, long, long, long);
long __popcorn_syscall_cp_raw(volatile int *, long, long, long, long, long, long, long);
long __popcorn_time_left(void); /* nanoseconds of the interrupted call's timeout, -1: it has none */
void __popcorn_point(void);
extern volatile int __popcorn_flag;

static long no_cancel(void)
{
	return -ECANCELED;
}
weak_alias(no_cancel, __cancel); /* pthread_cancel.c has the real one, in programs that can cancel */
long __cancel(void);

struct call {
	long n, arg[6];
	struct timespec left;
};

/* The argument that holds a relative timeout: where the kernel's restart would have kept the deadline. */
static void shorten(struct call *c, long left)
{
	long *arg;

	switch (c->n) {
	case SYS_nanosleep:
		arg = &c->arg[0];
		break;
	case SYS_clock_nanosleep:
	case SYS_ppoll:
	case SYS_rt_sigtimedwait:
		arg = &c->arg[2];
		break;
	case SYS_futex:
	case SYS_semtimedop:
		arg = &c->arg[3];
		break;
	case SYS_pselect6:
	case SYS_io_getevents:
	case SYS_recvmmsg:
		arg = &c->arg[4];
		break;
	case SYS_epoll_pwait:
		c->arg[3] = (left + 999999) / 1000000;
		return;
	default:
		return;
	}
	c->left.tv_sec = left / 1000000000;
	c->left.tv_nsec = left % 1000000000;
	*arg = (long)&c->left;
}

static long again(volatile int *cancel, struct call *c)
{
	long r;

	do {
		long left = __popcorn_time_left();
		if (left >= 0) shorten(c, left);
		if (cancel && *cancel) return __cancel();
		if (__popcorn_flag) __popcorn_point();
		r = cancel
		    ? __popcorn_syscall_cp_raw(cancel, c->n, c->arg[0], c->arg[1], c->arg[2], c->arg[3], c->arg[4], c->arg[5])
		    : __popcorn_syscall_raw(c->n, c->arg[0], c->arg[1], c->arg[2], c->arg[3], c->arg[4], c->arg[5]);
	} while (r == AGAIN);
	return r;
}

long __popcorn_syscall(long n, long a, long b, long c, long d, long e, long f)
{
	long r = __popcorn_syscall_raw(n, a, b, c, d, e, f);

	if (r != AGAIN) return r;
	struct call call = { .n = n, .arg = { a, b, c, d, e, f } };
	return again(0, &call);
}

long __popcorn_syscall_cp(volatile int *cancel, long n, long a, long b, long c, long d, long e, long f)
{
	long r = __popcorn_syscall_cp_raw(cancel, n, a, b, c, d, e, f);

	if (r != AGAIN) return r;
	struct call call = { .n = n, .arg = { a, b, c, d, e, f } };
	return again(cancel, &call);
}
