/* The maps of one function's sites: which value is where, what holds the caller's registers, what can be remade.
 *
 *	arena.c     memory of one function's analysis
 *	terms.c     what a location holds, as far as it is known
 *	state.c     that of all locations
 *	merge.c     where ways join
 *	values.c    by instruction: forward analysis
 *	live.c      what is read after an instruction: backward analysis
 *	site.c      what is read after a call is accounted for
 *	recipes.c   how it is remade
 *	function.c  all of it, in order
 *
 * native.py calls it, and says what goes in and comes out. Codes of instructions: popcc/schema/machinecode.py.
 */
#ifndef MAPS_H
#define MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "popcorn_schema.h"

#define MAX_EFFECTS POPCORN_MAX_EFFECTS
#define MAX_FRAME (1 << 24) /* bytes to either side of the CFA: data lies elsewhere */

enum {
	VECTOR = POPCORN_FACT_VECTOR,
	CALLEE_SAVED = POPCORN_FACT_CALLEE_SAVED,
	ARGUMENT = POPCORN_FACT_ARGUMENT,
	RESULT = POPCORN_FACT_RESULT,
	UNDEFINED_AT_ENTRY = POPCORN_FACT_UNDEFINED_AT_ENTRY,
};

/* An ISA. The condition codes count as a register, one behind the last. */
struct machine {
	int32_t registers, stack_pointer, link_register; /* link_register: -1 where there is none */
	int32_t ncallee_saved, ndwarf;
	int64_t entry_sp, page_rounding;
	const uint8_t *facts;          /* by register */
	const int32_t *callee_saved;   /* in the order of maps */
	const int32_t *by_dwarf;       /* register by DWARF number, -1 for others */
	const int32_t *dwarf;          /* by register */
	const char *const *names;      /* by register */
};

struct listed {
	int32_t kind, reg, offset; /* as in LLVM's stack maps; reg: DWARF number */
};

struct record {
	int64_t offset; /* return address */
	int32_t first, count; /* its values among `listed` */
	int32_t expected; /* number of values, as the IR has it */
	int32_t is_point; /* the callee takes no arguments */
};

struct function {
	const int64_t *code;     /* instructions, each once */
	const int64_t *place;    /* by instruction: where it is in `code` */
	const int64_t *address;  /* by instruction, and where the last ends */
	const int32_t *first;    /* by block: its first instruction; and their number */
	const int32_t *way;      /* by block: where its successors begin in `ways`; and their number */
	const int32_t *ways;
	const int32_t *order;    /* reverse postorder of the blocks that can be reached */
	const struct record *records;
	const struct listed *listed;
	const uint8_t *read_only; /* by symbol */
	const char *const *symbols; /* names; 0 is none */
	/* what read-only memory holds, zero-extended; false if that is not known before the link */
	bool (*constant)(int32_t symbol, int64_t offset, int32_t size, uint64_t *value);
	int32_t ninsns, nblocks, norder, nrecords;
};

struct result {
	int32_t wild; /* why no site can be used, a POPCORN_WILD; with the instruction and register it is about */
	int32_t insn, reg;
	int32_t nout;
	const int64_t *out; /* by record */
	const char *text;   /* that `out` refers to */
};

struct chunk;
struct arena {
	struct chunk *chunks;
	char *next, *end;
};
void *alloc(struct arena *, size_t); /* zeroed */
void *grown(struct arena *, void *, int count, int *room, size_t each); /* with room for one more than `count` */
void release(struct arena *); /* all but one chunk */
void dispose(struct arena *);

/* An index into the terms of a function; equal terms are one. 0: none. */
typedef int32_t term_t;

enum kind {
	NONE,
	CONST,    /* k */
	SYM,      /* symbol a + k */
	PAGE,     /* the page from which that is reached */
	DIFF,     /* symbol a - symbol b + k; a may be 0 */
	TPDIFF,   /* that beyond the thread pointer */
	TP,       /* thread pointer + k */
	CFA,      /* CFA + k */
	LOAD,     /* n bytes of read-only memory at symbol a + k */
	GOT,      /* the place that holds symbol a's address */
	INIT,     /* what location a held on entry */
	DEF,      /* what the instruction at address k put into location a */
	LOST,     /* nothing any more: a call has left there what it liked */
	PHI,      /* what flows together in location a at the head of block k */
	ADD,      /* term a + k */
	INDEXED,  /* term a + an unknown index */
	ZX, SX,   /* the low n bytes of term a, extended */
	LOW,      /* the low n bytes are those of term a, the rest is anything */
	SHIFTED,  /* term a shifted left by n bits: a shift back makes an extension of it */
};

