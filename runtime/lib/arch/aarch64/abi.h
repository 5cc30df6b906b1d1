/* aarch64: how the kernel's layouts differ from the common format (Linux, include/uapi/asm-generic), and where it
 * puts things for a signal handler (arch/arm64/include/uapi/asm/{ucontext,sigcontext}.h). */
#ifndef POPCORN_ABI_H
#define POPCORN_ABI_H

#include <stdint.h>

#define POPCORN_SAME_LAYOUTS 0

#define POPCORN_CLONE_ORDER(tls, ctid) (long)(tls), (long)(ctid) /* clone's last arguments */

struct popcorn_native_sigaction { uint64_t handler, flags, restorer, mask; };
#define POPCORN_SIGACTION(handler, flags, mask) { handler, (flags) | 0x04000000, (uintptr_t)popcorn_sigreturn, mask }

struct popcorn_context {
	uint64_t flags, link, stack[3], mask, unused[15], pad;
	uint64_t fault, x[31], sp, pc, pstate;
};
_Static_assert(sizeof(struct popcorn_context) == 176 + 8 * 35, "the kernel aligns the machine context to 16");

#define POPCORN_CONTEXT_CANCEL(c) ((c)->x[19]) /* popcorn_window's pointers */
#define POPCORN_CONTEXT_INTERRUPT(c) ((c)->x[20])

struct popcorn_native_stat {
	uint64_t dev, ino;
	uint32_t mode, nlink, uid, gid;
	uint64_t rdev, pad;
	int64_t size;
	int32_t blksize, pad2;
	int64_t blocks;
	int64_t times[6];
	uint32_t unused[2];
};
_Static_assert(sizeof(struct popcorn_native_stat) == 128, "asm-generic/stat.h");

struct popcorn_native_epoll_event { uint32_t events, pad; uint64_t data; };

struct popcorn_native_semid {
	uint64_t perm[6];
	int64_t otime, ctime;
	uint64_t nsems, unused[2];
};

/* Whether the access that faulted was a write: 1, 0, or -1, which stands for not known. Emulators leave the syndrome out
 * of the context, so that the instruction has to tell (Arm ARM, C4.1: loads and stores). A load-exclusive counts as the
 * write that follows it. */
static inline int popcorn_context_wrote(const struct popcorn_context *c)
{
	uint32_t w = *(const uint32_t *)(uintptr_t)c->pc;
	int load = w >> 22 & 1;

	if ((w & 0xffffffe0) == 0xd50b7420) return 1;          /* dc zva */
	if ((w & 0x0a000000) != 0x08000000) return -1;
	if ((w & 0x3f000000) == 0x08000000) return (w & 0x00a00000) == 0x00800000 ? !load : 1; /* ldar, stlr; exclusive, cas */
	if ((w & 0x3b000000) == 0x18000000) return 0;          /* literal */
	if ((w & 0x3f000000) == 0x19000000) return !(w & 0x00c00000); /* ldapur, stlur */
	if ((w & 0x3f200c00) == 0x38200000) return 1;          /* ldadd, swp and their like */
	if ((w & 0x3a000000) == 0x38000000 && !(w & 0x04000000)) return !(w & 0x00c00000); /* of a general register */
	return !load; /* pairs, vectors */
}

/* FPCR and FPSR as an MXCSR: exceptions IOC DZC OFC UFC IXC are its bits 0, 2 to 5; rounding has up and down the
 * other way round (see arch.h). */
static inline uint32_t popcorn_mxcsr(void)
{
	uint64_t control, status;
	__asm__ volatile ("mrs %0, fpcr\n\tmrs %1, fpsr" : "=r"(control), "=r"(status));
	uint32_t mode = control >> 22 & 3;
	if (mode == 1 || mode == 2) mode = 3 - mode;
	return 0x1f80 | mode << 13 | (status & 1) | (status & 0x1e) << 1;
}

static inline void popcorn_set_mxcsr(uint32_t v)
{
	uint64_t mode = v >> 13 & 3, status = (v & 1) | (v >> 1 & 0x1e);
	if (mode == 1 || mode == 2) mode = 3 - mode;
	mode <<= 22;
	__asm__ volatile ("msr fpcr, %0\n\tmsr fpsr, %1" : : "r"(mode), "r"(status));
}
#endif
