// float and double values live across calls, with integers among them.
// expect: -0x1.e0ef4a5294649p+14
// expect: 23.322219587576061
// expect: 0x1.f02528p+18
#include <stdio.h>

static double half(double x, int n) { return n ? half(x * 0.5, n - 1) : x; }
static float third(float x, int n) { return n ? third(x / 3.0f, n - 1) : x; }

static double blend(float a, double b, float c, double d, int n)
{
	double sum = 0;
	float small = 1;
	for (int i = 0; i < n; i++) {
		double p = half(b + i, i & 3), q = half(d, 2);
		float r = third(a + c, i & 3), s = third(c, 1);
		sum += p * q - r * s;
		small = small * 0.75f + r;
		a += 0.1f, b -= 0.1, c *= 1.01f, d /= 1.01;
	}
	return sum + small + a + b + c + d;
}

int main(void)
{
	double total = 0;
	for (int n = 0; n < 30; n++)
		total += blend(1.5f, 2.25, (float)n, n / 7.0, n);
	printf("%a\n%.17g\n%a\n", total, blend(0.1f, 0.1, 0.2f, 0.2, 50), (double)third(1e10f, 9));
	return 0;
}
