/* Which pages a thread that reads forward will want next. A few streams are followed at a time, each by where its next fault
 * would be: behind what it asked for the last time, since pages that came in time don't fault. */
#include "dsm.h"

unsigned popcorn_prefetch_ahead(struct popcorn_prefetch *p, uint64_t page)
{
	for (unsigned i = 0; i < DSM_STREAMS; i++) {
		unsigned ahead = p->stream[i].ahead;
		if (!ahead || p->stream[i].next != page) continue;
		p->stream[i].next = page + 1 + ahead;
		p->stream[i].ahead = ahead < DSM_AHEAD ? 2 * ahead : ahead;
		return ahead;
	}
	p->stream[p->oldest].next = page + 1;
	p->stream[p->oldest].ahead = 1;
	p->oldest = (p->oldest + 1) % DSM_STREAMS;
	return 0;
}
