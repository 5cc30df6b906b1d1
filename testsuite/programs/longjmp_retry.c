// longjmp as retry in a loop: registers and memory of the function that called setjmp, volatile and unchanged locals.
// expect: 61706.449526153505 150
#include <setjmp.h>
#include <stdio.h>

static int attempts;

static double risky(jmp_buf env, int x, int n)
{
	if (n == 0) {
		if (attempts++ % 3 != 2)
			longjmp(env, x % 9 + 1);
		return x;
	}
	return risky(env, x + n, n - 1) * 0.5 + n;
}

static double run(int x, double scale, long long wide, const char *name, float small)
{
	jmp_buf env;
	volatile int failures = 0;
	switch (setjmp(env)) {
	case 0: break;
	case 1: case 2: case 3: failures++; break;
	default: failures += 10;
	}
	double r = risky(env, x + failures, x % 13);
	return r * scale + (double)(wide >> 20) + name[x % 3] + small + failures;
}

int main(void)
{
	double s = 0;
	for (int i = 0; i < 50; i++)
		s += run(i, i * 0.75, (long long)i << 25, "xyz", i * 0.1f);
	printf("%.17g %d\n", s, attempts);
	return 0;
}
