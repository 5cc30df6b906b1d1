/* A process on several nodes: one of them the origin, where it began and where system calls are executed; a replica on each
 * of the others. Pages are kept coherent by runtime/dsm. */
#ifndef POPCORN_SPREAD_H
#define POPCORN_SPREAD_H

#include "libc.h"
#include "node.h"
#include "text.h"

enum popcorn_spread { POPCORN_ALONE, POPCORN_ORIGIN, POPCORN_REPLICA };
extern hidden int popcorn_spread;
extern hidden struct popcorn_node popcorn_own_node;

enum { POPCORN_NPAGES = ARENA_END / PAGE };
hidden struct popcorn_node_settings popcorn_node_of_process(void); /* where its memory lies; the rest is zero */

/* spread.c: all threads are stopped. Common memory becomes the node's, and its service begins. -1 with the error set: the
 * process is as it was. */
hidden int popcorn_spread_begin(struct popcorn_text *error);
/* All threads are here and stopped: pages come home, replicas end, memory is the process's own again, and here they stay. */
hidden void popcorn_spread_end(void);

/* At the origin: mmap at exactly `at`, munmap, mprotect, and mremap to another place, of common memory. Whoever calls holds
 * popcorn_memory_lock. 0 or -errno. */
hidden long popcorn_spread_map(uint64_t at, uint64_t n, int prot, int flags, int fd, uint64_t offset);
hidden long popcorn_spread_unmap(uint64_t at, uint64_t n);
hidden void popcorn_spread_clear(uint64_t at, uint64_t n);
hidden long popcorn_spread_protect(uint64_t at, uint64_t n, int prot);
hidden long popcorn_spread_move(uint64_t at, uint64_t old, uint64_t to, uint64_t new, int prot);

/* Whether the mapping allows it, as far as the origin knows: 1; 0; -1: not common memory at all. */
hidden int popcorn_spread_allows(uint64_t at, uint64_t n, int write);

hidden int popcorn_spread_mapped(uint64_t at); /* whether anything is mapped there, at the origin */
hidden int popcorn_spread_mapped_locked(uint64_t at); /* by a caller that holds popcorn_memory_lock */
hidden int popcorn_is_common(uint64_t at); /* on any node */

/* A thread's access at `at` failed: 0 when it is to be tried again. */
hidden int popcorn_spread_fault(uint64_t at, int wrote);
hidden _Noreturn void popcorn_spread_over(void); /* of this process, which can do no more; says why if nobody else can */

/* machine.c: the machine's node by this number has a replica; its number among the process's nodes, or -1 with the error set. */
hidden int popcorn_machine_reach(unsigned node, struct popcorn_text *error);
hidden int popcorn_machine_count(void); /* nodes of the machine; 1 where there is none */
hidden int popcorn_machine_here(void);  /* the machine's number of this node; 0 where there is none */
hidden unsigned popcorn_machine_isa(unsigned node); /* POPCORN_ISA_* of one of the machine's nodes */
hidden unsigned popcorn_machine_node(unsigned number); /* the machine's number of one of the process's nodes */
hidden void popcorn_machine_lost(unsigned number); /* that replica has ended */
hidden void popcorn_machine_forget(void); /* all have */

/* letters.c: mail about threads */
enum popcorn_letter_kind { LETTER_FRAMES, LETTER_CALL, LETTER_REPLY, LETTER_STOP, LETTER_SIGNAL, LETTER_DONE, LETTER_RAISE };
enum { LETTER_BYTES = DSM_PAGE };

struct popcorn_letter {
	struct popcorn_letter *next;
	uint32_t size, kind; /* of what follows */
	uint32_t ticket;     /* CALL, REPLY: which call; FRAMES: counts the parts */
	uint32_t depth;      /* handlers that were under way when it was made; a guest's, times 256: how many signals it has taken */
	unsigned char bytes[LETTER_BYTES - 16]; /* the message has no `next` */
};

hidden void popcorn_letter_send(unsigned to, uint32_t tid, enum popcorn_letter_kind, uint32_t ticket, uint32_t depth, const void *, size_t);
hidden void popcorn_letter_came(struct popcorn_thread *, const void *bytes, size_t); /* with the node's lock held */
typedef int popcorn_letter_wanted(const struct popcorn_thread *, const struct popcorn_letter *, uint32_t ticket);
hidden struct popcorn_letter *popcorn_letter_take(struct popcorn_thread *, popcorn_letter_wanted *, uint32_t ticket); /* the first; 0: none */
hidden void popcorn_letter_free(struct popcorn_thread *, struct popcorn_letter *);
hidden void popcorn_letters_forget(struct popcorn_thread *);

/* A thread on its way: this, then its frames, in as many letters as they take. */
struct popcorn_traveller {
	uint64_t tp, stack, generation, points, size; /* common stack, what is in use of it; of the frames */
	uint64_t rebuild_every, seed;
	uint32_t rounding, exceptions;
	int32_t pid, wanted; /* the machine's node that it wants to go on to, or -1; or that it has not been able to go on here: */
	uint64_t roam_every;
};
enum { POPCORN_UNABLE = -2 };

hidden void popcorn_travel(struct popcorn_thread *, unsigned to, int wanted); /* with its frames unwound */
/* With the node's lock held: a first letter of FRAMES has come, whose thread will soon write to its block and its stack. */
hidden void popcorn_expect(const struct popcorn_letter *);
/* One letter of FRAMES more. 1: it is complete in t->frames; -1: not a traveller. */
hidden int popcorn_arriving(struct popcorn_thread *, const struct popcorn_letter *);

/* deputy.c, at the origin: the thread goes on at the node that it is to be at, and comes back by popcorn_point_at_home.
 * Returns if it can't be unwound where it is. */
hidden struct popcorn_registers *popcorn_leave(struct popcorn_thread *, struct popcorn_registers *);
hidden void popcorn_forward(struct popcorn_thread *, int sig, const struct popcorn_handler *, const void *siginfo, struct popcorn_context *); /* in the signal's handler */
hidden void popcorn_mail_at_origin(unsigned from, const struct popcorn_dsm_message *, const void *behind);

/* guest.c, at a replica */
struct popcorn_remote_signal { int32_t sig, unused; uint64_t handler, flags, siginfo[16], mask, altstack[3]; };
struct popcorn_remote_call { int64_t n, a[6]; uint64_t cancel; };
struct popcorn_remote_reply { int64_t value, time_left; };
enum { CALL_CLONE = POPCORN_COMMON_CALLS, CALL_UNMAPSELF, CALL_CLOCK /* its value is nanoseconds */ };
hidden long popcorn_remote(struct popcorn_thread *, volatile int *cancel, long n, const long a[6]);
hidden _Noreturn void popcorn_remote_end(struct popcorn_thread *, long n, const long a[6]); /* a call after which the thread is no more */
hidden void popcorn_guest_signals(struct popcorn_thread *, struct popcorn_context *); /* in the request signal's handler */
hidden void popcorn_guest_fault(struct popcorn_thread *, const void *siginfo); /* the program's own: SIGSEGV */
hidden _Noreturn void popcorn_replica(const char *given);

/* buffers.c: a system call whose arguments lie in common memory, which the kernel must not meet closed */
hidden long popcorn_issue_buffered(struct popcorn_call *, long (*issue)(struct popcorn_call *));

/* places.c: for a call that can't be made while the process is on several nodes. AGAIN, or -EAGAIN if it has been tried in vain. */
hidden long popcorn_gather_first(struct popcorn_thread *);

hidden long popcorn_spread_futex(struct popcorn_call *); /* futexes.c */

#endif
