/* riscv64: RISC-V psABI 1.0, LP64D.
 *
 * Peculiarities: the return address is in ra, which every function that calls saves in its own frame; fs0 to fs11
 * survive a call whole; rounding and exceptions share one register, fcsr (unprivileged specification, chapter F), whose
 * order is the reverse of x86's and Arm's; C compilers rely on an int being sign-extended in its register, which
 * compiled code of popcc does not see to (popcorn.h).
 * DWARF register numbers: psABI, "DWARF". */
#ifndef POPCORN_ARCH_H
#define POPCORN_ARCH_H

#define POPCORN_ISA 3
#define POPCORN_ISA_NAME "riscv64"
#define POPCORN_VDSO_CLOCK "__vdso_clock_gettime"
#define POPCORN_REGISTERS 64 /* x0-x31; f0-f31 at 32 */
#define POPCORN_RA_REGISTER 1
#define POPCORN_CALLEE_SAVED { \
	8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 40, 41, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59 }
#define POPCORN_NCALLEE_SAVED 24

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
	uint64_t fpcontrol;            /* fcsr */
	uint64_t fpstatus;             /* unused here */
	uint64_t poison;               /* resume: caller-saved registers get POPCORN_POISON */
	uint64_t result;               /* resume: return value of the call */
};
_Static_assert(sizeof(struct popcorn_registers) == 560, "point.S");

/* fcsr has frm in 7:5: nearest, zero, down, up; and NV DZ OF UF NX in 4:0, the common order from its top down */
static inline uint32_t popcorn_fp_reversed(uint32_t five)
{
	return (five & 1) << 4 | (five & 2) << 2 | (five & 4) | (five & 8) >> 2 | (five & 16) >> 4;
}

static inline uint32_t popcorn_fp_rounding(uint32_t fcsr)
{
	return "\0\3\1\2"[fcsr >> 5 & 3];
}

static inline uint32_t popcorn_fp_fcsr(uint32_t rounding, uint32_t exceptions)
{
	return (uint32_t)"\0\2\3\1"[rounding & 3] << 5 | popcorn_fp_reversed(exceptions);
}

/* common form: POPCORN_ROUNDING_*, POPCORN_FP_EXCEPTION_* */
static inline void popcorn_fp_get(const struct popcorn_registers *g, uint32_t *rounding, uint32_t *exceptions)
{
	*rounding = popcorn_fp_rounding((uint32_t)g->fpcontrol);
	*exceptions = popcorn_fp_reversed((uint32_t)g->fpcontrol);
}

static inline void popcorn_fp_set(struct popcorn_registers *g, uint32_t rounding, uint32_t exceptions)
{
	g->fpcontrol = popcorn_fp_fcsr(rounding, exceptions);
	g->fpstatus = 0;
}
#endif
#endif
