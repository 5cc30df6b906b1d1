/* What rebuild.c tells jump.c: where the frames of functions that call setjmp came to lie. */
#ifndef POPCORN_JUMP_H
#define POPCORN_JUMP_H

#include "arch.h"
#include "popcorn.h"

struct popcorn_jump {
	uint64_t frame; /* its common frame pointer */
	uint64_t cfa;
	uint32_t site; /* that it was stopped at */
	uint64_t entry[POPCORN_NCALLEE_SAVED]; /* callee-saved registers as its caller left them */
};

hidden int popcorn_jumps_begin(struct popcorn_thread *, size_t n); /* -1: no memory */
hidden void popcorn_jumps_add(struct popcorn_thread *, uint32_t site, uint64_t frame, uint64_t cfa, uint64_t **where);
hidden void popcorn_jumps_end(struct popcorn_thread *);

/* rebuild.c: reg is where the destination register's value belongs, 0 when the destination is a slot */
hidden void popcorn_recipe_apply(const struct popcorn_recipe *, const void *values, uint64_t cfa, uint64_t tp,
                                 uint64_t *reg);
#endif
