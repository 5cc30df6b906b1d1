/* Futexes of the whole process, kept at the origin. */
#ifndef POPCORN_FUTEX_H
#define POPCORN_FUTEX_H

#include "protocol.h"

enum { DSM_FUTEX_BUCKETS = 64 };

struct popcorn_waiter {
	struct popcorn_dsm_message call;
	struct popcorn_waiter *next;
	unsigned node;
};

struct popcorn_waiters { struct popcorn_waiter *first, **last; };

struct popcorn_futexes {
	struct popcorn_waiters bucket[DSM_FUTEX_BUCKETS]; /* asleep, in the order they came */
	struct popcorn_waiters undecided;                 /* calls whose word is not readable at the origin yet */
	struct popcorn_waiter *free, *room; /* as it was given */
	/* The word's value, if the origin may read it now. 0: not yet, popcorn_futex_opened follows; -1: it is in no mapping. */
	int (*load)(void *, uint64_t address, uint32_t *value);
	/* What the call returns, to the thread that made it. */
	void (*result)(void *, unsigned node, uint32_t thread, uint32_t ticket, int32_t value);
	void *context;
};

hidden void popcorn_futex_init(struct popcorn_futexes *, struct popcorn_waiter *room, size_t threads);

/* WAIT, WAKE, REQUEUE or CANCEL of a node, the origin included. -1: no node sends that now. */
hidden int popcorn_futex_deliver(struct popcorn_futexes *, unsigned node, const struct popcorn_dsm_message *);
hidden void popcorn_futex_opened(struct popcorn_futexes *, uint64_t page); /* or denied: whatever was waited for has come */
hidden void popcorn_futex_lost(struct popcorn_futexes *, unsigned node);

#endif
