// GNU vector types live across calls, passed and returned by value, and mixed with scalars.
// flags: -fwrapv
// expect: -171771977 -713309505 -1068834441 38880825 0x1.114e68p+6 0x1.75c72a8eb31d8p-5 4214
#include <stdio.h>

typedef int v4 __attribute__((vector_size(16)));
typedef double d2 __attribute__((vector_size(16)));
typedef unsigned char b16 __attribute__((vector_size(16)));

static v4 step(v4 a, int n) { return n ? step(a * 3 + (v4){1, 2, 3, n}, n - 1) ^ a : a; }
static d2 mean(d2 a, d2 b, int n) { return n ? mean(b, (a + b) * 0.5, n - 1) + a * 0.125 : b; }

int main(void)
{
	v4 s = {1, -1, 100, 7};
	d2 d = {0.5, 4};
	b16 bytes = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
	int sum = 0;
	for (int i = 0; i < 40; i++) {
		v4 before = s;
		s = step(s, i % 6);
		s += before > s;
		d = mean(d, (d2){i, 1.0 / (i + 1)}, i % 5);
		bytes = bytes * (b16)(v4){0x03010305, 0x05070301, 0x01030705, 0x0b0d0101} + 1;
		sum += bytes[i % 16] + before[i % 4] % 10;
	}
	printf("%d %d %d %d %a %a %d\n", s[0], s[1], s[2], s[3], d[0], d[1], sum);
	return 0;
}
