// 128-bit integers: multiply, divide, shift and convert, live across calls, in structures and as arguments.
// flags: -fwrapv
// expect: 21778907689138546458155590896821483267
// expect: 204103967602621692975577830335115583102 1 30.9705771358 1590897979265384448
#include <stdio.h>

typedef __int128 i128;
typedef unsigned __int128 u128;
struct wide { u128 value; char tag; };

static u128 power(u128 b, int n, u128 m) { return n ? power(b, n - 1, m) * b % m : 1; }
static struct wide wrap(u128 v, int n) { return n ? wrap(v * 3 + n, n - 1) : (struct wide){v, 'w'}; }

static void print(u128 v)
{
	if (v >= 10)
		print(v / 10);
	putchar('0' + (int)(v % 10));
}

static i128 mixed(int a, i128 b, long c, i128 d, short e, i128 f, i128 g, char h)
{
	return a ? mixed(a - 1, b + c, c, d - e, e, f * h, g ^ b, h) + d : b + d + f + g;
}

int main(void)
{
	u128 x = 1;
	i128 y = -1;
	double s = 0;
	for (int i = 1; i < 60; i++) {
		u128 before = x;
		x = x * 0x9e3779b97f4a7c15u + (u128)i;
		x ^= x >> (i * 2 + 1);
		struct wide w = wrap(x, i % 6);
		y = y * 7 - (i128)(w.value >> 70) / (i + 1) + mixed(i % 5, y, i, (i128)x, 3, i, 2, 5);
		y -= (before < x) + power(before | 1, i % 7, ((u128)1 << 61) - 1) % 1000;
		s += (double)x * 0x1p-128 + (double)y * 0x1p-127;
	}
	print(x);
	putchar('\n');
	print((u128)y);
	printf(" %d %.12g %llu\n", y < 0, s, (unsigned long long)(u128)1e25);
	return 0;
}
