/* A machine of a few nodes that exists only in this process. Everything that happens in it, and when, follows from a seed. */
#ifndef SIM_H
#define SIM_H

#include <stdarg.h>
#include "dsm.h"
#include "futex.h"
#include "link.h"

enum { NODES = 5, PAGES = 6, WORDS = 4, THREADS = 6, ROOM = 1 << 18, FIRST_ROOM = 2 * DSM_MESSAGE_MOST };
enum { SYNC_PAGES = 2 }; /* the first ones hold locks, and what they guard: always mapped */

enum activity { READY, FAULTING, ASLEEP /* in a futex wait */, CALLING /* in another futex call */, MOVING, OVER };

struct place { unsigned page, word; };

struct thread {
	unsigned node, left; /* operations to do */
	enum activity activity;
	int pc, inside, after;  /* program.c */
	int asked;              /* FAULTING: the request is its own */
	unsigned long since;    /* the step it began to wait in */
	struct place at;
	enum dsm_access access;
	int nap, cancelled;
	unsigned scanned;       /* pages of a scan still to read */
	uint32_t seen, sequence, ticket;
};

struct node {
	struct popcorn_replica replica;
	struct popcorn_page pages[PAGES];
	unsigned char memory[PAGES][DSM_PAGE];
	uint8_t open[PAGES]; /* what its MMU lets threads do */
	uint8_t release[PAGES]; /* is to be called */
	int dead, ended;      /* by itself; the origin may not know */
	int lost;             /* as the origin sees it; it may not know */
	int liar;             /* what it sends has the form of messages, and no sense */
};

struct wire { unsigned char bytes[ROOM]; size_t begin, end; };

/* Between the origin (side 0) and one remote (side 1). */
struct channel {
	struct popcorn_link link[2];
	unsigned char room[2][ROOM];
	struct wire wire[2]; /* what side 0, and side 1, has written and the other not read */
	int up, greeted[2];  /* this side has had the other's HELLO on this connection */
	int closed;          /* for good */
};

struct mapping_change { unsigned first, count; enum dsm_access to; int keep, drained; };

struct world {
	uint64_t random;
	unsigned long step;
	unsigned nnodes, nthreads;
	struct node node[NODES];
	struct channel channel[NODES];
	struct thread thread[THREADS];
	struct popcorn_directory directory;
	struct popcorn_entry entry[PAGES];
	uint64_t touched[1];
	struct popcorn_futexes futexes;
	struct popcorn_waiter waiter[THREADS];
	struct popcorn_dsm_message own[64]; /* what the origin sent to itself */
	unsigned nown;
	uint8_t opened[PAGES];              /* the origin's futex calls are to look again */
	const unsigned char *payload;       /* of the message being delivered */
	unsigned payload_from;
	struct mapping_change change;
	int changing, crashed;
	enum dsm_access mapped[PAGES];
	unsigned long lacked[PAGES][3];     /* the last step in which the mapping did not allow this access */
	uint32_t current[PAGES][WORDS];     /* the oracle: what was written last */
	int gone[PAGES];
	unsigned long was_gone[PAGES];      /* the last step in which it was */
	uint32_t written;
	int holder;                         /* the thread in the critical section, -1: none */
	int origin_dead, faults;            /* faults: cuts and crashes may happen */
	int verbose, failed;
	char failure[256];
};

extern struct world world;
extern const unsigned word_offset[WORDS];

/* schedule.c: chance, and what is told */
void note(const char *, ...) __attribute__((format(printf, 1, 2)));
void fail(const char *, ...) __attribute__((format(printf, 1, 2)));
unsigned below(unsigned n); /* random */
int one_in(unsigned n);
const char *kind_name(unsigned kind);

/* nodes.c */
extern const struct popcorn_driver driver;
void nodes_begin(void);
void to_replica(unsigned node, const struct popcorn_dsm_message *);
void settle(void); /* what the origin does before anything else happens */
void die(unsigned node), go_mad(unsigned node), lose(unsigned node);
int takes_part(unsigned node);
void lie(unsigned node);
void begin_change(void);
int apply_change(void); /* 0: none is ready */

/* net.c */
void net_send(unsigned from, unsigned to, const struct popcorn_dsm_message *);
int net_transmit(unsigned channel, unsigned side); /* some bytes; 0: nothing to do */
int net_deliver(unsigned channel, unsigned side);  /* a message to that side; 0: none is there */
void net_connect(unsigned channel), net_cut(unsigned channel), net_close(unsigned channel);

/* program.c: what threads do */
void thread_begin(struct thread *);
void thread_denied(struct thread *);
void thread_step(struct thread *);
void thread_cancel(struct thread *);
int thread_may_sleep(const struct thread *);
void thread_result(unsigned node, uint32_t thread, uint32_t ticket, int32_t value);
void threads_wake(unsigned node, unsigned page, int denied, enum dsm_reason);

/* turns.c: requests that reach the directory, and its answers */
void turns_begin(void);
void turns_ask(unsigned node, const struct popcorn_dsm_message *);
void turns_answer(unsigned node, const struct popcorn_dsm_message *);
void turns_lost(unsigned node);

/* memory.c: accesses, and the oracle */
int reach(struct thread *, struct place, enum dsm_access); /* 0: not now; the thread waits, or its access failed */
uint32_t load(struct thread *, struct place);
void store(struct thread *, struct place, uint32_t);
void check_world(void);

#endif
