// Functions that call each other in a ring of three, and Hofstadter's female and male sequences.
// expect: 1/0 1/0 2/1 2/2 3/2 3/3 4/4 5/4 5/5 6/6 6/6 7/7 70489304805833958
#include <stdio.h>

static int female(int n);
static int male(int n) { return n ? n - female(male(n - 1)) : 0; }
static int female(int n) { return n ? n - male(female(n - 1)) : 1; }

static unsigned long b(int n, unsigned long x);
static unsigned long c(int n, unsigned long x);
static unsigned long a(int n, unsigned long x) { return n ? b(n - 1, x * 3 + 1) + x : x; }
static unsigned long b(int n, unsigned long x) { return n ? c(n - 1, x ^ 0x55) * 2 - x : x + 1; }
static unsigned long c(int n, unsigned long x) { return n ? a(n - 1, x >> 1) + (x & 7) : x + 2; }

int main(void)
{
	for (int i = 0; i < 12; i++)
		printf("%d/%d ", female(i), male(i));
	unsigned long sum = 0;
	for (int n = 0; n < 90; n++)
		sum += a(n, n);
	printf("%lu\n", sum);
	return 0;
}
