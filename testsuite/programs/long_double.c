// long double is the 64-bit format on every ISA: in variables, arguments, structures and as the result of calls.
// expect: 8 16 53 1024
// expect: 0x1.572ae0182bb7cp+8 114.38916063648
#include <float.h>
#include <stdio.h>

struct pair {
	long double a;
	char c;
};

static long double power(long double x, int n) { return n ? x * power(x, n - 1) : 1; }
static struct pair make(long double x, char c) { return (struct pair){x, c}; }

int main(void)
{
	long double sum = 0;
	for (int i = 1; i < 60; i++) {
		struct pair p = make(power(1.0L / i, i % 5), (char)i);
		sum += p.a * p.c;
	}
	printf("%d %d %d %d\n", (int)sizeof(long double), (int)sizeof(struct pair), LDBL_MANT_DIG, LDBL_MAX_EXP);
	printf("%a %.15g\n", (double)sum, (double)(sum / 3));
	return 0;
}
