// printf of floating point: %a %e %f %g with flags, widths, precisions, rounding, the largest and the smallest.
// expect: -inf [0x0p+0] 3435514554
// expect: -inf [-0.000000e+00] 501199981
// expect: -inf [1.000000] 2417155614
// expect: -inf [-1.5] 3918030546
// expect: -inf [0] 4172042339
// expect: -inf [5e-01] 430656138
// expect: -inf [2.] 3169268065
// expect: -inf [+2.5] 2336872786
// expect: -inf [ 9.9950000000e+00] 3717733887
// expect:                 -inf [00000000000099.50000] 507408171
// expect: -inf                | [1.000e-05           |] 4059726250
// expect: -inf [123456.789] 2874489405
// expect: -INF [1E+15] 1494668017
// expect: -INF [0X1.1C37937E08P+53] 1296556683
// expect: -inf [0x1.1p+73] 3186279976
// expect: -inf [0x1.52dp+76] 774233208
// expect: -inf [0.333333] 3532607032
// expect: -inf [179769313486231570814527423731704356798070567525844996598917476803157260780028538760589558632766878171540458953514382464234321326889464182768467546703537516986049910576551282076245490090389328944075868508455133942304583236903222948165808559332123348274797826204144723168738177180919299881250404026184124858368.0000000000000000000000000000000000000000] 3537761118
// expect:                      -inf [     2.2250738585072e-308] 1779310855
// expect: -inf [5e-324] 1192305275
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const double values[] = {0.0, -0.0, 1.0, -1.5, 0.1, 0.5, 1.5, 2.5, 9.995, 99.5, 1e-5, 123456.789, 1e15, 1e16, 1e22, 1e23,
	1.0 / 3, DBL_MAX, DBL_MIN, 4.9406564584124654e-324, DBL_EPSILON, 5e-324 * 3, 0x1.fffffffffffffp+0, INFINITY, -INFINITY};

static unsigned hash(const char *s, unsigned h) { return *s ? hash(s + 1, h * 31 + (unsigned char)*s) : h; }

int main(void)
{
	static const char *const formats[] = {"%a", "%e", "%f", "%g", "%.0f", "%.0e", "%#.0f", "%+.3g", "% .10e", "%020.5f", "%-20.3e|",
		"%.17g", "%G", "%A", "%.1a", "%.3a", "%#g", "%.40f", "%25.15g", "%.0g"};
	char text[512];
	unsigned h = 0;
	for (unsigned f = 0; f < sizeof formats / sizeof *formats; f++) {
		for (unsigned i = 0; i < sizeof values / sizeof *values; i++) {
			if (fpclassify(values[i]) == FP_SUBNORMAL && strpbrk(formats[f], "aA"))
				continue; /* libcs choose different exponents */
			snprintf(text, sizeof text, formats[f], values[i]);
			h = hash(text, h);
		}
		printf("%s ", text);
		snprintf(text, sizeof text, formats[f], values[f]);
		printf("[%s] %u\n", text, h);
	}
	return 0;
}
