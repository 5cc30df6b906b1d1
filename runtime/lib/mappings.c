/* The table of what is mapped in the arena, from which an image is written: ascending, no overlap, neighbours of a
 * kind merged. Whoever calls these holds popcorn_memory_lock, or is a
 * restore, which is alone. */
#include "mappings.h"
#include "statx.h"
#include "text.h"

struct popcorn_mapping *popcorn_mappings;
size_t popcorn_nmappings;

static size_t capacity; /* bytes at popcorn_mappings */

/* The first mapping that ends above `at`. */
size_t popcorn_mappings_above(uint64_t at)
{
	size_t low = 0, high = popcorn_nmappings;

	while (low < high) {
		size_t middle = (low + high) / 2;
		if (popcorn_mappings[middle].end > at) high = middle;
		else low = middle + 1;
	}
	return low;
}

/* Room for `n` more entries, so that what follows can't fail half-way. */
int popcorn_mappings_reserve(size_t n)
{
	void *p = popcorn_mappings;

	if (popcorn_reserve(&p, &capacity, (popcorn_nmappings + n) * sizeof *popcorn_mappings)) return -1;
	popcorn_mappings = p;
	return 0;
}

static void shift(size_t from, long by)
{
	struct popcorn_mapping *m = popcorn_mappings;

	if (by > 0)
		for (size_t i = popcorn_nmappings; i-- > from;) m[i + by] = m[i];
	else
		for (size_t i = from; i < popcorn_nmappings; i++) m[i + by] = m[i];
	popcorn_nmappings += by;
}

char *popcorn_path_copy(const char *path)
{
	size_t n = 0;
	char *p;

	while (path[n]) n++;
	if ((p = popcorn_pages(n + 1))) popcorn_copy(p, path, n + 1);
	return p;
}

static void free_path(char *path)
{
	size_t n = 0;

	if (!path) return;
	while (path[n]) n++;
	popcorn_free_pages(path, n + 1);
}

/* Splits at `at`, if a mapping spans it. */
int popcorn_mappings_split(uint64_t at)
{
	size_t i = popcorn_mappings_above(at);
	struct popcorn_mapping *m;
	char *path = 0;

	if (i == popcorn_nmappings || popcorn_mappings[i].start >= at) return 0;
	if (popcorn_mappings_reserve(1)) return -1;
	m = popcorn_mappings + i;
	if (m->path && !(path = popcorn_path_copy(m->path))) return -1;
	shift(i + 1, 1);
	m[1] = m[0];
	m[0].end = m[1].start = at;
	m[1].offset += at - m[0].start;
	m[1].path = path;
	return 0;
}

static int same(const struct popcorn_mapping *a, const struct popcorn_mapping *b)
{
	return a->end == b->start && a->prot == b->prot && a->flags == b->flags && !a->file && !b->file;
}

void popcorn_mappings_merge(uint64_t at)
{
	size_t i = popcorn_mappings_above(at - 1);

	if (i + 1 >= popcorn_nmappings || !same(popcorn_mappings + i, popcorn_mappings + i + 1)) return;
	popcorn_mappings[i].end = popcorn_mappings[i + 1].end;
	shift(i + 2, -1);
}

/* Takes [start, end) out of the table; -1: no memory. */
int popcorn_mappings_forget(uint64_t start, uint64_t end)
{
	size_t first, last;

	if (popcorn_mappings_split(start) || popcorn_mappings_split(end)) return -1;
	for (first = last = popcorn_mappings_above(start); last < popcorn_nmappings && popcorn_mappings[last].start < end; last++)
		free_path(popcorn_mappings[last].path);
	if (last > first) shift(last, -(long)(last - first));
	return 0;
}

/* Notes which file it is that a mapping shows. */
void popcorn_mapping_of(struct popcorn_mapping *m, int fd)
{
	struct popcorn_statx s = { 0 };

	popcorn_statx_fd(fd, &s);
	m->ino = s.ino;
	m->dev_major = s.dev_major;
	m->dev_minor = s.dev_minor;
}

/* Is the file of a shared mapping still where it was? It may have been deleted, renamed or replaced since. */
int popcorn_mapping_has_path(const struct popcorn_mapping *m)
{
	struct popcorn_statx s;

	return m->path && *m->path == '/' && !popcorn_ends(m->path, " (deleted)") && !popcorn_statx_path(m->path, &s)
	       && s.ino == m->ino && s.dev_major == m->dev_major && s.dev_minor == m->dev_minor;
}

/* Puts a mapping in, whose path the table then owns. Room was reserved. */
void popcorn_mappings_enter(const struct popcorn_mapping *m)
{
	size_t i = popcorn_mappings_above(m->start);

	shift(i, 1);
	popcorn_mappings[i] = *m;
	popcorn_mappings_merge(m->end);
	popcorn_mappings_merge(m->start);
}

int popcorn_mapping_note(const struct popcorn_mapping *m)
{
	struct popcorn_mapping own = *m;

	if (popcorn_mappings_reserve(1) || (m->file && !(own.path = popcorn_path_copy(m->path ? m->path : "")))) return -1;
	if (!m->file) own.path = 0;
	popcorn_mappings_enter(&own);
	return 0;
}
