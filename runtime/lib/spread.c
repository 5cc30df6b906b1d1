/* Common memory while the process is on several nodes: the pages of one memfd, open as the mapping and the protocol allow. */
#include "spread.h"
#include "pagemap.h"

enum { SERVICE_STACK = 256 << 10, K_ENODEV = 19 };

int popcorn_spread;
struct popcorn_node popcorn_own_node;

static uint8_t *allowed; /* enum dsm_access by page; zero where nothing is mapped */
static uint32_t drained; /* futex */
static uint64_t gone;    /* a page that was lost with a node */
static int stop;         /* the service ends */
static struct popcorn_thread *server;

static enum dsm_access access_of(int prot)
{
	return prot & K_PROT_WRITE ? DSM_MAY_WRITE : prot & K_PROT_READ ? DSM_MAY_READ : DSM_NO_ACCESS;
}

static enum dsm_access do_rights(uint64_t page)
{
	return __atomic_load_n(allowed + page, __ATOMIC_ACQUIRE);
}

static void do_lost(uint64_t page, unsigned node)
{
	(void)node;
	if (!gone) gone = page;
}

void popcorn_spread_over(void)
{
	if (popcorn_own_node.unmapped)
		popcorn_die("no more mappings for pages that are here and on other nodes (error %d); raise vm.max_map_count by sysctl", popcorn_own_node.unmapped);
	for (;;) K1(K_exit_group, 0);
}

/* Without those threads, or without that memory, the process can't go on. */
static void do_parted(unsigned node)
{
	struct popcorn_text words;
	unsigned threads = 0;

	if (popcorn_own_node.unmapped) popcorn_spread_over();
	popcorn_text_set(&words, "node %u of the machine was lost", (unsigned long)popcorn_machine_node(node));
	popcorn_lock_threads();
	for (const struct popcorn_thread *t = popcorn_threads; t; t = t->next)
		if (t->place == (int)node) popcorn_text_add(&words, "%s %d", threads++ ? "" : ", and with it thread", (long)t->tid);
	popcorn_unlock_threads();
	if (gone) popcorn_text_add(&words, ", and memory at %x", gone * PAGE);
	if (threads || gone) popcorn_die("%s", words.s);
	popcorn_machine_lost(node);
}

static void do_drained(void)
{
	__atomic_store_n(&drained, 1, __ATOMIC_RELEASE);
	K6(K_futex, &drained, FUTEX_WAKE, 1, 0, 0, 0);
}

static const struct popcorn_origin origin = { do_rights, do_lost, do_drained, do_parted };

int popcorn_is_common(uint64_t at)
{
	return (at >= ARENA_START && at < ARENA_END) || (at >= (uintptr_t)__popcorn_data_start && at < (uintptr_t)__popcorn_data_end);
}

int popcorn_spread_allows(uint64_t at, uint64_t n, int write)
{
	if (!popcorn_is_common(at)) return -1;
	for (uint64_t page = at / PAGE, end = (at + n + PAGE - 1) / PAGE; page < end; page++)
		if (page >= POPCORN_NPAGES || do_rights(page) < (write ? DSM_MAY_WRITE : DSM_MAY_READ)) return 0;
	return 1;
}

int popcorn_spread_fault(uint64_t at, int wrote)
{
	static const enum dsm_access meant[] = { DSM_NO_ACCESS, DSM_MAY_READ, DSM_MAY_WRITE };
	enum dsm_access access = meant[wrote + 1];

	if (!popcorn_is_common(at)) return DSM_UNMAPPED;
	if (popcorn_spread == POPCORN_ORIGIN && do_rights(at / PAGE) < (access ? access : DSM_MAY_READ)) return DSM_UNMAPPED;
	/* where nobody knows what was tried, a page that may be no more than read is being written when it is open */
	if (popcorn_spread == POPCORN_ORIGIN && !access && do_rights(at / PAGE) == DSM_MAY_READ
	    && popcorn_replica_access(&popcorn_own_node.replica, at / PAGE) >= DSM_MAY_READ)
		return DSM_UNMAPPED;
	return popcorn_node_fault(&popcorn_own_node, at / PAGE, access);
}

