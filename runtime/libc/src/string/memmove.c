#include <string.h>
#include <stdint.h>

#define GET(p) __extension__ ({ uint64_t v_; __builtin_memcpy(&v_, p, sizeof v_); v_; })
#define PUT(p, v) __extension__ ({ uint64_t v_ = v; __builtin_memcpy(p, &v_, sizeof v_); })

void *memmove(void *dest, const void *src, size_t n)
{
	unsigned char *d = dest;
	const unsigned char *s = src;

	if ((uintptr_t)d - (uintptr_t)s >= n && (uintptr_t)s - (uintptr_t)d >= n) return memcpy(dest, src, n);
	if (d == s) return dest;
	if (d < s) {
		for (; n >= 16; n -= 16, d += 16, s += 16) {
			uint64_t w0 = GET(s), w1 = GET(s + 8);
			PUT(d, w0);
			PUT(d + 8, w1);
		}
		if (n >= 8) {
			uint64_t w = GET(s);
			PUT(d, w);
			n -= 8, d += 8, s += 8;
		}
		while (n--) *d++ = *s++;
	} else {
		while (n >= 16) {
			n -= 16;
			uint64_t w0 = GET(s + n), w1 = GET(s + n + 8);
			PUT(d + n, w0);
			PUT(d + n + 8, w1);
		}
		if (n >= 8) {
			n -= 8;
			uint64_t w = GET(s + n);
			PUT(d + n, w);
		}
		while (n--) d[n] = s[n];
	}
	return dest;
}
