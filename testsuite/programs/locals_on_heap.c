// Pointers to locals of live frames kept in heap objects, and the locals changed through them from deep below.
// expect: 13197.999527573589 1
#include <stdio.h>
#include <stdlib.h>

struct handle { int *counter; double *average; char **name; struct handle *next; };

static struct handle *all;

static void touch(int n)
{
	if (n) {
		touch(n - 1);
		return;
	}
	int k = 0;
	for (struct handle *h = all; h; h = h->next, k++) {
		*h->counter += k + 1;
		*h->average = (*h->average + *h->counter) / 2;
		*h->name += **h->name == 'z' ? -25 : 1;
	}
}

static double level(int depth)
{
	static char letters[] = "abcdefghijklmnopqrstuvwxyz";
	int counter = depth;
	double average = depth / 3.0;
	char *name = letters + depth;
	struct handle *h = malloc(sizeof *h);
	*h = (struct handle){&counter, &average, &name, all};
	all = h;
	touch(depth % 5);
	double below = depth < 24 ? level(depth + 1) : 0;
	touch(2);
	all = h->next;
	free(h);
	return below * 0.5 + counter + average + *name;
}

int main(void)
{
	double s = 0;
	for (int i = 0; i < 6; i++)
		s += level(i);
	printf("%.17g %d\n", s, all == 0);
	return 0;
}
