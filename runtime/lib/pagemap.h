/* Which pages were never touched. */
#ifndef POPCORN_PAGEMAP_H
#define POPCORN_PAGEMAP_H

#include "popcorn.h"

struct popcorn_pagemap {
	int fd;      /* /proc/self/pagemap, -1: not usable */
	uint64_t at; /* first address of the entries at hand */
};

/* All threads are stopped from here until it is closed. */
hidden void popcorn_pagemap_open(struct popcorn_pagemap *);
hidden int popcorn_untouched(struct popcorn_pagemap *, uint64_t page); /* 0 where that can't be known */
hidden void popcorn_pagemap_close(struct popcorn_pagemap *);
hidden int popcorn_page_is_zero(const uint64_t *);

#endif
