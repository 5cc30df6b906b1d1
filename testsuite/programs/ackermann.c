// Ackermann's function: recursion in an argument.
// rebuild-every: 101
// move-every: 2003
// expect: 1 2 3 4 5
// expect: 2 3 4 5 6
// expect: 3 5 7 9 11
// expect: 5 13 29 61 125
// expect: 13591
#include <stdio.h>

static unsigned calls;

static unsigned ackermann(unsigned m, unsigned n)
{
	calls++;
	if (m == 0)
		return n + 1;
	if (n == 0)
		return ackermann(m - 1, 1);
	return ackermann(m - 1, ackermann(m, n - 1));
}

int main(void)
{
	for (unsigned m = 0; m < 4; m++)
		for (unsigned n = 0; n < 5; n++)
			printf("%u%c", ackermann(m, n), n == 4 ? '\n' : ' ');
	printf("%u\n", calls);
	return 0;
}
