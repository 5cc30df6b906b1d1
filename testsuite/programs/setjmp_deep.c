// longjmp out of recursion 5000 deep, again and again, and by a value of zero.
// rebuild-every: 307
// move-every: 4001
// timeout: 120
// expect: 28084 12 84 27538
#include <setjmp.h>
#include <stdio.h>

static jmp_buf top;
static long passed;

static int sink(int n, int limit, int *above)
{
	int mine = *above + 1;
	passed++;
	if (n == limit)
		longjmp(top, mine % 2 ? mine : 0);
	return sink(n + 1, limit, &mine) + mine;
}

int main(void)
{
	volatile int round = 0, start = 0;
	volatile long sum = 0;
	int code = setjmp(top);
	sum += code;
	if (round < 12) {
		round++;
		int first = start = round * 7;
		sink(0, round * 417 % 5000, &first);
	}
	printf("%ld %d %d %ld\n", sum, round, start, passed);
	return 0;
}
