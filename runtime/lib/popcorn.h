/* libpopcorn: what its parts know of each other. Freestanding: no libc, no allocation but pages from the
 * kernel. Everything here is node-private: it never goes into an image.
 *
 * A thread's machine stack, low to high:
 *
 *   guard | struct popcorn_thread, runtime stack (the runtime's own C runs here at points) | guard | machine stack
 */
#ifndef POPCORN_H
#define POPCORN_H

#include <stddef.h>
#include <stdint.h>

#include "popcorn_offsets.h"
#include "popcorn_schema.h"

#define hidden __attribute__((visibility("hidden")))

enum { POPCORN_CSP = 32, POPCORN_SELF = 40 }; /* offsets from the thread pointer */

enum popcorn_state { POPCORN_RUNNING, POPCORN_PARKED, POPCORN_DEAD };

/* A thread wants the process to be on one node, which its next point sees to. */
enum popcorn_gathering { POPCORN_GATHER_NOT, POPCORN_GATHER_WANTED, POPCORN_GATHER_FAILED };

struct popcorn_lock { int taken; uint64_t mask; }; /* libc.h */

struct popcorn_thread {
	struct popcorn_thread *next; /* list of all threads, under popcorn_threads_lock */
	int tid;                     /* the number the program knows */
	int ktid;                    /* the number the kernel knows here; differs after a restore */
	int state;                   /* enum popcorn_state, atomic */
	int in_handler;              /* signal handlers of the program under way: no move while > 0 */
	char *tp;                    /* thread pointer, common memory */
	char *stack_base;            /* the whole private mapping */
	size_t stack_size;
	char *machine_low, *machine_top; /* machine stack proper */
	char *runtime_top;           /* stack the runtime's C runs on at points */
	uint64_t generation;         /* rebuilds so far; a jmp_buf of another generation needs the maps */
	char name[16];               /* PR_GET_NAME, valid while parked */
	uint64_t mask;               /* signal mask to go on with, valid while parked */
	uint64_t pending;            /* signals that the mask keeps waiting, the process's included; valid once settled */
	int settled;                 /* parked like all others, and has looked at what was sent to it until then */
	int *clear_child_tid;        /* common memory; cleared and woken at exit */
	uint64_t robust_list, robust_len;
	int place, destination;      /* at the origin: the node where it is, that where it is to be; the process's numbers */
	int guest;                   /* at a replica: the thread itself, whose deputy is at the origin */
	int wanted;                  /* the machine's node that the program asked for, -1 none */
	int stop, stop_sent;         /* it is to come home */
	int gather;                  /* enum popcorn_gathering */
	uint64_t blocks_fault;       /* POPCORN_FAULT_BIT, if the program blocks that and we don't */
	struct popcorn_letter *letters, *blank_letters, *again; /* letters.c, deputy.c */
	struct popcorn_lock letters_lock;
	uint32_t mail;               /* futex: letters that came */
	uint32_t ticket, depth, forwarded; /* calls made; handlers under way at the guest; signals it was sent, or has taken */
	int again_blocked;           /* `again` is the thread's with signals blocked, which had this mask: */
	uint64_t again_mask;
	uint64_t requeued;           /* signals that wait for it to be somewhere */
	size_t arriving;             /* bytes of frames that are to come */
	uint32_t *asleep;            /* of a futex call at the origin; enum node_sleep */
	uint64_t own_block[8];       /* a thread block for when that in common memory is not this node's */
	uint64_t altstack[3];        /* the program's sigaltstack: ss_sp, ss_flags, ss_size */
	uint64_t points;             /* migration points passed through the runtime */
	struct popcorn_frames *frames; /* the stopped thread, valid while parked */
	struct popcorn_jump *jumps;  /* setjmp frames as of the last rebuild, outermost last; jump.c */
	size_t njumps, jumps_capacity;
	uint32_t rounding, exceptions; /* floating-point environment in common form, valid while parked */
	struct popcorn_registers *rebuilt; /* what a rebuild left for popcorn_resume */
	const char *blocked_in;      /* why this thread can't be stopped now: function, or 0 */
	const char *blocked_why;
	int interrupt;               /* the system call being entered is to return at once; set by the request signal */
	uint64_t signals;            /* of the program, delivered to this thread */
	uint64_t requests;           /* request signals delivered */
	int64_t time_left;           /* of the interrupted call's timeout, nanoseconds; -1 none */
	void *entry, *entry_arg;     /* what a new thread calls first */
	int *set_tid;                /* common memory; where a new thread leaves its number before that */
};

