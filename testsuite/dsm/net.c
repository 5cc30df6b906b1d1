/* Links of the simulated machine: bytes on their way, connections that are cut and made again. */
#include <string.h>
#include "sim.h"

static unsigned char *page_bytes(unsigned node, uint64_t page)
{
	return world.node[node].memory[page];
}

/* Each larger room lies behind the one before. */
static void put(struct channel *c, unsigned side, const struct popcorn_dsm_message *m, const void *page)
{
	struct popcorn_link *l = c->link + side;
	size_t larger = 2 * l->capacity, at = larger - FIRST_ROOM;

	if (!popcorn_link_put(l, m, page)) return;
	if (at + larger > ROOM) fail("a link keeps %zu bytes", l->end - l->begin);
	else popcorn_link_room(l, c->room[side] + at, larger);
	if (!world.failed && popcorn_link_put(l, m, page)) fail("a link is full that is not");
}

void net_send(unsigned from, unsigned to, const struct popcorn_dsm_message *m)
{
	unsigned remote = from ? from : to;
	struct channel *c = world.channel + remote;

	note("%u -> %u %s %s %u%s%s", from, to, kind_name(m->kind), m->kind < DSM_WAIT ? "page" : "word", (unsigned)m->page,
	     m->kind != DSM_GRANT ? "" : m->access == DSM_MAY_WRITE ? " to write" : " to read", popcorn_dsm_behind(m) ? ", with bytes" : "");
	if (!from) turns_answer(to, m);
	if (from == to) {
		if (world.nown == 64) fail("the origin talks to itself without end");
		else world.own[world.nown++] = *m;
		return;
	}
	if (c->closed) {
		if (!from) fail("a message for node %u, which is lost", to);
		return;
	}
	put(c, from != 0, m, page_bytes(from, m->page % PAGES));
}

/* Bytes that are written are on the wire, and lost when it is cut. Most of the time all go, sometimes a part. */
int net_transmit(unsigned channel, unsigned side)
{
	struct channel *c = world.channel + channel;
	struct wire *w = c->wire + side;
	const unsigned char *bytes;
	size_t n;

	if (!c->up || !c->greeted[side] || (side && world.node[channel].dead) || !(n = popcorn_link_unwritten(c->link + side, &bytes))) return 0;
	if (one_in(4)) n = 1 + below((unsigned)n);
	memcpy(w->bytes + w->end, bytes, n);
	w->end += n;
	popcorn_link_wrote(c->link + side, n);
	return 1;
}

/* A node says what it has heard. Sometimes less, as far as the other can still repeat it, so that messages come twice. */
static void greet(unsigned channel, unsigned side)
{
	struct channel *c = world.channel + channel;
	struct wire *w = c->wire + side;
	uint64_t heard = c->link[side].heard, needed = c->link[!side].forgotten;
	struct popcorn_dsm_message m = popcorn_dsm_message(DSM_HELLO, side ? channel : 0);

	m.heard = one_in(2) ? heard : heard - below((unsigned)(heard - needed) + 1);
	memcpy(w->bytes, &m, sizeof m);
	w->begin = 0;
	w->end = sizeof m;
	c->greeted[side] = 0;
}

void net_connect(unsigned channel)
{
	note("link %u is up", channel);
	world.channel[channel].up = 1;
	greet(channel, 0);
	greet(channel, 1);
}

void net_cut(unsigned channel)
{
	struct channel *c = world.channel + channel;

	note("link %u is cut, %zu and %zu bytes are lost", channel, c->wire[0].end - c->wire[0].begin, c->wire[1].end - c->wire[1].begin);
	c->up = 0;
	c->wire[0].begin = c->wire[0].end = c->wire[1].begin = c->wire[1].end = 0;
}

void net_close(unsigned channel)
{
	net_cut(channel);
	world.channel[channel].closed = 1;
}

static void to_origin(unsigned from, const struct popcorn_dsm_message *m)
{
	int refused;

	turns_ask(from, m);
	if (m->kind >= DSM_WAIT) refused = popcorn_futex_deliver(&world.futexes, from, m);
	else refused = popcorn_directory_deliver(&world.directory, from, m);
	if (refused && world.node[from].liar) lose(from);
	else if (refused) fail("the origin refuses %s of node %u, page %u", kind_name(m->kind), from, (unsigned)m->page);
}

static void to_remote(unsigned node, const struct popcorn_dsm_message *m)
{
	if (m->kind == DSM_RESULT && world.node[node].liar) return;
	if (m->kind == DSM_RESULT) thread_result(node, m->thread, m->ticket, (int32_t)m->value);
	else to_replica(node, m);
}

static void deliver(unsigned channel, unsigned side, const struct popcorn_dsm_message *m)
{
	struct popcorn_link *l = world.channel[channel].link + side;
	int new;

	if (m->kind == DSM_HELLO) {
		world.channel[channel].greeted[side] = 1;
		if (popcorn_link_resume(l, m->heard)) fail("link %u can't go on behind %lu", channel, (unsigned long)m->heard);
		return;
	}
	new = popcorn_link_take(l, m);
	note("%s %s, %s %u, reaches node %u", new ? "new" : "old", kind_name(m->kind), m->kind < DSM_WAIT ? "page" : "word",
	     (unsigned)m->page, side ? channel : 0);
	if (new < 0) fail("link %u: message %lu after %lu", channel, (unsigned long)m->sequence, (unsigned long)l->heard);
	if (new <= 0 || m->kind == DSM_HEARD) return;
	if (side) to_remote(channel, m);
	else to_origin(channel, m);
}

int net_deliver(unsigned channel, unsigned side)
{
	struct channel *c = world.channel + channel;
	struct wire *w = c->wire + !side;
	struct popcorn_dsm_message m, heard = popcorn_dsm_message(DSM_HEARD, 0);
	long n;

	if (!c->up || w->begin == w->end || (side && world.node[channel].dead)) return 0;
	n = popcorn_dsm_check(w->bytes + w->begin, w->end - w->begin, !side, PAGES);
	if (n < 0) fail("link %u brings what is no message", channel);
	if (n <= 0) return 0;
	memcpy(&m, w->bytes + w->begin, sizeof m);
	world.payload = w->bytes + w->begin + sizeof m;
	world.payload_from = side ? 0 : channel;
	w->begin += (size_t)n;
	deliver(channel, side, &m);
	if (c->closed) return 1;
	if (w->begin == w->end) w->begin = w->end = 0;
	if (popcorn_link_owes(c->link + side)) put(c, side, &heard, 0);
	return 1;
}
