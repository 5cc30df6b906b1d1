/* x86_64: System V psABI 1.0.
 *
 * Peculiarities: a call pushes the return address, so it belongs to the callee's frame, at CFA-8; no vector
 * register survives a call; rounding and exceptions share one register, MXCSR (SDM vol. 1, 10.2.3).
 * DWARF register numbers: figure 3.36. */
#ifndef POPCORN_ARCH_H
#define POPCORN_ARCH_H

#define POPCORN_ISA 1
#define POPCORN_ISA_NAME "x86_64"
#define POPCORN_VDSO_CLOCK "__vdso_clock_gettime"
#define POPCORN_REGISTERS 17 /* DWARF numbers of general registers are below */
#define POPCORN_RA_REGISTER -1 /* none: the return address is at CFA-8 */
#define POPCORN_CALLEE_SAVED { 3, 6, 12, 13, 14, 15 }
#define POPCORN_NCALLEE_SAVED 6

/* flags of open() that differ from ISA to ISA, in this ISA's numbers */
#define POPCORN_O_DIRECT 040000
#define POPCORN_O_LARGEFILE 0100000
#define POPCORN_O_DIRECTORY 0200000
#define POPCORN_O_NOFOLLOW 0400000

#ifndef __ASSEMBLER__
#include <stdint.h>

struct popcorn_registers { /* point.S and setjmp.S know the offsets: 8 * index */
	uint64_t r[POPCORN_REGISTERS]; /* by DWARF number */
	uint64_t sp, ra;               /* right after the call returned */
	uint64_t fpcontrol;            /* MXCSR */
	uint64_t fpstatus;             /* unused here */
	uint64_t poison;               /* resume: caller-saved registers get POPCORN_POISON */
	uint64_t result;               /* resume: return value of the call */
};
_Static_assert(sizeof(struct popcorn_registers) == 184, "point.S");

/* common form: POPCORN_ROUNDING_*, POPCORN_FP_EXCEPTION_*; MXCSR has RC in 14:13 in the same order, and
 * IE DE ZE OE UE PE in 5:0 */
static inline void popcorn_fp_get(const struct popcorn_registers *g, uint32_t *rounding, uint32_t *exceptions)
{
	uint32_t m = g->fpcontrol;
	*rounding = m >> 13 & 3;
	*exceptions = (m & 1) | (m >> 1 & 0x1e);
}

static inline void popcorn_fp_set(struct popcorn_registers *g, uint32_t rounding, uint32_t exceptions)
{
	g->fpcontrol = 0x1f80 | (rounding & 3) << 13 | (exceptions & 1) | (exceptions & 0x1e) << 1;
	g->fpstatus = 0;
}
#endif
#endif
