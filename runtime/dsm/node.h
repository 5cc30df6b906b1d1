/* A node at work: the engine (dsm.h) driven by the faults of the program's threads and by what comes over sockets.
 *
 *   program's thread   SIGSEGV -> popcorn_node_fault: asks, sends the request itself, waits until the page is there
 *   service thread     popcorn_node_serve: brings what comes over the links to the engine, writes what they still hold
 *
 * The first thread that waits receives what comes meanwhile, so that its page does not pass through another thread's hands:
 * a socket wakes one of two epolls (EPOLLEXCLUSIVE), and that of the waiting thread was there first.
 *
 * Common memory is one memfd, mapped twice: where the program has it, page by page open or closed, and at an alias, which
 * is open always and where bytes are put before a page is opened. Neither thread touches the program's mapping under the lock.
 * The alias comes into being by chunks, where pages are used, and at a remote the program's mapping with it; at the origin
 * that is for those to make who know what is mapped (popcorn_node_view).
 */
#ifndef POPCORN_NODE_H
#define POPCORN_NODE_H

#include "dsm.h"
#include "futex.h"
#include "link.h"

enum { NODE_CHUNK = 16384 /* pages */, NODE_OWN = 1024, NODE_HOLDS = 64, NODE_OPENED = 64, NODE_SLEEPERS = 4096, NODE_RECEIVED = 64 << 10 };

enum { NODE_EXTENTS = 2 };

enum node_poll { NODE_SERVICE, NODE_RECEIVER };

/* What there is to another node: connections that come and go, and one link that outlives them. */
struct popcorn_wire {
	int fd;      /* -1: none now */
	int known, lost; /* there was a connection; there will be none any more */
	int greeted; /* the peer's HELLO has come: the link goes on */
	int full;    /* what is left waits for the socket to take more */
	uint64_t until; /* not greeted: when the peer is held for lost */
	struct popcorn_link link;
	unsigned char *received; /* NODE_RECEIVED bytes; what came and is no whole message yet */
	size_t nreceived;
};

/* A thread that waits for a page; on its stack. */
struct popcorn_wait {
	struct popcorn_wait *next;
	uint64_t page;
	uint32_t over; /* futex */
	uint8_t asked, reason; /* DSM_ASKED; enum dsm_reason, of a denial */
};

/* A thread whose futex call the origin has; on its stack. */
struct popcorn_sleep {
	struct popcorn_sleep *next;
	uint32_t thread, ticket;
	uint32_t *over; /* futex; enum node_sleep */
	int32_t value;
};

/* How far a futex call is. Whoever finds it ASLEEP may make it INTERRUPTED, and wake that word. */
enum node_sleep { NODE_ASLEEP, NODE_AWAKE, NODE_INTERRUPTED };

/* Threads were woken and are to have their turn. */
struct popcorn_hold {
	uint64_t page;
	unsigned left; /* of them, that have not left the handler yet */
	uint64_t until; /* nanoseconds, popcorn_now */
};

/* What the origin's directory asks of who knows the mappings; see struct popcorn_driver. */
struct popcorn_origin {
	enum dsm_access (*rights)(uint64_t page);
	void (*lost)(uint64_t page, unsigned node);
	void (*drained)(void);
	void (*parted)(unsigned node); /* that node is lost, and all that was lost with it has been named */
};

struct popcorn_extent { uint64_t first, end; }; /* pages */

struct popcorn_node {
	struct popcorn_replica replica;
	struct popcorn_directory directory; /* the origin's */
	const struct popcorn_origin *origin;
	uint64_t key, grace;
	unsigned char *common;              /* where the program has page 0 */
	struct popcorn_extent extent[NODE_EXTENTS];
	int memory;                         /* the memfd */
	unsigned char **alias;              /* of each chunk, 0: not mapped yet */
	void (*mail)(unsigned from, const struct popcorn_dsm_message *, const void *behind);
	struct popcorn_wire wire[DSM_NODES]; /* by the node at the other end */
	struct popcorn_dsm_message own[NODE_OWN]; /* a ring */
	unsigned own_first, nown;
	const unsigned char *behind; /* the message that is being delivered */
	struct popcorn_wait *waits;
	struct popcorn_sleep *sleeps;
	struct popcorn_futexes futexes; /* the origin's, of all nodes */
	uint64_t opened[NODE_OPENED];   /* pages, for those of them that could not be decided */
	unsigned nopened;
	uint32_t tickets;
	struct popcorn_hold hold[NODE_HOLDS];
	unsigned nholds;
	int lock;
	int poll[2], bell[2]; /* epolls: the service thread's, that of a thread that receives while it waits; how to wake them */
	struct popcorn_wait *receiver, *attending; /* who waits on the latter; who has been woken and holds the lock */
	int timer;   /* a turn is over that something waits for */
	int broken;  /* no memory for what is to be sent: as if all links were cut */
	int unmapped; /* errno: the kernel would not open or close a page, which ends the node's part in the process as well */
	uint64_t faults, asked[DSM_NODES]; /* of this node's threads; at the origin, of each remote */
};

