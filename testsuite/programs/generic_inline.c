// _Generic, inline functions, statement expressions, typeof, and _Static_assert.
// expect: 13456789911
// expect: 74225 5319.140625
#include <stddef.h>
#include <stdio.h>

#define kind(x) _Generic((x), char: 1, signed char: 2, short: 3, int: 4, unsigned: 5, long: 6, float: 7, double: 8, char *: 9, const char *: 10, int (*)(int): 11, default: 99)
#define max(a, b) ({ typeof(a) a_ = (a); typeof(b) b_ = (b); a_ > b_ ? a_ : b_; })
_Static_assert(offsetof(struct { char c; double d; }, d) == 8, "the same layout everywhere");

static inline int grow(int n) { return n > 100 ? n : grow(n * 2 + 1); }
static inline __attribute__((always_inline)) long twice(long x) { return x + grow((int)(x % 50)); }
__attribute__((noinline)) static double apart(double x, int n) { return n ? apart(x * 1.5, n - 1) : x; }
static int absolute_i(int x) { return x < 0 ? -x : x; }
static double absolute_d(double x) { return x < 0 ? -x : x; }
#define absolute(x) _Generic((x), int: absolute_i, double: absolute_d)(x)

int main(void)
{
	char c = 'c', *s = &c;
	short h = 1;
	long sum = 0;
	double real = 0;
	for (int i = 0; i < 200; i++) {
		sum += max(twice(i), (long)grow(i % 7)) + absolute(-i);
		real += apart(0.5, i % 6) + absolute(-0.25 * i);
		sum ^= ({ int t = i * 3; t % 2 ? grow(t) : kind(h) + t; });
	}
	printf("%d%d%d%d%d%d%d%d%d%d\n", kind(c), kind(h), kind(1), kind(1u), kind(1L), kind(1.f), kind(1.), kind(s), kind("x"), kind(grow));
	printf("%ld %.15g\n", sum, real);
	return 0;
}
