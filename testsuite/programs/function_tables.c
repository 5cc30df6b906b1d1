// Function pointers in constant tables, in structures, as arguments and results, compared and called.
// expect: -955 140 other
#include <stdio.h>

typedef int (*unary)(int);
typedef unary (*chooser)(int);

static int inc(int x) { return x + 1; }
static int dbl(int x) { return x * 2 % 10007; }
static int neg(int x) { return -x; }
static int sqr(int x) { return x % 100 * (x % 100); }
static unary const table[] = {inc, dbl, neg, sqr};

static int repeat(unary f, int x, int n) { return n ? repeat(f, f(x), n - 1) : x; }
static unary pick(int n) { return table[n & 3]; }
static unary other(int n) { return n % 2 ? dbl : inc; }

static const struct { const char *name; chooser choose; unary fallback; } rules[] = {
	{"pick", pick, neg}, {"other", other, sqr}, {"none", 0, inc},
};

static int compose(unary *f, int n, int x) { return n ? compose(f + 1, n - 1, (*f)(x)) : x; }

int main(void)
{
	long sum = 0;
	int same = 0;
	for (int i = 0; i < 80; i++) {
		for (unsigned r = 0; r < 3; r++) {
			unary f = rules[r].choose ? rules[r].choose(i) : rules[r].fallback;
			sum += repeat(f, i, i % 6) * (long)(r + 1);
			same += f == table[i & 3];
		}
		unary chain[] = {inc, pick(i), other(i), dbl, neg};
		sum ^= compose(chain, 5, i);
	}
	printf("%ld %d %s\n", sum, same, rules[1].name);
	return 0;
}
