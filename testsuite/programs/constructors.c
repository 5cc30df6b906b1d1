// Constructors and destructors with priorities, atexit in reverse, at_quick_exit not at all, output flushed at exit.
// expect-exit: 3
// expect: not flushed by hand 100
// expect: 1234mbaayz
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char order[64];
static void note(char c) { order[strlen(order)] = c; }

static int fill(int n) { return n ? fill(n - 1) + 1 : 0; }

__attribute__((constructor(300))) static void third(void) { note('3' + (char)(fill(10) - 10)); }
__attribute__((constructor(101))) static void first(void) { note('1'); }
__attribute__((constructor(200))) static void second(void) { note('2'); }
__attribute__((constructor)) static void last(void) { note('4'); }
__attribute__((destructor(101))) static void final(void) { note('z'); printf("%s\n", order); fflush(stdout); }
__attribute__((destructor)) static void early(void) { note('y'); }
static void on_exit_a(void) { note('a'); }
static void on_exit_b(void) { note('b'); fill(50); atexit(on_exit_a); }
static void never(void) { note('!'); }

int main(void)
{
	atexit(on_exit_a);
	atexit(on_exit_b);
	at_quick_exit(never);
	note('m');
	printf("not flushed by hand %d", fill(100));
	putchar('\n');
	exit(fill(3));
}
