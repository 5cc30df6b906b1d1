// Integers of every width and sign, live across calls that need all registers.
// flags: -fwrapv
// expect: 15090062842895403351 47a9e77963b16cd8
#include <stdio.h>

static int depth_of(int n) { return n > 0 ? 1 + depth_of(n - 1) : 0; }

static unsigned long long mix(int n)
{
	signed char a = (signed char)(n * 37);
	unsigned char b = (unsigned char)(n * 41);
	short c = (short)(n * 12345);
	unsigned short d = (unsigned short)(n * 54321);
	int e = n * 1234567891;
	unsigned f = n * 3234567891u;
	long g = n * -1234567890123456789L;
	unsigned long h = n * 9876543210987654321uL;
	long long i = ~(long long)n << 33;
	unsigned long long j = 1ull << (n & 63);
	char k = (char)(n * 91);
	for (int r = 0; r < 4; r++) {
		int x = depth_of(r + 1);
		a = (signed char)(a + x), b = (unsigned char)(b * 3), c = (short)(c - a), d = (unsigned short)(d + b);
		e ^= c << 3, f += d, g += e, h ^= g, i -= (long long)h >> 7, j = j << 1 | j >> 63, k = (char)(k ^ a);
	}
	return (unsigned long long)(a + b + c + d) + e + f + g + h + i + j + k;
}

int main(void)
{
	unsigned long long sum = 0;
	for (int n = -60; n < 60; n++)
		sum = sum * 31 + mix(n);
	printf("%llu %llx\n", sum, mix(7));
	return 0;
}
