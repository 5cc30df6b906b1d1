// getline, getdelim, ungetc and getc on standard input; fmemopen and open_memstream.
// stdin: the first line
// stdin: a much longer second line that makes getline allocate once more, because it is so very long, longer than any before it, and then some
// stdin: x
// stdin: key=value;other=thing;last
// stdin: 12 +34 -56 78
// expect: 15 134 2 [key=value] [other=thing] [last] 12334478
// expect: 840 139300 0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int number(FILE *f)
{
	int c = getc(f), sign = 1, n = 0;
	while (c == ' ')
		c = getc(f);
	if (c == '-' || c == '+') {
		sign = c == '-' ? -1 : 1;
		c = getc(f);
	}
	for (; c >= '0' && c <= '9'; c = getc(f))
		n = n * 10 + c - '0';
	ungetc(c, f);
	return sign * n;
}

int main(void)
{
	char *line = 0, *text = 0;
	size_t room = 0, length = 0;
	ssize_t n;
	for (int i = 0; i < 3; i++) {
		n = getline(&line, &room, stdin);
		printf("%zd ", n);
	}
	for (int i = 0; i < 3; i++) {
		n = getdelim(&line, &room, i < 2 ? ';' : '\n', stdin);
		printf("[%.*s] ", (int)n - 1, line);
	}
	int sum = 0;
	for (int i = 0; i < 4; i++)
		sum = sum * 100 + number(stdin);
	printf("%d\n", sum);
	FILE *out = open_memstream(&text, &length);
	for (int i = 0; i < 200; i++)
		fprintf(out, "%d ", i * 7);
	fclose(out);
	FILE *in = fmemopen(text, length, "r");
	long total = 0;
	for (int i = 0; i < 200; i++) {
		total += number(in);
		ungetc(getc(in), in);
	}
	printf("%zu %ld %d\n", length, total, number(in));
	fclose(in);
	free(text);
	free(line);
	return 0;
}
