// Callbacks with a context pointer into the caller's frame: fold, map and for-each over a tree of calls.
// expect: 6603 92 127 28.0629921259843
// expect: 13073 88 63 42.1587301587302
#include <stdio.h>

typedef void (*visitor)(void *context, int depth, int value);
struct stats { long sum; int most, count; double mean; const struct stats *outer; };

static void walk(int depth, int value, visitor visit, void *context)
{
	visit(context, depth, value);
	if (depth == 0)
		return;
	walk(depth - 1, value * 2 % 97, visit, context);
	walk(depth - 1, value * 3 % 89, visit, context);
}

static void inner(void *context, int depth, int value)
{
	*(int *)context += depth ^ value;
}

static void collect(void *context, int depth, int value)
{
	struct stats *s = context;
	int extra = 0;
	if (depth == 2)
		walk(2, value, inner, &extra);
	s->sum += value + extra;
	s->count++;
	s->most = value > s->most ? value : s->most;
	s->mean += (value - s->mean) / s->count;
	if (s->outer)
		s->sum += s->outer->count;
}

int main(void)
{
	struct stats first = {0};
	walk(6, 5, collect, &first);
	struct stats second = {.outer = &first};
	walk(5, 11, collect, &second);
	printf("%ld %d %d %.15g\n", first.sum, first.most, first.count, first.mean);
	printf("%ld %d %d %.15g\n", second.sum, second.most, second.count, second.mean);
	return 0;
}
