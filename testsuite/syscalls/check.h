/* CHECK prints an expression, its value, and errno if it is -1; between checks the program can be moved. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

static __attribute__((noinline)) void report(const char *what, long value, int error)
{
	printf("%s = %ld", what, value);
	if (value == -1) printf(" errno %d", error);
	printf("\n");
	fflush(stdout);
}

#define CHECK(...) \
	do { \
		errno = 0; \
		long value_ = (long)(__VA_ARGS__); \
		report(#__VA_ARGS__, value_, errno); \
	} while (0)
