// a*b+c is two roundings on every ISA, fma is one; x86_64 without FMA and aarch64 with it must agree.
// expect: 0x0p+0 -0x1p-60
// expect: -0x1p-24 -0x1p-24
// expect: 0x1.fbc54a18de88fp+6 0x1.430da0fb2ea77p-2
#include <math.h>
#include <stdio.h>

static double product_sum(double a, double b, double c) { return a * b + c; }
static float product_sum_float(float a, float b, float c) { return a * b - c; }

static double horner(const double *c, int n, double x) { return n ? horner(c + 1, n - 1, x) * x + *c : 0; }

int main(void)
{
	volatile double a = 1 + 0x1p-30, b = 1 - 0x1p-30;
	volatile float fa = 1 + 0x1p-12f, fb = 1 - 0x1p-12f;
	printf("%a %a\n", product_sum(a, b, -1), fma(a, b, -1));
	printf("%a %a\n", (double)product_sum_float(fa, fb, 1), (double)fmaf(fa, fb, -1));
	double c[20], s = 0, dot = 0;
	for (int i = 0; i < 20; i++)
		c[i] = 1.0 / (i + 3);
	for (int i = 0; i < 200; i++) {
		s += horner(c, 20, i / 211.0);
		dot += c[i % 20] * c[(i + 7) % 20] - dot * 0x1p-5;
	}
	printf("%a %a\n", s, dot);
	return 0;
}