static void settle_and_unlock(uint64_t mask)
{
	popcorn_node_settle(&popcorn_own_node);
	popcorn_node_flush(&popcorn_own_node);
	popcorn_node_unlock_calmly(&popcorn_own_node, mask);
}

/* Until resume no other node has any of these pages, or gets one. */
static void recall(uint64_t at, uint64_t n, int keep)
{
	uint64_t mask = popcorn_node_lock_calmly(&popcorn_own_node);

	drained = 0;
	popcorn_directory_recall(&popcorn_own_node.directory, at / PAGE, n / PAGE, keep);
	settle_and_unlock(mask);
	while (!__atomic_load_n(&drained, __ATOMIC_ACQUIRE)) K6(K_futex, &drained, FUTEX_WAIT, 0, 0, 0, 0);
}

static void resume(void)
{
	uint64_t mask = popcorn_node_lock_calmly(&popcorn_own_node);

	popcorn_directory_resume(&popcorn_own_node.directory);
	settle_and_unlock(mask);
}

static void allow(uint64_t at, uint64_t n, enum dsm_access access)
{
	for (uint64_t page = at / PAGE; page < (at + n) / PAGE; page++) __atomic_store_n(allowed + page, (uint8_t)access, __ATOMIC_RELEASE);
}

/* The file's bytes, as far as it goes, in fresh pages. */
static long read_file(uint64_t at, uint64_t n, int fd, uint64_t offset)
{
	while (n) {
		long k = K4(K_pread64, fd, at, n, offset);
		if (k == -K_EINTR) continue;
		if (k <= 0) return k;
		at += (uint64_t)k;
		offset += (uint64_t)k;
		n -= (uint64_t)k;
	}
	return 0;
}

/* The pages are zeros again, whatever the mapping allows. */
static void punch(uint64_t at, uint64_t n)
{
	enum { KEEP_SIZE = 1, PUNCH_HOLE = 2 };

	K4(K_fallocate, popcorn_own_node.memory, PUNCH_HOLE | KEEP_SIZE, at, n);
}

long popcorn_spread_map(uint64_t at, uint64_t n, int prot, int flags, int fd, uint64_t offset)
{
	int file = !(flags & K_MAP_ANONYMOUS);
	long e;

	if (!(flags & (K_MAP_SHARED | K_MAP_PRIVATE))) return -K_EINVAL;
	if (file && flags & K_MAP_SHARED) return -K_ENODEV; /* other processes write there, of which no node hears */
	recall(at, n, 0);
	punch(at, n);
	e = popcorn_node_view(&popcorn_own_node, at / PAGE, n / PAGE, K_PROT_READ | K_PROT_WRITE);
	if (!e && file) e = read_file(at, n, fd, offset);
	if (!e) e = K3(K_mprotect, at, n, prot);
	allow(at, n, e ? DSM_NO_ACCESS : access_of(prot));
	if (e) K2(K_munmap, at, n);
	resume();
	return e;
}

long popcorn_spread_unmap(uint64_t at, uint64_t n)
{
	recall(at, n, 0);
	allow(at, n, DSM_NO_ACCESS);
	K2(K_munmap, at, n);
	punch(at, n);
	resume();
	return 0;
}

static enum dsm_access own_copy(uint64_t page)
{
	return popcorn_replica_access(&popcorn_own_node.replica, page);
}

/* What of `prot` each page's access allows. */
static long protect(uint64_t at, uint64_t n, int prot, enum dsm_access (*access)(uint64_t page))
{
	uint64_t end = at + n, next;
	long e = 0;

	for (uint64_t from = at; from < end && !e; from = next) {
		enum dsm_access a = access(from / PAGE);
		for (next = from + PAGE; next < end && access(next / PAGE) == a;) next += PAGE;
		e = K3(K_mprotect, from, next - from, a == DSM_MAY_WRITE ? prot : a ? prot & ~K_PROT_WRITE : 0);
	}
	return e;
}

void popcorn_spread_clear(uint64_t at, uint64_t n)
{
	long e;

	recall(at, n, 0);
	punch(at, n);
	if ((e = protect(at, n, K_PROT_READ | K_PROT_WRITE, do_rights))) { /* the origin's alone, as at the start */
		popcorn_own_node.unmapped = (int)-e;
		popcorn_spread_over();
	}
	resume();
}

