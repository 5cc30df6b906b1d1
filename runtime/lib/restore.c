/* A fresh process of any ISA becomes the one in an image. Everything is read and checked before anything is
 * mapped (restore_read.c). */
#include "restore.h"
#include "timers.h"

enum { MAX_THREADS = 32768, MACHINE_STACK = 64 << 20, PR_SET_NAME = 15 };

/* Threads are made from private memory only, so this too comes before any mapping. */
static void make_threads(void)
{
	uint64_t at = 0, bytes;
	size_t jumps;
	struct popcorn_note n;
	uint32_t count = 0;

	while (popcorn_note_next(&at, &n)) {
		struct popcorn_thread_note h;
		struct popcorn_thread *t;
		const char *frames;
		size_t size, capacity = 0;
		void *p = 0;

		if (n.type != POPCORN_NOTE_THREAD) continue;
		popcorn_note_fixed(&n, &h, sizeof h, &frames, &size);
		/* room for frames that are larger here: what is not touched costs nothing */
		if (++count > MAX_THREADS || !(t = popcorn_thread_sized((MACHINE_STACK + 16 * size + 4095) & -4096ull))) FAIL("no memory for thread %u", (unsigned long)h.tid);
		if (popcorn_reserve(&p, &capacity, sizeof *t->frames + size)) FAIL("no memory for thread %u's frames", (unsigned long)h.tid);
		t->frames = p;
		t->frames->capacity = capacity;
		t->frames->size = size;
		__builtin_memcpy(t->frames->data, frames, size);
		if (popcorn_frames_check(t, &bytes, &jumps))
			FAIL("thread %u can't go on on " POPCORN_ISA_NAME ": in %s, %s", (unsigned long)h.tid, t->blocked_in, t->blocked_why);
		t->tid = h.tid;
		t->tp = (char *)(uintptr_t)h.tp;
		if (!popcorn_restore_in_arena(h.tp & -(uint64_t)POPCORN_PAGE, (h.tp & -(uint64_t)POPCORN_PAGE) + POPCORN_PAGE)
		    && (h.tp < image->head.data_start || h.tp >= image->head.data_end))
			FAIL("thread %u's thread pointer %x is outside the program", (unsigned long)h.tid, h.tp);
		t->mask = h.mask;
		__builtin_memcpy(t->altstack, h.altstack, sizeof t->altstack);
		t->clear_child_tid = (int *)(uintptr_t)h.clear_child_tid;
		t->robust_list = h.robust_list;
		t->robust_len = h.robust_len;
		t->generation = h.generation;
		t->points = h.points;
		t->pending = h.pending;
		__builtin_memcpy(t->name, h.name, sizeof t->name - 1);
		t->rounding = h.rounding;
		t->exceptions = h.exceptions;
		t->state = POPCORN_RUNNING;
		popcorn_thread_list(t);
		if (!image->main || h.tid == image->head.pid) image->main = t;
	}
	if (!image->main || count != image->head.nthreads) FAIL("the image is damaged (%u threads)", (unsigned long)count);
}

static void map_memory(void)
{
	static char path[4096];
	uint64_t at = 0;
	struct popcorn_note n;
	long e;

	/* first, since mappings may lie over it */
	if (popcorn_restore_has_brk()
	    && (e = popcorn_map_fixed(image->head.brk_start, popcorn_restore_brk_end() - image->head.brk_start, K_PROT_READ | K_PROT_WRITE)) < 0)
		FAIL("can't map the heap: %e", e);
	while (popcorn_note_next(&at, &n)) {
		struct popcorn_map m;
		struct popcorn_mapping kept;
		const char *name;
		size_t length;

		if (n.type != POPCORN_NOTE_MAPPING) continue;
		popcorn_note_fixed(&n, &m, sizeof m, &name, &length);
		popcorn_note_string(path, sizeof path, name, length);
		/* a private mapping's contents are in the image, its file is no longer needed */
		kept = (struct popcorn_mapping){ m.start, m.end, m.prot, m.file ? m.flags : m.flags | K_MAP_ANONYMOUS, m.file, m.offset, path, 0, 0, 0 };
		if (m.file) {
			long fd = K4(K_openat, K_AT_FDCWD, path, (m.prot & K_PROT_WRITE ? 2 : 0) | K_O_CLOEXEC, 0);
			if (fd < 0) FAIL("can't open %s, which the program has mapped: %e", path, fd);
			popcorn_mapping_of(&kept, fd);
			e = K6(K_mmap, m.start, m.end - m.start, m.prot, K_MAP_SHARED | K_MAP_FIXED, fd, m.offset);
			K1(K_close, fd);
			if (e != (long)m.start) FAIL("can't map %s again: %e", path, e);
		} else if ((e = popcorn_map_fixed(m.start, m.end - m.start, K_PROT_READ | K_PROT_WRITE)) < 0) {
			FAIL("can't map %u bytes at %x: %e", m.end - m.start, m.start, e);
		}
		if (popcorn_mapping_note(&kept)) FAIL("no memory for the list of mappings");
	}
	popcorn_brk_start = image->head.brk_start;
	popcorn_brk_end = image->head.brk_end;
}

