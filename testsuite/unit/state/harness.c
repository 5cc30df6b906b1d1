/* The smallest program that libpopcorn's state side can move: what the libc side would give it, in stubs, and a
 * program of hand-written frames (frames_<isa>.S). One thread, no heap. See test_state.py. */
#include "libc.h"
#include "park.h"
#include "timers.h"

enum { MACHINE = 1 << 20, RUNTIME = 1 << 18 };

struct popcorn_config popcorn_config;
struct popcorn_handler popcorn_handlers[64];
struct popcorn_thread *popcorn_threads;
struct popcorn_mapping *popcorn_mappings;
size_t popcorn_nmappings;
uint64_t popcorn_brk_start, popcorn_brk_end;
int popcorn_pid, __popcorn_flag;

static struct popcorn_mapping mappings[16];
static char paths[16][256];

/* common memory of the program, placed by the link script */
__attribute__((section(".common"))) struct { char *self; char pad[24]; uint64_t csp; struct popcorn_thread *thread; } tcb = { 0 };
__attribute__((section(".common"))) uint64_t jump_buffer[POPCORN_JMP_WORDS] = { 1 };
__attribute__((section(".common"))) uint64_t counter = 1, limit = 1, bits = 1;
extern void popcorn_first_frame(void *sp);
extern long popcorn_arch_tp(void *tp);
extern char *popcorn_arch_get_tp(void);

struct popcorn_thread *popcorn_self(void) { return *(struct popcorn_thread **)(void *)(popcorn_arch_get_tp() + POPCORN_SELF); }
void popcorn_set_tp(void *tp) { popcorn_arch_tp(tp); }
void popcorn_lock_threads(void) {}
void popcorn_unlock_threads(void) {}
void popcorn_thread_list(struct popcorn_thread *t) { t->next = popcorn_threads; popcorn_threads = t; }
int popcorn_thread_start(struct popcorn_thread *t, void (*fn)(struct popcorn_thread *)) { (void)t; (void)fn; return -K_ENOSYS; }

void popcorn_name_process(void) {}
void popcorn_timers_stop(struct popcorn_thread *t) { (void)t; }
void popcorn_timers_go_on(void) {}
int popcorn_timers_write(struct popcorn_buffer *notes, uint32_t flags, struct popcorn_text *error) { return (void)notes, (void)flags, (void)error, 0; }
int popcorn_timers_note(const struct popcorn_posix_timer *n) { return (void)n, -1; }
void popcorn_timers_make(const struct popcorn_thread *t, int moved) { (void)t, (void)moved; }

void *popcorn_pages(size_t n)
{
	long p = K6(K_mmap, 0, (n + 4095) & -4096ul, 3, K_MAP_PRIVATE | K_MAP_ANONYMOUS, -1, 0);
	return p < 0 && p > -4096 ? 0 : (void *)p;
}
void popcorn_free_pages(void *p, size_t n) { K2(K_munmap, p, (n + 4095) & -4096ul); }

long popcorn_map_fixed(uint64_t at, size_t n, int prot)
{
	long p = K6(K_mmap, at, n, prot, K_MAP_PRIVATE | K_MAP_ANONYMOUS | K_MAP_FIXED, -1, 0);
	return p == (long)at ? 0 : p;
}

void popcorn_mapping_of(struct popcorn_mapping *m, int fd)
{
	(void)m, (void)fd;
}

int popcorn_mapping_has_path(const struct popcorn_mapping *m)
{
	return m->path != 0;
}

int popcorn_mapping_note(const struct popcorn_mapping *m)
{
	if (popcorn_nmappings == 16) return -1;
	mappings[popcorn_nmappings] = *m;
	if (m->path) __builtin_memcpy(mappings[popcorn_nmappings].path = paths[popcorn_nmappings], m->path, popcorn_length(m->path) + 1);
	popcorn_nmappings++;
	popcorn_mappings = mappings;
	return 0;
}

/* There is no machine. */
int popcorn_assign(struct popcorn_order *o) { return (void)o, -1; }
void popcorn_gather(void) {}
struct popcorn_registers *popcorn_take_place(struct popcorn_thread *t, struct popcorn_registers *regs) { return (void)t, regs; }
void popcorn_roam(struct popcorn_thread *t) { (void)t; }
void popcorn_go_home(struct popcorn_thread *t, const struct popcorn_registers *regs) { (void)t, (void)regs; }
void popcorn_status(struct popcorn_buffer *to) { (void)to; }

long __popcorn_syscall_raw(long n, long a, long b, long c, long d, long e, long f)
{
	(void)n, (void)e, (void)f; /* jump.c's only one, of masks */
	return K4(K_rt_sigprocmask, a, b, c, d);
}

void popcorn_thread_signal_stack(const struct popcorn_thread *t) { (void)t; }

struct popcorn_thread *popcorn_thread_sized(size_t machine)
{
	struct popcorn_thread *t = popcorn_pages(4096);
	char *s = popcorn_pages(machine + RUNTIME);

