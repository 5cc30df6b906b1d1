// Structures returned in registers and by memory, from direct calls, through pointers, and used without a name.
// expect: 4875 -40379 2504730781961 956722026041
#include <stdio.h>

struct two { long q, r; };
struct five { int a, b, c, d, e; };
struct matrix { double m[2][2]; };

static struct two divide(long a, long b)
{
	if (a < b)
		return (struct two){0, a};
	struct two t = divide(a - b, b);
	t.q++;
	return t;
}

static struct five sort5(int a, int b, int c, int d, int e)
{
	if (a > b) return sort5(b, a, c, d, e);
	if (b > c) return sort5(a, c, b, d, e);
	if (c > d) return sort5(a, b, d, c, e);
	if (d > e) return sort5(a, b, c, e, d);
	return (struct five){a, b, c, d, e};
}

static struct matrix times(struct matrix a, struct matrix b)
{
	struct matrix r = {{{0}}};
	for (int i = 0; i < 2; i++)
		for (int j = 0; j < 2; j++)
			for (int k = 0; k < 2; k++)
				r.m[i][j] += a.m[i][k] * b.m[k][j];
	return r;
}

static struct matrix power(struct matrix a, int n)
{
	return n == 1 ? a : n % 2 ? times(a, power(a, n - 1)) : power(times(a, a), n / 2);
}

int main(void)
{
	struct two (*volatile d)(long, long) = divide;
	long sum = 0;
	for (int i = 1; i < 40; i++)
		sum += d(i * 37, i).q * 3 + divide(1000, i + 13).r;
	struct five f = sort5(9, -4, 7, 0, 3);
	struct matrix m = power((struct matrix){{{1, 1}, {1, 0}}}, 60);
	printf("%ld %d%d%d%d%d %.0f %.0f\n", sum, f.a, f.b, f.c, f.d, f.e, m.m[0][0], power(m, 1).m[1][1]);
	return 0;
}
