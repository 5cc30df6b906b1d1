// A flexible array member that grows by realloc while deeper calls hold the structure.
// expect: 452 512 610993561
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct vector { size_t used, room; int item[]; };

static struct vector *push(struct vector *v, int x)
{
	if (!v || v->used == v->room) {
		size_t room = v ? v->room * 2 : 2, used = v ? v->used : 0;
		v = realloc(v, sizeof *v + room * sizeof v->item[0]);
		if (!v)
			abort();
		v->used = used;
		v->room = room;
	}
	v->item[v->used++] = x;
	return v;
}

static struct vector *collatz(struct vector *v, unsigned n)
{
	v = push(v, (int)(n % 1000));
	return n == 1 ? v : collatz(v, n % 2 ? 3 * n + 1 : n / 2);
}

int main(void)
{
	struct vector *v = 0;
	unsigned h = 0;
	for (unsigned n = 1; n < 30; n++)
		v = collatz(v, n);
	for (size_t i = 0; i < v->used; i++)
		h = h * 31 + (unsigned)v->item[i];
	printf("%zu %zu %u\n", v->used, v->room, h);
	free(v);
	return 0;
}
