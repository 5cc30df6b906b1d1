/* A node is gone for good. What it had MODIFIED is gone with it, even where it never wrote: nobody can know. What it only
 * shared is at the origin. What was asked of it is answered in its place, what it asked for goes to the next. */
#include "dsm.h"

static void gone(struct popcorn_directory *d, uint64_t page, unsigned node)
{
	struct popcorn_entry *e = d->entries + page;

	e->state = DSM_GONE;
	e->awaited = 0;
	d->driver->lost(d->context, page, node);
}

/* Its bytes were awaited: whoever they were for waits first of all, and is denied with the others. */
static void answer_will_not_come(struct popcorn_directory *d, uint64_t page, unsigned node)
{
	struct popcorn_entry *e = d->entries + page;
	enum dsm_want want = e->want;

	if (e->state == DSM_HOME || want == DSM_RECALL_DROP) {
		popcorn_directory_heard(d, page, node);
		return;
	}
	gone(d, page, node);
	e->want = DSM_IDLE;
	if (want == DSM_RECALL_KEEP) d->recall.under_way--;
	else if (e->serving != DSM_NOBODY) popcorn_directory_start(d, page, e->serving, want);
	popcorn_directory_next(d, page);
}

static void without(struct popcorn_directory *d, uint64_t page, unsigned node)
{
	struct popcorn_entry *e = d->entries + page;
	uint16_t its = (uint16_t)(1u << node);

	popcorn_directory_drop(d, page, node);
	e->sharers &= (uint16_t)~its;
	if (e->want && e->serving == node) e->serving = DSM_NOBODY;
	if (e->want && e->awaited & its) answer_will_not_come(d, page, node);
	else if (e->state == DSM_EXCLUSIVE && e->owner == node) {
		gone(d, page, node);
		popcorn_directory_next(d, page);
	}
}

void popcorn_directory_lost(struct popcorn_directory *d, unsigned node)
{
	if (node == DSM_ORIGIN || d->lost >> node & 1) return;
	d->lost |= (uint16_t)(1u << node);
	d->recall.paused = 1; /* it would go on to pages that still name the node */
	for (uint64_t page = 0; (page = popcorn_directory_touched(d, page, d->npages)) < d->npages; page++) without(d, page, node);
	d->recall.paused = 0;
	popcorn_recall_advance(d);
}