struct term {
	uint8_t kind, n;
	int32_t a, b;
	int64_t k;
};

struct slot { /* of the frame */
	int64_t offset; /* from the CFA */
	int32_t size;
	int32_t *overlaps; /* locations */
	int noverlaps, room;
};

/* What each location holds; 0 in a slot: not written to yet. Locations are registers, then slots as they turn up. */
struct state {
	term_t *at;
	int count, room;
};

struct access {
	int64_t offset;
	int32_t size;
	bool write;
	struct access *next;
};

struct listing { /* where a record's values are */
	int32_t *places;  /* location by value, -1 for constants */
	int64_t *words;   /* as maps have it */
	int count;        /* 0 of one that is not sound */
	bool sound;
	int why;          /* it is not, in `text` */
};

struct analysis {
	struct arena arena, scratch;
	const struct machine *m;
	const struct function *f;

	struct term *terms;
	int nterms, room_terms;
	int32_t *term_table;
	int term_table_size;

	struct slot *slots;
	int nslots, room_slots;
	int32_t *slot_table;
	int slot_table_size;

	struct state *entry, *exit; /* by block */
	struct state *after;        /* by record: what holds behind the call; empty where that is never */
	int32_t *record_of;         /* by instruction: the record of the call, or -1 */
	struct access **accesses;   /* to the frame, by instruction */
	bool noting;                /* whether accesses are: once what flows in is known */
	int wild;
	int wild_insn, wild_reg;

	struct listing *listings;   /* by record */

	int nwords;                 /* of a set of live places: 4 bits per register, one per byte of the frame */
	int64_t low_byte;           /* of the frame's bytes that are touched the lowest */
	int nbytes;
	int32_t *byte_bit;          /* by byte, from there */
	int32_t *bit_byte;          /* and back: byte by bit - first_byte_bit */
	int first_byte_bit, nbits;
	uint64_t *ever_read, *call_clobbers, *call_reads, *return_reads;
	uint64_t *live_after;       /* by record */

	int64_t *out;
	int nout, room_out;
	char *text;
	int ntext, room_text;
	char why[1024];
};

/* terms.c */
void start_terms(struct analysis *);
term_t make(struct analysis *, enum kind, int n, int32_t a, int32_t b, int64_t k);
static inline const struct term *term(const struct analysis *a, term_t t) { return a->terms + t; }
term_t plus(struct analysis *, term_t, int64_t);
term_t total(struct analysis *, term_t, term_t);
term_t low(struct analysis *, int n, term_t);
term_t extend(struct analysis *, int n, term_t, int how);
term_t shift(struct analysis *, int operation, term_t, int64_t bits);
int loaded(const struct analysis *, term_t);

/* state.c */
void start_slots(struct analysis *);
int slot_at(struct analysis *, int64_t offset, int32_t size);
void hold(struct analysis *, struct state *, int location, term_t);
void copy(struct analysis *, struct state *to, const struct state *from);
bool equal(const struct state *, const struct state *);
term_t slot_term(struct analysis *, int location, const struct state *);
static inline term_t held(const struct state *s, int location)
{
	return location < s->count ? s->at[location] : 0;
}

/* merge.c */
void merge(struct analysis *, int block, const struct state **, int count, struct state *into);

/* values.c */
void find_values(struct analysis *);

/* live.c */
void find_live(struct analysis *);
int live_width(const struct analysis *, const uint64_t *live, int reg);
static inline bool has(const uint64_t *set, int bit)
{
	return set[bit / 64] >> bit % 64 & 1;
}

/* site.c */
void list_values(struct analysis *, int record);
void map_site(struct analysis *, int record);

/* function.c */
const int64_t *behind(const int64_t *expression);
void put(struct analysis *, int64_t);
const char *location_name(const struct analysis *, int location, char *, size_t);

#endif
