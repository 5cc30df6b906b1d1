// Twenty arguments of mixed kinds: in registers of both kinds and on the stack, through recursion and pointers.
// expect: 779755706832.2572 6467
#include <stdio.h>

struct p { short a, b; };
struct q { double d[3]; };

static double many(int a, double b, char c, float d, long e, short f, double g, unsigned h, struct p i, double j, double k, struct q l,
	long long m, float n, double o, double p, double q, double r, const char *s, unsigned char t)
{
	if (a == 0)
		return b + c + d + e + f + g + h + i.a * i.b + j + k + l.d[2] + m + n + o + p + q + r + s[1] + t;
	double below = many(a - 1, b + 1, (char)(c + 1), d * 0.5f, e - h, (short)-f, g + n, h + 1, (struct p){i.b, i.a}, k, j, l, m >> 1, n + d, p, q, r, o, s, (unsigned char)(t * 3));
	return below * 0.25 + a + b - c + d * e + f - g + h + i.a + j - k + l.d[1] + m - n + o * p - q + r + *s + t;
}

static long ints(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j, long k, long l)
{
	return a ? ints(a - 1, c, d, e, f, g, h, i, j, k, l, b) + a * b - l : a + b + c + d + e + f + g + h + i + j + k + l;
}

int main(void)
{
	double (*volatile f)(int, double, char, float, long, short, double, unsigned, struct p, double, double, struct q, long long, float, double,
		double, double, double, const char *, unsigned char) = many;
	double s = 0;
	long t = 0;
	for (int i = 0; i < 20; i++) {
		s += f(i, 1.5, 'x', 2.5f, 100, -3, 0.125, 7, (struct p){i, 2}, 3, 4, (struct q){{1, 2, 3}}, 1LL << 35, 0.5f, 5, 6, 7, 8, "str", 200);
		t += ints(i, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, i);
	}
	printf("%.17g %ld\n", s, t);
	return 0;
}
