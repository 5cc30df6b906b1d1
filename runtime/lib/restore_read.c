/* An image is a file, and may be another program's, damaged, or cut off: all of it is read and checked here, before
 * restore.c maps anything. */
#include "restore.h"
#include "statx.h"

struct popcorn_restoring popcorn_restoring;

_Noreturn void popcorn_restore_fail(void)
{
	if (image->head.flags & POPCORN_IMAGE_MOVE && image->head.reply_fd >= 0) {
		struct popcorn_order o = { .connection = image->head.reply_fd, .fd = -1, .started = popcorn_now(), .error = image->error };
		popcorn_order_answer(&o, POPCORN_STATUS_REFUSED);
	}
	popcorn_die("can't restore: %s", image->error.s);
}

/* The note at *at, in the notes segment; 0 at its end. */
int popcorn_note_next(uint64_t *at, struct popcorn_note *n)
{
	const struct elf_segment *s = image->segments;
	struct elf_note h;
	uint64_t name, body;

	if (*at == s->filesz) return 0;
	if (s->filesz - *at < sizeof h + 8) FAIL("the image's notes are cut off");
	n->start = image->p + s->offset + *at;
	__builtin_memcpy(&h, n->start, sizeof h);
	name = sizeof h;
	body = name + 8;
	if (h.namesz != sizeof POPCORN_NOTE_NAME || __builtin_memcmp(n->start + name, POPCORN_NOTE_NAME, sizeof POPCORN_NOTE_NAME))
		FAIL("the image holds a note that is not popcorn's");
	if (h.descsz > s->filesz - *at - body) FAIL("the image's notes are cut off");
	n->type = h.type;
	n->p = n->start + body;
	n->n = h.descsz;
	*at += body + ((h.descsz + 3) & ~3ull);
	if (*at > s->filesz) FAIL("the image's notes are cut off");
	return 1;
}

/* A note's fixed part; the rest of it begins at *rest. */
void popcorn_note_fixed(const struct popcorn_note *n, void *to, size_t size, const char **rest, size_t *rest_n)
{
	if (n->n < size) FAIL("the image's note %u is too short", (unsigned long)n->type);
	__builtin_memcpy(to, n->p, size);
	if (rest) *rest = n->p + size;
	if (rest_n) *rest_n = n->n - size;
}

void popcorn_note_string(char *to, size_t size, const char *from, size_t n)
{
	if (n >= size) FAIL("the image holds a path of %u bytes", (unsigned long)n);
	__builtin_memcpy(to, from, n);
	to[n] = 0;
}

static void check_header(void)
{
	struct elf_header h;
	struct popcorn_statx s;
	long p;

	if (popcorn_statx_fd(image->fd, &s) || (s.mode & K_S_IFMT) != K_S_IFREG) FAIL("the image is not a file");
	image->size = s.size;
	if (image->size < sizeof h + sizeof(struct elf_segment)) FAIL("the image is cut off");
	p = K6(K_mmap, 0, image->size, K_PROT_READ, K_MAP_PRIVATE, image->fd, 0);
	if (p < 0 && p > -4096) FAIL("can't map the image: %e", p);
	image->p = (const char *)p;
	__builtin_memcpy(&h, image->p, sizeof h);
	if (__builtin_memcmp(h.ident, ELF_IDENT, 7) || h.type != ELF_CORE || h.machine || h.phentsize != sizeof(struct elf_segment)
	    || h.phoff != sizeof h || !h.phnum)
		FAIL("this is not an image made by popcorn");
	if (h.phnum * sizeof(struct elf_segment) > image->size - sizeof h) FAIL("the image is cut off");
	image->segments = (const void *)(image->p + sizeof h);
	image->nsegments = h.phnum;
	for (unsigned i = 0; i < image->nsegments; i++) {
		const struct elf_segment *g = image->segments + i;
		if (g->type != (i ? ELF_LOAD : ELF_NOTE) || g->offset > image->size || g->filesz > image->size - g->offset
		    || g->offset % 4)
			FAIL("the image is cut off or damaged (segment %u)", (unsigned long)i);
	}
}

