/* Generated from popcc/schema by `python -m popcc.schema`: change it there. */
#ifndef POPCORN_SCHEMA_H
#define POPCORN_SCHEMA_H

#include <stdint.h>

#define POPCORN_SITES_MAGIC 0x54495350u
#define POPCORN_SITES_VERSION 2
#define POPCORN_NO_SITE 0xffffffffu
#define POPCORN_NO_LOCATION 0x7fffffffu
#define POPCORN_SLOT 0x80000000u
#define POPCORN_REQUEST_SIGNAL 50
#define POPCORN_REQUEST_MAGIC 0x51455250u
#define POPCORN_REQUEST_VERSION 3
#define POPCORN_TEXT_MAX 65536
#define POPCORN_MACHINE_MAGIC 0x48434d50u
#define POPCORN_MACHINE_VERSION 2
#define POPCORN_MACHINE_MOST 16
#define POPCORN_IMAGE_VERSION 3
#define POPCORN_NOTE_NAME "POPCORN"
#define POPCORN_PAGE 4096
#define POPCORN_MAX_EFFECTS 16

/* the ISAs: X(number, name, ELF machine) */
#define POPCORN_ISAS(X) \
	X(1, x86_64, 62) \
	X(2, aarch64, 183) \
	X(3, riscv64, 243)

/* Flags of a site. */
enum {
	POPCORN_SITE_UNUSABLE = 1,
	POPCORN_SITE_SETJMP = 2,
	POPCORN_SITE_NORETURN = 4,
};

/* Flags of a function with sites. */
enum {
	POPCORN_FUNC_HAS_FRAME = 1,
	POPCORN_FUNC_MEMORY_TIER = 2,
	POPCORN_FUNC_CALLS_SETJMP = 4,
};

/* How a machine value that is no IR value is remade. */
enum {
	POPCORN_RECIPE_CONST = 0,
	POPCORN_RECIPE_VALUE = 1,
	POPCORN_RECIPE_TP = 2,
	POPCORN_RECIPE_CFA = 3,
	POPCORN_RECIPE_LOAD = 4,
	POPCORN_RECIPE_ZEXT = 5,
	POPCORN_RECIPE_SEXT = 6,
};

/* What a request asks for. */
enum {
	POPCORN_OP_CHECKPOINT = 1,
	POPCORN_OP_MIGRATE = 2,
	POPCORN_OP_INFO = 3,
	POPCORN_OP_THREAD = 4,
	POPCORN_OP_STATUS = 5,
};

/* Flags of a request. */
enum {
	POPCORN_REQUEST_LEAVE_RUNNING = 1,
};

/* Outcome of a request. */
enum {
	POPCORN_STATUS_DONE = 0,
	POPCORN_STATUS_REFUSED = 1,
};

/* What a program asks of its node. */
enum {
	POPCORN_MACHINE_NODES = 1,
	POPCORN_MACHINE_ATTACH = 2,
};

/* Types of the notes in an image; far from those that `readelf -n` has names for in a core file. */
enum {
	POPCORN_NOTE_IMAGE = 0x50000001u,
	POPCORN_NOTE_PROGRAM = 0x50000002u,
	POPCORN_NOTE_CWD = 0x50000003u,
	POPCORN_NOTE_RUNNER = 0x50000004u,
	POPCORN_NOTE_HANDLERS = 0x50000005u,
	POPCORN_NOTE_MAPPING = 0x50000006u,
	POPCORN_NOTE_THREAD = 0x50000007u,
	POPCORN_NOTE_FILE = 0x50000008u,
	POPCORN_NOTE_TIMER = 0x50000009u,
	POPCORN_NOTE_LIMIT = 0x5000000au,
	POPCORN_NOTE_SEGMENT = 0x5000000bu,
	POPCORN_NOTE_SUM = 0x5000000cu,
	POPCORN_NOTE_POSIX_TIMER = 0x5000000du,
};

