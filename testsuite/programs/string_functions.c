// The string and ctype functions on many lengths and alignments.
// rebuild-every: 5
// expect: 777199450 one/two/three/four/ 644 dupli needle llo 90
// expect: No such file or directory Segmentation fault 1
#define _GNU_SOURCE
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int check(int n, int a)
{
	char x[128], y[128], *p = x + a;
	for (int i = 0; i < n; i++)
		p[i] = (char)('a' + (i * 7 + n) % 26);
	p[n] = 0;
	memset(y, '#', sizeof y);
	int r = (int)strlen(p) * 3 + (strcpy(y + 3, p) == y + 3) + strcmp(y + 3, p);
	r += (int)(strchr(p, 0) - p) + (memcmp(p, y + 3, (size_t)n + 1) == 0) + (y[2] == '#') + (n < 120 ? y[n + 4] == '#' : 0);
	r += strrchr(p, 'a') ? (int)(strrchr(p, 'a') - p) : -1;
	r += (int)strcspn(p, "xyz") * 5 + (int)strspn(p, "abcdefghijklm");
	memmove(p + 1, p, (size_t)n);
	r += memchr(p, 'q', (size_t)n) ? (int)((char *)memchr(p, 'q', (size_t)n) - p) : 0;
	strncpy(y, p, 10);
	return r + (unsigned char)y[9] + strncasecmp("ABC", p, 3) % 2;
}

int main(void)
{
	long s = 0;
	for (int n = 0; n < 60; n++)
		for (int a = 0; a < 8; a++)
			s = s * 3 % 1000000007 + check(n, a);
	char list[] = "one,two;;three four", *save, *word, copy[64] = "";
	for (word = strtok_r(list, ",; ", &save); word; word = strtok_r(0, ",; ", &save))
		strcat(strcat(copy, word), "/");
	int classes = 0;
	for (int c = 0; c < 128; c++)
		classes += isalpha(c) / 1 != 0 ? 1 : isdigit(c) ? 3 : isspace(c) ? 5 : ispunct(c) ? 7 : iscntrl(c) ? 11 : 13;
	char *twin = strndup("duplicate", 5);
	printf("%ld %s %d %s %s %s %d\n", s, copy, classes, twin, strstr("haystack with needle", "needle"), strpbrk("hello", "wol"), toupper('z'));
	printf("%s %s %d\n", strerror(2), strsignal(11), strverscmp("a9", "a10") < 0);
	free(twin);
	return 0;
}
