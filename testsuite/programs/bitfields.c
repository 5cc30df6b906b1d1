// Bit-fields of every width, signed and unsigned, packed, across units, in structures passed by value.
// expect: 0 0 14 4 4148695842 -4 1 275
// expect: 2170757846054468 1 309107609119483 1945 16 8
#include <stdio.h>

struct fields {
	unsigned a : 1, b : 2, c : 5;
	int d : 7;
	unsigned long long e : 33;
	signed char f : 3;
	_Bool g : 1;
	unsigned : 0;
	unsigned short h : 11;
};

struct __attribute__((packed)) tight { unsigned x : 3; long long y : 50; unsigned z : 11; };

static struct fields step(struct fields s, int n)
{
	if (n == 0)
		return s;
	s = step(s, n - 1);
	s.a++, s.b += 3, s.c -= s.b, s.d += 11;
	s.e = s.e * 7 + s.c;
	s.f += 1, s.g ^= s.f < 0, s.h += (unsigned short)s.e;
	return s;
}

static long long pack(struct tight *t, int n)
{
	if (n == 0)
		return t->y;
	t->x += n, t->y = t->y * 3 - t->x, t->z ^= (unsigned)t->y;
	return pack(t, n - 1) + t->z;
}

int main(void)
{
	struct fields s = {0};
	struct tight t = {5, -12345, 77};
	long long sum = 0;
	for (int n = 0; n < 40; n++) {
		s = step(s, n);
		sum += pack(&t, n) + s.d * s.f + s.h;
	}
	printf("%u %u %u %d %llu %d %d %u\n", s.a, s.b, s.c, s.d, (unsigned long long)s.e, s.f, s.g, s.h);
	printf("%lld %u %lld %u %zu %zu\n", sum, t.x, (long long)t.y, t.z, sizeof s, sizeof t);
	return 0;
}
