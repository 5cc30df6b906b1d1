// Complex arithmetic: multiplication and division by compiler-rt helpers, passed and returned in pairs.
// expect: 0x1.d8540d29918cp-2 0x1.bd17918959937p-2 0x1.4ap+4 0x1.4p+0 162
// expect: 5 3.14159265359 0.540302305868
#include <complex.h>
#include <stdio.h>

static double complex power(double complex z, int n) { return n ? power(z, n - 1) * z : 1; }
static float complex turn(float complex z, int n) { return n ? turn(z * I, n - 1) + 1.0f : z; }

static int escape(double complex c)
{
	double complex z = 0;
	int n = 0;
	while (n < 40 && creal(z) * creal(z) + cimag(z) * cimag(z) < 4) {
		z = z * z + c;
		n++;
	}
	return n;
}

int main(void)
{
	double complex s = 0;
	float complex f = 0;
	int inside = 0;
	for (int i = 1; i < 30; i++) {
		s += power(0.5 + i * 0.01 * I, i % 9) / (i - 2.5 * I);
		f += turn(1.0f + 0.5f * I, i % 7) * 0.25f;
	}
	for (int y = -10; y <= 10; y++)
		for (int x = -20; x <= 10; x++)
			inside += escape(x * 0.1 + y * 0.1 * I) == 40;
	printf("%a %a %a %a %d\n", creal(s), cimag(s), (double)crealf(f), (double)cimagf(f), inside);
	printf("%.12g %.12g %.12g\n", cabs(3 + 4 * I), carg(-1.0 + 1e-30 * I), creal(cexp(I * 1.0)));
	return 0;
}
