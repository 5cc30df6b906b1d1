/* One memory on several nodes: the protocol that keeps pages coherent, as state machines without input, output, clocks,
 * threads or allocation. Whoever drives them, a replica's socket loop or the simulator (testsuite/dsm), brings events and
 * does what struct popcorn_driver asks for. A node's calls are made one at a time.
 *
 * It is the invalidation protocol with a fixed manager of Li and Hudak (Memory Coherence in Shared Virtual Memory
 * Systems, ACM TOCS 7(4), 1989), with the three states and the blocking directory that the literature on hardware calls MSI
 * (Nagarajan et al., A Primer on Memory Consistency and Cache Coherence, 2nd ed., chapter 8), and with Mirage's rule that
 * a page stays for a moment with the thread that waited for it (Fleisch and Popek, SOSP'89).
 *
 *   a page at a node        INVALID closed to threads | SHARED open for reading | MODIFIED open for writing
 *   a page at the origin's  EXCLUSIVE one node has it MODIFIED; where that isn't the origin, no other bytes are current
 *   directory               HOME      the bytes at the origin are current; `sharers` have it SHARED
 *                           GONE      the node that had it MODIFIED was lost
 *
 * The directory does one thing at a time to a page; requests for it wait in a queue, first come, first served. So a
 * node's copy changes only at the directory's word or on its own request, and since each link keeps order, a GRANT
 * always arrives before the message that takes the page away again. No write is granted before every other copy was
 * acknowledged gone. Whether a GRANT carries the bytes is decided when it is made, not when it was asked for: a
 * sharer that wants to write may have been invalidated while it waited in the queue.
 *
 * Bytes go from an owner to a requester by way of the origin, not straight. That costs one hop when two remotes pass a page
 * to and fro. It buys that every pair of messages that could overtake each other is on one link, that there are N links, not
 * N * N, and that the loss of a node has one of two outcomes: the origin has the bytes, or nobody does. And once read, a page
 * is at the origin, where it survives.
 */
#ifndef POPCORN_DSM_H
#define POPCORN_DSM_H

#include "protocol.h"

enum { DSM_ORIGIN = 0, DSM_NOBODY = 255 };

/* What the machines ask of whoever drives them. None of these may call back into them. The runtime's alias of common
 * memory is always readable and writable to itself, however a page is open to the program's threads. */
struct popcorn_driver {
	/* Appends to the link; where the message says so, followed by the page's bytes as they are now. What the origin sends to
	 * itself, which never has bytes, is delivered in order when this call has returned, and before anything else is: so the
	 * directory and the origin's own replica never disagree. */
	void (*send)(void *, unsigned to, const struct popcorn_dsm_message *);
	void (*fill)(void *, uint64_t page); /* the bytes behind the message under way go into the page */
	void (*open)(void *, uint64_t page, enum dsm_access); /* and no less: when it returns, no thread is at what it may not do */
	/* Threads that wait for the page try again. Until popcorn_replica_release they keep it: whoever drives this gives them the
	 * time for one access, counted from here, and calls that; it may wait with the call until something wants the page. */
	void (*wake)(void *, uint64_t page);
	/* The same; but the thread that was told DSM_ASKED fails. The others may have come after the directory had decided, and
	 * ask in their own right; of a prefetch, that are all. */
	void (*deny)(void *, uint64_t page, enum dsm_reason);
	void (*end)(void *); /* the process is over for this node: its threads, waiting or not, end */
	/* of the origin's only */
	enum dsm_access (*rights)(void *, uint64_t page); /* what the mapping there allows */
	void (*lost)(void *, uint64_t page, unsigned node); /* with that node the only copy went */
	void (*drained)(void *); /* popcorn_directory_recall is done */
};

enum dsm_state { DSM_UNTOUCHED /* as at the start: the origin has everything */, DSM_INVALID, DSM_SHARED, DSM_MODIFIED };

struct popcorn_page { /* of a replica */
	uint8_t state;   /* enum dsm_state */
	uint8_t pending; /* enum dsm_kind of the request under way, or 0 */
	uint8_t waiting : 1; /* threads wait for what is pending */
	uint8_t held : 1;    /* threads were woken and have not had their turn */
	uint8_t recall;  /* enum dsm_kind that came meanwhile, or 0 */
};

/* Sequential read faults: each stream asks for the pages ahead of it, twice as many each time, up to a bound. */
enum { DSM_STREAMS = 4, DSM_AHEAD = 8, DSM_PREFETCHES = 16 };

struct popcorn_prefetch {
	struct { uint64_t next; unsigned ahead; } stream[DSM_STREAMS]; /* where it will fault next, how many it asks for then */
	unsigned oldest, under_way;
};

struct popcorn_replica {
	unsigned node;
	int ended;
	uint64_t npages;
	struct popcorn_page *pages; /* npages, zero at first: meant to lie in memory that is not there until it is written */
	struct popcorn_prefetch prefetch;
	const struct popcorn_driver *driver;
	void *context;
};

