// Command-line arguments, getopt and getopt_long; argv and the environment stay where they are.
// args: -a -b7 --colour=red file1 -c two --verbose file2 -- -x
// env: POPCC_TEST=from outside
// expect: 11 9000 1 from outside
// expect: a= b=7 C=red c=two v= | file1 file2 -x
// expect: changed to something longer than before 1 1
#define _GNU_SOURCE
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned hash(char *const *v) { unsigned h = 1; for (; *v; v++) for (char *p = *v; *p; p++) h = h * 31 + (unsigned char)*p; return h; }

static int depth(int n, char **argv) { return n ? depth(n - 1, argv + 1) + (int)strlen(*argv) : 0; }

int main(int argc, char **argv)
{
	static const struct option longs[] = {{"colour", required_argument, 0, 'C'}, {"verbose", no_argument, 0, 'v'}, {0, 0, 0, 0}};
	unsigned before = hash(argv + 1);
	int c, total = 0;
	for (int i = 0; i < 200; i++)
		total += depth(argc - 1, argv + 1);
	printf("%d %d %d %s\n", argc, total, before == hash(argv + 1), getenv("POPCC_TEST"));
	while ((c = getopt_long(argc, argv, "ab:c:", longs, 0)) != -1)
		printf("%c=%s ", c, c == 'a' || c == 'v' ? "" : optarg);
	printf("|");
	while (optind < argc)
		printf(" %s", argv[optind++]);
	setenv("POPCC_TEST", "changed to something longer than before", 1);
	setenv("POPCC_NEW", "1", 0);
	unsetenv("HOME");
	printf("\n%s %s %d\n", getenv("POPCC_TEST"), getenv("POPCC_NEW"), getenv("HOME") == 0);
	return 0;
}
