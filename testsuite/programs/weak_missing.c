// A function and an object that may be missing, and are: their address is a constant across calls, which the linker knows.
// flags: -O0
// expect: 40 1 1
#include <stdio.h>

int missing(int) __attribute__((weak));
extern int absent __attribute__((weak));

__attribute__((noinline)) static int twice(int n) { return n ? twice(n - 1) + 2 : 0; }

int main(void)
{
	int sum = 0;
	int *where = &absent;
	for (int i = 0; i < 5; i++) {
		if (missing) sum += missing(i);
		sum += twice(i) * 2;
		if (where) sum += *where;
	}
	printf("%d %d %d\n", sum, missing == 0, &absent == where);
	return 0;
}
