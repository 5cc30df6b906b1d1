// malloc, calloc, realloc, aligned_alloc and free in random order, contents checked.
// rebuild-every: 7
// expect: 0 1202 306
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned seed = 99;
static unsigned next(unsigned n) { return (seed = seed * 1103515245u + 12345u) >> 8 & 0xffff ? (seed >> 8) % n : 0; }

static int intact(const unsigned char *p, size_t n, unsigned char mark)
{
	return n == 0 || (*p == mark && intact(p + (n > 64 ? n / 8 : 1), n - (n > 64 ? n / 8 : 1), mark));
}

int main(void)
{
	enum { SLOTS = 60 };
	unsigned char *p[SLOTS] = {0};
	size_t size[SLOTS] = {0};
	long bad = 0, done = 0, zero = 0;
	for (int round = 0; round < 1500; round++) {
		unsigned k = next(SLOTS), n = next(round % 100 == 0 ? 200000 : 900) + 1;
		bad += p[k] && !intact(p[k], size[k], (unsigned char)k);
		switch (next(5)) {
		case 0: free(p[k]); p[k] = 0; size[k] = 0; continue;
		case 1: free(p[k]); p[k] = malloc(n); break;
		case 2: free(p[k]); p[k] = calloc(n, 1); zero += intact(p[k], n, 0); break;
		case 3: p[k] = realloc(p[k], n); bad += size[k] && !intact(p[k], n < size[k] ? n : size[k], (unsigned char)k); break;
		default: free(p[k]); p[k] = aligned_alloc(256, (n + 255) / 256 * 256); bad += (uintptr_t)p[k] % 256 != 0;
		}
		memset(p[k], (int)k, n);
		size[k] = n;
		done++;
	}
	for (int k = 0; k < SLOTS; k++)
		free(p[k]);
	printf("%ld %ld %ld\n", bad, done, zero);
	return 0;
}
