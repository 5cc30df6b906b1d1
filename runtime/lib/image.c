/* Writes an image: an ELF core file, see popcc/schema/images.py. All threads are stopped.
 *
 * Memory is common memory only: the program's data and what lies in the arena. Pages of zeros are dropped; a
 * mapping is written as its runs of other pages. */
#include "elf.h"
#include "kernel.h"
#include "pagemap.h"
#include "park.h"
#include "timers.h"

struct run { uint64_t start, bytes; uint32_t crc, prot; };

struct writer {
	struct popcorn_order *order;
	struct popcorn_buffer notes;
	struct run *runs;
	size_t nruns, runs_capacity;
	uint64_t mapping;    /* being scanned; a run belongs to one, as the reader checks */
	uint32_t flags;
	struct popcorn_pagemap pagemap;
	int probe; /* pipe-less test whether a page can be read: descriptor of a memfd, -1 not needed yet */
};

enum { MAX_RUNS = 60000, /* e_phnum has 16 bits */ FIRST_REAL_TIME = 35 /* musl has those before to itself */ };

/* How many zero pages are worth a new run: the more runs there are, the more. */
static uint64_t gap(const struct writer *w)
{
	return (w->nruns < 20000 ? 4 : w->nruns < 40000 ? 64 : 4096) * POPCORN_PAGE;
}

static int refuse(struct writer *w, const char *text, long e)
{
	popcorn_text_set(&w->order->error, text, e);
	return -1;
}

int popcorn_note(struct popcorn_buffer *b, uint32_t type, const void *a, size_t an, const void *c, size_t cn)
{
	size_t total = sizeof(struct elf_note) + 8 + ((an + cn + 3) & ~(size_t)3);
	struct elf_note n = { sizeof POPCORN_NOTE_NAME, (uint32_t)(an + cn), type };
	void *p = b->p;
	char *to;

	if (an + cn > UINT32_MAX - 16 || popcorn_reserve(&p, &b->capacity, b->n + total)) return -1;
	b->p = p;
	to = b->p + b->n;
	__builtin_memset(to + total - 4, 0, 4);
	__builtin_memcpy(to, &n, sizeof n);
	__builtin_memcpy(to + sizeof n, POPCORN_NOTE_NAME, sizeof POPCORN_NOTE_NAME);
	to += sizeof n + 8;
	if (an) __builtin_memcpy(to, a, an);
	if (cn) __builtin_memcpy(to + an, c, cn);
	b->n += total;
	return 0;
}

/* A page behind the end of a mapped file raises SIGBUS when read; a system call only fails. */
static int readable(struct writer *w, uint64_t page)
{
	if (w->probe < 0) w->probe = (int)popcorn_high_fd(K2(K_memfd_create, "popcorn:probe", 1));
	return w->probe < 0 || K4(K_pwrite64, w->probe, page, 1, 0) == 1;
}

static int add_run(struct writer *w, uint64_t start, uint64_t end, uint32_t prot)
{
	struct run *last = w->nruns ? w->runs + w->nruns - 1 : 0;
	void *p = w->runs;

	if (last && last->prot == prot && last->start + last->bytes == start && start != w->mapping) {
		last->bytes = end - last->start;
		return 0;
	}
	if (w->nruns == MAX_RUNS) return refuse(w, "its memory is in more than %u pieces", MAX_RUNS);
	if (popcorn_reserve(&p, &w->runs_capacity, (w->nruns + 1) * sizeof *w->runs))
		return refuse(w, "no memory for the list of its memory", 0);
	w->runs = p;
	w->runs[w->nruns++] = (struct run){ start, end - start, 0, prot };
	return 0;
}

static int scan(struct writer *w, uint64_t start, uint64_t end, uint32_t prot, int from_file)
{
	int hidden_pages = !(prot & K_PROT_READ), e = 0;
	uint64_t from = 0, full = 0; /* current run: [from, full), followed by few zero pages */

	w->mapping = start;
	if (hidden_pages) K3(K_mprotect, start, end - start, prot | K_PROT_READ);
	for (uint64_t p = start; !e && p < end; p += POPCORN_PAGE) {
		int unreadable = from_file && !readable(w, p);
		if (unreadable || (!from_file && popcorn_untouched(&w->pagemap, p)) || popcorn_page_is_zero((const uint64_t *)(uintptr_t)p)) {
			if (full && (unreadable || p - full >= gap(w))) {
				e = add_run(w, from, full, prot);
				full = 0;
			}
			continue;
		}
		if (!full) from = p;
		full = p + POPCORN_PAGE;
	}
	if (!e && full) e = add_run(w, from, full, prot);
	return e;
}

