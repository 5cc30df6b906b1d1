/* The kernel's promise is that comparing the word and falling asleep are one step for whoever wakes. It is kept by making both
 * at the origin in one call, while the origin has a readable copy of the page: a store that the comparison did not see
 * comes after it in the order of the location, so the wake that follows that store finds the thread asleep. A call that
 * has to wait for the page has not begun, for all that others can see.
 *
 * A wait ends once: by a wake, by its time or a signal (CANCEL, from the thread's own node, which knows), or with its
 * node. Whichever comes first takes it out of the queue; a CANCEL that comes too late finds nothing, since the ticket
 * tells a thread's calls apart.
 */
#include "futex.h"

enum { NO_MEMORY = -12, AGAIN = -11, FAULT = -14 };

static struct popcorn_waiters *bucket(struct popcorn_futexes *f, uint64_t address)
{
	return f->bucket + (address / 4 ^ address / DSM_PAGE) % DSM_FUTEX_BUCKETS;
}

static void append(struct popcorn_waiters *to, struct popcorn_waiter *w)
{
	w->next = 0;
	*to->last = w;
	to->last = &w->next;
}

static struct popcorn_waiter *take(struct popcorn_waiters *from, struct popcorn_waiter **at)
{
	struct popcorn_waiter *w = *at;

	*at = w->next;
	if (from->last == &w->next) from->last = at;
	return w;
}

void popcorn_futex_init(struct popcorn_futexes *f, struct popcorn_waiter *room, size_t threads)
{
	f->free = 0;
	f->room = room;
	f->undecided.first = 0;
	f->undecided.last = &f->undecided.first;
	for (size_t i = 0; i < DSM_FUTEX_BUCKETS; i++) {
		f->bucket[i].first = 0;
		f->bucket[i].last = &f->bucket[i].first;
	}
	for (size_t i = 0; i < threads; i++) {
		room[i].next = f->free;
		f->free = room + i;
	}
}

static void result(struct popcorn_futexes *f, unsigned node, const struct popcorn_dsm_message *m, int32_t value)
{
	f->result(f->context, node, m->thread, m->ticket, value);
}

/* The waiter's call is over. */
static void end(struct popcorn_futexes *f, struct popcorn_waiter *w, int32_t value)
{
	result(f, w->node, &w->call, value);
	w->next = f->free;
	f->free = w;
}

static uint32_t wake(struct popcorn_futexes *f, uint64_t address, uint32_t count, uint32_t bits)
{
	struct popcorn_waiters *b = bucket(f, address);
	uint32_t woken = 0;

	for (struct popcorn_waiter **at = &b->first; *at && woken < count;) {
		if ((*at)->call.page == address && (*at)->call.limit & bits) {
			end(f, take(b, at), 0);
			woken++;
		} else at = &(*at)->next;
	}
	return woken;
}

/* What is moved is appended: a queue that is its own target is left as it is. */
static uint32_t requeue(struct popcorn_futexes *f, const struct popcorn_dsm_message *m)
{
	struct popcorn_waiters *b = bucket(f, m->page), moved = { 0, &moved.first };
	uint32_t n = 0;

	for (struct popcorn_waiter **at = &b->first; *at && n < m->limit && m->page != m->target;) {
		if ((*at)->call.page == m->page) {
			append(&moved, take(b, at));
			n++;
		} else at = &(*at)->next;
	}
	while (moved.first) {
		struct popcorn_waiter *w = take(&moved, &moved.first);
		w->call.page = m->target;
		append(bucket(f, m->target), w);
	}
	return n;
}

static void wake_and_requeue(struct popcorn_futexes *f, unsigned node, const struct popcorn_dsm_message *m)
{
	uint32_t woken = wake(f, m->page, m->count, -1u);

	result(f, node, m, (int32_t)(woken + requeue(f, m)));
}

/* One step from here: the word is compared, and what follows from that is done. Returns whether it could be. */
static int decide(struct popcorn_futexes *f, struct popcorn_waiter *w)
{
	uint32_t value = 0;
	int known = f->load(f->context, w->call.page, &value);

	if (!known) return 0;
	if (known < 0 || value != w->call.value) {
		end(f, w, known < 0 ? FAULT : AGAIN);
	} else if (w->call.kind == DSM_WAIT) {
		append(bucket(f, w->call.page), w);
	} else {
		wake_and_requeue(f, w->node, &w->call);
		w->next = f->free;
		f->free = w;
	}
	return 1;
}

static void compare(struct popcorn_futexes *f, unsigned node, const struct popcorn_dsm_message *m)
{
	struct popcorn_waiter *w = f->free;

	if (!w) {
		result(f, node, m, NO_MEMORY);
		return;
	}
	f->free = w->next;
	w->call = *m;
	w->node = node;
	if (!decide(f, w)) append(&f->undecided, w);
}

void popcorn_futex_opened(struct popcorn_futexes *f, uint64_t page)
{
	struct popcorn_waiters all = { 0, &all.first };

	while (f->undecided.first) append(&all, take(&f->undecided, &f->undecided.first));
	while (all.first) {
		struct popcorn_waiter *w = take(&all, &all.first);
		if (w->call.page / DSM_PAGE != page || !decide(f, w)) append(&f->undecided, w);
	}
}

static int is_call(const struct popcorn_waiter *w, unsigned node, const struct popcorn_dsm_message *m)
{
	return w->node == node && (!m || (w->call.thread == m->thread && w->call.ticket == m->ticket));
}

/* The calls of a node, or that one of them: over with what the CANCEL says, or without anybody to tell. */
static void cancel(struct popcorn_futexes *f, struct popcorn_waiters *in, unsigned node, const struct popcorn_dsm_message *m)
{
	for (struct popcorn_waiter **at = &in->first; *at;) {
		if (!is_call(*at, node, m)) {
			at = &(*at)->next;
			continue;
		}
		struct popcorn_waiter *w = take(in, at);
		if (m) result(f, node, m, (int32_t)m->value);
		w->next = f->free;
		f->free = w;
	}
}

/* A requeue may have taken it to any bucket. */
static void cancel_everywhere(struct popcorn_futexes *f, unsigned node, const struct popcorn_dsm_message *m)
{
	cancel(f, &f->undecided, node, m);
	for (size_t i = 0; i < DSM_FUTEX_BUCKETS; i++) cancel(f, f->bucket + i, node, m);
}

int popcorn_futex_deliver(struct popcorn_futexes *f, unsigned node, const struct popcorn_dsm_message *m)
{
	switch (m->kind) {
	case DSM_WAIT:
		compare(f, node, m);
		return 0;
	case DSM_WAKE:
		result(f, node, m, (int32_t)wake(f, m->page, m->count, m->limit));
		return 0;
	case DSM_REQUEUE:
		if (m->access) compare(f, node, m);
		else wake_and_requeue(f, node, m);
		return 0;
	case DSM_CANCEL:
		cancel_everywhere(f, node, m);
		return 0;
	}
	return -1;
}

void popcorn_futex_lost(struct popcorn_futexes *f, unsigned node)
{
	cancel_everywhere(f, node, 0);
}