struct popcorn_node_settings {
	unsigned number;
	void *common;    /* where the program has page 0, or would have it */
	uint64_t npages; /* pages lie below this */
	struct popcorn_extent extent[NODE_EXTENTS]; /* which of them there may be: the address space that is theirs */
	uint64_t key;    /* by which nodes of one process know each other */
	uint64_t grace;  /* nanoseconds that a node may be without a connection before it is held for lost */
	const struct popcorn_origin *origin; /* 0: a remote */
	/* MAIL has come; called with the lock held. */
	void (*mail)(unsigned from, const struct popcorn_dsm_message *, const void *behind);
};

/* The node is all zero. 0, or a negative errno. */
hidden long popcorn_node_begin(struct popcorn_node *, const struct popcorn_node_settings *);

/* Where the program has these pages, it gets the memfd's, open as `protection` says. 0, or a negative errno. */
hidden long popcorn_node_view(struct popcorn_node *, uint64_t first, uint64_t count, int protection);

/* To another node, in the order of the calls; at most DSM_PAGE bytes. */
hidden void popcorn_node_mail(struct popcorn_node *, unsigned to, uint32_t thread, const void *bytes, size_t);

/* A stream socket whose other end is node `peer`, instead of what there was. It is the node's to close, but for an error. */
hidden long popcorn_node_connect(struct popcorn_node *, unsigned peer, int fd);

/* Async-signal safe. DSM_NO_ACCESS: nobody knows what was tried. 0: try again; otherwise enum dsm_reason; -1: the process is
 * over for this node. */
hidden int popcorn_node_fault(struct popcorn_node *, uint64_t page, enum dsm_access);

/* WAIT, WAKE or REQUEUE, of a thread with a number of its own among the node's, for at most so many nanoseconds unless
 * that is negative, or until `over` becomes NODE_INTERRUPTED. What the call returns, a negative errno among it. */
hidden long popcorn_node_futex(struct popcorn_node *, struct popcorn_dsm_message *, int64_t most, uint32_t *over);

/* Other nodes find their links closed; nothing of the node is left, but what popcorn_node_view has mapped. Its service is over. */
hidden void popcorn_node_end(struct popcorn_node *);

/* Until the process is over for this node, or `stop` is set and NODE_SERVICE rung. */
hidden void popcorn_node_serve(struct popcorn_node *, const int *stop);

/* between the node's files */
hidden void *popcorn_node_room(size_t); /* zeros that are not there until they are written, unlike popcorn_pages' not reserved; or 0 */
hidden void popcorn_node_lock(struct popcorn_node *);
hidden void popcorn_node_unlock(struct popcorn_node *);
/* The same with all signals blocked, whose handlers might want it; returns the mask from before. */
hidden uint64_t popcorn_node_lock_calmly(struct popcorn_node *);
hidden void popcorn_node_unlock_calmly(struct popcorn_node *, uint64_t mask);

/* with the lock held */
hidden void popcorn_node_send(void *node, unsigned to, const struct popcorn_dsm_message *);
hidden void popcorn_node_deliver(struct popcorn_node *, unsigned from, const struct popcorn_dsm_message *); /* its bytes in `behind` */
hidden void popcorn_node_settle(struct popcorn_node *); /* after each call of the engine */
hidden void popcorn_node_release(struct popcorn_node *, unsigned hold); /* that turn is over */
hidden void popcorn_node_lose(struct popcorn_node *, unsigned peer);
hidden void popcorn_node_hear(struct popcorn_node *, unsigned from); /* what has come over the connection */
/* Everything that can be written is; the service hears when a full socket takes more. */
hidden void popcorn_node_flush(struct popcorn_node *);
hidden void popcorn_node_want(struct popcorn_node *, uint64_t page); /* as popcorn_replica_want, of any page */
/* Peers that have been away for too long are lost; returns nanoseconds until the next one is, or 0. */
hidden uint64_t popcorn_node_absences(struct popcorn_node *);
hidden long popcorn_node_watch(int poll, unsigned what, unsigned events, int fd);
hidden void popcorn_node_ring(struct popcorn_node *, enum node_poll);

enum { NODE_BELL = DSM_NODES, NODE_TIMER, NODE_EVENTS }; /* what an event is about; before these, the wires */
enum { EVENT_IN = 1, EVENT_OUT = 4, EVENT_EXCLUSIVE = 1 << 28, EVENT_EDGE = 1u << 31, EVENT_ADD = 1, EVENT_DEL = 2 };

/* wire.c */
hidden int popcorn_wire_put(struct popcorn_wire *, const struct popcorn_dsm_message *, const void *behind); /* -1: no memory */
hidden int popcorn_wire_flush(struct popcorn_wire *);   /* -1: broken; 1: more is left than the socket takes now */
hidden long popcorn_wire_greet(struct popcorn_wire *, const struct popcorn_dsm_message *hello); /* 0, or a negative errno */
hidden int popcorn_wire_receive(struct popcorn_wire *); /* -1: broken or at its end; 1: there may be more */
/* The next message of what was received, *bytes where it begins. 1; 0: none is whole; -1: no node sends that. */
hidden int popcorn_wire_next(struct popcorn_wire *, size_t *at, const unsigned char **bytes, int to_origin, uint64_t npages);
hidden void popcorn_wire_taken(struct popcorn_wire *, size_t at);

#endif
