// Unions by value and through pointers; the bits must be the same whichever ISA reads them.
// expect: aa5136f03176ce22 e8bd0ec7 24
#include <stdint.h>
#include <stdio.h>

union bits { double d; uint64_t u; uint8_t b[8]; struct { uint32_t low, high; } w; };
union wide { int i; char text[24]; union bits in[3]; };

static union bits next(union bits x, int n)
{
	if (n == 0)
		return x;
	x = next(x, n - 1);
	x.d = x.d * 1.5 - 1.0 / n;
	x.w.low ^= x.b[6];
	return x;
}

static union wide fill(union wide w, int n)
{
	if (n < 0)
		return w;
	w.in[n % 3] = next(w.in[(n + 1) % 3], n);
	w.text[n] ^= (char)n;
	return fill(w, n - 1);
}

int main(void)
{
	union wide w = {.in = {{1.0}, {2.0}, {-3.0}}};
	uint64_t h = 0;
	for (int i = 0; i < 12; i++) {
		w = fill(w, i % 9);
		for (int k = 0; k < 3; k++)
			h = h * 1099511628211u + (w.in[k].u & 0xffffffffffff);
	}
	printf("%llx %x %zu\n", (unsigned long long)h, (unsigned)w.i, sizeof w);
	return 0;
}
