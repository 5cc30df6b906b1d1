/* The conversation with popcorn: it listens on the abstract socket "\0popcorn-<pid>-<its pid>"; we connect, check
 * who it is, take one struct popcorn_request with its text and descriptor, act, answer one struct popcorn_reply. */
#include "kernel.h"
#include "park.h"

enum { AF_UNIX = 1, SOCK_STREAM = 1, SOCK_CLOEXEC = 02000000, SOL_SOCKET = 1, SO_PEERCRED = 17, SO_RCVTIMEO = 20, SO_SNDTIMEO = 21,
       SCM_RIGHTS = 1, MSG_NOSIGNAL = 0x4000, MSG_CMSG_CLOEXEC = 0x40000000 };

struct address { uint16_t family; char path[108]; };
struct vector { void *base; size_t n; };
struct message { void *name; uint32_t name_bytes, pad; struct vector *v; size_t nv; void *control; size_t control_bytes; int flags, pad2; };
struct control { size_t bytes; int level, type; int fd[8]; };
struct credentials { int32_t pid; uint32_t uid, gid; };

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
	struct address a = { AF_UNIX, { 0 } };
	size_t n = 1;
	long fd, e;

	__builtin_memcpy(a.path + n, "popcorn-", 8);
	n += 8;
	n += put_number(a.path + n, K0(K_getpid));
	a.path[n++] = '-';
	n += put_number(a.path + n, sender);
	if ((fd = popcorn_high_fd(K3(K_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0))) < 0) return fd;
	if ((e = K3(K_connect, fd, &a, offsetof(struct address, path) + n))) {
		K1(K_close, fd);
		return e;
	}
	return fd;
}

/* Only the program's own user, or root, may stop and read it. */
static int trusted(int fd)
{
	struct credentials c = { 0, -1u, -1u };
	uint32_t n = sizeof c;

	return !K5(K_getsockopt, fd, SOL_SOCKET, SO_PEERCRED, &c, &n) && (!c.uid || c.uid == (uint32_t)K0(K_geteuid));
}

static int receive(int fd, void *to, size_t n)
{
	char *p = to;

	while (n) {
		long k = K3(K_read, fd, p, n);
		if (k == -K_EINTR) continue;
		if (k <= 0) return -1;
		p += k;
		n -= k;
	}
	return 0;
}

static int transmit(int fd, const void *from, size_t n)
{
	const char *p = from;

	while (n) {
		long k = K6(K_sendto, fd, p, n, MSG_NOSIGNAL, 0, 0);
		if (k == -K_EINTR) continue;
		if (k <= 0) return -1;
		p += k;
		n -= k;
	}
	return 0;
}

/* The first message carries the request and at most one descriptor. */
static int receive_first(struct popcorn_order *o, struct popcorn_request *r)
{
	struct control c = { 0, 0, 0, { 0 } };
	struct vector v = { r, sizeof *r };
	struct message m = { 0, 0, 0, &v, 1, &c, sizeof c, 0, 0 };
	long n;

	while ((n = K3(K_recvmsg, o->connection, &m, MSG_CMSG_CLOEXEC)) == -K_EINTR);
	if (n <= 0) return -1;
	if (m.control_bytes >= sizeof(size_t) + 12 && c.level == SOL_SOCKET && c.type == SCM_RIGHTS)
		for (size_t i = 0; i < (c.bytes - 16) / 4; i++) {
			if (!i) o->fd = (int)popcorn_high_fd(c.fd[0]);
			else K1(K_close, c.fd[i]);
		}
	return receive(o->connection, (char *)r + n, sizeof *r - n);
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
	if (!trusted(o->connection) || receive_first(o, &r)) return -1;
	if (r.magic != POPCORN_REQUEST_MAGIC || r.version != POPCORN_REQUEST_VERSION || r.text_bytes > POPCORN_TEXT_MAX) {
		popcorn_text_set(&o->error, "popcorn and the program speak different versions (program: %u)", (unsigned long)POPCORN_REQUEST_VERSION);
		popcorn_order_answer(o, POPCORN_STATUS_REFUSED);
		return -1;
	}
	if (receive(o->connection, o->text, r.text_bytes)) return -1;
	o->text[r.text_bytes] = 0;
	o->text_bytes = r.text_bytes;
	o->op = r.op;
	o->isa = r.isa;
	o->flags = r.flags;
	return 0;
}

static void answer(int fd, struct popcorn_reply *r, const char *text)
{
	r->magic = POPCORN_REQUEST_MAGIC;
	r->isa = POPCORN_ISA;
	/* popcorn may have been interrupted: the program goes on whether or not anybody hears this */
	if (!transmit(fd, r, sizeof *r)) transmit(fd, text, r->text_bytes);
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
	return !receive(o->connection, &c, 1);
}

void popcorn_order_close(struct popcorn_order *o)
{
	if (o->fd >= 0) K1(K_close, o->fd);
	if (o->connection >= 0) K1(K_close, o->connection);
	o->fd = o->connection = -1;
}
