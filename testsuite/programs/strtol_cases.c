// strtol and its kin: bases 2 to 36, signs, limits, end pointers, errors; atoi, and sscanf of every conversion.
// expect: 210
// expect: 31 40 511 40 0 10 -9223372036854775808 201 9223372036854775807 201 5 40 0 00 0 10
// expect: 8 12 26 255 -7 123456789012 hello abcde f 39 -42
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

static char *spell(unsigned long n, int base, char *p)
{
	if (n >= (unsigned long)base)
		p = spell(n / base, base, p);
	*p++ = "0123456789abcdefghijklmnopqrstuvwxyz"[n % base];
	*p = 0;
	return p;
}

int main(void)
{
	char text[80], *end;
	int right = 0;
	for (int base = 2; base <= 36; base++)
		for (unsigned long n = 1; n < LONG_MAX / 1000; n = n * 997 + base) {
			spell(n, base, text);
			right += strtol(text, &end, base) == (long)n && !*end && strtoull(text, 0, base) == n;
		}
	printf("%d\n", right);
	static const char *const cases[] = {"0x1fz", "0777", "0b11", "-9223372036854775809", "99999999999999999999", " \t+5", "-", "0x"};
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		errno = 0;
		long v = strtol(cases[i], &end, 0);
		printf("%ld %d%d%c", v, (int)(end - cases[i]), errno == ERANGE, i == 7 ? '\n' : ' ');
	}
	int a, b = 0, n = 0;
	unsigned c;
	short s;
	long long l;
	char word[10], set[10], ch;
	int got = sscanf("12 0x1A ff -7 123456789012 hello abcdef! rest", "%d %i %x %hd %lld %5s %[a-e]%c%n", &a, &b, &c, &s, &l, word, set, &ch, &n);
	printf("%d %d %d %u %d %lld %s %s %c %d %d\n", got, a, b, c, s, l, word, set, ch, n, atoi(" -42x"));
	return 0;
}
