/* riscv64: how the kernel's layouts differ from the common format (Linux, include/uapi/asm-generic), and where it
 * puts things for a signal handler (arch/riscv/include/uapi/asm/{ucontext,sigcontext,ptrace}.h). */
#ifndef POPCORN_ABI_H
#define POPCORN_ABI_H

#include "arch.h"

#define POPCORN_SAME_LAYOUTS 0

#define POPCORN_CLONE_ORDER(tls, ctid) (long)(tls), (long)(ctid) /* clone's last arguments */

/* Handlers return to the kernel's own code, which is in the vDSO: there is no restorer. qemu-user, up to 7.2 at least,
 * has room for one all the same and finds the mask behind it. */
struct popcorn_native_sigaction { uint64_t handler, flags, mask, mask_for_qemu; };
#define POPCORN_SIGACTION(handler, flags, mask) { handler, flags, mask, mask }

struct popcorn_context {
	uint64_t flags, link, stack[3], mask, unused[15], pad;
	union { uint64_t pc, x[32]; }; /* x[1] to x[31]; x0 needs no place */
};
_Static_assert(sizeof(struct popcorn_context) == 176 + 8 * 32, "the kernel aligns the machine context to 16");

#define POPCORN_CONTEXT_CANCEL(c) ((c)->x[9]) /* popcorn_window's pointers: s1, s2 */
#define POPCORN_CONTEXT_INTERRUPT(c) ((c)->x[18])

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

/* Whether the access that faulted was a write: 1, 0, or -1, which stands for not known. The instruction tells (RISC-V ISA
 * manual, volume I, "RV32/64G instruction set listings" and "RVC instruction set listings"). A load-reserved counts as the
 * write that follows it. */
static inline int popcorn_context_wrote(const struct popcorn_context *c)
{
	const uint16_t *at = (const uint16_t *)(uintptr_t)c->pc;
	unsigned w = at[0], funct3 = w >> 13;

	if ((w & 3) == 3) {
		unsigned opcode = w & 0x7f;
		if (opcode == 0x03 || opcode == 0x07) return 0;
		return opcode == 0x23 || opcode == 0x27 || opcode == 0x2f ? 1 : -1;
	}
	if ((w & 3) == 1 || !funct3 || funct3 == 4) return -1;
	return funct3 > 4;
}

/* fcsr as an MXCSR: exceptions NV DZ OF UF NX are its bits 0, 2 to 5 (see arch.h) */
static inline uint32_t popcorn_mxcsr(void)
{
	uint64_t fcsr;
	uint32_t exceptions;

	__asm__ volatile ("frcsr %0" : "=r"(fcsr));
	exceptions = popcorn_fp_reversed((uint32_t)fcsr);
	return 0x1f80 | popcorn_fp_rounding((uint32_t)fcsr) << 13 | (exceptions & 1) | (exceptions & 0x1e) << 1;
}

static inline void popcorn_set_mxcsr(uint32_t v)
{
	uint64_t fcsr = popcorn_fp_fcsr(v >> 13, (v & 1) | (v >> 1 & 0x1e));

	__asm__ volatile ("fscsr %0" : : "r"(fcsr));
}
#endif
