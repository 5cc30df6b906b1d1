/* What the runtime copies and clears, without the program's memcpy: it runs before there is a thread pointer, and
 * in handlers. */
#include "libc.h"

void popcorn_copy(void *to, const void *from, size_t n)
{
	char *t = to;
	const char *f = from;

	for (; n >= 8; n -= 8, t += 8, f += 8) __builtin_memcpy(t, f, 8);
	while (n--) *t++ = *f++;
}

void popcorn_clear(void *at, size_t n)
{
	char *p = at;
	uint64_t zero = 0;

	for (; n >= 8; n -= 8, p += 8) __builtin_memcpy(p, &zero, 8);
	while (n--) *p++ = 0;
}
