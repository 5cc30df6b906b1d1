// Merge sort by threads: half of a large piece is another thread's, down to pieces that one sorts alone.
// flags: -pthread
// timeout: 90
// rebuild-every: 2000
// move-every: 30000
// expect: in order 1, the same numbers 1, checksum 53b186cb88a63623
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBERS = 100000, ALONE = 15000, SMALL = 12 };
struct piece { uint32_t *from, *spare; long n; };
static uint32_t numbers[NUMBERS], spare[NUMBERS];

static uint32_t mix(uint32_t x)
{
	x = (x ^ x >> 16) * 0x7feb352d;
	x = (x ^ x >> 15) * 0x846ca68b;
	return x ^ x >> 16;
}

static void insertion(uint32_t *a, long n)
{
	for (long i = 1; i < n; i++) {
		uint32_t v = a[i];
		long k = i;
		for (; k && a[k - 1] > v; k--)
			a[k] = a[k - 1];
		a[k] = v;
	}
}

static void merge(const struct piece *p, long half)
{
	long a = 0, b = half;
	for (long i = 0; i < p->n; i++)
		p->spare[i] = b == p->n || (a < half && p->from[a] <= p->from[b]) ? p->from[a++] : p->from[b++];
	memcpy(p->from, p->spare, (size_t)p->n * sizeof *p->from);
}

static void *sort(void *argument)
{
	const struct piece *p = argument;
	long half = p->n / 2;
	struct piece low = { p->from, p->spare, half }, high = { p->from + half, p->spare + half, p->n - half };
	pthread_t other;

	if (p->n <= SMALL) {
		insertion(p->from, p->n);
		return 0;
	}
	if (p->n > ALONE) {
		if (pthread_create(&other, 0, sort, &high))
			abort();
		sort(&low);
		pthread_join(other, 0);
	} else {
		sort(&low);
		sort(&high);
	}
	merge(p, half);
	return 0;
}

int main(void)
{
	struct piece all = { numbers, spare, NUMBERS };
	uint64_t before = 0, after = 0, sum = 0;
	int ordered = 1;
	for (uint32_t i = 0; i < NUMBERS; i++) {
		numbers[i] = mix(i + 1);
		before += (uint64_t)numbers[i] * numbers[i];
	}
	sort(&all);
	for (int i = 0; i < NUMBERS; i++) {
		ordered &= !i || numbers[i - 1] <= numbers[i];
		after += (uint64_t)numbers[i] * numbers[i];
		sum = sum * 31 + numbers[i];
	}
	printf("in order %d, the same numbers %d, checksum %llx\n", ordered, before == after, (unsigned long long)sum);
	return 0;
}
