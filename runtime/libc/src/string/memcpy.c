#include <string.h>
#include <stdint.h>

/* Blocks of 16 bytes, by loads and stores that may be unaligned: all our ISAs have them. Short copies overlap
 * two blocks instead of looping over the rest. */

#define GET(type, p) __extension__ ({ type v_; __builtin_memcpy(&v_, p, sizeof v_); v_; })
#define PUT(type, p, v) __extension__ ({ type v_ = v; __builtin_memcpy(p, &v_, sizeof v_); })

void *memcpy(void *restrict dest, const void *restrict src, size_t n)
{
	unsigned char *d = dest;
	const unsigned char *s = src;

	if (n >= 16) {
		const unsigned char *last = s + n - 16;
		unsigned char *dlast = d + n - 16;
		uint64_t tail0 = GET(uint64_t, last), tail1 = GET(uint64_t, last + 8);

		for (; n > 64; n -= 64, s += 64, d += 64) {
			uint64_t w0 = GET(uint64_t, s), w1 = GET(uint64_t, s + 8), w2 = GET(uint64_t, s + 16);
			uint64_t w3 = GET(uint64_t, s + 24), w4 = GET(uint64_t, s + 32), w5 = GET(uint64_t, s + 40);
			uint64_t w6 = GET(uint64_t, s + 48), w7 = GET(uint64_t, s + 56);
			PUT(uint64_t, d, w0);
			PUT(uint64_t, d + 8, w1);
			PUT(uint64_t, d + 16, w2);
			PUT(uint64_t, d + 24, w3);
			PUT(uint64_t, d + 32, w4);
			PUT(uint64_t, d + 40, w5);
			PUT(uint64_t, d + 48, w6);
			PUT(uint64_t, d + 56, w7);
		}
		for (; n > 16; n -= 16, s += 16, d += 16) {
			uint64_t w0 = GET(uint64_t, s), w1 = GET(uint64_t, s + 8);
			PUT(uint64_t, d, w0);
			PUT(uint64_t, d + 8, w1);
		}
		PUT(uint64_t, dlast, tail0);
		PUT(uint64_t, dlast + 8, tail1);
	} else if (n >= 8) {
		uint64_t head = GET(uint64_t, s), tail = GET(uint64_t, s + n - 8);
		PUT(uint64_t, d, head);
		PUT(uint64_t, d + n - 8, tail);
	} else if (n >= 4) {
		uint32_t head = GET(uint32_t, s), tail = GET(uint32_t, s + n - 4);
		PUT(uint32_t, d, head);
		PUT(uint32_t, d + n - 4, tail);
	} else if (n) {
		unsigned char first = s[0], middle = s[n / 2], end = s[n - 1];
		d[0] = first;
		d[n / 2] = middle;
		d[n - 1] = end;
	}
	return dest;
}
