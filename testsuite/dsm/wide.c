/* A directory of many pages, whose remotes answer at once: for what the simulated machine is too small for. */
#include <string.h>
#include "dsm.h"

enum { WIDE = 5 * DSM_CHUNK + 7, WAITING = 4096 };

static struct popcorn_entry entries[WIDE];
static struct popcorn_page pages[WIDE];
static uint64_t touched[1];
static struct popcorn_replica own;
static struct popcorn_directory directory;
static struct { unsigned to; struct popcorn_dsm_message m; } waiting[WAITING];
static unsigned first, end, most;
static uint64_t gone[WIDE];
static unsigned ngone;
static int drained;

static void do_send(void *context, unsigned to, const struct popcorn_dsm_message *m)
{
	(void)context;
	waiting[end % WAITING].to = to;
	waiting[end++ % WAITING].m = *m;
}

static void do_fill(void *context, uint64_t page)
{
	(void)context;
	(void)page;
}

static void do_open(void *context, uint64_t page, enum dsm_access access)
{
	(void)context;
	(void)page;
	(void)access;
}

static enum dsm_access do_rights(void *context, uint64_t page)
{
	(void)context;
	(void)page;
	return DSM_MAY_WRITE;
}

static void do_lost(void *context, uint64_t page, unsigned node)
{
	(void)context;
	(void)node;
	gone[ngone++] = page;
}

static void do_drained(void *context)
{
	(void)context;
	drained = 1;
}

static const struct popcorn_driver wide_driver = {
	.send = do_send, .fill = do_fill, .open = do_open, .rights = do_rights, .lost = do_lost, .drained = do_drained,
};

static void answer(unsigned from, const struct popcorn_dsm_message *m)
{
	struct popcorn_dsm_message a = popcorn_dsm_message(m->kind == DSM_INVALIDATE ? DSM_ACK : DSM_DATA, m->page);

	if (m->kind == DSM_INVALIDATE || m->kind == DSM_SHARE || m->kind == DSM_TAKE) popcorn_directory_deliver(&directory, from, &a);
}

static void all_answer(void)
{
	while (first != end) {
		unsigned to = waiting[first % WAITING].to;
		struct popcorn_dsm_message m = waiting[first++ % WAITING].m;
		if (directory.recall.under_way > most) most = directory.recall.under_way;
		if (to) answer(to, &m);
		else if (m.kind <= DSM_DATA) popcorn_directory_deliver(&directory, DSM_ORIGIN, &m);
		else popcorn_replica_deliver(&own, &m);
	}
}

unsigned wide_begin(void)
{
	memset(entries, 0, sizeof entries);
	memset(pages, 0, sizeof pages);
	touched[0] = 0;
	own = (struct popcorn_replica){ .npages = WIDE, .pages = pages, .driver = &wide_driver };
	directory = (struct popcorn_directory){ .npages = WIDE, .entries = entries, .touched = touched, .own = &own, .driver = &wide_driver };
	first = end = ngone = 0;
	return WIDE;
}

void wide_ask(unsigned node, uint64_t page, int write)
{
	struct popcorn_dsm_message m = popcorn_dsm_message(write ? DSM_WRITE : DSM_READ, page);

	popcorn_directory_deliver(&directory, node, &m);
	all_answer();
}

/* The most pages that were on their way home at a time; -1: it did not end. */
int wide_recall(uint64_t from, uint64_t count, int keep)
{
	most = 0;
	drained = 0;
	popcorn_directory_recall(&directory, from, count, keep);
	all_answer();
	if (!drained) return -1;
	popcorn_directory_resume(&directory);
	return (int)most;
}

/* The pages that are gone with a node, into room for all; how many. */
unsigned wide_lose(unsigned node, uint64_t *to)
{
	popcorn_directory_lost(&directory, node);
	memcpy(to, gone, ngone * sizeof *gone);
	return ngone;
}

/* state, owner, sharers, bounces, recent writers */
void wide_entry(uint64_t page, unsigned *to)
{
	const struct popcorn_entry *e = entries + page;

	to[0] = e->state;
	to[1] = e->owner;
	to[2] = e->sharers;
	to[3] = e->bounces;
	to[4] = e->recent;
}
