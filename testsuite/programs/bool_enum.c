// _Bool, enumerations and characters across calls keep only the values they may have.
// roam-every: 10
// expect: 29 23 23 0 62026 111
#include <stdbool.h>
#include <stdio.h>

enum colour { RED = -3, GREEN, BLUE = 1000 };
enum big { HUGE_ONE = 0x100000001LL };

static bool odd(int n);
static bool even(int n) { return n == 0 ? true : odd(n - 1); }
static bool odd(int n) { return n == 0 ? false : even(n - 1); }

static enum colour next(enum colour c, int n)
{
	if (n)
		return next(c == RED ? GREEN : c == GREEN ? BLUE : RED, n - 1);
	return c;
}

int main(void)
{
	int count[3] = {0};
	bool parity = false;
	long long sum = 0;
	for (int i = 0; i < 150; i++) {
		enum colour c = next(RED, i % 13);
		enum big b = (enum big)(HUGE_ONE + i);
		bool even_i = even(i % 20);
		char ch = (char)('a' + i % 26);
		parity ^= odd(i % 7);
		count[c == RED ? 0 : c == GREEN ? 1 : 2] += even_i;
		sum += (long long)b * (parity ? 1 : -1) + ch + c;
	}
	int *pointer = count + (sum == 1);
	double quarter = 0.25 + (sum == 1);
	bool from_pointer = pointer, from_double = quarter, from_int = 256;
	printf("%d %d %d %d %lld %d%d%d\n", count[0], count[1], count[2], parity, sum, from_pointer, from_double, from_int);
	return 0;
}