static void hide_again(void)
{
	for (size_t i = 0; i < popcorn_nmappings; i++) {
		const struct popcorn_mapping *m = popcorn_mappings + i;
		if (!(m->prot & K_PROT_READ)) K3(K_mprotect, m->start, m->end - m->start, m->prot);
	}
}

/* The heap from `at` to `end`. */
static int heap(struct writer *w, uint64_t at, uint64_t end)
{
	return at < end ? scan(w, at, end, K_PROT_READ | K_PROT_WRITE, 0) : 0;
}

/* Mappings may lie over the heap: malloc puts a guard page over its beginning. */
static int memory(struct writer *w)
{
	uint64_t at = popcorn_brk_start, end = (popcorn_brk_end + POPCORN_PAGE - 1) & -(uint64_t)POPCORN_PAGE;

	/* the program's data comes from a file: untouched is not zero */
	if (scan(w, (uintptr_t)__popcorn_data_start, (uintptr_t)__popcorn_data_end, K_PROT_READ | K_PROT_WRITE, 0)) return -1;
	popcorn_pagemap_open(&w->pagemap);
	for (size_t i = 0; i < popcorn_nmappings; i++) {
		const struct popcorn_mapping *m = popcorn_mappings + i;
		if (heap(w, at, m->start < end ? m->start : end)) return -1;
		if (at < m->end) at = m->end;
		if (!m->file && scan(w, m->start, m->end, m->prot, !(m->flags & K_MAP_ANONYMOUS))) return -1;
	}
	return heap(w, at, end);
}

static int mappings(struct writer *w)
{
	for (size_t i = 0; i < popcorn_nmappings; i++) {
		const struct popcorn_mapping *m = popcorn_mappings + i;
		struct popcorn_map n = { m->start, m->end, m->offset, m->prot, m->flags, m->file, 0 };
		if (!(w->flags & POPCORN_IMAGE_NOTES_ONLY) && !m->file && m->flags & K_MAP_SHARED)
			return refuse(w, "memory shared with other processes at %x can't follow", (long)m->start);
		if (!(w->flags & POPCORN_IMAGE_NOTES_ONLY) && m->file && !popcorn_mapping_has_path(m)) {
			popcorn_text_set(&w->order->error, "the shared mapping of %s can't follow: it has no path", m->path ? m->path : "a file");
			return -1;
		}
		if (popcorn_note(&w->notes, POPCORN_NOTE_MAPPING, &n, sizeof n, m->path, m->file && m->path ? popcorn_length(m->path) : 0)) return -1;
	}
	return 0;
}

static int threads(struct writer *w)
{
	for (struct popcorn_thread *t = popcorn_threads; t; t = t->next) {
		struct popcorn_thread_note n = {
			.tid = t->tid, .rounding = t->rounding, .exceptions = t->exceptions, .tp = (uintptr_t)t->tp, .mask = t->mask,
			.altstack = { t->altstack[0], t->altstack[1], t->altstack[2] }, .clear_child_tid = (uintptr_t)t->clear_child_tid,
			.robust_list = t->robust_list, .robust_len = t->robust_len, .generation = t->generation, .points = t->points,
			.pending = t->pending,
		};
		__builtin_memcpy(n.name, t->name, sizeof n.name);
		/* they queue, each with a value, and emulators number them otherwise than the kernel that keeps them */
		if (!(w->flags & POPCORN_IMAGE_NOTES_ONLY) && t->state == POPCORN_PARKED && t->pending >> (FIRST_REAL_TIME - 1))
			return refuse(w, "a real-time signal that waits for thread %d can't follow", t->tid);
		if (t->state == POPCORN_PARKED
		    && popcorn_note(&w->notes, POPCORN_NOTE_THREAD, &n, sizeof n, t->frames->data, t->frames->size))
			return -1;
	}
	return 0;
}

