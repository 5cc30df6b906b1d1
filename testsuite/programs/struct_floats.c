// Pairs and triples of float and double by value: x86_64 packs two floats in one register, aarch64 does not.
// expect: -969.59018899510238 -0x1.e4cb8b5020364p+9
#include <stdio.h>

struct f1 { float x; };
struct f2 { float x, y; };
struct f3 { float x, y, z; };
struct f4 { float v[4]; };
struct d1 { double x; };
struct d2 { double x, y; };
struct d3 { double x, y, z; };

static struct f1 g1(struct f1 a, int n) { if (n) { a = g1(a, n - 1); a.x += 0.5f; } return a; }
static struct f2 g2(struct f2 a, int n) { if (n) { a = g2(a, n - 1); a.x += a.y; a.y *= 0.5f; } return a; }
static struct f3 g3(struct f3 a, int n) { if (n) { a = g3(a, n - 1); a.x -= a.z; a.z += a.y; } return a; }
static struct f4 g4(struct f4 a, int n) { if (n) { a = g4(a, n - 1); a.v[n & 3] += a.v[(n + 1) & 3]; } return a; }
static struct d1 h1(struct d1 a, int n) { if (n) { a = h1(a, n - 1); a.x *= 1.25; } return a; }
static struct d2 h2(struct d2 a, int n) { if (n) { a = h2((struct d2){a.y, a.x}, n - 1); a.y += 1; } return a; }
static struct d3 h3(struct d3 a, struct f2 b, int n) { if (n) { a = h3(a, b, n - 1); a.x += b.y; a.z -= b.x; } return a; }

int main(void)
{
	double s = 0;
	for (int n = 0; n < 14; n++) {
		struct f1 a = g1((struct f1){1}, n);
		struct f2 b = g2((struct f2){1, 2}, n);
		struct f3 c = g3((struct f3){1, 2, 3}, n);
		struct f4 d = g4((struct f4){{1, 2, 3, 4}}, n);
		struct d1 e = h1((struct d1){3}, n);
		struct d2 f = h2((struct d2){4, 5}, n);
		struct d3 g = h3((struct d3){6, 7, 8}, b, n);
		s += a.x + b.x * b.y + c.x * c.y + c.z + d.v[0] - d.v[3] + e.x + f.x / f.y + g.x - g.z;
	}
	printf("%.17g %a\n", s, s);
	return 0;
}
