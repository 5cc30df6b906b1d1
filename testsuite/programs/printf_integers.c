// printf of integers, strings, characters and pointers' kin: every length, flag, width and precision.
// expect: -2147483648|-2147483648|-2147483648|-2147483648|-2147483648|-2147483648|-2147483648|0x80000000|020000000000|-2147483648|-2147483648|-2147483648
// expect: a    bc    |string|str|     str|str     |%|43 feedfacecafebeef -5 3033840354
#include <inttypes.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>

static unsigned hash(const char *s, unsigned h) { return *s ? hash(s + 1, h * 31 + (unsigned char)*s) : h; }

int main(void)
{
	char text[256];
	unsigned h = 0;
	long long v[] = {0, 1, -1, 42, INT_MIN, INT_MAX, UINT_MAX, LLONG_MIN, LLONG_MAX, 255, -128};
	for (unsigned i = 0; i < sizeof v / sizeof *v; i++) {
		snprintf(text, sizeof text, "%hhd %hhu %hd %hx %d %u %o %X %ld %lu %lld %llx %jd %zu %td", (signed char)v[i], (unsigned char)v[i],
			(short)v[i], (unsigned short)v[i], (int)v[i], (unsigned)v[i], (unsigned)v[i], (unsigned)v[i], (long)v[i], (unsigned long)v[i],
			v[i], (unsigned long long)v[i], (intmax_t)v[i], (size_t)v[i], (ptrdiff_t)v[i]);
		h = hash(text, h);
		snprintf(text, sizeof text, "%+d|% d|%05d|%-7d|%7d|%.3d|%8.5d|%#x|%#o|%*d|%-*d|%.*d", (int)v[i], (int)v[i], (int)v[i], (int)v[i],
			(int)v[i], (int)v[i], (int)v[i], (unsigned)v[i], (unsigned)v[i], 9, (int)v[i], 9, (int)v[i], 4, (int)v[i]);
		h = hash(text, h);
		if (i == 4)
			puts(text);
	}
	int n = 0;
	printf("%c%5c%-5c|%s|%.3s|%8s|%-8s|%%|%n", 'a', 'b', 'c', "string", "string", "str", "str", &n);
	printf("%d %" PRIx64 " %" PRId32 " %u\n", n, (uint64_t)0xfeedfacecafebeef, (int32_t)-5, h);
	return 0;
}
