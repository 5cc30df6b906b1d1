/* Mail about threads: what the two halves of a thread that is elsewhere, its deputy at the origin and its guest at a replica,
 * say to each other. Letters of one thread come in the order in which they were sent, and have a lock of their own: who is
 * woken for one would have to wait for the node, whose service has more to do. */
#include "spread.h"

struct envelope { uint32_t size, kind, ticket, depth; };

void popcorn_letter_send(unsigned to, uint32_t tid, enum popcorn_letter_kind kind, uint32_t ticket, uint32_t depth, const void *body, size_t n)
{
	struct { struct envelope e; unsigned char body[sizeof ((struct popcorn_letter *)0)->bytes]; } out;

	out.e = (struct envelope){ (uint32_t)n, kind, ticket, depth };
	popcorn_copy(out.body, body, n);
	popcorn_node_mail(&popcorn_own_node, to, tid, &out, sizeof out.e + n);
}

/* Pages are mapped where no thread may be waited for: under the node's lock, in a handler. */
static struct popcorn_letter *blank(struct popcorn_thread *t)
{
	struct popcorn_letter *l = t->blank_letters;

	if (!l) return popcorn_pages(sizeof *l);
	t->blank_letters = l->next;
	return l;
}

void popcorn_letter_came(struct popcorn_thread *t, const void *bytes, size_t n)
{
	struct envelope e;
	struct popcorn_letter **at = &t->letters, *l;

	if (n < sizeof e) return;
	popcorn_copy(&e, bytes, sizeof e);
	if (e.size != n - sizeof e) return;
	popcorn_lock(&t->letters_lock);
	l = blank(t);
	popcorn_unlock(&t->letters_lock);
	if (!l) return;
	l->next = 0;
	l->size = e.size;
	l->kind = e.kind;
	l->ticket = e.ticket;
	l->depth = e.depth;
	popcorn_copy(l->bytes, (const char *)bytes + sizeof e, e.size);
	if (l->kind == LETTER_FRAMES && !l->ticket) popcorn_expect(l);
	popcorn_lock(&t->letters_lock);
	while (*at) at = &(*at)->next;
	*at = l;
	popcorn_unlock(&t->letters_lock);
	__atomic_add_fetch(&t->mail, 1, __ATOMIC_SEQ_CST);
	K6(K_futex, &t->mail, FUTEX_WAKE, 1, 0, 0, 0);
}

struct popcorn_letter *popcorn_letter_take(struct popcorn_thread *t, popcorn_letter_wanted *wanted, uint32_t ticket)
{
	struct popcorn_letter **at = &t->letters, *l;

	popcorn_lock(&t->letters_lock);
	while ((l = *at) && !wanted(t, l, ticket)) at = &l->next;
	if (l) *at = l->next;
	popcorn_unlock(&t->letters_lock);
	return l;
}

void popcorn_letter_free(struct popcorn_thread *t, struct popcorn_letter *l)
{
	popcorn_lock(&t->letters_lock);
	l->next = t->blank_letters;
	t->blank_letters = l;
	popcorn_unlock(&t->letters_lock);
}

static void free_all(struct popcorn_letter *l)
{
	for (struct popcorn_letter *next; l; l = next) {
		next = l->next;
		popcorn_free_pages(l, sizeof *l);
	}
}

void popcorn_letters_forget(struct popcorn_thread *t)
{
	free_all(t->letters);
	free_all(t->blank_letters);
	t->letters = t->blank_letters = 0;
}

static size_t min(size_t a, size_t b)
{
	return a < b ? a : b;
}

void popcorn_travel(struct popcorn_thread *t, unsigned to, int wanted)
{
	struct popcorn_traveller h = {
		.tp = (uintptr_t)t->tp, .stack = TP_CSP(t), .generation = t->generation, .points = t->points, .size = t->frames->size,
		.rounding = t->rounding, .exceptions = t->exceptions, .rebuild_every = popcorn_config.rebuild_every, .roam_every = popcorn_config.roam_every,
		.seed = popcorn_config.seed, .pid = popcorn_pid, .wanted = wanted,
	};
	unsigned char body[sizeof ((struct popcorn_letter *)0)->bytes];
	size_t n = sizeof h, done = 0, k;

	popcorn_copy(body, &h, sizeof h);
	for (uint32_t part = 0; !part || done < h.size; part++) {
		k = min(sizeof body - n, h.size - done);
		popcorn_copy(body + n, (char *)t->frames->data + done, k);
		popcorn_letter_send(to, (uint32_t)t->tid, LETTER_FRAMES, part, t->forwarded << 8, body, n + k);
		done += k;
		n = 0;
	}
}

static void want(uint64_t at)
{
	if (popcorn_is_common(at)) popcorn_node_want(&popcorn_own_node, at / PAGE);
}

void popcorn_expect(const struct popcorn_letter *l)
{
	struct popcorn_traveller h;

	if (l->size < sizeof h) return;
	popcorn_copy(&h, l->bytes, sizeof h);
	want(h.tp);
	want(h.stack - 1); /* the next frame goes below */
	popcorn_node_flush(&popcorn_own_node);
}

static int begin_frames(struct popcorn_thread *t, const struct popcorn_traveller *h)
{
	size_t capacity = t->frames ? t->frames->capacity : 0;
	void *p = t->frames;

	if (h->size > UINT32_MAX || popcorn_reserve(&p, &capacity, sizeof *t->frames + h->size)) return -1;
	t->frames = p;
	t->frames->capacity = capacity;
	t->frames->size = 0;
	t->arriving = h->size;
	t->tp = (char *)(uintptr_t)h->tp;
	t->generation = h->generation;
	t->points = h->points;
	t->rounding = h->rounding;
	t->exceptions = h->exceptions;
	t->wanted = h->wanted;
	return 0;
}

int popcorn_arriving(struct popcorn_thread *t, const struct popcorn_letter *l)
{
	const unsigned char *from = l->bytes;
	size_t n = l->size;

	if (!l->ticket) {
		struct popcorn_traveller h;
		if (n < sizeof h) return -1;
		popcorn_copy(&h, from, sizeof h);
		if (begin_frames(t, &h)) return -1;
		from += sizeof h;
		n -= sizeof h;
	}
	if (!t->frames || n > t->arriving - t->frames->size) return -1;
	popcorn_copy((char *)t->frames->data + t->frames->size, from, n);
	t->frames->size += n;
	return t->frames->size == t->arriving;
}
