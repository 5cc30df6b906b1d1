// The v*printf family through wrappers, and vsscanf.
// expect: 24:abc: 3.00:Y:16777216:738 2024406472 00042 7   | %
// expect: hello world
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int into(char *out, size_t n, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	int r = vsnprintf(out, n, format, ap);
	va_end(ap);
	return r;
}

static char *allocated(const char *format, ...)
{
	va_list ap, copy;
	va_start(ap, format);
	va_copy(copy, ap);
	int n = vsnprintf(0, 0, format, ap);
	va_end(ap);
	char *s = malloc((size_t)n + 1);
	vsprintf(s, format, copy);
	va_end(copy);
	return s;
}

static int scan(const char *text, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	int r = vsscanf(text, format, ap);
	va_end(ap);
	return r;
}

static void say(FILE *f, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	vfprintf(f, format, ap);
	va_end(ap);
}

int main(void)
{
	char buffer[64];
	unsigned h = 0;
	for (int i = 0; i < 25; i++) {
		int n = into(buffer, sizeof buffer, "%d:%s:%5.2f:%c:%lld:%x", i, &"abc"[i % 3], i / 8.0, 'A' + i, 1LL << i, i * 77);
		char *s = allocated("<%*d|%-8s|%+.3e>", i % 7 + 1, i, "left", i * 1e3);
		int a = 0;
		double d = 0;
		char word[8] = "";
		n += scan(s, "<%d|%7s |%lf>", &a, word, &d);
		for (char *p = s; *p; p++)
			h = h * 31 + (unsigned char)*p;
		h += (unsigned)(n + a + (int)d + (int)strlen(word)) + (unsigned char)buffer[n % 20];
		free(s);
	}
	say(stdout, "%s %u %05d %-4d| %%\n", buffer, h, 42, 7);
	say(stdout, "%2$s %1$s\n", "world", "hello");
	return 0;
}
