/* Bytes between a link and its socket. Nothing here blocks. */
#include "kernel.h"
#include "node.h"

enum { FIRST_ROOM = 256 << 10, MSG_DONTWAIT = 0x40, MSG_NOSIGNAL = 0x4000 };

int popcorn_wire_put(struct popcorn_wire *w, const struct popcorn_dsm_message *m, const void *behind)
{
	unsigned char *old = w->link.bytes, *larger;
	size_t had = w->link.capacity, n = had ? 2 * had : FIRST_ROOM;

	if (!popcorn_link_put(&w->link, m, behind)) return 0;
	if (!(larger = popcorn_node_room(n))) return -1;
	popcorn_link_room(&w->link, larger, n);
	if (had) K2(K_munmap, old, had);
	return popcorn_link_put(&w->link, m, behind);
}

int popcorn_wire_flush(struct popcorn_wire *w)
{
	const unsigned char *bytes;
	size_t n;

	if (!w->greeted) return 0;
	while ((n = popcorn_link_unwritten(&w->link, &bytes))) {
		long k = K6(K_sendto, w->fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL, 0, 0);
		if (k == -K_EAGAIN) return 1;
		if (k == -K_EINTR) continue;
		if (k <= 0) return -1;
		popcorn_link_wrote(&w->link, (size_t)k);
	}
	return 0;
}

/* On a new connection there is room for it. */
long popcorn_wire_greet(struct popcorn_wire *w, const struct popcorn_dsm_message *hello)
{
	long k = K6(K_sendto, w->fd, hello, sizeof *hello, MSG_DONTWAIT | MSG_NOSIGNAL, 0, 0);

	return k == sizeof *hello ? 0 : k < 0 ? k : -K_EPIPE;
}

int popcorn_wire_receive(struct popcorn_wire *w)
{
	size_t room = NODE_RECEIVED - w->nreceived;
	long k;

	if (!w->received && !(w->received = popcorn_node_room(NODE_RECEIVED))) return -1;
	k = K6(K_recvfrom, w->fd, w->received + w->nreceived, room, MSG_DONTWAIT, 0, 0);
	if (k == -K_EAGAIN || k == -K_EINTR) return 0;
	if (k <= 0) return -1;
	w->nreceived += (size_t)k;
	return (size_t)k == room;
}

int popcorn_wire_next(struct popcorn_wire *w, size_t *at, const unsigned char **bytes, int to_origin, uint64_t npages)
{
	long n = popcorn_dsm_check(w->received + *at, w->nreceived - *at, to_origin, npages);

	if (n <= 0) return (int)n;
	*bytes = w->received + *at;
	*at += (size_t)n;
	return 1;
}

void popcorn_wire_taken(struct popcorn_wire *w, size_t at)
{
	popcorn_copy(w->received, w->received + at, w->nreceived - at);
	w->nreceived -= at;
}
