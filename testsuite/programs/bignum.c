// Big-number factorials and powers with carries, in static and heap arrays, printed in decimal.
// rebuild-every: 5
// expect: 815915283247897734345611269596115894272000000000
// expect: 29192
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct big { int used; uint32_t d[]; };

static struct big *times(struct big *b, uint32_t m)
{
	uint64_t carry = 0;
	for (int i = 0; i < b->used; i++) {
		carry += (uint64_t)b->d[i] * m;
		b->d[i] = (uint32_t)(carry % 1000000000);
		carry /= 1000000000;
	}
	if (carry) {
		b = realloc(b, sizeof *b + sizeof b->d[0] * (size_t)(b->used + 1));
		b->d[b->used++] = (uint32_t)carry;
	}
	return b;
}

static struct big *factorial(int n)
{
	if (n == 0) {
		struct big *b = malloc(sizeof *b + sizeof b->d[0]);
		b->used = 1;
		b->d[0] = 1;
		return b;
	}
	return times(factorial(n - 1), (uint32_t)n);
}

static int digit_sum(const struct big *b)
{
	int s = 0;
	for (int i = 0; i < b->used; i++)
		for (uint32_t x = b->d[i]; x; x /= 10)
			s += (int)(x % 10);
	return s;
}

int main(void)
{
	int sums = 0;
	for (int n = 0; n <= 100; n += 20) {
		struct big *b = factorial(n);
		sums = sums * 7 % 100003 + digit_sum(b);
		if (n == 40) {
			printf("%u", b->d[b->used - 1]);
			for (int i = b->used - 2; i >= 0; i--)
				printf("%09u", b->d[i]);
			printf("\n");
		}
		free(b);
	}
	printf("%d\n", sums);
	return 0;
}
