/* Messages to standard error. */
#include <stdarg.h>
#include "libc.h"

enum { LINE = 1024 };

int popcorn_message_fd = 2;

struct line { size_t n; char s[LINE]; };

static void put(struct line *l, char c)
{
	if (l->n < LINE - 1) l->s[l->n++] = c;
}

static void put_string(struct line *l, const char *s)
{
	while (*s) put(l, *s++);
}

static void put_number(struct line *l, uint64_t v, unsigned base)
{
	char digits[24];
	size_t n = 0;

	do digits[n++] = "0123456789abcdef"[v % base];
	while (v /= base);
	while (n) put(l, digits[--n]);
}

static void format(struct line *l, const char *f, va_list ap)
{
	put_string(l, "popcorn: ");
	for (; *f; f++) {
		if (*f != '%') {
			put(l, *f);
			continue;
		}
		switch (*++f) {
		case 's':
			put_string(l, va_arg(ap, const char *));
			break;
		case 'd': {
			int v = va_arg(ap, int);
			if (v < 0) put(l, '-');
			put_number(l, v < 0 ? -(uint64_t)v : (uint64_t)v, 10);
			break;
		}
		case 'u':
			put_number(l, va_arg(ap, unsigned), 10);
			break;
		case 'x':
			put_string(l, "0x");
			put_number(l, va_arg(ap, uint64_t), 16);
			break;
		default:
			put(l, *f);
		}
	}
	put(l, '\n');
	K3(K_write, popcorn_message_fd, l->s, l->n);
}

void popcorn_message(const char *f, ...)
{
	struct line l = { .n = 0 };
	va_list ap;

	va_start(ap, f);
	format(&l, f, ap);
	va_end(ap);
}

void popcorn_die(const char *f, ...)
{
	struct line l = { .n = 0 };
	va_list ap;

	va_start(ap, f);
	format(&l, f, ap);
	va_end(ap);
	for (;;) K1(K_exit_group, 125);
}
