// At -O3 loops are unrolled, vectorised and turned inside out; live values are many.
// flags: -O3
// rebuild-every: 3
// expect: 0x1.75d61463f2b52p+12 0x1.c631e52ff52d4p+9 6300 2070
#include <stdio.h>

static double cube[8][8][8];
static int visit(int n) { return n > 0 ? visit(n - 3) + 1 : n; }

static double kernel(const double *restrict a, const double *restrict b, double *restrict c, int n)
{
	double s0 = 0, s1 = 1, s2 = 2, s3 = 3, s4 = 4, s5 = 5, s6 = 6, s7 = 7;
	for (int i = 0; i + 8 <= n; i += 8) {
		s0 += a[i] * b[i], s1 -= a[i + 1] * b[i + 1], s2 += a[i + 2] / (b[i + 2] + 1), s3 += a[i + 3];
		s4 += b[i + 4] * s0, s5 -= b[i + 5], s6 += a[i + 6] - b[i + 6], s7 += visit(i % 11) * a[i + 7];
		c[i] = s0 + s7, c[i + 1] = s1 * s2;
	}
	return s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7;
}

int main(void)
{
	double a[64], b[64], c[64] = {0}, s = 0;
	int counts[16] = {0};
	for (int i = 0; i < 64; i++)
		a[i] = i * 0.5, b[i] = 64 - i;
	for (int r = 0; r < 30; r++) {
		s += kernel(a, b, c, 64) * 0x1p-10;
		for (int x = 0; x < 8; x++)
			for (int y = 0; y < 8; y++)
				for (int z = 0; z < 8; z++)
					cube[x][y][z] += c[(x * 8 + y) % 64] * 0x1p-8 + z;
		for (int i = 0; i < 64; i++)
			counts[(visit(i) + 16) % 16] += i, a[i] += c[i % 9] * 0x1p-20;
	}
	double t = 0;
	for (int x = 0; x < 8; x++)
		for (int y = 0; y < 8; y++)
			t += cube[x][y][x ^ y];
	printf("%a %a %d %d\n", s, t, counts[3], counts[7]);
	return 0;
}