static void load_memory(void)
{
	__builtin_memset(__popcorn_data_start, 0, __popcorn_data_end - __popcorn_data_start);
	for (unsigned i = 1; i < image->nsegments; i++) {
		uint64_t to = image->segments[i].vaddr, n = image->segments[i].filesz, at = image->segments[i].offset;
		while (n) {
			long k = K4(K_pread64, image->fd, to, n < 1 << 28 ? n : 1 << 28, at);
			if (k == -K_EINTR) continue;
			if (k <= 0) FAIL("can't read the image: %e", k ? k : -5l);
			to += k;
			at += k;
			n -= k;
		}
	}
	for (size_t i = 0; i < popcorn_nmappings; i++) {
		const struct popcorn_mapping *m = popcorn_mappings + i;
		if (!m->file && m->prot != (K_PROT_READ | K_PROT_WRITE)) K3(K_mprotect, m->start, m->end - m->start, m->prot);
	}
}

static void configure(const struct popcorn_note *n)
{
	struct popcorn_runner r;
	const char *rest;
	size_t length;

	if (n->type == POPCORN_NOTE_PROGRAM) popcorn_note_string(popcorn_config.program, sizeof popcorn_config.program, n->p, n->n);
	if (n->type == POPCORN_NOTE_RUNNER && image->head.flags & POPCORN_IMAGE_MOVE) { /* another host has its own */
		popcorn_note_fixed(n, &r, sizeof r, &rest, &length);
		if (r.isa < 4) {
			popcorn_note_string(popcorn_config.runners[r.isa], sizeof popcorn_config.runners[0], rest, length);
			popcorn_config.has_runner[r.isa] = 1;
		}
	}
	if (n->type == POPCORN_NOTE_HANDLERS) popcorn_note_fixed(n, popcorn_handlers, sizeof popcorn_handlers, 0, 0);
}

/* Descriptors that the program numbered are made one by one: our own must be out of their way. */
static void restore_files(void)
{
	static char path[4096];
	uint64_t at = 0;
	uint32_t highest = 2, present = 0;
	struct popcorn_note n;
	struct popcorn_file f;
	long fd;

	while (popcorn_note_next(&at, &n))
		if (n.type == POPCORN_NOTE_FILE) {
			popcorn_note_fixed(&n, &f, sizeof f, 0, 0);
			if (f.fd > highest) highest = f.fd;
			if (f.fd < 3) present |= 1 << f.fd;
		}
	if (!(image->head.flags & POPCORN_IMAGE_MOVE)) {
		if ((fd = K3(K_fcntl, image->fd, K_F_DUPFD_CLOEXEC, highest + 1)) < 0) FAIL("can't have descriptor %u: %e", (unsigned long)highest + 1, fd);
		K1(K_close, image->fd);
		image->fd = (int)fd;
		/* what goes wrong from here on is for whoever restores, not for the program's own standard error */
		if ((fd = K3(K_fcntl, 2, K_F_DUPFD_CLOEXEC, highest + 1)) >= 0) popcorn_message_fd = (int)fd;
		for (int i = 0; i < 3; i++)
			if (!(present >> i & 1)) K1(K_close, i);
	}
	at = 0;
	while (popcorn_note_next(&at, &n)) {
		const char *name;
		size_t length;
		if (n.type != POPCORN_NOTE_FILE) continue;
		popcorn_note_fixed(&n, &f, sizeof f, &name, &length);
		popcorn_note_string(path, sizeof path, name, length);
		if (popcorn_file_restore(&f, path, &image->error)) popcorn_restore_fail();
	}
}

