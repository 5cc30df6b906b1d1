/* MIGRATE: the same process goes on as another ISA's executable. Everything goes into a memfd, and the process
 * execs the other executable (through an emulator where the host is of another ISA), which finds the image by its
 * environment and restores it. Pid, parent, open files, current directory, umask, timers and resource limits are
 * the kernel's and stay. */
#include "elf.h"
#include "kernel.h"
#include "park.h"

enum { ARGS_BYTES = 1 << 20, MAX_ARGS = 16384, MFD_CLOEXEC = 1, SECTION_NAMES = 65536, MUSL_FIRST = 32 };

static const struct isa { uint32_t number; const char *name; uint16_t machine; } isas[] = {
#define ISA(number, name, machine) { number, #name, machine },
	POPCORN_ISAS(ISA)
#undef ISA
};
enum { NISAS = sizeof isas / sizeof *isas };

static char *put_decimal(char *p, unsigned v)
{
	char d[12];
	size_t n = 0;

	do d[n++] = '0' + v % 10;
	while (v /= 10);
	while (n) *p++ = d[--n];
	*p = 0;
	return p;
}

/* The program's arguments as `ps` shows them, so that it still does afterwards. */
static size_t arguments(char *text, char **argv, size_t max)
{
	long fd = popcorn_high_fd(K4(K_openat, K_AT_FDCWD, "/proc/self/cmdline", K_O_CLOEXEC, 0)), k;
	size_t n = 0, count = 0;

	if (fd >= 0) {
		while (n < ARGS_BYTES - 1 && (k = K3(K_read, fd, text + n, ARGS_BYTES - 1 - n)) > 0) n += k;
		K1(K_close, fd);
	}
	for (char *p = text; p < text + n && count < max; p += popcorn_length(p) + 1) argv[count++] = p;
	if (!count) argv[count++] = popcorn_config.program;
	return count;
}

/* Signals that are still pending for this thread outlive the exec as the first thread's. Requests would end the new
 * program before it has a handler; so would those that musl sends to single threads (SIGTIMER, SIGCANCEL), to
 * which emulators give other numbers. The latter are in the image. Returns which there were. */
static uint64_t drain(void)
{
	uint64_t own = 7ull << (MUSL_FIRST - 1), set = own | 1ull << (POPCORN_REQUEST_SIGNAL - 1), found = 0;
	struct k_timespec now = { 0, 0 };
	long sig;

	while ((sig = K4(K_rt_sigtimedwait, &set, 0, &now, 8)) > 0) found |= 1ull << (sig - 1);
	return found & own;
}

static void undrain(uint64_t found)
{
	for (int sig = MUSL_FIRST; sig < MUSL_FIRST + 3; sig++)
		if (found >> (sig - 1) & 1) K3(K_tgkill, K0(K_getpid), K0(K_gettid), sig);
}

static long execute(int exe, int image, const char *runner, const char *node)
{
	size_t bytes = ARGS_BYTES + (MAX_ARGS + 8) * sizeof(char *), n = 0;
	char *text = popcorn_pages(bytes), **argv, path[32] = "/proc/self/fd/", restore[40] = "POPCORN_RESTORE=";
	static char program[16 + sizeof popcorn_config.program] = "POPCORN_PROGRAM="; /* where `popcorn ps` finds it */
	static char machine[16 + sizeof popcorn_config.machine] = "POPCORN_MACHINE=";
	char *environment[] = { restore, program, *node ? machine : 0, 0 };
	size_t count;
	uint64_t drained;
	long e;

	if (!text) return -K_ENOMEM;
	argv = (char **)(void *)(text + ARGS_BYTES);
	__builtin_memcpy(program + 16, popcorn_config.program, popcorn_length(popcorn_config.program) + 1);
	__builtin_memcpy(machine + 16, node, popcorn_length(node) + 1);
	put_decimal(path + 14, exe);
	put_decimal(restore + 16, image);
	count = arguments(text, argv + 3, MAX_ARGS);
	if (*runner) {
		/* runner -0 argv0 path arguments... */
		argv[0] = (char *)runner;
		argv[1] = "-0";
		argv[2] = argv[3];
		argv[3] = path;
	} else {
		n = 3;
	}
	argv[3 + count] = 0;
	popcorn_files_cloexec(0);
	drained = drain();
	e = K3(K_execve, *runner ? runner : path, argv + n, environment);
	undrain(drained);
	popcorn_files_cloexec(1);
	popcorn_free_pages(text, bytes);
	return e;
}

static int read_at(int fd, void *to, size_t n, uint64_t at)
{
	return K4(K_pread64, fd, to, n, at) == (long)n ? 0 : -1;
}

static int find_section(int fd, const struct elf_header *h, const char *wanted, const char *suffix, struct elf_section *found)
{
	static char names[SECTION_NAMES + 1];
	struct elf_section strings;
	size_t n = popcorn_length(wanted);

	if (h->shentsize != sizeof strings || h->shstrndx >= h->shnum
	    || read_at(fd, &strings, sizeof strings, h->shoff + h->shstrndx * sizeof strings) || strings.size > SECTION_NAMES
	    || read_at(fd, names, strings.size, strings.offset))
		return -1;
	names[strings.size] = 0;
	for (unsigned i = 0; i < h->shnum; i++) {
		if (read_at(fd, found, sizeof *found, h->shoff + i * sizeof *found) || found->name >= strings.size) return -1;
		if (popcorn_begins(names + found->name, wanted) && popcorn_same(names + found->name + n, suffix)) return 0;
	}
	return -1;
}