/* Flags of an image. */
enum {
	POPCORN_IMAGE_MOVE = 1,
	POPCORN_IMAGE_NOTES_ONLY = 2,
};

/* What an open file is and how it follows. */
enum {
	POPCORN_FILE_REGULAR = 1,
	POPCORN_FILE_DIRECTORY = 2,
	POPCORN_FILE_DEVICE = 3,
	POPCORN_FILE_STANDARD = 4,
	POPCORN_FILE_KEPT = 5,
	POPCORN_FILE_DUPLICATE = 6,
	POPCORN_FILE_STAYS = 7,
};

/* Rounding modes in common form. */
enum {
	POPCORN_ROUNDING_NEAREST = 0,
	POPCORN_ROUNDING_DOWN = 1,
	POPCORN_ROUNDING_UP = 2,
	POPCORN_ROUNDING_ZERO = 3,
};

/* Sticky floating-point exceptions in common form. */
enum {
	POPCORN_FP_EXCEPTION_INVALID = 1,
	POPCORN_FP_EXCEPTION_DIVZERO = 2,
	POPCORN_FP_EXCEPTION_OVERFLOW = 4,
	POPCORN_FP_EXCEPTION_UNDERFLOW = 8,
	POPCORN_FP_EXCEPTION_INEXACT = 16,
};

/* What a register is, as bits. */
enum {
	POPCORN_FACT_VECTOR = 1,
	POPCORN_FACT_CALLEE_SAVED = 2,
	POPCORN_FACT_ARGUMENT = 4,
	POPCORN_FACT_RESULT = 8,
	POPCORN_FACT_UNDEFINED_AT_ENTRY = 16,
};

/* What comes of a site's map. */
enum {
	POPCORN_OUTCOME_UNREACHED = 0,
	POPCORN_OUTCOME_UNPROVED = 1,
	POPCORN_OUTCOME_PROVED = 2,
};

/* Why no site of a function can be used. */
enum {
	POPCORN_WILD_TAME = 0,
	POPCORN_WILD_INDEXED = 1,
	POPCORN_WILD_PASSED = 2,
	POPCORN_WILD_STORED = 3,
	POPCORN_WILD_UNSETTLED = 4,
	POPCORN_WILD_TOO_WIDE = 5,
};

/* Kinds of instructions. */
enum {
	POPCORN_INSN_ORDINARY = 0,
	POPCORN_INSN_CALL = 1,
	POPCORN_INSN_RETURN = 2,
	POPCORN_INSN_JUMP = 3,
	POPCORN_INSN_BRANCH = 4,
	POPCORN_INSN_INDIRECT = 5,
	POPCORN_INSN_TAIL = 6,
	POPCORN_INSN_TRAP = 7,
};

/* What an instruction changes. */
enum {
	POPCORN_EFFECT_SET = 0,
	POPCORN_EFFECT_STORE = 1,
};

/* Kinds of expressions. */
enum {
	POPCORN_EXPR_CONSTANT = 0,
	POPCORN_EXPR_SYMBOL = 1,
	POPCORN_EXPR_PAGE = 2,
	POPCORN_EXPR_LO12 = 3,
	POPCORN_EXPR_REGISTER = 4,
	POPCORN_EXPR_LOAD = 5,
	POPCORN_EXPR_ADDRESS = 6,
	POPCORN_EXPR_INSERT = 7,
	POPCORN_EXPR_ALU = 8,
	POPCORN_EXPR_THREAD_POINTER = 9,
	POPCORN_EXPR_OTHER = 10,
};

/* How low bytes become a whole register. */
enum {
	POPCORN_EXTEND_NOT = 0,
	POPCORN_EXTEND_ZERO = 1,
	POPCORN_EXTEND_SIGN = 2,
};

/* How an address is made of a symbol. */
enum {
	POPCORN_MEM_NONE = 0,
	POPCORN_MEM_ABS = 1,
	POPCORN_MEM_GOT = 2,
	POPCORN_MEM_LO12 = 3,
};

