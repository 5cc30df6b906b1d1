// At -O0 every local lives in memory and every block stays: the passes must cope with what clang writes.
// flags: -O0
// expect: jumped 62
// expect: 1649180 62 1.38179e-70
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

struct s { int a[6]; double d; };
static jmp_buf env;

static struct s by_value(struct s x, int n)
{
	if (n == 0)
		return x;
	x.a[n % 6] += n;
	x.d /= 2;
	return by_value(x, n - 1);
}

static int total(int n, ...)
{
	va_list ap;
	int s = 0;
	va_start(ap, n);
	while (n--)
		s += (int)va_arg(ap, double);
	va_end(ap);
	return s;
}

static int choose(int n)
{
	static void *const where[] = {&&a, &&b, &&c};
	int vla[n % 5 + 1];
	vla[n % 5] = n;
	goto *where[n % 3];
a: return vla[n % 5] + 1;
b: return vla[n % 5] * 2;
c: if (n > 60) longjmp(env, n);
	return -vla[n % 5];
}

int main(void)
{
	static struct s x = {{1, 2, 3, 4, 5, 6}, 1e6};
	volatile int i = 0;
	volatile long sum = 0;
	int code = setjmp(env);
	if (code)
		printf("jumped %d\n", code);
	for (; i < 70 && !code; i++) {
		x = by_value(x, i % 9);
		sum += x.a[i % 6] + total(3, 1.5, (double)i, x.d) + choose(i);
	}
	printf("%ld %d %g\n", sum, i, x.d);
	return 0;
}
