/* The origin's directory: who has which page, who waits for it, and what is done to it now.
 *
 * Something is under way at a page from popcorn_directory_start until all awaited answers came; a read of a page whose bytes
 * are at the origin takes no time at all. The requester need not confirm its GRANT: what may take the page away from it again
 * follows on the same link.
 */
#include "dsm.h"

static uint16_t bit(unsigned node)
{
	return (uint16_t)(1u << node);
}

static void send(struct popcorn_directory *d, unsigned to, enum dsm_kind kind, uint64_t page)
{
	struct popcorn_dsm_message m = popcorn_dsm_message(kind, page);

	d->driver->send(d->context, to, &m);
}

static void deny(struct popcorn_directory *d, unsigned to, uint64_t page, enum dsm_reason reason)
{
	struct popcorn_dsm_message m = popcorn_dsm_message(DSM_DENY, page);

	m.reason = (uint8_t)reason;
	d->driver->send(d->context, to, &m);
}

static void grant(struct popcorn_directory *d, unsigned to, uint64_t page, enum dsm_access access, int has_bytes)
{
	struct popcorn_dsm_message m = popcorn_dsm_message(DSM_GRANT, page);

	m.access = (uint8_t)access;
	if (to != DSM_ORIGIN && !has_bytes) m.bytes = DSM_MESSAGE_MOST;
	d->driver->send(d->context, to, &m);
}

static void push(struct popcorn_entry *e, unsigned node, enum dsm_want want)
{
	e->queue |= (uint64_t)node << 4 * e->nqueue++;
	if (want == DSM_WANT_WRITE) e->writers |= bit(node);
}

static int queued(const struct popcorn_entry *e, unsigned node)
{
	for (unsigned i = 0; i < e->nqueue; i++)
		if ((e->queue >> 4 * i & 15) == node) return 1;
	return 0;
}

void popcorn_directory_drop(struct popcorn_directory *d, uint64_t page, unsigned node)
{
	struct popcorn_entry *e = d->entries + page;
	uint64_t old = e->queue;
	unsigned n = e->nqueue;

	e->queue = e->nqueue = 0;
	for (; n--; old >>= 4)
		if ((old & 15) != node) push(e, old & 15, DSM_IDLE); /* what they want, e->writers knows already */
	e->writers &= (uint16_t)~bit(node);
}

static void count_write(struct popcorn_entry *e, unsigned node)
{
	if (e->writes && (e->recent & 15) != node) e->bounces++;
	if (!e->writes || (e->recent & 15) != node) e->recent = (uint16_t)(e->recent << 4 | node);
	e->writes++;
}

/* A request that can be answered without asking anybody for anything. */
static int answered_at_once(struct popcorn_directory *d, uint64_t page, unsigned node, enum dsm_want want)
{
	struct popcorn_entry *e = d->entries + page;
	enum dsm_access access = want == DSM_WANT_WRITE ? DSM_MAY_WRITE : DSM_MAY_READ;

	if (want >= DSM_RECALL_KEEP) return 0;
	if (e->state == DSM_GONE) deny(d, node, page, DSM_LOST);
	else if (d->driver->rights(d->context, page) < access) deny(d, node, page, DSM_UNMAPPED);
	else if (e->state == DSM_EXCLUSIVE && e->owner == node) grant(d, node, page, DSM_MAY_WRITE, 1); /* mapped anew meanwhile */
	else return 0;
	return 1;
}

/* All that were asked have answered: the bytes at the origin are current, and these share them still. */
static void come_home(struct popcorn_entry *e, enum dsm_want want)
{
	if (e->state == DSM_EXCLUSIVE) e->sharers = want == DSM_WANT_READ ? bit(e->owner) : 0;
	else if (want == DSM_WANT_WRITE) e->sharers = 0;
	else if (want != DSM_WANT_READ) e->sharers &= bit(DSM_ORIGIN);
	e->state = DSM_HOME;
}

static void finish(struct popcorn_directory *d, uint64_t page)
{
	struct popcorn_entry *e = d->entries + page;
	enum dsm_want want = e->want;
	unsigned node = e->serving;
	int had = e->state == DSM_HOME && node != DSM_NOBODY && e->sharers & bit(node);

	come_home(e, want);
	e->want = DSM_IDLE;
	if (want >= DSM_RECALL_KEEP) {
		d->recall.under_way--;
	} else if (node == DSM_NOBODY) {
		return;
	} else if (want == DSM_WANT_READ) {
		e->reads++;
		e->sharers |= bit(node);
		grant(d, node, page, DSM_MAY_READ, had);
	} else {
		count_write(e, node);
		e->state = DSM_EXCLUSIVE;
		e->owner = (uint8_t)node;
		e->sharers = 0;
		grant(d, node, page, DSM_MAY_WRITE, had);
	}
}

