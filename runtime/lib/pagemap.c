/* Pages that were never touched are zeros that need not be looked at, and stacks are mostly such pages. One bit a
 * page, whether the kernel has it in memory or in swap; a page it has not is zero, unless it is a file's. Under an
 * emulator addresses may be others than the kernel's: believed only if it has a page that is certainly in use. */
#include "pagemap.h"
#include "kernel.h"

enum { MAP_PAGES = 2048 };

int popcorn_page_is_zero(const uint64_t *p)
{
	for (size_t i = 0; i < POPCORN_PAGE / 8; i += 8)
		if (p[i] | p[i + 1] | p[i + 2] | p[i + 3] | p[i + 4] | p[i + 5] | p[i + 6] | p[i + 7]) return 0;
	return 1;
}

void popcorn_pagemap_close(struct popcorn_pagemap *m)
{
	if (m->fd >= 0) K1(K_close, m->fd);
	m->fd = -1;
}

static const uint64_t *page_map(struct popcorn_pagemap *m, uint64_t at)
{
	static uint64_t entries[MAP_PAGES];
	uint64_t first = at & -(uint64_t)(MAP_PAGES * POPCORN_PAGE);

	if (m->fd < 0) return 0;
	if (m->at != first) {
		if (K4(K_pread64, m->fd, entries, sizeof entries, first / POPCORN_PAGE * 8) != sizeof entries) {
			popcorn_pagemap_close(m);
			return 0;
		}
		m->at = first;
	}
	return entries + (at - first) / POPCORN_PAGE;
}

int popcorn_untouched(struct popcorn_pagemap *m, uint64_t page)
{
	const uint64_t *entry = page_map(m, page);

	return entry && !(*entry >> 62);
}

void popcorn_pagemap_open(struct popcorn_pagemap *m)
{
	const volatile char *sure = popcorn_self()->tp;

	m->at = 1;
	m->fd = -1;
	m->fd = (int)popcorn_high_fd(K4(K_openat, K_AT_FDCWD, "/proc/self/pagemap", K_O_CLOEXEC, 0));
	(void)*sure;
	if (m->fd >= 0 && popcorn_untouched(m, (uintptr_t)sure)) popcorn_pagemap_close(m);
}
