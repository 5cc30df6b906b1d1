// Compound literals and designated initialisers, whose unnamed objects live as long as their block.
// expect: 18516
#include <stdio.h>

struct node { int value; const struct node *next; };

static int sum(const struct node *n) { return n ? n->value + sum(n->next) : 0; }
static int total(const int *v, int n) { return n ? *v + total(v + 1, n - 1) : 0; }

int main(void)
{
	long s = 0;
	for (int i = 0; i < 60; i++) {
		const struct node *list = &(struct node){i, &(struct node){i + 1, &(struct node){.value = i * 2}}};
		int *v = (int[]){[2] = i, 3, [7] = 5, i};
		s += sum(list) + total(v, 9) + sum(&(struct node){v[3], list});
		v[0] = sum(list->next);
		s ^= v[0];
		s += sum((struct node[]){{1, 0}, {2, 0}} + 1);
	}
	printf("%ld\n", s);
	return 0;
}
