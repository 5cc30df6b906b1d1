/* Rounding modes and exceptions, as numbers and as they act, kept while calls are made between. */
#include <fenv.h>
#include <math.h>
#include "check.h"

static volatile double one = 1, three = 3, big = 1e308, zero, tiny = 1e-300, minus = -1;

static void rounded(int mode)
{
	CHECK(fesetround(mode));
	CHECK(fegetround());
	for (int i = 0; i < 3; i++) {
		CHECK(one / three * 1e17);
		CHECK(-one / three * 1e17);
		CHECK(lrint(2.5 * one));
		CHECK(lrint(-2.5 * one));
		CHECK(nearbyint(0.5 * one) * 8);
		CHECK((float)(one / three) * 1e10);
	}
	printf("%.3f %.20e\n", 2.0005 * one, one / three);
}

int main(void)
{
	fenv_t saved, held;
	fexcept_t flags;

	CHECK(FE_INVALID);
	CHECK(FE_DIVBYZERO);
	CHECK(FE_OVERFLOW);
	CHECK(FE_UNDERFLOW);
	CHECK(FE_INEXACT);
	CHECK(FE_TONEAREST);
	CHECK(FE_UPWARD);
	CHECK(FE_DOWNWARD);
	CHECK(FE_TOWARDZERO);
	CHECK(fegetenv(&saved));
	rounded(FE_UPWARD);
	rounded(FE_DOWNWARD);
	rounded(FE_TOWARDZERO);
	rounded(FE_TONEAREST);
	CHECK(fesetround(12345) != 0);
	CHECK(fesetenv(&saved));
	CHECK(fegetround());

	int all = FE_INVALID | FE_DIVBYZERO | FE_OVERFLOW | FE_UNDERFLOW | FE_INEXACT;
	volatile double r;
	CHECK(feclearexcept(all));
	CHECK(fetestexcept(all));
	r = one / zero;
	CHECK(fetestexcept(all));
	CHECK(fetestexcept(all));
	r = big * big;
	CHECK(fetestexcept(all));
	r = tiny * tiny;
	CHECK(fetestexcept(all));
	r = sqrt(minus);
	CHECK(fetestexcept(all));
	CHECK(feclearexcept(FE_DIVBYZERO | FE_INEXACT));
	CHECK(fetestexcept(all));
	CHECK(fegetexceptflag(&flags, all));
	CHECK(feclearexcept(all));
	CHECK(fesetexceptflag(&flags, FE_OVERFLOW | FE_INVALID));
	CHECK(fetestexcept(all));
	CHECK(feclearexcept(all));
	CHECK(feraiseexcept(FE_UNDERFLOW));
	CHECK(fetestexcept(FE_UNDERFLOW | FE_DIVBYZERO | FE_INVALID | FE_OVERFLOW));
	CHECK(fesetround(FE_UPWARD));
	CHECK(feholdexcept(&held));
	CHECK(fetestexcept(all));
	CHECK(fegetround());
	r = one / zero;
	CHECK(feupdateenv(&held));
	CHECK(fetestexcept(FE_DIVBYZERO | FE_UNDERFLOW));
	CHECK(fegetround());
	CHECK(fesetenv(FE_DFL_ENV));
	CHECK(fegetround());
	CHECK(fetestexcept(all));
	CHECK(isnan(r));
	return 0;
}
