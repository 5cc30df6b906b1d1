// Thread-local variables of several types, initialised and zero, static, extern and inside functions.
// expect: 4537 56.0000001043081 -80 438 1099511532076 132485
// expect: 436 442 0
#include <stdio.h>

static _Thread_local int number = 42;
_Thread_local double real = 2.5;
static _Thread_local char text[12] = "thread";
static _Thread_local struct { short a; long b; } pair = {3, 1L << 40};
static _Thread_local int *pointer;
static __thread _Alignas(64) char aligned[64];
static int shared = 7;
static _Thread_local int *to_shared = &shared;

static int *counter(void)
{
	static _Thread_local int count;
	count++;
	return &count;
}

static long churn(int n)
{
	if (n == 0)
		return *pointer;
	int *before = &number;
	number += n;
	long r = churn(n - 1);
	real = real * 0.5 + n;
	text[n % 6]++;
	pair.b -= pair.a++;
	return r + (before == &number) + *counter();
}

int main(void)
{
	long s = 0;
	pointer = &number;
	for (int i = 0; i < 30; i++) {
		s += churn(i);
		*to_shared += i;
		aligned[i]++;
	}
	printf("%d %.15g %d %d %ld %ld\n", number, real, text[0], pair.a, pair.b, s);
	printf("%d %d %d\n", *counter(), shared, (int)((unsigned long)aligned % 64));
	return 0;
}
