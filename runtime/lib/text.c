#include <stdarg.h>

#include "text.h"

/* The errors that a user can do something about, by Linux' common numbers. */
static const char *error_text(long e)
{
	switch (e < 0 ? -e : e) {
	case 1: return "operation not permitted";
	case 2: return "no such file or directory";
	case 5: return "input/output error";
	case 8: return "not an executable of this machine";
	case 9: return "bad file descriptor";
	case 11: return "resource temporarily unavailable";
	case 12: return "out of memory";
	case 13: return "permission denied";
	case 14: return "bad address";
	case 17: return "file exists";
	case 20: return "not a directory";
	case 22: return "invalid argument";
	case 23: case 24: return "too many open files";
	case 26: return "text file busy";
	case 27: return "file too large";
	case 28: return "no space left on device";
	case 30: return "read-only file system";
	case 32: return "broken pipe";
	case 38: return "not supported by this kernel";
	case 40: return "too many symbolic links";
	case 122: return "disk quota exceeded";
	}
	return 0;
}

static void put(struct popcorn_text *t, const char *s, size_t n)
{
	if (n > sizeof t->s - 1 - t->n) n = sizeof t->s - 1 - t->n;
	__builtin_memcpy(t->s + t->n, s, n);
	t->n += n;
	t->s[t->n] = 0;
}

static void number(struct popcorn_text *t, uint64_t v, unsigned base)
{
	char d[24], *p = d + sizeof d;

	do *--p = "0123456789abcdef"[v % base];
	while (v /= base);
	put(t, p, d + sizeof d - p);
}

static void format(struct popcorn_text *t, const char *f, va_list ap)
{
	for (; *f; f++) {
		if (*f != '%') {
			put(t, f, 1);
			continue;
		}
		switch (*++f) {
		case 's': {
			const char *s = va_arg(ap, const char *);
			put(t, s, popcorn_length(s));
			break;
		}
		case 'd': {
			long v = va_arg(ap, long);
			if (v < 0) put(t, "-", 1);
			number(t, v < 0 ? -(uint64_t)v : (uint64_t)v, 10);
			break;
		}
		case 'u': number(t, va_arg(ap, unsigned long), 10); break;
		case 'x': put(t, "0x", 2); number(t, va_arg(ap, unsigned long), 16); break;
		case 'e': {
			long e = va_arg(ap, long);
			const char *s = error_text(e);
			if (s) put(t, s, popcorn_length(s));
			else {
				put(t, "error ", 6);
				number(t, e < 0 ? -(uint64_t)e : (uint64_t)e, 10);
			}
			break;
		}
		default: put(t, f, 1);
		}
	}
}

void popcorn_text_set(struct popcorn_text *t, const char *f, ...)
{
	va_list ap;

	t->n = 0;
	va_start(ap, f);
	format(t, f, ap);
	va_end(ap);
}

void popcorn_text_add(struct popcorn_text *t, const char *f, ...)
{
	va_list ap;

	va_start(ap, f);
	format(t, f, ap);
	va_end(ap);
}

size_t popcorn_length(const char *s)
{
	size_t n = 0;

	while (s[n]) n++;
	return n;
}

int popcorn_same(const char *a, const char *b)
{
	while (*a && *a == *b) a++, b++;
	return *a == *b;
}

int popcorn_begins(const char *s, const char *prefix)
{
	while (*prefix && *s == *prefix) s++, prefix++;
	return !*prefix;
}

int popcorn_ends(const char *s, const char *suffix)
{
	size_t n = popcorn_length(s), m = popcorn_length(suffix);

	return n >= m && popcorn_same(s + n - m, suffix);
}
