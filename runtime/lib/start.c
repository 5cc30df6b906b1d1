/* The process's first instructions. What the kernel passed is copied to common memory, so that the program holds no
 * pointer to a stack that is its node's:
 *
 *   common stack, from the top:  strings | argc, argv, 0, environment, 0, auxiliary vector | provisional thread block | csp
 */
#include "spread.h"

enum { COMMON_STACK = 256 << 20, MACHINE_STACK_MIN = 64 << 20, MACHINE_STACK_MAX = 1 << 30, BLOCK = 256, RLIMIT_STACK = 3 };
enum { AT_NULL = 0, AT_IGNORE = 1, AT_BASE = 7, AT_PLATFORM = 15, AT_HWCAP = 16, AT_BASE_PLATFORM = 24, AT_RANDOM = 25,
       AT_HWCAP2 = 26, AT_EXECFN = 31, AT_SYSINFO = 32, AT_SYSINFO_EHDR = 33, AT_MINSIGSTKSZ = 51 };

int __popcorn_flag;

void popcorn_start(long *);

static size_t length(const char *s)
{
	size_t n = 0;

	while (s[n]) n++;
	return n;
}

/* Copies downwards from a position in the common stack. */
static char *push(char **top, const void *from, size_t n)
{
	*top -= n;
	popcorn_copy(*top, from, n);
	return *top;
}

static char *push_string(char **top, const char *s)
{
	return push(top, s, length(s) + 1);
}

static void *copied(void *to, const void *from, size_t n)
{
	popcorn_copy(to, from, n);
	return to;
}

/* What tells of this ISA, or of the kernel's own mappings, is not for a program that may leave both. */
static int of_this_node(long type)
{
	return type == AT_IGNORE || type == AT_BASE || type == AT_PLATFORM || type == AT_BASE_PLATFORM || type == AT_HWCAP
	    || type == AT_HWCAP2 || type == 29 || type == 30 || type == AT_SYSINFO || type == AT_SYSINFO_EHDR || type == AT_MINSIGSTKSZ;
}

/* argc, argv, environment and auxiliary vector as the program gets them; *top goes down. */
static long *copy_arguments(char **top, const long *from, char **environment, const long *aux)
{
	size_t argc = (size_t)from[0], envc = 0, auxc = 0, words;
	char **argv = (char **)(from + 1);
	long *to, *p;

	while (environment[envc]) envc++;
	while (aux[2 * auxc]) auxc++;
	words = 1 + argc + 1 + envc + 1 + 2 * (auxc + 1);
	for (size_t i = 0; i < argc; i++) argv[i] = push_string(top, argv[i]);
	for (size_t i = 0; i < envc; i++) environment[i] = push_string(top, environment[i]);
	*top = (char *)((uintptr_t)*top & -16ull) - 32; /* room for AT_RANDOM's bytes */
	to = p = (long *)(((uintptr_t)*top - PAGE - words * 8) & -64ull); /* the page is for AT_EXECFN's path */
	*p++ = (long)argc;
	for (size_t i = 0; i < argc; i++) *p++ = (long)argv[i];
	*p++ = 0;
	for (size_t i = 0; i < envc; i++) *p++ = (long)environment[i];
	*p++ = 0;
	for (size_t i = 0; i < auxc; i++) {
		long type = aux[2 * i], value = aux[2 * i + 1];
		if (of_this_node(type)) continue;
		if (type == AT_RANDOM) value = (long)copied(*top, (const void *)value, 16);
		if (type == AT_EXECFN) {
			const char *source = (const char *)value;
			if (length(source) >= PAGE) continue;
			value = (long)copied(to + words, source, length(source) + 1);
		}
		*p++ = type;
		*p++ = value;
	}
	*p++ = AT_NULL;
	*p = 0;
	*top = (char *)to;
	return to;
}

static size_t machine_stack_size(void)
{
	uint64_t limit[2] = { 0, 0 };

	K4(K_prlimit64, 0, RLIMIT_STACK, 0, limit);
	if (limit[0] < MACHINE_STACK_MIN) return MACHINE_STACK_MIN;
	return limit[0] > MACHINE_STACK_MAX ? MACHINE_STACK_MAX : limit[0] & -PAGE;
}

static int restore_descriptor(char **environment)
{
	static const char name[] = "POPCORN_RESTORE=";

	for (; *environment; environment++) {
		const char *e = *environment;
		size_t i = 0;
		int n = 0;
		while (name[i] && e[i] == name[i]) i++;
		if (name[i]) continue;
		for (e += i; *e >= '0' && *e <= '9' && n < 1 << 20; e++) n = n * 10 + (*e - '0');
		return n;
	}
	return -1;
}

void popcorn_start(long *stack)
{
	char **environment = (char **)(stack + 1 + stack[0] + 1), **e = environment;
	struct popcorn_thread *t;
	long *arguments, *aux, common;
	char *top;
	int image;

	while (*e) e++;
	aux = (long *)(e + 1);
	popcorn_find_clock(aux);
	popcorn_pid = popcorn_kernel_pid = (int)K0(K_getpid);
	if ((image = restore_descriptor(environment)) >= 0) popcorn_restore(image, stack);
	popcorn_configure(environment);
	if (popcorn_replica_of[0]) popcorn_replica(popcorn_replica_of);

	common = popcorn_map(0, COMMON_STACK + PAGE, K_PROT_READ | K_PROT_WRITE,
	                     K_MAP_PRIVATE | K_MAP_ANONYMOUS | K_MAP_NORESERVE, -1, 0);
	if (common < 0) popcorn_die("no memory for the stack: error %d", (int)-common);
	t = popcorn_thread_sized(machine_stack_size());
	if (!t) popcorn_die("no memory for the machine stack");
	popcorn_do_mprotect(&(struct popcorn_call){ .a = { common, PAGE, 0 } }); /* guard */

	top = (char *)common + PAGE + COMMON_STACK;
	arguments = copy_arguments(&top, stack, environment, aux);
	top -= BLOCK; /* provisional thread block, until musl has made the real one */
	*(void **)(void *)top = top;
	popcorn_thread_attach(t, top, (uintptr_t)top);
	popcorn_set_tp(top);
	t->tid = t->ktid = (int)K0(K_gettid);
	popcorn_thread_list(t);
	popcorn_thread_signal_stack(t);
	popcorn_inherit_handlers();
	popcorn_install_handlers();
	popcorn_accept_requests();
	__popcorn_flag = popcorn_config.rebuild_every || popcorn_config.move_every || popcorn_config.roam_every;
	popcorn_enter((void *)__popcorn_start, arguments, t->machine_top);
}
