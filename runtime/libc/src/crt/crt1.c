/* The first compiled function of every program: libpopcorn's start.c calls it on the machine stack, with what the
 * kernel passed copied to the top of the common stack: argc, argv, 0, environment, 0, auxiliary vector. */
int main();
_Noreturn int __libc_start_main(int (*)(), int, char **, void (*)(void), void (*)(void), void (*)(void));

static void nothing(void) {}

_Noreturn void __popcorn_start(long *p)
{
	__libc_start_main(main, p[0], (char **)(p + 1), nothing, nothing, 0);
}
