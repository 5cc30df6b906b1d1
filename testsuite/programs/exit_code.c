// The value main returns is the exit status, modulo 256; what is buffered is written.
// expect-exit: 205
// no-newline:
// expect: 461 no newline at the end
#include <stdio.h>

static int sum(int n) { return n ? sum(n - 1) + n : 0; }

int main(void)
{
	int code = 0;
	for (int i = 0; i < 42; i++)
		code = (code * 5 + sum(i)) % 1000;
	printf("%d", code);
	printf(" no newline at the end");
	return code;
}
