#include <stdlib.h>
#include <string.h>

#include "maps.h"

struct chunk {
	struct chunk *before;
	size_t size;
	_Alignas(16) char bytes[];
};

#define CHUNK ((size_t)256 << 10)

void *alloc(struct arena *arena, size_t size)
{
	size = (size + 15) & ~(size_t)15;
	if (size > (size_t)(arena->end - arena->next)) {
		size_t room = size > CHUNK ? size : CHUNK;
		struct chunk *chunk = malloc(sizeof *chunk + room);
		if (!chunk) abort(); /* as the compiler around it does */
		*chunk = (struct chunk){arena->chunks, room};
		arena->chunks = chunk;
		arena->next = chunk->bytes;
		arena->end = chunk->bytes + room;
	}
	void *p = arena->next;
	arena->next += size;
	return memset(p, 0, size);
}

void *grown(struct arena *arena, void *p, int count, int *room, size_t each)
{
	if (count < *room) return p;
	*room = *room ? 2 * *room : 16;
	void *q = alloc(arena, *room * each);
	if (count) memcpy(q, p, count * each);
	return q;
}

void release(struct arena *arena)
{
	struct chunk *chunk = arena->chunks;
	while (chunk && chunk->before) {
		struct chunk *before = chunk->before;
		free(chunk);
		chunk = before;
	}
	arena->chunks = chunk;
	arena->next = chunk ? chunk->bytes : 0;
	arena->end = chunk ? chunk->bytes + chunk->size : 0;
}

void dispose(struct arena *arena)
{
	release(arena);
	free(arena->chunks);
	*arena = (struct arena){0};
}