static void restore_process(void)
{
	static char path[4096];
	uint64_t at = 0;
	struct popcorn_note n;
	long e;

	while (popcorn_note_next(&at, &n)) {
		configure(&n);
		if (n.type == POPCORN_NOTE_CWD && !(image->head.flags & POPCORN_IMAGE_MOVE)) {
			popcorn_note_string(path, sizeof path, n.p, n.n);
			if ((e = K1(K_chdir, path)) < 0) FAIL("can't change to its current directory %s: %e", path, e);
		}
		if (n.type == POPCORN_NOTE_TIMER) {
			struct popcorn_timer t;
			popcorn_note_fixed(&n, &t, sizeof t, 0, 0);
			uint64_t v[4] = { t.interval / 1000000, t.interval % 1000000, t.value / 1000000, t.value % 1000000 };
			K3(K_setitimer, t.which, v, 0);
		}
		if (n.type == POPCORN_NOTE_POSIX_TIMER) {
			struct popcorn_posix_timer t;
			popcorn_note_fixed(&n, &t, sizeof t, 0, 0);
			if (popcorn_timers_note(&t)) FAIL("no memory for timer %u", (unsigned long)t.id);
		}
		if (n.type == POPCORN_NOTE_LIMIT) {
			struct popcorn_limit l, now;
			popcorn_note_fixed(&n, &l, sizeof l, 0, 0);
			/* the hard limits are this session's; the program's soft ones hold as far as they go */
			if (!K4(K_prlimit64, 0, l.resource, 0, &now.soft)) {
				now.soft = l.soft < now.hard ? l.soft : now.hard;
				K4(K_prlimit64, 0, l.resource, &now.soft, 0);
			}
		}
	}
	K1(K_umask, image->head.umask);
	popcorn_pid = image->head.pid;
	popcorn_config.rebuild_every = image->head.rebuild_every;
	popcorn_config.move_every = image->head.move_every;
	popcorn_config.seed = image->head.seed;
}

/* Signals that waited when the image was made wait again, those of the process once. After a move the kernel may
 * still have them. What had come with them (who sent it, its value) is lost. */
static void raise_pending(const struct popcorn_thread *t)
{
	uint64_t here = 0, bit = 1;

	K2(K_rt_sigpending, &here, 8);
	for (int sig = 1; sig <= 64; sig++, bit <<= 1) {
		if (!(t->pending & ~here & bit)) continue;
		if (!(image->pending & bit)) K3(K_tgkill, K0(K_getpid), t->ktid, sig);
		else if (t == image->main) K2(K_kill, K0(K_getpid), sig);
	}
}

static int moved(void)
{
	return (image->head.flags & POPCORN_IMAGE_MOVE) != 0;
}

/* No thread goes on before all are there under their names: the program may ask for one, or a timer signal any. */
static unsigned arrived, all_there; /* but the main one; 1: go on */

static void wait_while(unsigned *word, unsigned value)
{
	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == value) K4(K_futex, word, FUTEX_WAIT, value, 0);
}

static void wake(unsigned *word)
{
	K3(K_futex, word, FUTEX_WAKE, INT32_MAX);
}

static void meet(const struct popcorn_thread *t)
{
	K2(K_prctl, PR_SET_NAME, t->name);
	if (t == image->main) {
		for (unsigned n; (n = __atomic_load_n(&arrived, __ATOMIC_ACQUIRE)) < image->head.nthreads - 1;) wait_while(&arrived, n);
		popcorn_timers_make(0, moved());
		__atomic_store_n(&all_there, 1, __ATOMIC_RELEASE);
		wake(&all_there);
	} else {
		__atomic_add_fetch(&arrived, 1, __ATOMIC_ACQ_REL);
		wake(&arrived);
		wait_while(&all_there, 0);
	}
}

