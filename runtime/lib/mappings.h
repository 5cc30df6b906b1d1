/* The table of mappings: what memory.c does to the arena, mappings.c remembers. */
#ifndef POPCORN_MAPPINGS_H
#define POPCORN_MAPPINGS_H

#include "libc.h"

hidden size_t popcorn_mappings_above(uint64_t at);
hidden int popcorn_mappings_reserve(size_t n);
hidden int popcorn_mappings_split(uint64_t at);
hidden void popcorn_mappings_merge(uint64_t at);
hidden int popcorn_mappings_forget(uint64_t start, uint64_t end);
hidden void popcorn_mappings_enter(const struct popcorn_mapping *);
hidden char *popcorn_path_copy(const char *); /* in pages of its own; 0: no memory */

#endif
