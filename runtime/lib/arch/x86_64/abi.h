/* x86_64: how the kernel's layouts differ from the common format: not at all. And where it puts things for a signal
 * handler (Linux, arch/x86/include/uapi/asm/sigcontext.h). */
#ifndef POPCORN_ABI_H
#define POPCORN_ABI_H

#include <stdint.h>

#define POPCORN_SAME_LAYOUTS 1

#define POPCORN_CLONE_ORDER(tls, ctid) (long)(ctid), (long)(tls) /* clone's last arguments */

struct popcorn_native_sigaction { uint64_t handler, flags, restorer, mask; };
#define POPCORN_SIGACTION(handler, flags, mask) { handler, (flags) | 0x04000000, (uintptr_t)popcorn_sigreturn, mask }

struct popcorn_context {
	uint64_t flags, link, stack[3];
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, sp, pc, eflags;
	uint64_t segments, err, trapno, oldmask, cr2, fpstate, reserved[8];
	uint64_t mask;
};

struct popcorn_native_epoll_event { uint32_t events; uint64_t data; } __attribute__((packed));

#define POPCORN_CONTEXT_CANCEL(c) ((c)->rbx) /* popcorn_window's pointers */
#define POPCORN_CONTEXT_INTERRUPT(c) ((c)->rbp)

/* Whether the access that faulted was a write: 1, 0, or -1, which stands for not known. */
static inline int popcorn_context_wrote(const struct popcorn_context *c)
{
	return (int)(c->err >> 1 & 1); /* Intel SDM, volume 3, 4.7: page-fault exceptions */
}

static inline uint32_t popcorn_mxcsr(void)
{
	uint32_t v;
	__asm__ volatile ("stmxcsr %0" : "=m"(v));
	return v;
}

static inline void popcorn_set_mxcsr(uint32_t v)
{
	v = (v & 0x603f) | 0x1f80; /* traps stay off, and so do the modes that flush denormals */
	__asm__ volatile ("ldmxcsr %0" : : "m"(v));
}
#endif
