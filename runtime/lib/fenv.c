/* <fenv.h> in the common format: x86_64's constants, and an environment that is an MXCSR at the end of x86_64's
 * fenv_t. Denormal operands, which only some ISAs note, are never reported. */
#include "libc.h"

enum { EXCEPTIONS = 0x3d, ROUNDING = 0xc00, DEFAULT = 0x1f80 };

struct environment { uint32_t unused[7], mxcsr; };

int feclearexcept(int), feraiseexcept(int), fetestexcept(int), fegetround(void), __fesetround(int);
int fegetenv(struct environment *), fesetenv(const struct environment *);

int feclearexcept(int mask)
{
	popcorn_set_mxcsr(popcorn_mxcsr() & ~(uint32_t)(mask & EXCEPTIONS));
	return 0;
}

int feraiseexcept(int mask)
{
	popcorn_set_mxcsr(popcorn_mxcsr() | (uint32_t)(mask & EXCEPTIONS));
	return 0;
}

int fetestexcept(int mask)
{
	return (int)popcorn_mxcsr() & mask & EXCEPTIONS;
}

/* MXCSR has the rounding mode three bits above where the x87 control word, and so <fenv.h>, has it. */
int fegetround(void)
{
	return (int)(popcorn_mxcsr() >> 3) & ROUNDING;
}

int __fesetround(int mode)
{
	popcorn_set_mxcsr((popcorn_mxcsr() & ~(uint32_t)(ROUNDING << 3)) | (uint32_t)(mode & ROUNDING) << 3);
	return 0;
}

int fegetenv(struct environment *e)
{
	popcorn_clear(e, sizeof *e);
	e->mxcsr = DEFAULT | (popcorn_mxcsr() & (EXCEPTIONS | ROUNDING << 3));
	return 0;
}

int fesetenv(const struct environment *e)
{
	popcorn_set_mxcsr(e == (const struct environment *)-1 ? DEFAULT : e->mxcsr); /* FE_DFL_ENV */
	return 0;
}