/* A stopped thread: struct popcorn_stack of the schema, in private pages. */
struct popcorn_frames {
	size_t size;     /* bytes used in data */
	size_t capacity; /* bytes mapped, this header included */
	uint32_t data[]; /* u32 nframes, then innermost first: u32 site, u32 nvalues, u64 value[nvalues] */
};

struct popcorn_mapping { /* a mapping in the arena, ascending, no overlap, neighbours of a kind merged */
	uint64_t start, end;
	int prot, flags;     /* as given to mmap, common format */
	int file;            /* 1: a MAP_SHARED file mapping, path valid */
	uint64_t offset;
	char *path;          /* private copy; as it was when it was mapped */
	uint64_t ino;        /* what the path led to then: */
	uint32_t dev_major, dev_minor;
};

struct popcorn_handler { uint64_t handler, flags, mask; }; /* the program's sigaction, index signal-1 */

struct popcorn_config {          /* from the environment, goes along in images */
	uint64_t rebuild_every, move_every, seed;
	char runners[4][256];        /* by ISA number: emulator to run that ISA's programs with, "" native; valid if has_runner */
	int has_runner[4];
	uint64_t roam_every;
	char machine[108];           /* socket of this node of a machine, "" for none */
	char program[4096];          /* path of the multi-ISA file */
};

extern hidden struct popcorn_config popcorn_config;
extern hidden char popcorn_replica_of[64]; /* POPCORN_REPLICA: what this process is a replica of, or "" */
extern hidden struct popcorn_handler popcorn_handlers[64];
extern hidden struct popcorn_thread *popcorn_threads;
extern hidden struct popcorn_mapping *popcorn_mappings;
extern hidden size_t popcorn_nmappings;
extern hidden uint64_t popcorn_brk_start, popcorn_brk_end;
extern hidden int popcorn_pid;   /* the pid the program knows; kernel's may differ after a restore */
extern int __popcorn_flag;

/* linker-defined */
extern char __popcorn_data_start[], __popcorn_data_end[], __popcorn_tls_start[], __popcorn_tls_end[];
extern char __popcorn_text_start[], __popcorn_text_end[];
extern const unsigned char __popcorn_build_id[]; /* 20 bytes; with a size, x86_64 would take it for 16-aligned */
extern const char __popcorn_sites[];

/* arch: raw kernel call in THIS ISA's numbers and layouts; -errno on failure */
long popcorn_kernel(long n, ...);
struct popcorn_thread *popcorn_self(void); /* of the calling thread, by its thread pointer */

/* memory.c (libc side): the arena */
hidden void *popcorn_pages(size_t n);                  /* node-private zeroed pages, or 0 */
hidden void popcorn_free_pages(void *, size_t);
hidden long popcorn_map_fixed(uint64_t at, size_t n, int prot); /* used by restore: map anonymous at exactly `at`, not into the table, -errno */

/* mappings.c (libc side): the table of what is mapped there */
hidden void popcorn_mapping_of(struct popcorn_mapping *, int fd);
hidden int popcorn_mapping_has_path(const struct popcorn_mapping *);
hidden int popcorn_mapping_note(const struct popcorn_mapping *); /* used by restore: into the table, path copied; -1: no memory */

/* thread.c (libc side) */
hidden struct popcorn_thread *popcorn_thread_new(void); /* allocates stacks, not yet listed */
hidden void popcorn_thread_list(struct popcorn_thread *);
hidden void popcorn_thread_gone(struct popcorn_thread *); /* the caller, from the list; its stacks stay until it has ended */
hidden void popcorn_lock_threads(void), popcorn_unlock_threads(void);
hidden int popcorn_thread_start(struct popcorn_thread *, void (*fn)(struct popcorn_thread *)); /* raw clone: fn on t's runtime stack, tp set; -errno */
hidden void popcorn_set_tp(void *);

/* signal.c (libc side) */
hidden void popcorn_install_handlers(void);            /* kernel dispositions from popcorn_handlers + the request signal */
hidden void popcorn_accept_requests(void);
hidden void popcorn_request_signal(int sender_pid);     /* park.c: called by the handler of the request signal */

/* park.c: at a migration point, on the runtime stack. regs: callee-saved registers as the arch's point.s stores
 * them, sp the value right after the call returned. Returns what to load: see arch point.s. */
struct popcorn_registers;
hidden struct popcorn_registers *popcorn_point(struct popcorn_registers *);
hidden struct popcorn_registers *popcorn_point_at_home(struct popcorn_thread *, struct popcorn_registers *); /* back from another node, signals blocked */
hidden void popcorn_take_order(struct popcorn_thread *); /* a request that came is heard, by a thread that may be at no point for long */
hidden int popcorn_should_interrupt(void);              /* 1: a system call of this thread should return -512 now */

