/* exit N: says its other arguments and ends with status N. signal N: is ended by signal N. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	if (argc < 3) return 1;
	if (!strcmp(argv[1], "signal")) raise(atoi(argv[2]));
	for (int i = 3; i < argc; i++) printf("%s|", argv[i]);
	puts("");
	return atoi(argv[2]);
}
