// UTF-8 locale: multibyte and wide conversion, wide classification, wide printf and string functions.
// expect: 21 28 0 790271296 260 100 21
// expect: popcorn Ω|   42|ab  |2.50 25 1 -77 €
// expect: . 1 C
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

static size_t count(const wchar_t *s) { return *s ? 1 + count(s + 1) : 0; }

int main(void)
{
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		return 1;
	const char *text = "na\xc3\xafve \xe2\x82\xac 5 \xf0\x9f\x8d\xbf popcorn \xce\xa9";
	wchar_t wide[64], other[64];
	char back[128];
	size_t n = mbstowcs(wide, text, 64);
	size_t m = wcstombs(back, wide, sizeof back);
	unsigned h = 0;
	int letters = 0, spaces = 0;
	for (int round = 0; round < 20; round++)
		for (size_t i = 0; i < n; i++) {
			h = h * 31 + (unsigned)towupper((wint_t)wide[i]);
			letters += iswalpha((wint_t)wide[i]) != 0;
			spaces += iswspace((wint_t)wide[i]) != 0;
		}
	mbstate_t state = {0};
	int steps = 0;
	for (const char *p = text; *p; steps++) {
		wchar_t c;
		size_t k = mbrtowc(&c, p, 8, &state);
		if (k == (size_t)-1)
			return 2;
		p += k;
	}
	swprintf(other, 64, L"%ls|%5d|%-4s|%.2f", wcschr(wide, L'p'), 42, "ab", 2.5);
	printf("%zu %zu %d %u %d %d %d\n", n, m, strcmp(text, back), h, letters, spaces, steps);
	printf("%ls %zu %d %ld %lc\n", other, count(other), wcscmp(wide, other) < 0, wcstol(L"-77", 0, 10), (wint_t)0x20ac);
	struct lconv *l = localeconv();
	printf("%s %d %s\n", l->decimal_point, MB_CUR_MAX >= 4, setlocale(LC_NUMERIC, 0));
	return 0;
}