/* On the thread itself, all signals still blocked: requests too, whose handler needs the thread pointer. */
static void go(struct popcorn_thread *t)
{
	uint64_t mask = t->mask & ~(1ull << (POPCORN_REQUEST_SIGNAL - 1));

	t->ktid = (int)K0(K_gettid);
	meet(t);
	popcorn_timers_make(t, moved());
	raise_pending(t);
	if (t->robust_list) K2(K_set_robust_list, t->robust_list, t->robust_len);
	K4(K_rt_sigprocmask, K_SIG_SETMASK, &mask, 0, 8);
	popcorn_resume(t->rebuilt);
}

/* What we inherited as ignored is not what the program had. */
static void default_handlers(void)
{
	uint64_t action[4] = { 0 };

	for (int sig = 1; sig <= 64; sig++)
		if (!popcorn_handlers[sig - 1].handler) K4(K_rt_sigaction, sig, action, 0, 8);
}

static uint64_t lay_out_threads(void)
{
	uint64_t frames = 0;

	image->pending = ~0ull;
	for (struct popcorn_thread *t = popcorn_threads; t; t = t->next) {
		if (!(t->rebuilt = popcorn_pages(sizeof *t->rebuilt))) FAIL("no memory for thread %d", (long)t->tid);
		frames += t->frames->data[0];
		image->pending &= t->pending;
		if (popcorn_rebuild(t, (uintptr_t)t->machine_top, popcorn_config.rebuild_every != 0, t->rebuilt))
			FAIL("thread %d can't go on on " POPCORN_ISA_NAME ": in %s, %s", (long)t->tid, t->blocked_in, t->blocked_why);
		popcorn_fp_set(t->rebuilt, t->rounding, t->exceptions);
		*(struct popcorn_thread **)(void *)(t->tp + POPCORN_SELF) = t;
	}
	return frames;
}

/* popcorn starts foreign executables from a descriptor that the program must not inherit. */
static void close_executable(const char *given)
{
	int fd = 0;

	for (; *given >= '0' && *given <= '9'; given++) fd = fd * 10 + *given - '0';
	K1(K_close, fd);
}

static void read_environment(char **environment)
{
	for (char **e = environment; *e; e++) {
		if (popcorn_begins(*e, "POPCORN_CLOSE=")) close_executable(*e + 14);
		if (popcorn_begins(*e, "POPCORN_MACHINE=")) popcorn_note_string(popcorn_config.machine, sizeof popcorn_config.machine, *e + 16, popcorn_length(*e + 16));
	}
}

_Noreturn void popcorn_restore(int image_fd, long *kernel_stack)
{
	uint64_t all = ~0ull, frames;
	long e;

	read_environment((char **)kernel_stack + kernel_stack[0] + 2);
	K4(K_rt_sigprocmask, K_SIG_SETMASK, &all, 0, 8);
	image->fd = image_fd;
	popcorn_restore_check();
	make_threads();

	map_memory();
	load_memory();
	restore_process();
	restore_files();
	frames = lay_out_threads();
	popcorn_name_process();
	popcorn_park_after_fork();
	default_handlers();
	popcorn_install_handlers();

	if (image->head.flags & POPCORN_IMAGE_MOVE) {
		if (image->head.exe_fd >= 0) K1(K_close, image->head.exe_fd);
		if (image->head.reply_fd >= 0) popcorn_order_resume_answer(image->head.reply_fd, image->head.nthreads, frames);
	}
	K1(K_close, image->fd);
	K2(K_munmap, image->p, image->size);
	if (popcorn_message_fd != 2) K1(K_close, popcorn_message_fd);
	popcorn_message_fd = 2;
	for (struct popcorn_thread *t = popcorn_threads, *next; t; t = next) {
		next = t->next;
		if (t != image->main && (e = popcorn_thread_start(t, go)) < 0) popcorn_die("can't start thread %d again: error %d", t->tid, (int)-e);
	}
	popcorn_set_tp(image->main->tp);
	popcorn_thread_signal_stack(image->main);
	go(image->main);
	__builtin_unreachable();
}
