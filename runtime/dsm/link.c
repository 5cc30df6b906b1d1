/* Each message has a number and is kept until the peer says, with whatever it sends next, that it has heard it. A
 * connection that was cut may have lost any number of the last messages. The next one begins with HELLO in both directions, and
 * goes on behind what the peer has heard; what comes a second time all the same is known by its number. So the protocol
 * above sees every message once and in order, however often the link is cut.
 */
#include "link.h"

static struct popcorn_dsm_message header(const struct popcorn_link *l, size_t at)
{
	struct popcorn_dsm_message m;

	popcorn_copy(&m, l->bytes + at, sizeof m);
	return m;
}

void popcorn_link_room(struct popcorn_link *l, void *bytes, size_t capacity)
{
	popcorn_copy(bytes, l->bytes + l->begin, l->end - l->begin);
	l->cursor -= l->begin;
	l->end -= l->begin;
	l->begin = 0;
	l->bytes = bytes;
	l->capacity = capacity;
}

/* What is kept moves to the front, unless it is more than half of the room: so a byte is moved once on average. */
static int has_room(struct popcorn_link *l, size_t n)
{
	size_t kept = l->end - l->begin;

	if (l->capacity - l->end >= n) return 1;
	if (kept > l->capacity / 2 || l->capacity - kept < n) return 0;
	popcorn_copy(l->bytes, l->bytes + l->begin, kept);
	l->cursor -= l->begin;
	l->end -= l->begin;
	l->begin = 0;
	return 1;
}

int popcorn_link_put(struct popcorn_link *l, const struct popcorn_dsm_message *given, const void *behind)
{
	struct popcorn_dsm_message m = *given;

	if (!has_room(l, m.bytes)) return -1;
	m.sequence = ++l->sent;
	m.heard = l->told = l->heard;
	popcorn_copy(l->bytes + l->end, &m, sizeof m);
	if (popcorn_dsm_behind(&m)) popcorn_copy(l->bytes + l->end + sizeof m, behind, popcorn_dsm_behind(&m));
	l->end += m.bytes;
	return 0;
}

size_t popcorn_link_unwritten(const struct popcorn_link *l, const unsigned char **bytes)
{
	*bytes = l->bytes + l->cursor;
	return l->end - l->cursor;
}

void popcorn_link_wrote(struct popcorn_link *l, size_t n)
{
	l->cursor += n;
}

/* The peer has these messages. What it heard on an earlier connection, and is being written again, stays until that is done. */
static int forget(struct popcorn_link *l, uint64_t heard)
{
	if (heard > l->sent) return -1;
	while (l->forgotten < heard && l->begin < l->cursor) {
		size_t next = l->begin + header(l, l->begin).bytes;
		if (next > l->cursor) break;
		l->begin = next;
		l->forgotten++;
	}
	if (l->begin == l->end) l->begin = l->cursor = l->end = 0;
	return 0;
}

int popcorn_link_take(struct popcorn_link *l, const struct popcorn_dsm_message *m)
{
	if (forget(l, m->heard) || m->sequence > l->heard + 1) return -1;
	if (m->sequence <= l->heard) return 0;
	l->heard++;
	return 1;
}

int popcorn_link_owes(const struct popcorn_link *l)
{
	return l->heard - l->told >= DSM_HEARD_EVERY;
}

int popcorn_link_resume(struct popcorn_link *l, uint64_t heard)
{
	if (heard < l->forgotten) return -1;
	l->cursor = l->end;
	if (forget(l, heard)) return -1;
	l->cursor = l->begin;
	return 0;
}
