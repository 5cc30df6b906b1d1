// Vectors of 32 and 64 bytes passed and returned: directly, through pointers, by functions that touch no memory.
// flags: -fwrapv -Wno-psabi
// expect: -869220071 1619095418 643936314 38880825 807832429 -1128565239 -84896246 -84896246 0x1.114e68p+6 0x1.75c72a8eb31d8p-5 0x1.46a419cp+11 0x0p+0 0x1.b7bf2p+3 0x1.b9cfa4p+3 0x1.bbe026p+3 0x1.bdf0a8p+3 0x1.c0012ap+3 0x1.c211acp+3 0x1.c4222ep+3 0x1.c632bp+3 0x1.c84332p+3 0x1.ca53b4p+3 0x1.cc6436p+3 0x1.ce74b8p+3 0x1.d0853ap+3 0x1.d295bcp+3 0x1.d4a63ep+3 0x1.d6b6cp+3 5064
#include <stdio.h>

typedef int v8 __attribute__((vector_size(32)));
typedef double d4 __attribute__((vector_size(32)));
typedef float f16 __attribute__((vector_size(64)));
typedef unsigned char b32 __attribute__((vector_size(32)));

static v8 __attribute__((noinline)) step(v8 a, int n) { return n ? step(a * 3 + n, n - 1) ^ a : a; }
static d4 __attribute__((noinline)) mean(d4 a, d4 b, int n) { return n ? mean(b, (a + b) * 0.5, n - 1) + a * 0.125 : b; }
static f16 __attribute__((noinline)) wide(f16 a, float x) { return x > 8 ? a : wide(a * 0.5f + x, x + 1.25f); }
static b32 __attribute__((noinline, const)) mixed(b32 a, b32 b) { return (a << 3 | a >> 5) ^ b; }

static b32 (*volatile chosen)(b32, b32) = mixed;

int main(void)
{
	v8 s = {1, -1, 100, 7, 9, 1 << 20, -5, 3};
	d4 d = {0.5, 4, -1, 1e9};
	f16 f = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
	b32 b = {1, 2, 3, 250};
	int sum = 0;

	for (int i = 0; i < 40; i++) {
		v8 before = s;
		s = step(s, i % 6);
		s += before > s;
		d = mean(d, (d4){i, 1.0 / (i + 1), i * i}, i % 5);
		f = wide(f + (f16){1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, i % 7);
		b = mixed(chosen(b, (b32)s), (b32)d);
		step(s, 2);
		sum += before[i % 8] % 10 + b[i % 32];
	}
	for (int i = 0; i < 8; i++) printf("%d ", s[i]);
	for (int i = 0; i < 4; i++) printf("%a ", d[i]);
	for (int i = 0; i < 16; i++) printf("%a ", f[i]);
	printf("%d\n", sum);
	return 0;
}
