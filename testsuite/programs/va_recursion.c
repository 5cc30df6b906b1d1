// Variadic functions that call themselves with other arguments, and variadic function pointers in a table.
// expect: 656375
#include <stdarg.h>
#include <stdio.h>

static long tree(int depth, int n, ...)
{
	va_list ap;
	long s = 0;
	va_start(ap, n);
	for (int i = 0; i < n; i++) {
		long v = va_arg(ap, long);
		double w = va_arg(ap, double);
		if (depth > 0)
			s += tree(depth - 1, 2, v + 1, w * 0.5, v - 1, w + depth);
		s = s * 3 + v + (long)(w * 4);
	}
	va_end(ap);
	return s % 1000000007;
}

static int longest(int n, ...)
{
	va_list ap;
	int best = 0;
	va_start(ap, n);
	while (n--) {
		const char *s = va_arg(ap, const char *);
		int len = 0;
		while (s[len])
			len++;
		best = len > best ? len : best;
	}
	va_end(ap);
	return best;
}

static int count(int n, ...) { return n; }

int main(void)
{
	int (*const table[])(int, ...) = {longest, count, longest};
	long s = 0;
	for (int i = 0; i < 6; i++)
		s += tree(4, 3, (long)i, i * 1.5, 2L, 3.0, -5L, .25);
	for (int i = 0; i < 30; i++)
		s = s * 5 % 1000003 + table[i % 3](3, "one", &"three"[i % 4], "fifteen");
	printf("%ld\n", s);
	return 0;
}