/* The caller's end of the outermost frame: where main's and a thread's first compiled function return to. A
 * label in start.S / thread.S (LIBC side), or in point.S if those have none; what is there may rely on no
 * register and on nothing on the stack. */
extern const char __popcorn_bottom[];

/* park.c: gives back what a thread that ends owns besides its stack; call it before the stack goes */
hidden void popcorn_thread_forget(struct popcorn_thread *);

/* park.c: in the child of a fork, before anything else runs: a request under way is the parent's affair */
hidden void popcorn_park_after_fork(void);

/* sites.c: a site as the table has it, read by popcorn_number */
struct popcorn_site {
	uint32_t id;
	uint32_t frame; /* CFA - SP, SP being the value right after the call has returned */
	uint32_t flags, func_flags; /* POPCORN_SITE_*, POPCORN_FUNC_* */
	uint32_t nvalues, nsaved, nrecipes;
	const uint8_t *values, *saved, *recipes;
};

hidden int popcorn_site_at(uint64_t ra, struct popcorn_site *);     /* 0: no site returns there */
hidden int popcorn_site_of_id(uint32_t id, struct popcorn_site *);  /* 0: unknown, or not usable on this ISA */
hidden uint32_t popcorn_site_address(uint32_t id); /* its return address, of an id that is known */
hidden const struct popcorn_recipe *popcorn_recipe(uint32_t n);
hidden const struct popcorn_func *popcorn_site_func(uint32_t id); /* that a known site is in */
hidden const char *popcorn_func_name(uint32_t id);

/* The next number of the table; unsigned LEB128. */
static inline uint32_t popcorn_number(const uint8_t **p)
{
	uint32_t n = *(*p)++;

	if (n < 128) return n;
	n &= 127;
	for (unsigned shift = 7;; shift += 7) {
		uint32_t byte = *(*p)++;
		n |= (byte & 127) << shift;
		if (byte < 128) return n;
	}
}

/* unwind.c, rebuild.c: turn the machine stack into t->frames and back. Both return 0, or -1 with t->blocked_in and
 * t->blocked_why set. rebuild lays the frames out below `top`, fills *out for popcorn_resume and t->jumps, and
 * counts t->generation up. `poison`: everything undescribed gets POPCORN_POISON. */
#define POPCORN_POISON 0xdeadbeefdeadbeefull
hidden int popcorn_unwind(struct popcorn_thread *, const struct popcorn_registers *);
hidden int popcorn_rebuild(struct popcorn_thread *, uint64_t top, int poison, struct popcorn_registers *out);
hidden struct popcorn_registers *popcorn_rebuild_here(struct popcorn_thread *, struct popcorn_registers *);
hidden uint64_t popcorn_random(const struct popcorn_thread *); /* by the seed; another at each of its points */
hidden int popcorn_frames_check(struct popcorn_thread *, uint64_t *bytes, size_t *jumps); /* t->frames can be rebuilt here */
hidden int popcorn_reserve(void **pages, size_t *capacity, size_t want); /* grows, keeping contents; -1: no memory */

/* Functions that compiled code calls with an int take it as a long: that code leaves the upper half of the register open,
 * where some ISAs' C compilers rely on it. */

/* jump.c. A jmp_buf is POPCORN_JMP_WORDS u64: musl's overlay declares `typedef unsigned long long __jmp_buf[32]`
 * in bits/setjmp.h, and no more is used of struct __jmp_buf_tag. */
#define POPCORN_JMP_WORDS 32
_Noreturn void longjmp(void *jb, long value);
_Noreturn void _longjmp(void *jb, long value);
_Noreturn void siglongjmp(void *jb, long value);
void __popcorn_sigsave(void *jb, long mask);

/* arch point.S: load everything from regs, and go on at regs->ra */
hidden _Noreturn void popcorn_resume(const struct popcorn_registers *);

/* restore.c: called by start.c before anything else when POPCORN_RESTORE is set; does not return */
hidden _Noreturn void popcorn_restore(int image_fd, long *kernel_stack);

/* messages to standard error, "popcorn: ..." */
extern hidden int popcorn_message_fd;                 /* 2, but while a restore changes what that is */
hidden void popcorn_message(const char *, ...); /* %s %d %x(64-bit hex) %u only */
hidden _Noreturn void popcorn_die(const char *, ...); /* message, then exit_group(125) */

#endif