/* Operations of two expressions, in 64 bits. */
enum {
	POPCORN_ALU_AND = 0,
	POPCORN_ALU_OR = 1,
	POPCORN_ALU_XOR = 2,
	POPCORN_ALU_SHL = 3,
	POPCORN_ALU_SHR = 4,
	POPCORN_ALU_SAR = 5,
	POPCORN_ALU_ADD = 6,
	POPCORN_ALU_SUB = 7,
	POPCORN_ALU_ADDW = 8,
};

/* Head of the site table. Offsets in bytes from the table's start, all multiples of 8 but string_off.
 * Numbers in code[] are unsigned LEB128 (DWARF 5, section 7.6). What is equal is there once. Maps start at even bytes.
 * map       frame / 8, flags (POPCORN_SITE_* | POPCORN_FUNC_* << 4), offset of its saved registers, offset of its
 * recipes, count of values, their locations: 0 NO_LOCATION, 2 r + 1 register r, n / 4 slot at CFA - n
 * saved     count, then DWARF register and (CFA - save slot) / 8 for each
 * recipes   count, then for each its index into recipe[] */
struct popcorn_sites_header {
	uint32_t magic; /* POPCORN_SITES_MAGIC */
	uint32_t version; /* POPCORN_SITES_VERSION */
	uint32_t nids; /* global site ids of the program */
	uint32_t nfuncs; /* entries in func[] */
	uint32_t wide; /* map[] is of u32, not u16 */
	uint32_t ra_off; /* u32 ra[nids]: return address by id, 0 where this ISA's code has no such site */
	uint32_t map_off; /* map[nids]: where a site's map is, by id: offset in code[] / 2 */
	uint32_t unusable_off; /* u8 unusable[(nids + 7) / 8]: bit id % 8 of POPCORN_SITE_UNUSABLE sites */
	uint32_t func_off; /* struct popcorn_func[nfuncs], ascending by start */
	uint32_t order_off; /* u16 order[]: n, then n sites by ascending address, each id less the func's first */
	uint32_t code_off; /* u8 code[]: see above */
	uint32_t recipe_off; /* struct popcorn_recipe[] */
	uint32_t string_off; /* NUL-terminated names */
	uint32_t bytes; /* size of the whole table */
};
_Static_assert(sizeof(struct popcorn_sites_header) == 56, "popcorn_sites_header");

/* A function with sites. */
struct popcorn_func {
	uint32_t start; /* first address */
	uint32_t bytes; /* length of its code */
	uint32_t name; /* offset from string_off */
	uint32_t first; /* lowest id of its sites */
	uint32_t order; /* index into order[] */
};
_Static_assert(sizeof(struct popcorn_func) == 20, "popcorn_func");

/* Remakes one register or slot; a register is always written whole. */
struct popcorn_recipe {
	uint32_t dest; /* location word */
	uint8_t kind; /* POPCORN_RECIPE_* */
	uint8_t width; /* bytes written to the destination: 1, 2, 4, 8, 16 */
	uint16_t value; /* k */
	int64_t imm;
};
_Static_assert(sizeof(struct popcorn_recipe) == 16, "popcorn_recipe");

/* popcorn to program; text follows.
 * MIGRATE's text is runner NUL program NUL, runner "" when native, and socket NUL if it is to be at another node then. */
struct popcorn_request {
	uint32_t magic; /* POPCORN_REQUEST_MAGIC */
	uint32_t version; /* POPCORN_REQUEST_VERSION */
	uint32_t op; /* POPCORN_OP_* */
	uint32_t isa; /* MIGRATE: ISA number to go to */
	uint32_t flags; /* POPCORN_REQUEST_* */
	uint32_t thread; /* THREAD: as the program numbers it; 0: all of them */
	uint32_t node; /* THREAD: where to, as the machine counts */
	uint32_t text_bytes;
};
_Static_assert(sizeof(struct popcorn_request) == 32, "popcorn_request");