/* Whom to ask for what, before `want` can be granted to `node`. */
static enum dsm_kind to_be_asked(const struct popcorn_entry *e, unsigned node, enum dsm_want want, uint16_t *whom)
{
	*whom = 0;
	if (e->state == DSM_HOME) {
		if (want != DSM_WANT_READ) *whom = e->sharers & (uint16_t)~bit(node);
		return DSM_INVALIDATE;
	}
	*whom = bit(e->owner);
	return want == DSM_WANT_READ ? DSM_SHARE : want == DSM_RECALL_DROP ? DSM_INVALIDATE : DSM_TAKE;
}

void popcorn_directory_start(struct popcorn_directory *d, uint64_t page, unsigned node, enum dsm_want want)
{
	struct popcorn_entry *e = d->entries + page;
	enum dsm_kind kind;

	if (answered_at_once(d, page, node, want)) return;
	kind = to_be_asked(e, node, want, &e->awaited);
	e->want = (uint8_t)want;
	e->serving = (uint8_t)node;
	for (unsigned n = 0; n < DSM_NODES; n++)
		if (e->awaited & bit(n)) send(d, n, kind, page);
	if (!e->awaited) finish(d, page);
}

void popcorn_directory_next(struct popcorn_directory *d, uint64_t page)
{
	struct popcorn_entry *e = d->entries + page;

	while (e->want == DSM_IDLE && e->nqueue && !popcorn_recall_fences(d, page)) {
		unsigned node = e->queue & 15;
		enum dsm_want want = e->writers & bit(node) ? DSM_WANT_WRITE : DSM_WANT_READ;

		popcorn_directory_drop(d, page, node);
		popcorn_directory_start(d, page, node, want);
	}
}

void popcorn_directory_heard(struct popcorn_directory *d, uint64_t page, unsigned from)
{
	struct popcorn_entry *e = d->entries + page;

	e->awaited &= (uint16_t)~bit(from);
	if (e->awaited) return;
	finish(d, page);
	popcorn_recall_advance(d);
	popcorn_directory_next(d, page);
}

static int request(struct popcorn_directory *d, unsigned from, uint64_t page, enum dsm_want want)
{
	struct popcorn_entry *e = d->entries + page;

	if (queued(e, from) || (e->want && e->serving == from && e->want < DSM_RECALL_KEEP)) return -1;
	d->touched[page / DSM_CHUNK / 64] |= 1ull << page / DSM_CHUNK % 64;
	push(e, from, want);
	popcorn_directory_next(d, page);
	return 0;
}

/* A prefetch is not to be waited for, and takes no page away from a remote. */
static int prefetch(struct popcorn_directory *d, unsigned from, uint64_t page)
{
	struct popcorn_entry *e = d->entries + page;
	int elsewhere = e->state == DSM_EXCLUSIVE && e->owner != DSM_ORIGIN;

	if (!e->want && !e->nqueue && !elsewhere && !popcorn_recall_fences(d, page)) return request(d, from, page, DSM_WANT_READ);
	deny(d, from, page, DSM_BUSY);
	return 0;
}

static int answer(struct popcorn_directory *d, unsigned from, const struct popcorn_dsm_message *m)
{
	struct popcorn_entry *e = d->entries + m->page;
	int of_owner = e->state == DSM_EXCLUSIVE && e->want != DSM_RECALL_DROP;

	if (!e->want || !(e->awaited & bit(from)) || of_owner != (m->kind == DSM_DATA)) return -1;
	if (popcorn_dsm_behind(m)) d->driver->fill(d->context, m->page);
	popcorn_directory_heard(d, m->page, from);
	return 0;
}

int popcorn_directory_deliver(struct popcorn_directory *d, unsigned from, const struct popcorn_dsm_message *m)
{
	if (d->lost & bit(from)) return 0;
	switch (m->kind) {
	case DSM_READ:
		return request(d, from, m->page, DSM_WANT_READ);
	case DSM_WRITE:
		return request(d, from, m->page, DSM_WANT_WRITE);
	case DSM_PREFETCH:
		return prefetch(d, from, m->page);
	case DSM_ACK:
	case DSM_DATA:
		return answer(d, from, m);
	}
	return -1;
}
