/* Restoring: the image being read, and how its notes are walked. */
#ifndef POPCORN_RESTORE_H
#define POPCORN_RESTORE_H

#include "elf.h"
#include "libc.h"
#include "park.h"

struct popcorn_restoring {
	int fd;
	const char *p; /* the whole file */
	uint64_t size;
	const struct elf_segment *segments;
	unsigned nsegments; /* the notes' included, first */
	struct popcorn_image head;
	struct popcorn_text error;
	struct popcorn_thread *main;
	uint64_t pending; /* signals that waited for all threads alike: the process's */
};

struct popcorn_note {
	uint32_t type;
	const char *p; /* its contents */
	uint32_t n;
	const char *start; /* of its header */
};

extern hidden struct popcorn_restoring popcorn_restoring;
static struct popcorn_restoring *const image = &popcorn_restoring;

/* Says why, to whoever waits for the answer, and ends. */
hidden _Noreturn void popcorn_restore_fail(void);
#define FAIL(...) (popcorn_text_set(&image->error, __VA_ARGS__), popcorn_restore_fail())

hidden void popcorn_restore_check(void); /* maps the file at image->fd to be read, and checks all but the threads */
hidden int popcorn_note_next(uint64_t *at, struct popcorn_note *);
hidden void popcorn_note_fixed(const struct popcorn_note *, void *to, size_t size, const char **rest, size_t *rest_n);
hidden void popcorn_note_string(char *to, size_t size, const char *from, size_t n);
hidden int popcorn_restore_in_arena(uint64_t start, uint64_t end);
hidden uint64_t popcorn_restore_brk_end(void); /* of the heap's last page */
hidden int popcorn_restore_has_brk(void);

#endif