/* What the kernel keeps for the process. An exec keeps it too, all but the first; but timers that have numbers (timers.c). */
static int process(struct writer *w)
{
	static char text[4096];
	long n = K2(K_getcwd, text, sizeof text);

	if (n <= 1 || text[0] != '/') return refuse(w, "its current directory has been deleted", 0);
	if (popcorn_note(&w->notes, POPCORN_NOTE_CWD, text, n - 1, 0, 0)) return -1;
	for (uint32_t i = 0; i < 3 && !(w->flags & POPCORN_IMAGE_MOVE); i++) {
		uint64_t v[4] = { 0 };
		if (K2(K_getitimer, i, v) || !(v[2] | v[3])) continue;
		struct popcorn_timer t = { i, 0, v[0] * 1000000 + v[1], v[2] * 1000000 + v[3] };
		if (popcorn_note(&w->notes, POPCORN_NOTE_TIMER, &t, sizeof t, 0, 0)) return -1;
	}
	for (uint32_t i = 0; i < 16 && !(w->flags & POPCORN_IMAGE_MOVE); i++) {
		struct popcorn_limit l = { i, 0, 0, 0 };
		if (!K4(K_prlimit64, 0, i, 0, &l.soft) && popcorn_note(&w->notes, POPCORN_NOTE_LIMIT, &l, sizeof l, 0, 0)) return -1;
	}
	return 0;
}

static int notes(struct writer *w, int exe_fd, int reply_fd)
{
	struct popcorn_image i = {
		.version = POPCORN_IMAGE_VERSION, .isa = POPCORN_ISA, .flags = w->flags, .pid = popcorn_pid, .exe_fd = exe_fd,
		.reply_fd = reply_fd, .data_start = (uintptr_t)__popcorn_data_start, .data_end = (uintptr_t)__popcorn_data_end,
		.brk_start = popcorn_brk_start, .brk_end = popcorn_brk_end, .rebuild_every = popcorn_config.rebuild_every,
		.move_every = popcorn_config.move_every, .seed = popcorn_config.seed, .realtime = popcorn_clock(0), .monotonic = popcorn_now(),
	};
	struct popcorn_buffer *b = &w->notes;

	__builtin_memcpy(i.build_id, __popcorn_build_id, sizeof i.build_id);
	i.umask = (uint32_t)K1(K_umask, 0);
	K1(K_umask, i.umask);
	for (struct popcorn_thread *t = popcorn_threads; t; t = t->next) i.nthreads += t->state == POPCORN_PARKED;
	if (popcorn_note(b, POPCORN_NOTE_IMAGE, &i, sizeof i, 0, 0)
	    || popcorn_note(b, POPCORN_NOTE_PROGRAM, popcorn_config.program, popcorn_length(popcorn_config.program), 0, 0))
		return -1;
	for (uint32_t k = 0; k < 4; k++)
		if (popcorn_config.has_runner[k]
		    && popcorn_note(b, POPCORN_NOTE_RUNNER, &k, 4, popcorn_config.runners[k], popcorn_length(popcorn_config.runners[k])))
			return -1;
	if (popcorn_note(b, POPCORN_NOTE_HANDLERS, popcorn_handlers, sizeof popcorn_handlers, 0, 0)) return -1;
	return mappings(w) || threads(w) || process(w) || popcorn_timers_write(b, w->flags, &w->order->error) ? -1 : 0;
}

/* One of this thread that our own doings raised, and that would end the program when it goes on. */
static void forget_signal(int sig)
{
	uint64_t set = 1ull << (sig - 1);
	struct k_timespec now = { 0, 0 };

	K4(K_rt_sigtimedwait, &set, 0, &now, 8);
}

static int write_all(struct writer *w, int fd, const void *from, uint64_t n, uint64_t at)
{
	const char *p = from;

	while (n) {
		long k = K4(K_pwrite64, fd, p, n < 1 << 26 ? n : 1 << 26, at);
		if (k == -K_EINTR) continue;
		if (k == -K_EFBIG) forget_signal(K_SIGXFSZ);
		if (k <= 0) return refuse(w, "can't write the image: %e", k ? k : -K_ENOSPC);
		p += k;
		at += k;
		n -= k;
	}
	return 0;
}

