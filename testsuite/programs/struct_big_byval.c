// Structures over 16 bytes passed by value: the callee's changes must not reach the caller's.
// expect: 30140 6 6 804 777
#include <stdio.h>

struct big { long a[5]; char tail; };
struct huge { int v[60]; };

static long burrow(struct big b, int n)
{
	b.a[n % 5] += n;
	b.tail++;
	if (n == 0)
		return b.a[0] + b.a[1] * 3 + b.a[2] * 5 + b.a[3] * 7 + b.a[4] * 11 + b.tail;
	long r = burrow(b, n - 1);
	b.a[0]++;
	return r + b.a[n % 5] + b.tail;
}

static struct huge rotate(int first, struct huge h, struct big b, int last)
{
	struct huge r;
	for (int i = 0; i < 60; i++)
		r.v[i] = h.v[(i + first) % 60] + (int)b.a[i % 5] * last;
	return first ? rotate(first - 1, r, b, last + 1) : r;
}

int main(void)
{
	struct big b = {{1, 2, 3, 4, 5}, 6};
	struct huge h;
	long sum = 0;
	for (int i = 0; i < 60; i++)
		h.v[i] = i * i;
	for (int n = 0; n < 25; n++)
		sum += burrow(b, n);
	struct huge r = rotate(7, h, b, -2);
	printf("%ld %ld %d %d %d\n", sum, b.a[0] + b.a[4], b.tail, r.v[0], r.v[59]);
	return 0;
}
