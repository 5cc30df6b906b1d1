// Structures that mix integers, floats and pointers, in one or two registers or in memory.
// expect: 82746.002859115601 31 76
#include <stdio.h>

struct if1 { int i; float f; };
struct id { int i; double d; };
struct di { double d; int i; };
struct cfd { char c; float f; double d; };
struct ps { char *p; short s; };
struct lc { long l; char c[3]; };
struct fl { float f; long l; };

static char marks[64];

static struct if1 a(struct if1 x, int n) { if (n) { x = a(x, n - 1); x.i += n; x.f += x.i * 0.25f; } return x; }
static struct id b(struct id x, int n) { if (n) { x = b(x, n - 1); x.d = x.d * 0.5 + x.i++; } return x; }
static struct di c(struct di x, int n) { if (n) { x = c(x, n - 1); x.i += (int)x.d; x.d += 0.5; } return x; }
static struct cfd d(struct cfd x, int n) { if (n) { x = d(x, n - 1); x.c++; x.f += x.c; x.d -= x.f; } return x; }
static struct ps e(struct ps x, int n) { if (n) { x = e(x, n - 1); *x.p++ = (char)(x.s += 3); } return x; }
static struct lc f(struct lc x, int n) { if (n) { x = f(x, n - 1); x.c[n % 3] += 5; x.l = x.l * 3 + x.c[0]; } return x; }
static struct fl g(struct fl x, struct if1 y, struct di z, int n)
{
	if (n) {
		x = g(x, y, z, n - 1);
		x.f += y.f;
		x.l += z.i + y.i + (long)z.d;
	}
	return x;
}

int main(void)
{
	double sum = 0;
	for (int n = 0; n < 20; n++) {
		struct if1 s1 = a((struct if1){n, 1.5f}, n);
		struct id s2 = b((struct id){n, 2.5}, n);
		struct di s3 = c((struct di){1.25, n}, n);
		struct cfd s4 = d((struct cfd){(char)n, 0.5f, 9}, n);
		struct ps s5 = e((struct ps){marks, (short)n}, n);
		struct lc s6 = f((struct lc){n, {1, 2, 3}}, n);
		struct fl s7 = g((struct fl){3.5f, -n}, s1, s3, n);
		sum += s1.i + s1.f + s2.i * s2.d + s3.d + s3.i + s4.c + s4.f + s4.d + (s5.p - marks) + s5.s;
		sum += (double)(s6.l % 1000) + s6.c[1] + s7.f + (double)s7.l;
	}
	printf("%.17g %d %d\n", sum, marks[3], marks[18]);
	return 0;
}
