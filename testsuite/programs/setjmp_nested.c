// setjmp within setjmp, jumps to the inner and the outer one, and buffers on the heap and in frames.
// expect: 134780 1
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

struct try { jmp_buf env; struct try *outer; };
static struct try *current;

static void throw(int code, int depth)
{
	if (depth)
		throw(code, depth - 1);
	longjmp(current->env, code);
}

static int guarded(int level, int x)
{
	struct try *t = level % 2 ? malloc(sizeof *t) : 0;
	struct try mine, *volatile my = t ? t : &mine;
	volatile int seen = 0;
	my->outer = current;
	current = my;
	int code = setjmp(my->env);
	if (code == 0) {
		if (level > 0)
			seen = guarded(level - 1, x * 2 + 1);
		if (x % 3 == 0)
			throw(x % 7 + 1, x % 11);
		seen += 100;
	} else {
		seen += code;
		if (level % 3 == 1 && my->outer) {
			current = my->outer;
			int again = seen;
			if (level % 2)
				free(my);
			throw(again % 50 + 1, 3);
		}
	}
	current = my->outer;
	int r = seen;
	if (level % 2)
		free(my);
	return r;
}

int main(void)
{
	long sum = 0;
	for (int i = 0; i < 60; i++)
		sum = sum * 3 % 1000003 + guarded(i % 7, i);
	printf("%ld %d\n", sum, current == 0);
	return 0;
}