	t->stack_base = s;
	t->stack_size = machine + RUNTIME;
	t->runtime_top = s + RUNTIME;
	t->machine_low = s + RUNTIME;
	t->machine_top = s + RUNTIME + machine;
	return t;
}

static void put(const char *s) { K3(K_write, 2, s, popcorn_length(s)); }
int popcorn_message_fd = 2;

void popcorn_message(const char *f, ...)
{
	__builtin_va_list ap;
	put("popcorn: ");
	__builtin_va_start(ap, f);
	for (; *f; f++) {
		if (f[0] == '%' && f[1] == 's') put(__builtin_va_arg(ap, const char *)), f++;
		else K3(K_write, 2, f, 1);
	}
	__builtin_va_end(ap);
	put("\n");
}
_Noreturn void popcorn_die(const char *f, ...)
{
	__builtin_va_list ap;
	__builtin_va_start(ap, f);
	popcorn_message("%s", f);
	popcorn_message("%s", __builtin_va_arg(ap, const char *));
	__builtin_va_end(ap);
	for (;;) K1(K_exit_group, 125);
}

void *memcpy(void *d, const void *s, size_t n) { for (size_t i = 0; i < n; i++) ((volatile char *)d)[i] = ((const char *)s)[i]; return d; }
void *memset(void *d, int c, size_t n) { for (size_t i = 0; i < n; i++) ((volatile char *)d)[i] = (char)c; return d; }
int memcmp(const void *a, const void *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (((const char *)a)[i] != ((const char *)b)[i]) return 1;
	return 0;
}

static uint64_t number(const char *s) { uint64_t v = 0; while (*s >= '0' && *s <= '9') v = v * 10 + *s++ - '0'; return v; }

/* The hand-written frames say what went wrong; 0 is success. Called from the outermost one at its end. */
_Noreturn void popcorn_end(uint64_t code)
{
	struct popcorn_thread *t = popcorn_self();
	struct popcorn_text text;

	popcorn_text_set(&text, "points %u generation %u isa %u bits %u\n", t->points, t->generation, (uint64_t)POPCORN_ISA, bits);
	K3(K_write, 1, text.s, text.n);
	for (;;) K1(K_exit_group, code);
}

/* handler of the request signal, SA_SIGINFO: si_pid is at 16 in the common layout of siginfo */
static void on_signal(int sig, char *info, void *context)
{
	(void)sig;
	(void)context;
	popcorn_request_signal(*(int *)(void *)(info + 16));
}
void popcorn_install_handlers(void)
{
	struct popcorn_native_sigaction act = POPCORN_SIGACTION((uintptr_t)on_signal, 0x10000004, 0);

	K4(K_rt_sigaction, POPCORN_REQUEST_SIGNAL, &act, 0, 8);
}

_Noreturn void popcorn_main(long *stack)
{
	char **argv = (char **)(stack + 1), **env = argv + stack[0] + 1;

	popcorn_pid = (int)K0(K_getpid);
	popcorn_install_handlers();
	for (char **e = env; *e; e++)
		if (popcorn_begins(*e, "POPCORN_RESTORE=")) popcorn_restore((int)number(*e + 16), stack);
	for (char **e = env; *e; e++) {
		if (popcorn_begins(*e, "POPCORN_REBUILD=")) popcorn_config.rebuild_every = number(*e + 16);
		if (popcorn_begins(*e, "POPCORN_MOVE=")) popcorn_config.move_every = number(*e + 13);
		if (popcorn_begins(*e, "RUNNER")) { /* and the ISA's number: the emulator, or nothing */
			char isa = (*e)[6] - '0';
			memcpy(popcorn_config.runners[(int)isa], *e + 8, popcorn_length(*e + 8) + 1);
			popcorn_config.has_runner[(int)isa] = 1;
		}
		if (popcorn_begins(*e, "LIMIT=")) limit = number(*e + 6);
		if (popcorn_begins(*e, "PROGRAM=")) memcpy(popcorn_config.program, *e + 8, popcorn_length(*e + 8) + 1);
		if (popcorn_begins(*e, "FLAG=")) __popcorn_flag = 1;
	}
	counter = 0;
	bits = 0;
	struct popcorn_mapping arena = { 0x1000000000, 0x1000100000, 3, K_MAP_PRIVATE | K_MAP_ANONYMOUS, 0, 0, 0, 0, 0, 0 };
	popcorn_map_fixed(arena.start, arena.end - arena.start, 3);
	popcorn_mapping_note(&arena);
	*(uint64_t *)0x1000080000 = 0x5a5a;
	popcorn_park_after_fork();
	struct popcorn_thread *t = popcorn_thread_sized(MACHINE);
	t->tid = t->ktid = popcorn_pid;
	t->tp = tcb.self = (char *)&tcb;
	tcb.thread = t;
	tcb.csp = 0x1000100000;
	popcorn_thread_list(t);
	popcorn_set_tp(&tcb);
	popcorn_first_frame(t->machine_top);
	for (;;) K1(K_exit_group, 99);
}