/* Program to popcorn; text follows.
 * After CHECKPOINT without LEAVE_RUNNING the program waits for one byte (the image is safe: end) or for the
 * end of the connection (go on). */
struct popcorn_reply {
	uint32_t magic; /* POPCORN_REQUEST_MAGIC */
	uint32_t status; /* POPCORN_STATUS_* */
	uint32_t isa; /* ISA that answers */
	uint32_t text_bytes;
	uint32_t threads;
	uint32_t frames; /* of all threads */
	uint64_t image_bytes;
	uint64_t stopped; /* nanoseconds from the first thread's stop to this reply */
};
_Static_assert(sizeof(struct popcorn_reply) == 40, "popcorn_reply");

/* Program to node; text follows: the program file's path. With ATTACH comes a descriptor of that file. */
struct popcorn_machine_request {
	uint32_t magic; /* POPCORN_MACHINE_MAGIC */
	uint32_t version; /* POPCORN_MACHINE_VERSION */
	uint32_t op; /* POPCORN_MACHINE_* */
	uint32_t node; /* ATTACH: where to, as the machine counts */
	uint32_t number; /* ATTACH: which of the process's replicas it will be, from 1 on */
	uint32_t pid; /* ATTACH: as the process knows itself */
	uint64_t key; /* ATTACH: by which replicas of the process know each other */
	uint64_t clocks; /* ATTACH, of nodes to nodes: 1 if the process's clocks are another host's */
	uint8_t build_id[20]; /* of the calling executable */
	uint32_t text_bytes;
};
_Static_assert(sizeof(struct popcorn_machine_request) == 64, "popcorn_machine_request");

/* Node to program; text follows: why not, when refused. With ATTACH comes a stream socket to the replica. */
struct popcorn_machine_reply {
	uint32_t magic; /* POPCORN_MACHINE_MAGIC */
	uint32_t version; /* POPCORN_MACHINE_VERSION */
	uint32_t status; /* POPCORN_STATUS_* */
	uint32_t node; /* the number of the node that answers */
	uint32_t nodes; /* one more than the largest number of a node; there may be gaps */
	uint32_t text_bytes;
	uint8_t isa[16]; /* by node: ISA number, 0 when it is down or there is none */
};
_Static_assert(sizeof(struct popcorn_machine_reply) == 40, "popcorn_machine_reply");

/* What holds for the whole process. */
struct popcorn_image {
	uint32_t version; /* POPCORN_IMAGE_VERSION */
	uint32_t isa; /* ISA it was taken on */
	uint32_t flags; /* POPCORN_IMAGE_* */
	uint32_t nthreads; /* THREAD notes */
	uint8_t build_id[20]; /* of the program */
	uint32_t umask;
	uint32_t pid; /* as the program knows it */
	int32_t exe_fd; /* MOVE: descriptor of the executable, to be closed; -1 none */
	int32_t reply_fd; /* MOVE: connection to popcorn to answer on, -1 none */
	uint32_t reserved;
	uint64_t data_start; /* writable common memory of the program */
	uint64_t data_end;
	uint64_t brk_start;
	uint64_t brk_end;
	uint64_t rebuild_every; /* configuration, see struct popcorn_config */
	uint64_t move_every;
	uint64_t seed;
	int64_t realtime; /* CLOCK_REALTIME when taken, nanoseconds */
	int64_t monotonic; /* CLOCK_MONOTONIC when taken, nanoseconds */
};
_Static_assert(sizeof(struct popcorn_image) == 128, "popcorn_image");

/* Emulator for an ISA's programs; path follows ("" native). */
struct popcorn_runner {
	uint32_t isa;
};
_Static_assert(sizeof(struct popcorn_runner) == 4, "popcorn_runner");

/* The program's action for a signal, common format. */
struct popcorn_signal_action {
	uint64_t handler;
	uint64_t flags;
	uint64_t mask;
};
_Static_assert(sizeof(struct popcorn_signal_action) == 24, "popcorn_signal_action");

