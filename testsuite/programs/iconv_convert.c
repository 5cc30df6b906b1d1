// iconv between UTF-8, UTF-16, Latin-1 and UTF-32, in small pieces and with errors.
// rebuild-every: 3
// expect: 62 3793593129 36 0 62 3793593129 36 0 62 3793593129 36 0 62 3793593129 36 0
// expect: 31 3839470683 124 1537917345 8001
#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <string.h>

static unsigned hash(const char *p, size_t n) { return n ? hash(p + 1, n - 1) * 31 + (unsigned char)*p : 5; }

static size_t convert(const char *to, const char *from, char *in, size_t n, char *out, size_t room, size_t piece)
{
	iconv_t c = iconv_open(to, from);
	char *start = out;
	if (c == (iconv_t)-1)
		return 9999;
	while (n) {
		size_t part = n < piece ? n : piece, before = part;
		if (iconv(c, &in, &part, &out, &room) == (size_t)-1 && errno != EINVAL)
			return 8000 + (size_t)(errno == EILSEQ);
		n -= before - part;
		if (part == before)
			piece++;
	}
	iconv_close(c);
	return (size_t)(out - start);
}

int main(void)
{
	char text[] = "gr\xc3\xbc\xc3\x9f dich, \xc3\xa9t\xc3\xa9, fa\xc3\xa7on de parler", a[256], b[256];
	size_t n = strlen(text);
	for (size_t piece = 1; piece < 5; piece++) {
		size_t u16 = convert("UTF-16LE", "UTF-8", text, n, a, sizeof a, piece);
		size_t back = convert("UTF-8", "UTF-16LE", a, u16, b, sizeof b, piece);
		printf("%zu %u %zu %d%c", u16, hash(a, u16), back, memcmp(b, text, n), piece == 4 ? '\n' : ' ');
	}
	size_t latin = convert("ISO-8859-1", "UTF-8", text, n, a, sizeof a, 7);
	size_t wide = convert("UTF-32BE", "ISO-8859-1", a, latin, b, sizeof b, 3);
	char broken[] = "bad \xff byte";
	printf("%zu %u %zu %u ", latin, hash(a, latin), wide, hash(b, wide));
	printf("%zu\n", convert("UTF-16LE", "UTF-8", broken, 10, a, sizeof a, 3));
	return iconv_open("no-such-charset", "UTF-8") != (iconv_t)-1;
}