static int finish_and_write(struct writer *w, int fd)
{
	size_t head = sizeof(struct elf_header) + (1 + w->nruns) * sizeof(struct elf_segment);
	struct popcorn_buffer front = { 0, 0, 0 };
	struct elf_header h = { .type = ELF_CORE, .version = 1, .phoff = sizeof h, .ehsize = sizeof h,
	                        .phentsize = sizeof(struct elf_segment), .phnum = (uint16_t)(1 + w->nruns) };
	struct elf_segment *s;
	struct popcorn_sum sum;
	void *p = 0;
	uint64_t at;

	for (size_t i = 0; i < w->nruns; i++) {
		struct popcorn_segment g = { w->runs[i].start, w->runs[i].bytes, 0, 0 };
		if (!(w->flags & POPCORN_IMAGE_MOVE)) g.crc = popcorn_crc(0, (void *)(uintptr_t)g.start, g.bytes);
		if (popcorn_note(&w->notes, POPCORN_NOTE_SEGMENT, &g, sizeof g, 0, 0)) return -1;
	}
	sum.crc = 0; /* in place now, its value when everything in front is known */
	if (popcorn_note(&w->notes, POPCORN_NOTE_SUM, &sum, sizeof sum, 0, 0) || popcorn_reserve(&p, &front.capacity, head + w->notes.n)) return -1;
	front.p = p;
	front.n = head + w->notes.n;
	at = (front.n + POPCORN_PAGE - 1) & -(uint64_t)POPCORN_PAGE;
	__builtin_memcpy(h.ident, ELF_IDENT, 7);
	__builtin_memcpy(front.p, &h, sizeof h);
	s = (void *)(front.p + sizeof h);
	*s++ = (struct elf_segment){ ELF_NOTE, 4, head, 0, 0, w->notes.n, 0, 4 };
	for (size_t i = 0; i < w->nruns; i++) {
		struct run *r = w->runs + i;
		uint32_t flags = (r->prot & K_PROT_READ ? 4 : 0) | (r->prot & K_PROT_WRITE ? 2 : 0) | (r->prot & 4 ? 1 : 0);
		*s++ = (struct elf_segment){ ELF_LOAD, flags, at, r->start, 0, r->bytes, r->bytes, POPCORN_PAGE };
		at += r->bytes;
	}
	__builtin_memcpy(front.p + head, w->notes.p, w->notes.n);
	sum.crc = popcorn_crc(0, front.p, front.n - sizeof(struct elf_note) - 8 - sizeof sum);
	__builtin_memcpy(front.p + front.n - sizeof sum, &sum, sizeof sum);

	w->order->image_bytes = at;
	int e = write_all(w, fd, front.p, front.n, 0);
	at = (front.n + POPCORN_PAGE - 1) & -(uint64_t)POPCORN_PAGE;
	for (size_t i = 0; !e && i < w->nruns; at += w->runs[i++].bytes)
		e = write_all(w, fd, (void *)(uintptr_t)w->runs[i].start, w->runs[i].bytes, at);
	popcorn_free_pages(front.p, front.capacity);
	return e;
}

int popcorn_image_write(struct popcorn_order *o, int fd, uint32_t flags, int exe_fd, int reply_fd)
{
	struct writer w = { .order = o, .flags = flags, .pagemap = { -1, 0 }, .probe = -1 };
	const int own[] = { fd, exe_fd, reply_fd, o->fd, o->connection };
	int e = -1;

	o->error.n = 0;
	if (fd < 0) return refuse(&w, "no image file came with the request", 0);
	if (!notes(&w, exe_fd, reply_fd)
	    && !popcorn_files_write(&w.notes, flags, own, sizeof own / sizeof *own, &o->error)) {
		if (flags & POPCORN_IMAGE_NOTES_ONLY || !memory(&w)) e = finish_and_write(&w, fd);
		hide_again();
	}
	if (e && !o->error.n) popcorn_text_set(&o->error, "no memory to write the image");
	popcorn_pagemap_close(&w.pagemap);
	if (w.probe >= 0) K1(K_close, w.probe);
	if (w.notes.p) popcorn_free_pages(w.notes.p, w.notes.capacity);
	if (w.runs) popcorn_free_pages(w.runs, w.runs_capacity);
	return e;
}
