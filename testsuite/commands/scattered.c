/* Every second page of a long mapping is written on another node (by number, the first argument): as many mappings as
 * pages (the second), on both. */
#include <popcorn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { PAGE = 4096 };

int main(int argc, char **argv)
{
	size_t pages = argc == 3 ? strtoul(argv[2], 0, 10) : 0;
	char *p = mmap(0, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || popcorn_migrate(atoi(argv[1]))) return 1;
	for (size_t i = 0; i < pages; i += 2) p[i * PAGE] = 1;
	puts("written");
	return 0;
}
