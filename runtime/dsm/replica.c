/* A node's side of the protocol: what its threads may do with a page, and what it has asked the origin for.
 *
 * A page has at most one request under way, whoever waits for it; a thread that finds its answer wanting (it came for
 * reading, and the thread would write) faults again. The directory takes a page away only after it granted it, and takes one
 * thing at a time: so `recall` is room enough for what comes while the page is held.
 */
#include "dsm.h"

static enum dsm_state state(const struct popcorn_replica *r, uint64_t page)
{
	enum dsm_state s = r->pages[page].state;

	if (s != DSM_UNTOUCHED) return s;
	return r->node == DSM_ORIGIN ? DSM_MODIFIED : DSM_INVALID;
}

enum dsm_access popcorn_replica_access(const struct popcorn_replica *r, uint64_t page)
{
	enum dsm_state s = state(r, page);

	return s == DSM_MODIFIED ? DSM_MAY_WRITE : s == DSM_SHARED ? DSM_MAY_READ : DSM_NO_ACCESS;
}

static void send(struct popcorn_replica *r, enum dsm_kind kind, uint64_t page)
{
	struct popcorn_dsm_message m = popcorn_dsm_message(kind, page);

	if (kind == DSM_DATA && r->node != DSM_ORIGIN) m.bytes = DSM_MESSAGE_MOST;
	r->driver->send(r->context, DSM_ORIGIN, &m);
}

static void ask(struct popcorn_replica *r, uint64_t page, enum dsm_kind kind)
{
	r->pages[page].pending = kind;
	send(r, kind, page);
}

static void ask_ahead(struct popcorn_replica *r, uint64_t page)
{
	unsigned n = popcorn_prefetch_ahead(&r->prefetch, page);

	while (n-- && ++page < r->npages && r->prefetch.under_way < DSM_PREFETCHES) {
		if (r->pages[page].pending || popcorn_replica_access(r, page)) continue;
		r->prefetch.under_way++;
		ask(r, page, DSM_PREFETCH);
	}
}

enum dsm_fault popcorn_replica_fault(struct popcorn_replica *r, uint64_t page, enum dsm_access access)
{
	struct popcorn_page *p = r->pages + page;

	if (r->ended) return DSM_PROCESS_ENDED;
	if (popcorn_replica_access(r, page) >= access) return DSM_RETRY;
	p->waiting = 1;
	if (p->pending) return DSM_JOINED;
	ask(r, page, access == DSM_MAY_WRITE ? DSM_WRITE : DSM_READ);
	if (access == DSM_MAY_READ) ask_ahead(r, page);
	return DSM_ASKED;
}

void popcorn_replica_want(struct popcorn_replica *r, uint64_t page)
{
	if (!r->ended && !r->pages[page].pending && popcorn_replica_access(r, page) != DSM_MAY_WRITE) ask(r, page, DSM_WRITE);
}

/* The request under way was answered. Returns whether threads waited for that. */
static int answered(struct popcorn_replica *r, struct popcorn_page *p)
{
	int waiting = p->waiting;

	if (p->pending == DSM_PREFETCH) r->prefetch.under_way--;
	p->pending = 0;
	p->waiting = 0;
	return waiting;
}

static int granted(struct popcorn_replica *r, const struct popcorn_dsm_message *m)
{
	struct popcorn_page *p = r->pages + m->page;
	int enough = m->access == DSM_MAY_WRITE || p->pending != DSM_WRITE;
	int current = popcorn_dsm_behind(m) || state(r, m->page) == DSM_SHARED || r->node == DSM_ORIGIN;

	if (!p->pending || !enough || !current) return -1;
	if (popcorn_dsm_behind(m)) r->driver->fill(r->context, m->page);
	p->state = m->access == DSM_MAY_WRITE ? DSM_MODIFIED : DSM_SHARED;
	r->driver->open(r->context, m->page, m->access);
	if (answered(r, p)) {
		p->held = 1;
		r->driver->wake(r->context, m->page);
	}
	return 0;
}

static int denied(struct popcorn_replica *r, const struct popcorn_dsm_message *m)
{
	struct popcorn_page *p = r->pages + m->page;
	enum dsm_kind asked = p->pending;

	if (!asked || (m->reason == DSM_BUSY && asked != DSM_PREFETCH)) return -1;
	if (answered(r, p)) r->driver->deny(r->context, m->page, m->reason);
	return 0;
}

static void give_up(struct popcorn_replica *r, uint64_t page, enum dsm_kind recall)
{
	enum dsm_access left = recall == DSM_SHARE ? DSM_MAY_READ : DSM_NO_ACCESS;

	r->pages[page].state = left ? DSM_SHARED : DSM_INVALID;
	r->driver->open(r->context, page, left); /* before the bytes are sent: nobody writes them any more */
	send(r, recall == DSM_INVALIDATE ? DSM_ACK : DSM_DATA, page);
}

static int recalled(struct popcorn_replica *r, uint64_t page, enum dsm_kind recall)
{
	struct popcorn_page *p = r->pages + page;
	enum dsm_state s = state(r, page);

	if (p->recall || s == DSM_INVALID || (recall != DSM_INVALIDATE && s != DSM_MODIFIED)) return -1;
	if (p->held) {
		p->recall = recall;
		return 1;
	}
	give_up(r, page, recall);
	return 0;
}

int popcorn_replica_deliver(struct popcorn_replica *r, const struct popcorn_dsm_message *m)
{
	if (r->ended) return 0;
	switch (m->kind) {
	case DSM_GRANT:
		return granted(r, m);
	case DSM_DENY:
		return denied(r, m);
	case DSM_INVALIDATE:
	case DSM_SHARE:
	case DSM_TAKE:
		return recalled(r, m->page, m->kind);
	case DSM_ENDED:
		popcorn_replica_origin_lost(r);
		return 0;
	}
	return -1;
}

void popcorn_replica_release(struct popcorn_replica *r, uint64_t page)
{
	struct popcorn_page *p = r->pages + page;
	enum dsm_kind recall = p->recall;

	p->held = 0;
	p->recall = 0;
	if (recall && !r->ended) give_up(r, page, recall);
}

void popcorn_replica_origin_lost(struct popcorn_replica *r)
{
	if (r->ended) return;
	r->ended = 1;
	r->driver->end(r->context);
}