long popcorn_spread_protect(uint64_t at, uint64_t n, int prot)
{
	long e;

	recall(at, n, 1);
	allow(at, n, access_of(prot));
	e = protect(at, n, prot, own_copy);
	resume();
	return e;
}

long popcorn_spread_move(uint64_t at, uint64_t old, uint64_t to, uint64_t new, int prot)
{
	uint64_t n = old < new ? old : new, done = 0;
	long e = popcorn_spread_map(to, new, prot | K_PROT_READ | K_PROT_WRITE, K_MAP_PRIVATE | K_MAP_ANONYMOUS, -1, 0), k;

	if (e) return e;
	recall(at, old, 1);
	while (done < n && (k = K4(K_pread64, popcorn_own_node.memory, to + done, n - done, at + done)) > 0) done += (uint64_t)k;
	resume();
	popcorn_spread_protect(to, new, prot);
	return popcorn_spread_unmap(at, old);
}

/* Pages that hold something go into the memfd; then that is what is mapped. */
static long convert(struct popcorn_pagemap *m, uint64_t start, uint64_t end, int prot)
{
	long e = 0;

	if (start == end) return 0;
	if (!(prot & K_PROT_READ)) K3(K_mprotect, start, end - start, prot | K_PROT_READ);
	for (uint64_t p = start; !e && p < end; p += PAGE) {
		if (popcorn_untouched(m, p) || popcorn_page_is_zero((const uint64_t *)(uintptr_t)p)) continue;
		long k = K4(K_pwrite64, popcorn_own_node.memory, p, PAGE, p);
		if (k != (long)PAGE) e = k < 0 ? k : -K_ENOSPC;
	}
	if (!(prot & K_PROT_READ)) K3(K_mprotect, start, end - start, prot);
	return e;
}

/* Does something to every piece of common memory; the heap may have mappings over it. */
static long each_piece(long (*act)(struct popcorn_pagemap *, uint64_t, uint64_t, int), struct popcorn_pagemap *m)
{
	uint64_t at = popcorn_brk_start, end = ROUND_UP(popcorn_brk_end);
	struct popcorn_pagemap none = { -1, 0 }; /* the program's data comes from a file: untouched is not zero */
	int both = K_PROT_READ | K_PROT_WRITE;
	long e = act(&none, (uintptr_t)__popcorn_data_start, (uintptr_t)__popcorn_data_end, both);

	for (size_t i = 0; i < popcorn_nmappings && !e; i++) {
		const struct popcorn_mapping *p = popcorn_mappings + i;
		uint64_t until = p->start < end ? p->start : end;
		if (at < until) e = act(m, at, until, both);
		if (at < p->end) at = p->end;
		if (!e) e = act(p->flags & K_MAP_ANONYMOUS ? m : &none, p->start, p->end, p->prot);
	}
	return e || at >= end ? e : act(m, at, end, both);
}

static long act_view(struct popcorn_pagemap *m, uint64_t start, uint64_t end, int prot)
{
	(void)m;
	if (start == end) return 0;
	allow(start, end - start, access_of(prot));
	return popcorn_node_view(&popcorn_own_node, start / PAGE, (end - start) / PAGE, prot);
}

/* Back: fresh pages of the process's own, with the bytes of the memfd. */
static long act_own(struct popcorn_pagemap *m, uint64_t start, uint64_t end, int prot)
{
	long e = popcorn_map_fixed(start, end - start, K_PROT_READ | K_PROT_WRITE);

	(void)m;
	for (uint64_t at = start; !e && at < end;) { /* holes stay untouched */
		enum { SEEK_DATA = 3, SEEK_HOLE = 4 };
		long from = K3(K_lseek, popcorn_own_node.memory, at, SEEK_DATA);
		if (from < 0 || (uint64_t)from >= end) break;
		long to = K3(K_lseek, popcorn_own_node.memory, from, SEEK_HOLE);
		uint64_t n = ((uint64_t)to < end ? (uint64_t)to : end) - (uint64_t)from;
		e = read_file((uint64_t)from, n, popcorn_own_node.memory, (uint64_t)from);
		at = (uint64_t)from + n;
	}
	return e || prot == (K_PROT_READ | K_PROT_WRITE) ? e : K3(K_mprotect, start, end - start, prot);
}

