/* aarch64: AAPCS64 2023Q3.
 *
 * Peculiarities: the return address is in x30, which every function that calls saves in its own frame; the
 * low halves of v8 to v15 survive a call (6.1.2); rounding (FPCR) and exceptions (FPSR) are two registers, and
 * FPCR's rounding field has up and down the other way round from x86 (Arm ARM, C5.2.8).
 * DWARF register numbers: aadwarf64, 4.1. */
#ifndef POPCORN_ARCH_H
#define POPCORN_ARCH_H

#define POPCORN_ISA 2
#define POPCORN_ISA_NAME "aarch64"
#define POPCORN_VDSO_CLOCK "__kernel_clock_gettime"
#define POPCORN_REGISTERS 96 /* x0-x30, sp; v0-v31 at 64 */
#define POPCORN_RA_REGISTER 30
#define POPCORN_CALLEE_SAVED { 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 72, 73, 74, 75, 76, 77, 78, 79 }
#define POPCORN_NCALLEE_SAVED 19

/* flags of open() that differ from ISA to ISA, in this ISA's numbers */
#define POPCORN_O_DIRECTORY 040000
#define POPCORN_O_NOFOLLOW 0100000
#define POPCORN_O_DIRECT 0200000
#define POPCORN_O_LARGEFILE 0400000

#ifndef __ASSEMBLER__
#include <stdint.h>

struct popcorn_registers { /* point.S and setjmp.S know the offsets: 8 * index */
	uint64_t r[POPCORN_REGISTERS]; /* by DWARF number */
	uint64_t sp, ra;               /* right after the call returned */
	uint64_t fpcontrol;            /* FPCR */
	uint64_t fpstatus;             /* FPSR */
	uint64_t poison;               /* resume: caller-saved registers get POPCORN_POISON */
	uint64_t result;               /* resume: return value of the call */
};
_Static_assert(sizeof(struct popcorn_registers) == 816, "point.S");

/* common form: POPCORN_ROUNDING_*, POPCORN_FP_EXCEPTION_*. FPCR.RMode 23:22: nearest, up, down, zero;
 * FPSR 4:0: IOC DZC OFC UFC IXC, which is the common order */
static inline void popcorn_fp_get(const struct popcorn_registers *g, uint32_t *rounding, uint32_t *exceptions)
{
	uint32_t mode = g->fpcontrol >> 22 & 3;
	*rounding = mode == 1 || mode == 2 ? 3 - mode : mode;
	*exceptions = g->fpstatus & 31;
}

static inline void popcorn_fp_set(struct popcorn_registers *g, uint32_t rounding, uint32_t exceptions)
{
	uint64_t mode = rounding & 3;
	if (mode == 1 || mode == 2) mode = 3 - mode;
	g->fpcontrol = mode << 22;
	g->fpstatus = exceptions & 31;
}
#endif
#endif