/* Sums, version, build: whether the rest can be believed. */
static void check_sums(void)
{
	uint64_t at = 0;
	struct popcorn_note n;
	unsigned segment = 1, sums = 0;
	int move;

	if (!popcorn_note_next(&at, &n) || n.type != POPCORN_NOTE_IMAGE) FAIL("this is not an image made by popcorn");
	popcorn_note_fixed(&n, &image->head, sizeof image->head, 0, 0);
	if (image->head.version != POPCORN_IMAGE_VERSION) FAIL("the image has format %u, this program reads %u", (unsigned long)image->head.version, (unsigned long)POPCORN_IMAGE_VERSION);
	move = image->head.flags & POPCORN_IMAGE_MOVE;
	while (popcorn_note_next(&at, &n)) {
		if (sums) FAIL("the image is damaged (its sum is not last)");
		if (n.type == POPCORN_NOTE_SUM) {
			struct popcorn_sum s;
			popcorn_note_fixed(&n, &s, sizeof s, 0, 0);
			if (popcorn_crc(0, image->p, n.start - image->p) != s.crc) FAIL("the image is damaged (sum of its notes)");
			sums++;
		} else if (n.type == POPCORN_NOTE_SEGMENT) {
			struct popcorn_segment s;
			const struct elf_segment *g = image->segments + segment;
			popcorn_note_fixed(&n, &s, sizeof s, 0, 0);
			if (segment++ >= image->nsegments || s.start != g->vaddr || s.bytes != g->filesz
			    || (!move && popcorn_crc(0, image->p + g->offset, g->filesz) != s.crc))
				FAIL("the image is damaged (memory at %x)", s.start);
		}
	}
	if (!sums || segment != image->nsegments) FAIL("the image is damaged (no sums)");
	if (__builtin_memcmp(image->head.build_id, __popcorn_build_id, sizeof image->head.build_id))
		FAIL("the image was made by another build of the program");
	if (image->head.flags & POPCORN_IMAGE_NOTES_ONLY) FAIL("the image holds no memory; it was made for inspection only");
	if (image->head.data_start != (uintptr_t)__popcorn_data_start || image->head.data_end != (uintptr_t)__popcorn_data_end)
		FAIL("the image's data lies elsewhere than this program's");
}

int popcorn_restore_in_arena(uint64_t start, uint64_t end)
{
	return start >= ARENA_START && end <= ARENA_END && start < end && start % POPCORN_PAGE == 0 && end % POPCORN_PAGE == 0;
}

uint64_t popcorn_restore_brk_end(void)
{
	return (image->head.brk_end + POPCORN_PAGE - 1) & -(uint64_t)POPCORN_PAGE;
}

int popcorn_restore_has_brk(void)
{
	return image->head.brk_end > image->head.brk_start;
}

/* Every mapping is in the arena, in order; every segment in one of them or in the data. */
static void check_memory(void)
{
	uint64_t at = 0, last = 0;
	struct popcorn_note n;
	struct popcorn_map m;

	if (popcorn_restore_has_brk() && !popcorn_restore_in_arena(image->head.brk_start, popcorn_restore_brk_end())) FAIL("the image's heap is outside the arena");
	while (popcorn_note_next(&at, &n)) {
		if (n.type != POPCORN_NOTE_MAPPING) continue;
		popcorn_note_fixed(&n, &m, sizeof m, 0, 0);
		if (!popcorn_restore_in_arena(m.start, m.end) || m.start < last) FAIL("the image's mapping at %x is not one of the arena", m.start);
		last = m.end;
	}
	for (unsigned i = 1; i < image->nsegments; i++) {
		const struct elf_segment *g = image->segments + i;
		uint64_t end = g->vaddr + g->filesz;
		int inside = (g->vaddr >= image->head.data_start && end <= image->head.data_end)
		             || (popcorn_restore_has_brk() && g->vaddr >= image->head.brk_start && end <= popcorn_restore_brk_end());
		if (end < g->vaddr || g->vaddr % POPCORN_PAGE || g->filesz % POPCORN_PAGE) FAIL("the image is damaged (segment at %x)", g->vaddr);
		at = 0;
		while (!inside && popcorn_note_next(&at, &n))
			if (n.type == POPCORN_NOTE_MAPPING) {
				popcorn_note_fixed(&n, &m, sizeof m, 0, 0);
				inside = g->vaddr >= m.start && end <= m.end && !m.file;
			}
		if (!inside) FAIL("the image's memory at %x belongs to no mapping", g->vaddr);
	}
}

void popcorn_restore_check(void)
{
	check_header();
	check_sums();
	check_memory();
}
