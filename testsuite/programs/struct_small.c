// Structures of 1 to 16 bytes, passed and returned by value through recursion.
// expect: 511525472 287554 4174839692 665131662
#include <stdio.h>
#include <string.h>

#define SHAPE(N) \
	struct s##N { unsigned char b[N]; }; \
	static struct s##N turn##N(struct s##N s, int n) \
	{ \
		if (n == 0) return s; \
		struct s##N t = turn##N(s, n - 1); \
		for (int i = 0; i < N; i++) t.b[i] = (unsigned char)(t.b[i] * 3 + s.b[N - 1 - i] + n); \
		return t; \
	} \
	static unsigned check##N(int n) \
	{ \
		struct s##N s; \
		unsigned h = N; \
		memset(&s, n, sizeof s); \
		s.b[0] = N; \
		s = turn##N(s, n); \
		for (int i = 0; i < N; i++) h = h * 31 + s.b[i]; \
		return h; \
	}

SHAPE(1) SHAPE(2) SHAPE(3) SHAPE(4) SHAPE(5) SHAPE(6) SHAPE(7) SHAPE(8) SHAPE(9)
SHAPE(10) SHAPE(11) SHAPE(12) SHAPE(13) SHAPE(14) SHAPE(15) SHAPE(16)

int main(void)
{
	unsigned h = 0;
	for (int n = 0; n < 6; n++) {
#define DO(N) h = h * 7 + check##N(n);
		DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11) DO(12) DO(13) DO(14) DO(15) DO(16)
	}
	printf("%u %u %u %u\n", h, check3(4), check11(5), check16(6));
	return 0;
}
