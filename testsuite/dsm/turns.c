/* Who waits for a page is served in the order in which the requests came. */
#include <string.h>
#include "sim.h"

static unsigned char queue[PAGES][NODES];
static unsigned length[PAGES];

void turns_begin(void)
{
	memset(length, 0, sizeof length);
}

static void leave(unsigned page, unsigned place)
{
	memmove(queue[page] + place, queue[page] + place + 1, --length[page] - place);
}

static unsigned place_of(unsigned page, unsigned node)
{
	unsigned i = 0;

	while (i < length[page] && queue[page][i] != node) i++;
	return i;
}

/* A node that asks again while it waits is refused, and then lost. */
void turns_ask(unsigned node, const struct popcorn_dsm_message *m)
{
	if (m->kind != DSM_READ && m->kind != DSM_WRITE) return;
	if (place_of((unsigned)m->page, node) == length[m->page]) queue[m->page][length[m->page]++] = (unsigned char)node;
}

/* A node that is not in the queue has its prefetch answered. */
void turns_answer(unsigned node, const struct popcorn_dsm_message *m)
{
	unsigned page = (unsigned)m->page, place;

	if (m->kind != DSM_GRANT && (m->kind != DSM_DENY || m->reason == DSM_BUSY)) return;
	place = place_of(page, node);
	if (place == length[page]) return;
	if (place) fail("node %u has page %u before node %u, which came first", node, page, queue[page][0]);
	leave(page, place);
}

void turns_lost(unsigned node)
{
	for (unsigned p = 0; p < PAGES; p++) {
		unsigned place = place_of(p, node);
		if (place < length[p]) leave(p, place);
	}
}
