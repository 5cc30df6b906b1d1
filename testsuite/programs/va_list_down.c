// va_copy, and va_lists handed down by value and by pointer, with calls between the steps.
// expect: 3435973885344
#include <stdarg.h>
#include <stdio.h>

static int noise(int n) { return n ? noise(n - 1) ^ n : 0; }

static long take(va_list ap, int n)
{
	long s = 0;
	while (n-- > 0)
		s = s * 3 + va_arg(ap, int) + noise(n);
	return s;
}

static long take_two(va_list *ap)
{
	long a = va_arg(*ap, long);
	a += noise(5);
	return a * va_arg(*ap, int);
}

static long recursive(va_list *ap, int n)
{
	if (n == 0)
		return 0;
	int mine = va_arg(*ap, int);
	return recursive(ap, n - 1) * 2 + mine;
}

static long all(int n, ...)
{
	va_list ap, again, third;
	va_start(ap, n);
	va_copy(again, ap);
	long s = take(ap, n);
	va_end(ap);
	va_copy(third, again);
	s = s * 7 + recursive(&again, n);
	long first = va_arg(third, int);
	for (int i = 1; i < n; i++)
		first += va_arg(third, int) * noise(i);
	s += first + take_two(&again) + take_two(&third);
	va_end(again);
	va_end(third);
	return s;
}

int main(void)
{
	long s = 0;
	for (int i = 0; i < 40; i++) {
		s += all(3, i, 2, 3, 1L << 33, 5);
		s ^= all(9, 1, 2, 3, 4, i, 6, 7, 8, 9, -7L, i);
	}
	printf("%ld\n", s);
	return 0;
}
