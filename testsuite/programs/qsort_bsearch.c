// qsort and bsearch of libc call back comparators that recurse: a thread moves inside libc's frames.
// expect: 120 1 1 2144 1044754
// expect: apple date fig kiwi lime pear plum adb 13
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int steps;
static int compare_digits(unsigned a, unsigned b)
{
	steps++;
	if (a == b)
		return 0;
	int r = compare_digits(a / 10, b / 10);
	return r ? r : a % 10 < b % 10 ? -1 : 1;
}

static int by_number(const void *a, const void *b) { return compare_digits(*(const unsigned *)a, *(const unsigned *)b); }
static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }
struct record { char key; int order; double weight; };
static int by_weight(const void *a, const void *b)
{
	const struct record *x = a, *y = b;
	return x->weight < y->weight ? -1 : x->weight > y->weight ? 1 : x->order - y->order;
}

int main(void)
{
	unsigned v[120], x = 7;
	for (int i = 0; i < 120; i++)
		v[i] = (x = x * 1664525u + 1013904223u) >> 12;
	qsort(v, 120, sizeof *v, by_number);
	int found = 0, sorted = 1;
	for (int i = 0; i < 120; i++) {
		unsigned *p = bsearch(&v[i], v, 120, sizeof *v, by_number);
		found += p && *p == v[i];
		sorted &= !i || v[i - 1] <= v[i];
	}
	const char *words[] = {"pear", "fig", "apple", "kiwi", "date", "plum", "lime"};
	qsort(words, 7, sizeof *words, by_text);
	struct record r[30];
	for (int i = 0; i < 30; i++)
		r[i] = (struct record){(char)('a' + i % 26), i, (i * 7 % 10) * 0.5};
	qsort(r, 30, sizeof *r, by_weight);
	printf("%d %d %d %u %u\n", found, sorted, steps > 500, v[0], v[119]);
	for (int i = 0; i < 7; i++)
		printf("%s ", words[i]);
	printf("%c%c%c %d\n", r[0].key, r[3].key, r[29].key, r[4].order);
	return 0;
}
