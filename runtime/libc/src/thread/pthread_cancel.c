/* Cancellation without a machine-code window of our own: libpopcorn's system call stub tests *cancel and enters the
 * kernel in one window, and a signal that comes inside it makes the call return before it has begun. So the
 * handler has nothing to do but to run asynchronous cancellation. */
#define _GNU_SOURCE
#include <string.h>
#include "pthread_impl.h"
#include "syscall.h"
#include "popcorn_syscall.h"

hidden long __cancel(void);
hidden long __syscall_cp_c(syscall_arg_t, syscall_arg_t, syscall_arg_t, syscall_arg_t, syscall_arg_t, syscall_arg_t,
                           syscall_arg_t);

long __cancel(void)
{
	pthread_t self = __pthread_self();

	if (self->canceldisable == PTHREAD_CANCEL_ENABLE || self->cancelasync) pthread_exit(PTHREAD_CANCELED);
	self->canceldisable = PTHREAD_CANCEL_DISABLE;
	return -ECANCELED;
}

long __syscall_cp_c(syscall_arg_t n, syscall_arg_t a, syscall_arg_t b, syscall_arg_t c, syscall_arg_t d,
                    syscall_arg_t e, syscall_arg_t f)
{
	pthread_t self = __pthread_self();
	int state = self->canceldisable;
	long r;

	/* close in the masked state must not report ECANCELED: its callers take the descriptor for closed */
	if (state == PTHREAD_CANCEL_DISABLE || (state && n == SYS_close)) return __syscall(n, a, b, c, d, e, f);
	r = __popcorn_syscall_cp(&self->cancel, n, a, b, c, d, e, f);
	/* a close that was interrupted has closed, and must say so */
	if (r == -EINTR && n != SYS_close && self->cancel && self->canceldisable != PTHREAD_CANCEL_DISABLE)
		r = __cancel();
	return r;
}

static void handler(int sig, siginfo_t *si, void *context)
{
	pthread_t self = __pthread_self();
	ucontext_t *uc = context;

	a_barrier();
	if (!self->cancel || self->canceldisable == PTHREAD_CANCEL_DISABLE || !self->cancelasync) return;
	/* the thread never returns from here: go on with the interrupted code's mask, without this signal */
	uc->uc_sigmask.__bits[0] |= 1UL << (SIGCANCEL - 1);
	__syscall(SYS_rt_sigprocmask, SIG_SETMASK, &uc->uc_sigmask, 0, _NSIG / 8);
	__cancel();
}

void __testcancel(void)
{
	pthread_t self = __pthread_self();

	if (self->cancel && !self->canceldisable) __cancel();
}

static void init(void)
{
	struct sigaction sa = { .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK, .sa_sigaction = handler };

	memset(&sa.sa_mask, -1, _NSIG / 8);
	__libc_sigaction(SIGCANCEL, &sa, 0);
}

int pthread_cancel(pthread_t t)
{
	static volatile int ready;

	if (!ready) {
		init(); /* twice does no harm */
		ready = 1;
	}
	a_store(&t->cancel, 1);
	if (t == pthread_self()) {
		if (t->canceldisable == PTHREAD_CANCEL_ENABLE && t->cancelasync) pthread_exit(PTHREAD_CANCELED);
		return 0;
	}
	return pthread_kill(t, SIGCANCEL);
}
