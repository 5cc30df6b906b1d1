// Naive Fibonacci: a call in an addition, thousands of times.
// rebuild-every: 3
// move-every: 307
// expect: 0,1,1,2,3,5,8,13,21,34,55,89,144,233,377,610,987,1597
#include <stdio.h>

static long fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

int main(void)
{
	for (int i = 0; i < 18; i++)
		printf("%ld%s", fib(i), i == 17 ? "\n" : ",");
	return 0;
}
