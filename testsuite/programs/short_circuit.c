// Order of evaluation of &&, ||, ?: and the comma operator, with side effects in recursive calls.
// expect: 120 433 1302450526 acdfghabcdeg
#include <stdio.h>

static char trace[4096];
static int used;

static int note(char c, int result, int depth)
{
	if (depth)
		return note(c, result, depth - 1);
	if (used < (int)sizeof trace - 1)
		trace[used++] = c;
	return result;
}

int main(void)
{
	int n = 0;
	for (int i = 0; i < 64; i++) {
		int a = i & 1, b = i >> 1 & 1, c = i >> 2 & 1, d = i % 5;
		n += note('a', a, d) && note('b', b, d) || note('c', c, d);
		n += (note('d', a, 1) ? note('e', b, 2) : note('f', c, 3)) * 2;
		n += (note('g', 1, d), note('h', i, 0)) > 30 ? !note('i', c, 1) : 0;
	}
	unsigned h = 5381;
	for (int i = 0; i < used; i++)
		h = h * 33 + (unsigned char)trace[i];
	printf("%d %d %u %.12s\n", n, used, h, trace);
	return 0;
}
