// Pointers, pointers to pointers, and pointer differences live across calls that change what they point to.
// expect: 97438 [the quick brown Fox jumps over The lazy dog]
#include <stdio.h>
#include <string.h>

static char text[] = "the quick brown fox jumps over the lazy dog";

static char *find(char *s, char c) { return *s == c || !*s ? s : find(s + 1, c); }

static void advance(char **where, int n)
{
	if (n == 0)
		return;
	char *space = find(*where, ' ');
	*where = *space ? space + 1 : text;
	advance(where, n - 1);
}

int main(void)
{
	char *p = text, **pp = &p, ***ppp = &pp;
	const char *end = text + strlen(text);
	long total = 0;
	for (int i = 0; i < 40; i++) {
		char *before = p;
		advance(*ppp, i % 4 + 1);
		long d = **ppp - before, rest = end - p;
		total = (total * 13 + d * 7 + rest) % 1000003;
		*p ^= 0x20;
	}
	printf("%ld [%s]\n", total, text);
	return 0;
}
