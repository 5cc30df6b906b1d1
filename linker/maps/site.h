/* One site's completion. What comes of a record in `out` begins with UNREACHED; or UNPROVED and where in `text` the
 * reason is; or PROVED, frame size, number of values and their location words, number of saved registers and their
 * words, number of recipes and RECIPE_NUMBERS each. Words and recipes: popcc/schema/sites.py.
 */
#ifndef SITE_H
#define SITE_H

#include "maps.h"

/* of a recipe: destination, kind, width, value, number; then 0, or how that is made of symbols (1 the first's address,
 * 2 its page, 3 the difference of both), and the symbols */
enum { RECIPE_NUMBERS = 8 };

struct site {
	struct analysis *a;
	const struct state *state;
	const uint64_t *live;
	const struct listing *listing;
	term_t *terms; /* of listed values */
	int32_t *numbers;
	int nterms;
	/* by byte of the frame: whether it is live and not accounted for; whether it is written to already */
	bool *rest, *covered;
	int64_t *recipes;
	int nrecipes, room;
};

bool fail(struct analysis *, const char *format, ...); /* says why; returns false */
bool remake(struct site *, int64_t dest, int width, term_t, int location);

#endif
