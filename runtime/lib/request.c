/* The conversation with popcorn: it listens on the abstract socket "\0popcorn-<pid>-<its pid>"; we connect, check
 * who it is, take one struct popcorn_request with its text and descriptor, act, answer one struct popcorn_reply. */
#include "kernel.h"
#include "park.h"
#include "socket.h"

enum { SO_RCVTIMEO = 20, SO_SNDTIMEO = 21 };

static size_t put_number(char *p, long v)
{
	char d[24];
	size_t n = 0, i = 0;

	do d[n++] = '0' + v % 10;
	while (v /= 10);
	while (n) p[i++] = d[--n];
	return i;
}

static long dial(int sender)
{
	struct popcorn_address a = { AF_UNIX, { 0 } };
	size_t n = 1;

	__builtin_memcpy(a.path + n, "popcorn-", 8);
	n += 8;
	n += put_number(a.path + n, K0(K_getpid));
	a.path[n++] = '-';
	n += put_number(a.path + n, sender);
	return popcorn_dial(&a, n);
}

int popcorn_order_take(struct popcorn_order *o, int sender)
{
	struct popcorn_request r;
	struct k_timespec seconds = { 5, 0 }; /* a struct timeval: popcorn must not be able to hang the program */

	o->fd = o->connection = -1;
	o->error.n = o->error.s[0] = 0;
	o->image_bytes = 0;
	if ((o->connection = (int)dial(sender)) < 0) return -1;
	K5(K_setsockopt, o->connection, SOL_SOCKET, SO_RCVTIMEO, &seconds, sizeof seconds);
	K5(K_setsockopt, o->connection, SOL_SOCKET, SO_SNDTIMEO, &seconds, sizeof seconds);
	if (!popcorn_trusts(o->connection) || popcorn_receive_with(o->connection, &r, sizeof r, &o->fd)) return -1;
	if (r.magic != POPCORN_REQUEST_MAGIC || r.version != POPCORN_REQUEST_VERSION || r.text_bytes > POPCORN_TEXT_MAX) {
		popcorn_text_set(&o->error, "popcorn and the program speak different versions (program: %u)", (unsigned long)POPCORN_REQUEST_VERSION);
		popcorn_order_answer(o, POPCORN_STATUS_REFUSED);
		return -1;
	}
	if (popcorn_receive(o->connection, o->text, r.text_bytes)) return -1;
	o->text[r.text_bytes] = 0;
	o->text_bytes = r.text_bytes;
	o->op = r.op;
	o->isa = r.isa;
	o->flags = r.flags;
	o->thread = r.thread;
	o->node = r.node;
	return 0;
}

static void answer(int fd, struct popcorn_reply *r, const char *text)
{
	r->magic = POPCORN_REQUEST_MAGIC;
	r->isa = POPCORN_ISA;
	/* popcorn may have been interrupted: the program goes on whether or not anybody hears this */
	if (!popcorn_transmit(fd, r, sizeof *r)) popcorn_transmit(fd, text, r->text_bytes);
}

void popcorn_order_answer(struct popcorn_order *o, uint32_t status)
{
	struct popcorn_reply r = { 0 };

	if (o->connection < 0) return;
	r.status = status;
	r.text_bytes = o->error.n;
	r.image_bytes = o->image_bytes;
	r.stopped = popcorn_now() - o->started;
	for (struct popcorn_thread *t = popcorn_threads; t; t = t->next)
		if (t->state == POPCORN_PARKED && t->frames) {
			r.threads++;
			r.frames += t->frames->data[0];
		}
	answer(o->connection, &r, o->error.s);
}

void popcorn_order_report(struct popcorn_order *o)
{
	struct popcorn_buffer b = { 0, 0, 0 };
	struct popcorn_reply r = { .status = POPCORN_STATUS_DONE };

	popcorn_status(&b);
	r.text_bytes = (uint32_t)b.n;
	answer(o->connection, &r, b.p);
	if (b.p) popcorn_free_pages(b.p, b.capacity);
}

void popcorn_order_resume_answer(int connection, uint32_t threads, uint64_t frames)
{
	struct popcorn_reply r = { .status = POPCORN_STATUS_DONE, .threads = threads, .frames = (uint32_t)frames };

	answer(connection, &r, "");
	K1(K_close, connection);
}

int popcorn_order_confirmed(struct popcorn_order *o)
{
	struct k_timespec seconds = { 60, 0 }; /* popcorn syncs the image to disk first */
	char c;

	K5(K_setsockopt, o->connection, SOL_SOCKET, SO_RCVTIMEO, &seconds, sizeof seconds);
	return !popcorn_receive(o->connection, &c, 1);
}

void popcorn_order_close(struct popcorn_order *o)
{
	if (o->fd >= 0) K1(K_close, o->fd);
	if (o->connection >= 0) K1(K_close, o->connection);
	o->fd = o->connection = -1;
}
