// tsearch, twalk, hsearch, lfind and insque of libc, with callbacks.
// rebuild-every: 3
// expect: 139 502750 13 11 1 1
#define _GNU_SOURCE
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static long walked;
static int visits;

static int digits(unsigned n) { return n < 10 ? 1 : digits(n / 10) + 1; }
static int compare(const void *a, const void *b) { unsigned x = *(const unsigned *)a, y = *(const unsigned *)b; return digits(x) != digits(y) ? digits(x) - digits(y) : x < y ? -1 : x > y; }
static void visit(const void *node, VISIT order, int level)
{
	visits++;
	if (order == postorder || order == leaf)
		walked = walked * 7 % 1000003 + **(unsigned *const *)node + (level > 100);
}

int main(void)
{
	static unsigned keys[150];
	void *root = 0;
	unsigned x = 5;
	int fresh = 0, found = 0;
	for (int i = 0; i < 150; i++) {
		keys[i] = (x = x * 1103515245u + 12345u) >> 16 & 1023;
		fresh += *(unsigned **)tsearch(&keys[i], &root, compare) == &keys[i];
	}
	twalk(root, visit);
	for (unsigned k = 0; k < 100; k++)
		found += tfind(&k, &root, compare) != 0;
	for (int i = 0; i < 75; i++)
		tdelete(&keys[i], &root, compare);
	hcreate(64);
	char names[40][8];
	for (int i = 0; i < 40; i++) {
		snprintf(names[i], 8, "n%d", i * 3);
		hsearch((ENTRY){names[i], (void *)(long)i}, ENTER);
	}
	ENTRY *e = hsearch((ENTRY){"n33", 0}, FIND), *none = hsearch((ENTRY){"n34", 0}, FIND);
	size_t n = 150;
	unsigned *where = lfind(&keys[77], keys, &n, sizeof *keys, compare);
	printf("%d %ld %d %ld %d %d\n", fresh, walked, found, (long)e->data, none == 0, *where == keys[77]);
	hdestroy();
	return 0;
}