/* A mapping in the arena; the path of a shared file mapping follows. */
struct popcorn_map {
	uint64_t start;
	uint64_t end;
	uint64_t offset;
	uint32_t prot; /* as given to mmap, common format */
	uint32_t flags;
	uint32_t file; /* 1: shared file mapping, path follows */
	uint32_t reserved;
};
_Static_assert(sizeof(struct popcorn_map) == 40, "popcorn_map");

/* A stopped thread; its frames follow. */
struct popcorn_thread_note {
	uint32_t tid; /* as the program knows it */
	uint32_t rounding; /* POPCORN_ROUNDING_* */
	uint32_t exceptions; /* POPCORN_FP_EXCEPTION_* raised so far */
	uint32_t reserved;
	uint64_t tp; /* thread pointer */
	uint64_t mask; /* signal mask */
	uint64_t altstack[3]; /* ss_sp, ss_flags, ss_size */
	uint64_t clear_child_tid;
	uint64_t robust_list;
	uint64_t robust_len;
	uint64_t generation; /* rebuilds so far */
	uint64_t points; /* migration points passed through the runtime */
	uint64_t pending; /* signals that wait for the mask to let them through, the process's included */
	uint8_t name[16]; /* PR_GET_NAME */
};
_Static_assert(sizeof(struct popcorn_thread_note) == 120, "popcorn_thread_note");

/* An open file; its path follows. */
struct popcorn_file {
	uint32_t fd;
	uint32_t kind; /* POPCORN_FILE_* */
	uint32_t flags; /* as F_GETFL gives them, common format */
	uint32_t fd_flags; /* FD_CLOEXEC */
	uint64_t offset;
	uint32_t same; /* DUPLICATE: descriptor it shares with */
	uint32_t mode; /* st_mode */
	uint64_t length; /* REGULAR: of the file then */
};
_Static_assert(sizeof(struct popcorn_file) == 40, "popcorn_file");

/* A pending interval timer, microseconds. */
struct popcorn_timer {
	uint32_t which; /* ITIMER_REAL 0, VIRTUAL 1, PROF 2 */
	uint32_t reserved;
	uint64_t interval;
	uint64_t value; /* left until it goes off */
};
_Static_assert(sizeof(struct popcorn_timer) == 24, "popcorn_timer");

/* A timer made by timer_create. Times are nanoseconds of its clock. */
struct popcorn_posix_timer {
	uint32_t id; /* as the program knows it */
	int32_t clock;
	uint32_t signo;
	uint32_t notify; /* SIGEV_* */
	uint64_t value; /* sigev_value */
	uint32_t tid; /* thread that gets the signal, 0 any */
	uint32_t owner; /* thread whose processor time it counts, 0 none */
	int64_t at; /* first time it goes off that the program has not noticed, past or future; 0 not armed */
	int64_t now; /* when that was asked */
	uint64_t interval;
	uint32_t absolute; /* 1: armed by TIMER_ABSTIME */
	uint32_t overrun; /* as timer_getoverrun has it */
};
_Static_assert(sizeof(struct popcorn_posix_timer) == 64, "popcorn_posix_timer");

/* A resource limit. */
struct popcorn_limit {
	uint32_t resource; /* RLIMIT_*, common format */
	uint32_t reserved;
	uint64_t soft;
	uint64_t hard;
};
_Static_assert(sizeof(struct popcorn_limit) == 24, "popcorn_limit");

/* A PT_LOAD's check sum. */
struct popcorn_segment {
	uint64_t start; /* p_vaddr */
	uint64_t bytes; /* p_filesz */
	uint32_t crc; /* CRC-32 (zlib's) */
	uint32_t reserved;
};
_Static_assert(sizeof(struct popcorn_segment) == 24, "popcorn_segment");

/* Check sum over the file from its start to this note's own header. */
struct popcorn_sum {
	uint32_t crc; /* CRC-32 (zlib's) */
};
_Static_assert(sizeof(struct popcorn_sum) == 4, "popcorn_sum");

#endif