/* replica.c */
enum dsm_fault {
	DSM_RETRY, /* the access is allowed by now */
	DSM_ASKED, /* wait to be woken, or denied */
	DSM_JOINED, /* likewise; another thread has asked */
	DSM_PROCESS_ENDED
};

/* A thread may not do what it tried to. At the origin the mapping was asked before. */
hidden enum dsm_fault popcorn_replica_fault(struct popcorn_replica *, uint64_t page, enum dsm_access);
/* A thread is expected that will write there: the page is asked for, and nobody waits. At the origin, where it may be written. */
hidden void popcorn_replica_want(struct popcorn_replica *, uint64_t page);
/* A message of the origin. 1: it waits for popcorn_replica_release. -1: no origin sends that now; the link is to be cut for
 * good. */
hidden int popcorn_replica_deliver(struct popcorn_replica *, const struct popcorn_dsm_message *);
hidden void popcorn_replica_release(struct popcorn_replica *, uint64_t page);
hidden void popcorn_replica_origin_lost(struct popcorn_replica *);
hidden enum dsm_access popcorn_replica_access(const struct popcorn_replica *, uint64_t page); /* what its copy is good for */

/* prefetch.c: how many pages behind this one to ask for, now that it was read */
hidden unsigned popcorn_prefetch_ahead(struct popcorn_prefetch *, uint64_t page);

enum dsm_home { DSM_EXCLUSIVE, DSM_HOME, DSM_GONE };

/* What the directory does to a page; the requests are also what waits for that. */
enum dsm_want { DSM_IDLE, DSM_WANT_READ, DSM_WANT_WRITE, DSM_RECALL_KEEP, DSM_RECALL_DROP };

struct popcorn_entry { /* zero: EXCLUSIVE at the origin */
	uint64_t queue;    /* nodes that wait, 4 bits each, the next to be served lowest */
	uint16_t writers;  /* those of them that want to write */
	uint16_t sharers;
	uint16_t awaited;  /* nodes whose ACK or DATA is to come */
	uint16_t recent;   /* the last four writers, 4 bits each, the newest lowest */
	uint8_t nqueue;
	uint8_t state;     /* enum dsm_home */
	uint8_t owner;     /* EXCLUSIVE */
	uint8_t want;      /* enum dsm_want under way */
	uint8_t serving;   /* for whom; DSM_NOBODY once that node is lost */
	uint8_t unused[3];
	uint32_t reads, writes, bounces; /* served; and writes granted to another node than the one before */
};

/* A stretch of pages on its way home, because the mapping there changes; requests for them wait. */
struct popcorn_recall { uint64_t first, end, next; unsigned under_way; int active, paused, keep; };

enum { DSM_CHUNK = 512 /* pages */, DSM_RECALLS = 32 /* at a time */ };

struct popcorn_directory {
	uint64_t npages;
	struct popcorn_entry *entries; /* npages, zero at first */
	uint64_t *touched;             /* a bit for each DSM_CHUNK entries, set when one is not zero any more */
	uint16_t lost;                 /* nodes */
	struct popcorn_recall recall;
	struct popcorn_replica *own;   /* the origin's */
	const struct popcorn_driver *driver;
	void *context;
};

/* directory.c: a message of a node. -1: no node sends that now; its link is to be cut for good, and the node is lost. */
hidden int popcorn_directory_deliver(struct popcorn_directory *, unsigned from, const struct popcorn_dsm_message *);

/* recall.c: before munmap, mprotect, mremap and mmap over something. No node but the origin has any of these pages when
 * the driver hears that they are drained, and none gets one until the mapping was changed and popcorn_directory_resume
 * called. `keep`: the bytes are at the origin then; otherwise they are forgotten, and the pages are as at the start
 * afterwards. One at a time: the caller holds the lock of the mappings from the one call to the other. */
hidden void popcorn_directory_recall(struct popcorn_directory *, uint64_t first, uint64_t count, int keep);
hidden void popcorn_directory_resume(struct popcorn_directory *);

/* loss.c: a node will never be heard of again. Pages that only it had are gone: the driver hears of each, and whoever asks
 * for one is denied. Of all others the last bytes that anybody saw are still there. */
hidden void popcorn_directory_lost(struct popcorn_directory *, unsigned node);

/* between the directory's files */
hidden void popcorn_directory_start(struct popcorn_directory *, uint64_t page, unsigned node, enum dsm_want);
hidden void popcorn_directory_heard(struct popcorn_directory *, uint64_t page, unsigned from); /* the awaited has come */
hidden void popcorn_directory_next(struct popcorn_directory *, uint64_t page); /* serves those who wait, while nothing else is under way */
hidden void popcorn_directory_drop(struct popcorn_directory *, uint64_t page, unsigned node); /* from the queue */
hidden uint64_t popcorn_directory_touched(const struct popcorn_directory *, uint64_t from, uint64_t end); /* first page from there on whose chunk is */
hidden void popcorn_recall_advance(struct popcorn_directory *);
hidden int popcorn_recall_fences(const struct popcorn_directory *, uint64_t page);

#endif
