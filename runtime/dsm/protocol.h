/* What nodes say to each other about common memory: a header of 64 bytes, behind it mostly a page's bytes or nothing. Little
 * endian, as every ISA here is. All links end at the origin, and each is a reliable stream while it is up.
 *
 *   remote -> origin   READ WRITE PREFETCH    a page is asked for
 *                      ACK DATA               a copy is given up; with its bytes
 *   origin -> remote   GRANT DENY             the answer, with the page's bytes where the requester lacks them
 *                      INVALIDATE             give the copy up
 *                      SHARE TAKE             send the bytes, and keep reading; and give the copy up
 *                      ENDED                  first on a new connection: the origin holds this node for lost
 *   remote -> origin   WAIT WAKE REQUEUE CANCEL   a futex call
 *   origin -> remote   RESULT                 its result
 *   both               MAIL                   about a thread, for the runtimes there; bytes that the protocol does not read
 *                      HELLO                  first on a connection: who it is, and what was heard so far
 *                      HEARD                  nothing else was to be said for long
 */
#ifndef POPCORN_PROTOCOL_H
#define POPCORN_PROTOCOL_H

#include <stddef.h>
#include <stdint.h>

#define hidden __attribute__((visibility("hidden")))

enum { DSM_MAGIC = 0x4d534450 /* "PDSM" */, DSM_VERSION = 1, DSM_PAGE = 4096, DSM_NODES = 16 };

enum dsm_kind {
	DSM_READ = 1, DSM_WRITE, DSM_PREFETCH, DSM_ACK, DSM_DATA,
	DSM_GRANT, DSM_DENY, DSM_INVALIDATE, DSM_SHARE, DSM_TAKE, DSM_ENDED,
	DSM_WAIT, DSM_WAKE, DSM_REQUEUE, DSM_CANCEL, DSM_RESULT,
	DSM_MAIL, DSM_HELLO, DSM_HEARD,
	DSM_KINDS
};

enum dsm_access { DSM_NO_ACCESS, DSM_MAY_READ, DSM_MAY_WRITE };

/* Why a page is not granted. */
enum dsm_reason {
	DSM_UNMAPPED = 1, /* no mapping there allows it: the program's own fault */
	DSM_LOST,         /* its only copy was on a node that is no more */
	DSM_BUSY,         /* a prefetch would have disturbed somebody */
};

struct popcorn_dsm_message {
	uint32_t magic, bytes;     /* of header and what is behind it */
	uint8_t version, kind;
	uint8_t access;            /* GRANT: what; REQUEUE: 1, if `value` is to be compared */
	uint8_t reason;            /* DENY */
	uint32_t thread;           /* futex calls, MAIL: whose */
	uint64_t sequence, heard;  /* link.c: this one's number, and of the last one taken from the receiver */
	uint64_t page;             /* counted from where common memory begins; futex calls: an address; HELLO: the node */
	uint64_t target;           /* REQUEUE: the other address; HELLO: what both were told to know each other by */
	uint32_t ticket;           /* futex calls: counts a thread's calls */
	uint32_t value;            /* WAIT, REQUEUE: what must be there; CANCEL, RESULT: what the call returns */
	uint32_t count, limit;     /* WAKE, REQUEUE: how many to wake, and to requeue; WAIT, WAKE: limit is the bit set */
};
_Static_assert(sizeof(struct popcorn_dsm_message) == 64, "no holes");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "messages are sent as they lie in memory");

enum { DSM_MESSAGE_MOST = sizeof(struct popcorn_dsm_message) + DSM_PAGE };

/* What of the stream's next `n` bytes is one message: its length, 0 if more has to come first, -1 if no node of this
 * version sends that. `to_origin`: which way it came; pages lie below `npages`. */
hidden long popcorn_dsm_check(const void *bytes, size_t n, int to_origin, uint64_t npages);

hidden struct popcorn_dsm_message popcorn_dsm_message(enum dsm_kind, uint64_t page);

/* mem.c: not the program's memcpy, since this runs in handlers. What lies further up may overlap. */
hidden void popcorn_copy(void *to, const void *from, size_t);

/* How many bytes are behind the header: a page's, or of MAIL as many as it has. */
static inline size_t popcorn_dsm_behind(const struct popcorn_dsm_message *m)
{
	return m->bytes - sizeof *m;
}

#endif