/* Is the executable of the very build that runs here? Its site ids mean something else otherwise. */
static int same_build(int fd)
{
	struct elf_header h;
	static char note[4096];
	char hex[41];
	struct elf_section s;
	size_t n;

	for (size_t i = 0; i < 20; i++) {
		hex[2 * i] = "0123456789abcdef"[__popcorn_build_id[i] >> 4];
		hex[2 * i + 1] = "0123456789abcdef"[__popcorn_build_id[i] & 15];
	}
	hex[40] = 0;
	if (read_at(fd, &h, sizeof h, 0) || find_section(fd, &h, ".popcorn.note", "", &s)) return 0;
	n = s.size < sizeof note - 1 ? s.size : sizeof note - 1;
	if (read_at(fd, note, n, s.offset)) return 0;
	note[n] = 0;
	for (char *p = note; p + 40 <= note + n; p++)
		if (popcorn_begins(p, hex)) return 1;
	return 0;
}

static long extracted(int fd, const struct elf_section *s, const char *isa)
{
	char name[64] = "popcorn:", *p = name + 8;
	const char *base = popcorn_config.program;
	int64_t at = s->offset;
	uint64_t left = s->size;
	long to;

	for (const char *q = base; *q; q++)
		if (*q == '/') base = q + 1;
	while (*base && p < name + 40) *p++ = *base++;
	*p++ = ':';
	while (*isa && p < name + 62) *p++ = *isa++;
	*p = 0;
	if ((to = popcorn_high_fd(K2(K_memfd_create, name, MFD_CLOEXEC))) < 0) return to;
	while (left) {
		long k = K4(K_sendfile, to, fd, &at, left);
		if (k <= 0) {
			K1(K_close, to);
			return k ? k : -K_EINVAL;
		}
		left -= k;
	}
	return to;
}

/* The next ISA after this one that the program carries and that can run here. */
static long next_executable(struct popcorn_order *o, const char **why)
{
	struct elf_header h;
	struct elf_section s;
	long fd = popcorn_high_fd(K4(K_openat, K_AT_FDCWD, popcorn_config.program, K_O_CLOEXEC, 0)), exe = -1;

	*why = "can't read it";
	if (fd < 0) return fd;
	if (!read_at((int)fd, &h, sizeof h, 0)) {
		*why = "it has been built again since the program started";
		if (same_build((int)fd)) {
			size_t here = 0;
			*why = "it has no other ISA that runs here (POPCORN_RUNNERS)";
			while (here < NISAS && isas[here].number != POPCORN_ISA) here++;
			for (size_t k = 1; exe < 0 && k < NISAS; k++) {
				const struct isa *isa = isas + (here + k) % NISAS;
				if (!popcorn_config.has_runner[isa->number]) continue;
				if (h.machine == isa->machine) exe = fd;
				else if (!find_section((int)fd, &h, ".popcorn.exe.", isa->name, &s)) exe = extracted((int)fd, &s, isa->name);
				o->isa = isa->number;
			}
		}
	}
	if (exe != fd) K1(K_close, fd);
	return exe;
}

void popcorn_move(struct popcorn_order *o)
{
	const char *runner = o->text, *program = runner + popcorn_length(runner) + 1, *node = popcorn_config.machine;
	long image, e;

	if (o->fd < 0 || program > o->text + o->text_bytes) {
		popcorn_text_set(&o->error, "the request to migrate came without an executable");
		return;
	}
	if (program + popcorn_length(program) + 1 < o->text + o->text_bytes) node = program + popcorn_length(program) + 1;
	if (popcorn_length(node) >= sizeof popcorn_config.machine) {
		popcorn_text_set(&o->error, "the name of the node's socket is too long: %s", node);
		return;
	}
	if (!same_build(o->fd)) {
		popcorn_text_set(&o->error, "%s has been built again since the program started", *program ? program : "the executable");
		return;
	}
	/* popcorn knows better where it found the program than a process that was started from a descriptor */
	if (*program && popcorn_length(program) < sizeof popcorn_config.program)
		__builtin_memcpy(popcorn_config.program, program, popcorn_length(program) + 1);
	if ((image = popcorn_high_fd(K2(K_memfd_create, "popcorn:image", MFD_CLOEXEC))) < 0) {
		popcorn_text_set(&o->error, "no memory for the image: %e", image);
		return;
	}
	if (!popcorn_image_write(o, (int)image, POPCORN_IMAGE_MOVE, o->fd, o->connection)) {
		e = execute(o->fd, (int)image, runner, node);
		popcorn_text_set(&o->error, "can't start %s: %e", *runner ? runner : *program ? program : "the other ISA's executable", e);
	}
	K1(K_close, image);
}

/* The program's own moves (POPCORN_MOVE). */
int popcorn_move_prepare(struct popcorn_order *o)
{
	const char *why, *runner;
	size_t n;

	o->connection = -1;
	o->error.n = 0;
	o->op = POPCORN_OP_MIGRATE;
	o->flags = 0;
	if ((o->fd = (int)next_executable(o, &why)) < 0) {
		o->fd = -1;
		popcorn_message("%s: can't move by itself (POPCORN_MOVE): %s", popcorn_config.program, why);
		popcorn_config.move_every = 0;
		return -1;
	}
	runner = popcorn_config.runners[o->isa];
	n = popcorn_length(runner);
	__builtin_memcpy(o->text, runner, n + 1);
	o->text[n + 1] = 0;
	o->text_bytes = n + 2;
	return 0;
}

