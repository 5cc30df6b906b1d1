// Static locals keep their values between calls; each function and each block has its own.
// expect: 32504 6557470319842 5966 2444 L7 L8 161
#include <stdio.h>

static int next_id(void) { static int id = 100; return ++id; }

static const char *label(int n)
{
	static char buffer[4][8];
	static unsigned turn;
	char *p = buffer[turn++ % 4];
	snprintf(p, 8, "L%d", n);
	return p;
}

static long remember(int n)
{
	static long memo[64] = {[1] = 1};
	static int misses;
	if (n < 2)
		return memo[n];
	if (!memo[n]) {
		misses++;
		memo[n] = remember(n - 1) + remember(n - 2);
	}
	{
		static int misses = 1000;
		misses += n;
		if (n == 63)
			return memo[n] + misses * 0;
	}
	return memo[n] + misses * 0;
}

static int *cell(int which)
{
	static int a = 1, b = 2;
	return which ? &a : &b;
}

int main(void)
{
	long s = 0;
	for (int i = 0; i < 60; i++) {
		s += remember(i % 64) % 1009 + next_id();
		*cell(i & 1) += *cell(!(i & 1));
		*cell(i & 1) %= 10007;
	}
	printf("%ld %ld %d %d %s %s %d\n", s, remember(63), *cell(0), *cell(1), label(7), label(8), next_id());
	return 0;
}
