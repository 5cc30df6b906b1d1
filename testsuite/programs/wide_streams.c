// Wide streams: what is written and read as wide characters, orientation, pushing back, formatted both ways, bad bytes.
// move-every: 60
// expect: 0 1 -1 70
// expect: zeile 0: ä€🍿|+17|3.25|q
// expect: zeile 1: ä€🍿|+18|3.75|q
// expect: zeile 2: ä€🍿|+19|4.25|q
// expect: 3 57 11.25 3
// expect: 9731 9731 120 -1 1
// expect: -1 1
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

static unsigned depth(unsigned n) { return n ? depth(n - 1) + 1 : 0; }

static void written(FILE *f, int line)
{
	fputws(L"zeile ", f);
	fwprintf(f, L"%d: %ls|%+d|%.2f|%lc", line, L"\u00e4\u20ac\U0001f37f", 17 + line, 3.25 + line / 2.0, (wint_t)L'q');
	fputwc(L'\n', f);
}

int main(void)
{
	if (!setlocale(LC_CTYPE, "C.UTF-8")) return 1;
	FILE *f = tmpfile(), *bad = tmpfile();
	if (!f || !bad) return 2;
	int before = fwide(f, 0);
	int wide = fwide(f, 1) > 0, bytes = fwide(bad, -1) < 0 ? -1 : 1;
	printf("%d %d %d %u\n", before, wide, bytes, depth(70));
	for (int line = 0; line < 3; line++) written(f, line);

	wchar_t text[64], word[16];
	int lines = 0, sum = 0, n, k;
	double real, total = 0;
	rewind(f);
	while (fgetws(text, 64, f)) {
		printf("%ls", text);
		lines += depth(50) == 50;
	}
	rewind(f);
	while (fwscanf(f, L"%15l[a-z] %*d: %*[^|]|%d|%lf|q ", word, &n, &real) == 3) sum += n, total += real;
	k = 0;
	for (int line = 0; line < 3; line++) {
		wchar_t *end;
		k += wcstod(L"1.0x", &end) == 1.0 && *end == L'x';
	}
	printf("%d %d %.2f %d\n", lines, sum + 3, total, k);

	rewind(f);
	wint_t pushed = ungetwc(0x2603, f), back = getwc(f);
	fseek(f, 0, SEEK_END);
	putwc(L'x', f);
	fseek(f, -1, SEEK_END);
	wint_t last = getwc(f), end = getwc(f);
	printf("%d %d %d %d %d\n", (int)pushed, (int)back, (int)last, (int)end, feof(f) != 0);

	fputs("\xff\xfe", bad);
	rewind(bad);
	FILE *again = freopen(0, "r+", bad); /* bytes no longer: a stream is one or the other until it is opened anew */
	if (!again) return 3;
	errno = 0;
	wint_t c = fgetwc(again);
	printf("%d %d\n", (int)c, errno == EILSEQ);
	return 0;
}
