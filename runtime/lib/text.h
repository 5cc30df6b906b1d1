/* Text for replies, built in place; what doesn't fit is cut off. */
#ifndef POPCORN_TEXT_H
#define POPCORN_TEXT_H

#include "popcorn.h"

struct popcorn_text {
	size_t n;
	char s[4096];
};

hidden void popcorn_text_set(struct popcorn_text *, const char *format, ...); /* %s %d %u %x %e (errno's name) */
hidden void popcorn_text_add(struct popcorn_text *, const char *format, ...);
hidden size_t popcorn_length(const char *);
hidden int popcorn_same(const char *, const char *);
hidden int popcorn_begins(const char *s, const char *prefix);
hidden int popcorn_ends(const char *s, const char *suffix);
#endif
