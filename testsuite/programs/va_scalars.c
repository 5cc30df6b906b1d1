// Variable arguments of every scalar type, more than there are registers, in mixed order.
// expect: 28477351159436160
#include <stdarg.h>
#include <stdio.h>

static int twist(int n) { return n ? twist(n - 1) * 3 % 101 + 1 : 1; }

static double sum(const char *types, ...)
{
	va_list ap;
	double s = 0;
	va_start(ap, types);
	for (; *types; types++) {
		s += twist(*types % 4);
		switch (*types) {
		case 'i': s += va_arg(ap, int); break;
		case 'u': s += va_arg(ap, unsigned); break;
		case 'l': s += (double)va_arg(ap, long); break;
		case 'L': s += (double)va_arg(ap, long long); break;
		case 'd': s += va_arg(ap, double); break;
		case 'D': s += (double)va_arg(ap, long double); break;
		case 'p': s += *va_arg(ap, int *); break;
		case 's': s += va_arg(ap, const char *)[1]; break;
		case 'f': s += va_arg(ap, int (*)(int))(3); break;
		case 'x': s += (double)(va_arg(ap, __int128) >> 64); break;
		}
	}
	va_end(ap);
	return s;
}

int main(void)
{
	int target = 1000;
	double total = 0;
	for (int i = 0; i < 25; i++) {
		char c = (char)i;
		short h = (short)-i;
		float f = i * 0.5f;
		total += sum("ii", c, h) + sum("d", f);
		total += sum("iluLdDpsf", i, (long)i << 40, 7u, -3LL, 0.25, 1.5L, &target, "ab", twist);
		total += sum("iiiiiiiiddddddddddL", 1, 2, 3, 4, 5, 6, 7, i, .1, .2, .3, .4, .5, .6, .7, .8, .9, 1., 1LL << 50);
		total += sum("ixidxx", 1, (__int128)i << 64, 2, 3.5, (__int128)1 << 70, (__int128)-1);
		total += sum("");
		target += i;
	}
	printf("%.17g\n", total);
	return 0;
}
