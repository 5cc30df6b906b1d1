// Recursion 100000 deep, with values live across every call; a thread's stack travels whole.
// rebuild-every: 20011
// move-every: 20011
// timeout: 120
// expect: 54825021
// expect: 874574539
#include <stdio.h>

struct link {
	struct link *up;
	int depth;
};

static long walk(const struct link *l)
{
	long n = 0;
	for (; l; l = l->up)
		n += l->depth & 3;
	return n;
}

static long down(int n, long acc, struct link *up)
{
	struct link here = {up, n};
	if (n == 0)
		return acc + walk(&here);
	long a = down(n - 1, (acc * 31 + n) % 1000003, &here);
	return (a + here.depth * 7 + acc) % 1000000007;
}

int main(void)
{
	printf("%ld\n", down(100000, 1, 0));
	printf("%ld\n", down(99999, 2, 0));
	return 0;
}
