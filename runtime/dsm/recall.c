/* Pages come home before the mapping under them changes. The stretch is fenced off: what is under way at its pages is
 * finished, the copies of remotes are taken back, and requests wait until the new mapping can answer them. */
#include "dsm.h"

int popcorn_recall_fences(const struct popcorn_directory *d, uint64_t page)
{
	return d->recall.active && page >= d->recall.first && page < d->recall.end;
}

uint64_t popcorn_directory_touched(const struct popcorn_directory *d, uint64_t from, uint64_t end)
{
	while (from < end && !(d->touched[from / DSM_CHUNK / 64] >> from / DSM_CHUNK % 64 & 1)) from = (from / DSM_CHUNK + 1) * DSM_CHUNK;
	return from < end ? from : end;
}

static int at_a_remote(const struct popcorn_entry *e)
{
	if (e->state == DSM_HOME) return (e->sharers & ~(1u << DSM_ORIGIN)) != 0;
	return e->state == DSM_EXCLUSIVE && e->owner != DSM_ORIGIN;
}

/* As far as possible: a page at which something is under way is waited for. */
void popcorn_recall_advance(struct popcorn_directory *d)
{
	struct popcorn_recall *c = &d->recall;
	enum dsm_want want = c->keep ? DSM_RECALL_KEEP : DSM_RECALL_DROP;

	if (!c->active || c->paused || c->next > c->end) return;
	while (c->under_way < DSM_RECALLS) {
		c->next = popcorn_directory_touched(d, c->next, c->end);
		if (c->next == c->end) break;
		if (d->entries[c->next].want) return;
		if (at_a_remote(d->entries + c->next)) {
			c->under_way++;
			popcorn_directory_start(d, c->next, DSM_ORIGIN, want);
		}
		c->next++;
	}
	if (c->next < c->end || c->under_way) return;
	c->next = c->end + 1;
	d->driver->drained(d->context);
}

void popcorn_directory_recall(struct popcorn_directory *d, uint64_t first, uint64_t count, int keep)
{
	d->recall = (struct popcorn_recall){ .first = first, .end = first + count, .next = first, .active = 1, .keep = keep };
	popcorn_recall_advance(d);
}

/* As at the start, but for those who wait, and what was counted. */
static void forget(struct popcorn_directory *d, uint64_t page)
{
	struct popcorn_entry *e = d->entries + page;
	struct popcorn_page *own = d->own->pages + page;

	e->state = DSM_EXCLUSIVE;
	e->owner = DSM_ORIGIN;
	e->sharers = 0;
	own->state = DSM_UNTOUCHED;
	own->held = 0;
}

void popcorn_directory_resume(struct popcorn_directory *d)
{
	struct popcorn_recall c = d->recall;

	d->recall.active = 0;
	for (uint64_t page = c.first; (page = popcorn_directory_touched(d, page, c.end)) < c.end; page++) {
		if (!c.keep) forget(d, page);
		popcorn_directory_next(d, page);
	}
}
