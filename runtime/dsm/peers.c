/* The other nodes: their connections, which come and go, and what they send. All under the lock, but for what is asked
 * from outside. */
#include "kernel.h"
#include "node.h"

#define HELLO_TIME 20000000000u /* ns that a new connection may be silent, beyond the grace: more than gates take to mend one */

/* The connection is over. The link waits for another one. */
static void hang_up(struct popcorn_node *n, struct popcorn_wire *w)
{
	if (w->fd < 0) return;
	K1(K_close, w->fd);
	w->fd = -1;
	w->greeted = w->full = 0;
	w->nreceived = 0;
	w->until = popcorn_now() + n->grace;
}

/* The peer is no more, or no peer. */
void popcorn_node_lose(struct popcorn_node *n, unsigned peer)
{
	struct popcorn_wire *w = n->wire + peer;

	hang_up(n, w);
	if (w->lost) return;
	w->lost = 1;
	if (n->origin) {
		popcorn_futex_lost(&n->futexes, peer);
		popcorn_directory_lost(&n->directory, peer);
		n->origin->parted(peer);
	} else popcorn_replica_origin_lost(&n->replica);
}

static long greet(struct popcorn_node *n, struct popcorn_wire *w)
{
	struct popcorn_dsm_message m = popcorn_dsm_message(DSM_HELLO, n->replica.node);

	m.target = n->key;
	m.heard = w->link.heard;
	return popcorn_wire_greet(w, &m);
}

long popcorn_node_connect(struct popcorn_node *n, unsigned peer, int fd)
{
	struct popcorn_wire *w = n->wire + peer;
	long e = 0;

	popcorn_node_lock(n);
	hang_up(n, w);
	if (w->lost) e = -K_EPIPE;
	else {
		w->fd = fd;
		w->known = 1;
		w->until = popcorn_now() + n->grace + HELLO_TIME;
		e = greet(n, w);
		for (int i = NODE_RECEIVER; i >= NODE_SERVICE && !e; i--) /* in the order in which they are to be asked */
			e = popcorn_node_watch(n->poll[i], peer, EVENT_IN | EVENT_EDGE | EVENT_EXCLUSIVE, fd);
		if (e) w->fd = -1;
		popcorn_node_ring(n, NODE_SERVICE); /* to look at the clock */
	}
	popcorn_node_unlock(n);
	return e;
}

void popcorn_node_flush(struct popcorn_node *n)
{
	for (unsigned i = 0; i < DSM_NODES; i++) {
		struct popcorn_wire *w = n->wire + i;
		int full = w->fd < 0 ? 0 : popcorn_wire_flush(w) > 0;
		if (full == w->full) continue; /* also where it broke: whoever reads will see */
		w->full = full;
		K4(K_epoll_ctl, n->poll[NODE_SERVICE], EVENT_DEL, w->fd, 0);
		popcorn_node_watch(n->poll[NODE_SERVICE], i, EVENT_IN | EVENT_EDGE | EVENT_EXCLUSIVE | (full ? EVENT_OUT : 0), w->fd);
	}
}

/* The first of a connection. */
static int greeted(struct popcorn_node *n, unsigned from, const struct popcorn_dsm_message *m)
{
	struct popcorn_wire *w = n->wire + from;

	if (w->greeted || m->page != from || m->target != n->key || popcorn_link_resume(&w->link, m->heard)) return -1;
	w->greeted = 1;
	return 0;
}

/* One message of a peer; -1: it is none. */
static int take(struct popcorn_node *n, unsigned from, const unsigned char *bytes)
{
	struct popcorn_wire *w = n->wire + from;
	struct popcorn_dsm_message m, heard = popcorn_dsm_message(DSM_HEARD, 0);
	int new;

	popcorn_copy(&m, bytes, sizeof m);
	n->behind = bytes + sizeof m;
	if (m.kind == DSM_HELLO) return greeted(n, from, &m);
	if (!w->greeted || (new = popcorn_link_take(&w->link, &m)) < 0) return -1;
	if (new && m.kind != DSM_HEARD) {
		popcorn_node_deliver(n, from, &m);
		popcorn_node_settle(n);
	}
	if (!w->lost && popcorn_link_owes(&w->link) && popcorn_wire_put(w, &heard, 0)) n->broken = 1;
	return 0;
}

/* What has come so far. */
static void receive(struct popcorn_node *n, unsigned from)
{
	struct popcorn_wire *w = n->wire + from;
	const unsigned char *bytes;
	size_t at = 0;
	int state;

	while ((state = popcorn_wire_next(w, &at, &bytes, n->origin != 0, n->replica.npages)) > 0) {
		if ((state = take(n, from, bytes)) < 0 || w->fd < 0) break;
	}
	if (w->fd < 0) return;
	popcorn_wire_taken(w, at);
	if (state < 0) popcorn_node_lose(n, from);
	popcorn_node_settle(n);
}

void popcorn_node_hear(struct popcorn_node *n, unsigned from)
{
	int came;

	if (n->wire[from].fd < 0) return;
	do {
		came = popcorn_wire_receive(n->wire + from);
		receive(n, from);
	} while (came > 0 && n->wire[from].fd >= 0);
	if (came < 0) hang_up(n, n->wire + from);
}

uint64_t popcorn_node_absences(struct popcorn_node *n)
{
	uint64_t next = 0;

	for (unsigned i = 0; i < DSM_NODES; i++) {
		struct popcorn_wire *w = n->wire + i;
		if (!w->known || w->lost || w->greeted) continue;
		uint64_t now = popcorn_now();
		if (w->until <= now) {
			popcorn_node_lose(n, i);
			popcorn_node_settle(n);
		} else if (!next || w->until - now < next) next = w->until - now;
	}
	return next;
}
