// strtod and sscanf of floating point: halfway cases, hexadecimal, limits, junk; printed back to the bit.
// expect: 0 10; -0 20; 1 10
// expect: 0.10000000000000001 30; 9.9999999999999992e+22 40; 8.9884656743115795e+307 200
// expect: 1.7976931348623157e+308 220; inf 51; 4.9406564584124654e-324 80
// expect: 0 231; 0 61; 9007199254740992 160
// expect: 9007199254740992 220; 3 70; 4.9406564584124654e-324 100
// expect: 2 200; inf 30; -inf 90
// expect: 1 10; 1 10; 0.5 20
// expect: 0 10; 0 00; 1.7976931348623156e+38 390
// expect: 12 40; 1 370; 240
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned next(unsigned n, unsigned x) { return n ? next(n - 1, x * 1664525u + 1013904223u) : x; }

int main(void)
{
	static const char *const cases[] = {"0", "-0", "1", "0.1", "1e23", "8.98846567431158e307", "1.7976931348623158e308", "1e309", "4.9e-324",
		"2.4703282292062327e-324", "1e-400", "9007199254740993", "9007199254740992.99999", "0x1.8p1", "0x.1p-1070", "0x1.fffffffffffff8p0",
		"inf", "-Infinity", "1e", "1e+", ".5.5", "0x", "+.e1", "179769313486231570000000000000000000000", "  12abc", "1.00000000000000011102230246251565404"};
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *end;
		errno = 0;
		double d = strtod(cases[i], &end);
		printf("%.17g %d%d%s", d, (int)(end - cases[i]), errno == ERANGE && (d == 0 || d > 1), i % 3 == 2 ? "\n" : "; ");
	}
	int same = 0;
	for (unsigned i = 1; i <= 120; i++) {
		char text[64];
		double d = next(i, i) / 7.0 * (i % 2 ? 1e-9 : 1e200), back = 0;
		snprintf(text, sizeof text, "%.17g", d);
		same += strtod(text, 0) == d && sscanf(text, "%lf", &back) == 1 && back == d;
		float f = (float)i / 3, g;
		snprintf(text, sizeof text, "%.9g", f);
		same += strtof(text, 0) == f && sscanf(text, "%f", &g) == 1 && g == f;
	}
	printf("%d\n", same);
	return 0;
}