static int can_spread(struct popcorn_text *error)
{
	for (size_t i = 0; i < popcorn_nmappings; i++)
		if (popcorn_mappings[i].file || popcorn_mappings[i].flags & K_MAP_SHARED) {
			popcorn_text_set(error, "memory at %x is shared with other processes or a file; its threads can't leave this node",
			                 popcorn_mappings[i].start);
			return 0;
		}
	return 1;
}

static void service(struct popcorn_thread *t)
{
	(void)t;
	popcorn_node_serve(&popcorn_own_node, &stop);
	for (;;) K1(K_exit, 0);
}

static long begin_service(void)
{
	struct popcorn_thread *t = server = popcorn_thread_sized(SERVICE_STACK);

	if (!t) return -K_ENOMEM;
	stop = 0;
	t->tp = (char *)t->own_block;
	*(struct popcorn_thread **)(void *)(t->tp + POPCORN_SELF) = t;
	return popcorn_thread_start(t, service);
}

/* No grace for a replica without its link: nobody makes another one. */
struct popcorn_node_settings popcorn_node_of_process(void)
{
	return (struct popcorn_node_settings){
		.npages = POPCORN_NPAGES,
		.extent = { { (uintptr_t)__popcorn_data_start / PAGE, (uintptr_t)__popcorn_data_end / PAGE }, { ARENA_START / PAGE, POPCORN_NPAGES } },
	};
}

int popcorn_spread_begin(struct popcorn_text *error)
{
	struct popcorn_node_settings s = popcorn_node_of_process();
	struct popcorn_pagemap m;
	long e;

	s.origin = &origin;
	s.mail = popcorn_mail_at_origin;
	s.key = popcorn_now() ^ (uint64_t)popcorn_pid << 48;
	if (!can_spread(error)) return -1;
	popcorn_clear(&popcorn_own_node, sizeof popcorn_own_node);
	if (!allowed && !(allowed = popcorn_node_room(POPCORN_NPAGES))) e = -K_ENOMEM;
	else e = popcorn_node_begin(&popcorn_own_node, &s);
	if (!e) {
		popcorn_pagemap_open(&m);
		e = each_piece(convert, &m);
		popcorn_pagemap_close(&m);
		if (e) popcorn_node_end(&popcorn_own_node);
	}
	if (e) {
		popcorn_text_set(error, "no memory to share with other nodes: %e", e);
		return -1;
	}
	popcorn_spread = POPCORN_ORIGIN;
	for (struct popcorn_thread *t = popcorn_threads; t; t = t->next) {
		t->blocks_fault = t->mask & POPCORN_FAULT_BIT;
		t->mask &= ~POPCORN_FAULT_BIT;
	}
	popcorn_install_handlers();
	/* half of it can't be left: were one piece the node's and another not, neither way to go on would be right */
	if ((e = each_piece(act_view, &m)) || (e = begin_service()) < 0) popcorn_die("common memory can't be mapped anew: error %d", (int)-e);
	return 0;
}

/* It ends by itself; its stack stays until the kernel has done with it. */
static void end_service(void)
{
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	popcorn_node_ring(&popcorn_own_node, NODE_SERVICE);
	while (K3(K_tgkill, popcorn_kernel_pid, server->ktid, 0) == 0) K0(K_sched_yield);
	K2(K_munmap, server->stack_base, server->stack_size);
}

void popcorn_spread_end(void)
{
	long e;

	for (struct popcorn_thread *t = popcorn_threads; t; t = t->next) {
		t->destination = 0;
		t->mask |= t->blocks_fault;
		t->blocks_fault = 0;
	}
	recall((uintptr_t)__popcorn_data_start, (uint64_t)(__popcorn_data_end - __popcorn_data_start), 1);
	resume();
	recall(ARENA_START, ARENA_END - ARENA_START, 1);
	resume();
	end_service();
	if ((e = each_piece(act_own, 0))) popcorn_die("no memory to be on one node again: error %d", (int)-e);
	popcorn_node_end(&popcorn_own_node);
	K2(K_munmap, allowed, POPCORN_NPAGES);
	allowed = 0;
	popcorn_spread = POPCORN_ALONE;
	popcorn_machine_forget();
	popcorn_give_back_faults();
}
