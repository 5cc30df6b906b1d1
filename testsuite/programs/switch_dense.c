// A dense switch in a loop: the jump table must lead to the same cases on every ISA.
// expect: 661884468
// expect: 267 258 283 267 464 362 211 225 203 221 239
#include <stdio.h>

static unsigned step(unsigned op, unsigned x);

static unsigned apply(unsigned op, unsigned x)
{
	switch (op) {
	case 0: return x + 1;
	case 1: return x * 3;
	case 2: return x ^ 0x5a5a;
	case 3: return x >> 3 | x << 29;
	case 4: return step(op + 1, x);
	case 5: return ~x;
	case 6: return x - 7;
	case 7: return x % 1009;
	case 8: return step(2, x) + step(1, x);
	case 9: return x * x;
	default: return x;
	}
}

static unsigned step(unsigned op, unsigned x)
{
	return apply(op % 11, x) + 1;
}

int main(void)
{
	unsigned x = 1, hits[11] = {0};
	for (unsigned i = 0; i < 3000; i++) {
		unsigned op = (x >> 4) % 11;
		hits[op]++;
		x = step(op, x) + i;
	}
	printf("%u\n", x);
	for (int i = 0; i < 11; i++)
		printf("%u%c", hits[i], i == 10 ? '\n' : ' ');
	return 0;
}
