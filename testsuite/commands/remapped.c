/* What becomes of pages whose mapping changes: they are written on one node, changed on another and used on a third, for all
 * of a machine. Prints what was not as it should be, and at the end how often all was tried. */
#define _GNU_SOURCE
#include <popcorn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096, PAGES = 4, ROOM = PAGES * PAGE, BOTH = PROT_READ | PROT_WRITE };

static char *discard(char *p)
{
	return madvise(p, ROOM, MADV_DONTNEED) ? MAP_FAILED : p;
}

static char *open_again(char *p)
{
	return mprotect(p, ROOM, PROT_NONE) || mprotect(p, ROOM, BOTH) ? MAP_FAILED : p;
}

static char *map_over(char *p)
{
	return mmap(p, ROOM, BOTH, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

static char *move(char *p)
{
	return mremap(p, ROOM, 64 * ROOM, MREMAP_MAYMOVE);
}

static char *map_again(char *p)
{
	return munmap(p, ROOM) ? MAP_FAILED : mmap(p, ROOM, BOTH, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

static const struct change { const char *name; char *(*make)(char *); int keeps; } changes[] = {
	{ "madvise", discard, 0 }, { "mprotect", open_again, 1 }, { "mmap", map_over, 0 }, { "mremap", move, 1 }, { "munmap", map_again, 0 },
};

static int is_as_it_should_be(volatile char *p, int keeps)
{
	for (int i = 0; i < PAGES; i++) {
		if (p[i * PAGE] != (keeps ? 'a' + i : 0)) return 0;
		p[i * PAGE] = 'x'; /* and may be written */
		if (p[i * PAGE] != 'x') return 0;
	}
	return 1;
}

static void try(const struct change *c, int writer, int changer, int user)
{
	char *p = mmap(0, ROOM, BOTH, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	popcorn_migrate(writer);
	for (int i = 0; i < PAGES; i++) p[i * PAGE] = (char)('a' + i);
	popcorn_migrate(changer);
	p = c->make(p);
	popcorn_migrate(user);
	if (p == MAP_FAILED || !is_as_it_should_be(p, c->keeps)) printf("%s: written on %d, changed on %d, used on %d\n", c->name, writer, changer, user);
	munmap(p, c->make == move ? 64 * ROOM : ROOM);
}

int main(void)
{
	int nodes = popcorn_nodes(), tried = 0;

	for (unsigned c = 0; c < sizeof changes / sizeof *changes; c++)
		for (int i = 0; i < nodes * nodes * nodes; i++, tried++) try(changes + c, i % nodes, i / nodes % nodes, i / nodes / nodes);
	printf("tried %d\n", tried);
	return 0;
}
