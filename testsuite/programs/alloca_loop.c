// alloca in loops and in recursion; all of it lives until the function returns, none of it longer.
// expect: 7753685 1
#include <alloca.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct cell { struct cell *next; int value; };

static int length(const struct cell *c) { return c ? 1 + length(c->next) : 0; }

static long list(int n)
{
	struct cell *head = 0;
	for (int i = 0; i < n; i++) {
		struct cell *c = alloca(sizeof *c + (size_t)(i % 5));
		c->next = head;
		c->value = i * i;
		head = c;
	}
	long s = length(head);
	for (struct cell *c = head; c; c = c->next)
		s = s * 3 % 1000003 + c->value;
	return s;
}

static long text(int depth, const char *above)
{
	size_t n = strlen(above);
	char *mine = alloca(n + 2);
	memcpy(mine, above, n);
	mine[n] = (char)('a' + depth % 26);
	mine[n + 1] = 0;
	return depth ? text(depth - 1, mine) + mine[n] : (long)strlen(mine);
}

int main(void)
{
	long s = 0;
	uintptr_t first = 0, last = 0;
	for (int i = 0; i < 400; i++) {
		char *p = alloca(64);
		*(volatile char *)p = 1;
		last = (uintptr_t)p;
		if (!first)
			first = last;
		if (i < 20)
			s += list(i * 3) + text(i, "start");
	}
	printf("%ld %d\n", s, first - last >= 399 * 64);
	return 0;
}
