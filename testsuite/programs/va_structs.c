// Structures passed as variable arguments: small in registers, float pairs, mixed, big by value.
// expect: 12335
#include <stdarg.h>
#include <stdio.h>

struct s1 { char c; };
struct s3 { char c[3]; };
struct s5 { char c[5]; };
struct s8 { int a, b; };
struct s12 { int a, b, c; };
struct s16 { long a, b; };
struct ff { float x, y; };
struct fff { float x, y, z; };
struct dl { double d; long l; };
struct dd { double x, y; };
struct s40 { long a[5]; };
struct s17 { char c[17]; };

static int deep(int n) { return n ? deep(n - 1) + n : 0; }

static double sum(int n, ...)
{
	va_list ap;
	double s = 0;
	va_start(ap, n);
	for (int i = 0; i < n; i++) {
		struct s1 a = va_arg(ap, struct s1);
		struct s3 b = va_arg(ap, struct s3);
		s += deep(i) + a.c + b.c[2];
		struct s5 c = va_arg(ap, struct s5);
		struct s8 d = va_arg(ap, struct s8);
		struct s12 e = va_arg(ap, struct s12);
		s += deep(2) * c.c[4] + d.a * d.b + e.c;
		struct s16 f = va_arg(ap, struct s16);
		struct ff g = va_arg(ap, struct ff);
		struct fff h = va_arg(ap, struct fff);
		s += f.a - f.b + g.x * g.y + h.z * deep(1);
		struct dl k = va_arg(ap, struct dl);
		struct dd l = va_arg(ap, struct dd);
		struct s40 m = va_arg(ap, struct s40);
		struct s17 q = va_arg(ap, struct s17);
		s += k.d * k.l + l.x / l.y + m.a[deep(1)] + m.a[4] + q.c[16];
		s += va_arg(ap, int);
	}
	va_end(ap);
	return s;
}

#define GROUP(i) \
	(struct s1){(char)i}, (struct s3){{1, 2, 3}}, (struct s5){{1, 2, 3, 4, 5}}, (struct s8){i, 3}, (struct s12){1, 2, i}, \
	(struct s16){i, 9}, (struct ff){i, .5f}, (struct fff){1, 2, i}, (struct dl){.5, i}, (struct dd){i, 4}, \
	(struct s40){{1, i, 3, 4, 5}}, (struct s17){.c[16] = 7}, i

int main(void)
{
	double total = 0;
	for (int i = 0; i < 40; i++)
		total += sum(1, GROUP(i)) + sum(3, GROUP(i), GROUP(2), GROUP(-i));
	printf("%.17g\n", total);
	return 0;
}
