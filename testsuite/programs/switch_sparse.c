// A sparse switch with negative, large and 64-bit cases, ranges that fall through, and a default in the middle.
// expect: 11 10 3 3 99 4 5 99 1100 1000 7 8 4508910
#include <limits.h>
#include <stdio.h>

static int kind(long long v)
{
	int r = 0;
	switch (v) {
	case LLONG_MIN: r += 1; /* fall through */
	case -1000000: r += 10; break;
	case -7: case -6: case -5: return 3;
	default: r = 99; break;
	case 0: r = 4; break;
	case 'a': case 'b': case 'c': r = 5; break;
	case 65537: r += 100; /* fall through */
	case 0x7fffffff: r += 1000; break;
	case 0x123456789abcdefLL: r = 7; break;
	case LLONG_MAX: r = 8;
	}
	return r;
}

static int count(int depth, long long v)
{
	return depth ? count(depth - 1, v) + kind(v) : kind(v);
}

int main(void)
{
	static const long long v[] = {LLONG_MIN, -1000000, -7, -5, -4, 0, 'b', 'd', 65537, 0x7fffffff, 0x123456789abcdefLL, LLONG_MAX};
	int total = 0;
	for (int round = 0; round < 20; round++)
		for (unsigned i = 0; i < sizeof v / sizeof *v; i++)
			total += count(round, v[i]) * (int)(i + 1);
	for (unsigned i = 0; i < sizeof v / sizeof *v; i++)
		printf("%d ", kind(v[i]));
	printf("%d\n", total);
	return 0;
}
