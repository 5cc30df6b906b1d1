/* The arena: everything the program is handed at run time lies where all ISAs can have it (law 2).
 *
 *   ARENA_START        ARENA_MAPS                              ARENA_END
 *   | heap (brk) ->    | mappings, lowest gap first            |
 */
#include "mappings.h"
#include "spread.h"

uint64_t popcorn_brk_start = ARENA_START, popcorn_brk_end = ARENA_START;
struct popcorn_lock popcorn_memory_lock;

void popcorn_lock(struct popcorn_lock *l)
{
	uint64_t old = popcorn_block_signals();

	popcorn_take(&l->taken);
	l->mask = old;
}

void popcorn_unlock(struct popcorn_lock *l)
{
	uint64_t old = l->mask;

	popcorn_drop(&l->taken);
	popcorn_set_signals(old);
}

void *popcorn_pages(size_t n)
{
	long p = K6(K_mmap, 0, ROUND_UP(n), K_PROT_READ | K_PROT_WRITE, K_MAP_PRIVATE | K_MAP_ANONYMOUS, -1, 0);

	return p < 0 && p > -4096 ? 0 : (void *)p;
}

void popcorn_free_pages(void *p, size_t n)
{
	K2(K_munmap, p, ROUND_UP(n));
}

static int in_arena(uint64_t at, uint64_t n)
{
	return at >= ARENA_START && n <= ARENA_END - ARENA_START && at <= ARENA_END - n;
}

static int is_free(uint64_t at, uint64_t n)
{
	size_t i = popcorn_mappings_above(at);

	return (i == popcorn_nmappings || popcorn_mappings[i].start >= at + n) && (at >= ROUND_UP(popcorn_brk_end) || at + n <= popcorn_brk_start);
}

static uint64_t find_gap(uint64_t n)
{
	uint64_t at = ARENA_MAPS;

	for (size_t i = popcorn_mappings_above(at); i < popcorn_nmappings && popcorn_mappings[i].start - at < n; i++) at = popcorn_mappings[i].end;
	return in_arena(at, n) ? at : 0;
}

static char *path_of(int fd)
{
	static char buffer[4096];
	char link[40] = "/proc/self/fd/";
	size_t i = 14;
	long n;

	for (int power = 1000000000; power; power /= 10)
		if (fd / power || power == 1) link[i++] = (char)('0' + fd / power % 10);
	link[i] = 0;
	n = K4(K_readlinkat, K_AT_FDCWD, link, buffer, sizeof buffer - 1);
	buffer[n < 0 ? 0 : n] = 0;
	return popcorn_path_copy(buffer);
}

/* Lock held. Maps at exactly `at`, in place of what is there. */
static long map_at(uint64_t at, uint64_t n, int prot, int flags, int fd, uint64_t offset)
{
	struct popcorn_mapping m = { at, at + n, prot, flags & (K_MAP_SHARED | K_MAP_PRIVATE | K_MAP_ANONYMOUS), 0, 0, 0, 0, 0, 0 };
	long p;

	if (popcorn_mappings_reserve(3)) return -K_ENOMEM;
	if (popcorn_spread) p = popcorn_spread_map(at, n, prot, flags, fd, offset);
	else p = K6(K_mmap, at, n, prot, (flags & ~K_MAP_FIXED_NOREPLACE) | K_MAP_FIXED, fd, offset);
	if (p < 0 && p > -4096) return p;
	if ((flags & 3) != K_MAP_PRIVATE && !(flags & K_MAP_ANONYMOUS)) { /* also MAP_SHARED_VALIDATE, 3 */
		m.file = 1;
		m.flags = K_MAP_SHARED;
		m.offset = offset;
		m.path = path_of(fd);
		popcorn_mapping_of(&m, fd);
	}
	if (popcorn_mappings_forget(at, at + n)) return -K_ENOMEM;
	popcorn_mappings_enter(&m);
	return (long)at;
}

static long map_locked(uint64_t at, uint64_t n, int prot, int flags, int fd, uint64_t offset)
{
	if (flags & (K_MAP_FIXED | K_MAP_FIXED_NOREPLACE)) {
		if (at % PAGE) return -K_EINVAL;
		if (!in_arena(at, n)) return -K_ENOMEM;
		if (flags & K_MAP_FIXED_NOREPLACE && !is_free(at, n)) return -K_EEXIST;
	} else if (at % PAGE || at < ARENA_MAPS || !in_arena(at, n) || !is_free(at, n)) {
		if (!(at = find_gap(n))) return -K_ENOMEM;
	}
	return map_at(at, n, prot, flags, fd, offset);
}

long popcorn_map(uint64_t hint, size_t size, int prot, int flags, int fd, uint64_t offset)
{
	uint64_t n = ROUND_UP(size);
	long r;

	if (!size) return -K_EINVAL;
	if (n < size || flags & K_MAP_32BIT) return -K_ENOMEM; /* nothing of the arena is below 4 GiB */
	popcorn_lock(&popcorn_memory_lock);
	r = map_locked(hint, n, prot, flags, fd, offset);
	popcorn_unlock(&popcorn_memory_lock);
	return r;
}

static long unmap_at(uint64_t at, uint64_t n)
{
	return popcorn_spread ? popcorn_spread_unmap(at, n) : K2(K_munmap, at, n);
}

static long protect_at(uint64_t at, uint64_t n, long prot)
{
	return popcorn_spread ? popcorn_spread_protect(at, n, (int)prot) : K3(K_mprotect, at, n, prot);
}

long popcorn_map_fixed(uint64_t at, size_t n, int prot)
{
	long p = K6(K_mmap, at, n, prot, K_MAP_PRIVATE | K_MAP_ANONYMOUS | K_MAP_NORESERVE | K_MAP_FIXED, -1, 0);

	return p < 0 && p > -4096 ? p : 0;
}

long popcorn_unmap(uint64_t at, size_t size)
{
	uint64_t n = ROUND_UP(size);
	long r;

	if (at % PAGE || !size || n < size || !in_arena(at, n)) return -K_EINVAL;
	popcorn_lock(&popcorn_memory_lock);
	r = popcorn_mappings_reserve(2) || popcorn_mappings_forget(at, at + n) ? -K_ENOMEM : unmap_at(at, n);
	popcorn_unlock(&popcorn_memory_lock);
	return r;
}

long popcorn_do_mmap(struct popcorn_call *c)
{
	return popcorn_map((uint64_t)c->a[0], (size_t)c->a[1], (int)c->a[2], (int)c->a[3], (int)c->a[4], (uint64_t)c->a[5]);
}

long popcorn_do_munmap(struct popcorn_call *c)
{
	return popcorn_unmap((uint64_t)c->a[0], (size_t)c->a[1]);
}

long popcorn_do_mprotect(struct popcorn_call *c)
{
	uint64_t at = (uint64_t)c->a[0], end = at + ROUND_UP(c->a[1]);
	long r;

	if (!in_arena(at, end - at)) {
		/* the program's own data, for what it's worth: an image keeps no protection there */
		return popcorn_spread ? -K_EINVAL : K3(K_mprotect, at, c->a[1], c->a[2]);
	}
	if (at % PAGE || end < at) return -K_EINVAL;
	popcorn_lock(&popcorn_memory_lock);
	r = popcorn_mappings_split(at) || popcorn_mappings_split(end) ? -K_ENOMEM : protect_at(at, end - at, c->a[2]);
	if (!r) {
		for (size_t i = popcorn_mappings_above(at); i < popcorn_nmappings && popcorn_mappings[i].start < end; i++) popcorn_mappings[i].prot = (int)c->a[2];
		for (size_t i = popcorn_mappings_above(at); i < popcorn_nmappings && popcorn_mappings[i].start < end;) {
			size_t before = popcorn_nmappings;
			popcorn_mappings_merge(popcorn_mappings[i].start);
			if (popcorn_nmappings == before) i++; /* else the next one has moved here */
		}
	}
	popcorn_mappings_merge(at);
	popcorn_mappings_merge(end);
	popcorn_unlock(&popcorn_memory_lock);
	return r;
}

long popcorn_do_pkey_mprotect(struct popcorn_call *c)
{
	/* protection keys are one ISA's */
	return c->a[3] == -1 ? popcorn_do_mprotect(c) : -K_EINVAL;
}

/* Lock held. */
static long remap(uint64_t at, uint64_t old, uint64_t new, int flags, uint64_t wanted)
{
	enum { MAYMOVE = 1, FIXED = 2, DONTUNMAP = 4 };
	size_t i = popcorn_mappings_above(at);
	struct popcorn_mapping m;
	uint64_t to;
	long r;

	if (flags & ~(MAYMOVE | FIXED) || at % PAGE || !new || !old) return -K_EINVAL;
	if (i == popcorn_nmappings || popcorn_mappings[i].start > at || popcorn_mappings[i].end < at + old) return -K_EFAULT;
	if (popcorn_mappings_reserve(4) || popcorn_mappings_split(at) || popcorn_mappings_split(at + old)) return -K_ENOMEM;
	m = popcorn_mappings[popcorn_mappings_above(at)];
	if (new <= old && !(flags & FIXED)) {
		if (new < old && (popcorn_mappings_forget(at + new, at + old) || unmap_at(at + new, old - new))) return -K_ENOMEM;
		popcorn_mappings_merge(at);
		return (long)at;
	}
	if (!(flags & FIXED) && in_arena(at, new) && is_free(at + old, new - old)) {
		to = at;
		r = popcorn_spread ? popcorn_spread_map(at + old, new - old, m.prot, m.flags | K_MAP_ANONYMOUS, -1, 0) : K5(K_mremap, at, old, new, 0, 0);
	} else {
		if (!(flags & MAYMOVE)) return -K_ENOMEM;
		to = flags & FIXED ? wanted : find_gap(new);
		if (!to) return -K_ENOMEM;
		if (to % PAGE || !in_arena(to, new) || (to < at + old && at < to + new)) return -K_EINVAL;
		r = popcorn_spread ? popcorn_spread_move(at, old, to, new, m.prot) : K5(K_mremap, at, old, new, MAYMOVE | FIXED, to);
	}
	if (r < 0 && r > -4096) return r;
	if (m.path && !(m.path = popcorn_path_copy(m.path))) return -K_ENOMEM;
	popcorn_mappings_forget(at, at + old);
	popcorn_mappings_forget(to, to + new);
	m.start = to;
	m.end = to + new;
	popcorn_mappings_enter(&m);
	return (long)to;
}

long popcorn_do_mremap(struct popcorn_call *c)
{
	long r;

	popcorn_lock(&popcorn_memory_lock);
	r = remap((uint64_t)c->a[0], ROUND_UP(c->a[1]), ROUND_UP(c->a[2]), (int)c->a[3], (uint64_t)c->a[4]);
	popcorn_unlock(&popcorn_memory_lock);
	return r;
}

int popcorn_spread_mapped_locked(uint64_t at)
{
	size_t i = popcorn_mappings_above(at);

	if (at >= (uintptr_t)__popcorn_data_start && at < (uintptr_t)__popcorn_data_end) return 1;
	return (i < popcorn_nmappings && popcorn_mappings[i].start <= at) || (at >= popcorn_brk_start && at < ROUND_UP(popcorn_brk_end));
}

int popcorn_spread_mapped(uint64_t at)
{
	int found;

	popcorn_lock(&popcorn_memory_lock);
	found = popcorn_spread_mapped_locked(at);
	popcorn_unlock(&popcorn_memory_lock);
	return found;
}

static long extend(uint64_t at, uint64_t n)
{
	int prot = K_PROT_READ | K_PROT_WRITE;

	return popcorn_spread ? popcorn_spread_map(at, n, prot, K_MAP_PRIVATE | K_MAP_ANONYMOUS, -1, 0) : popcorn_map_fixed(at, n, prot);
}

long popcorn_do_brk(struct popcorn_call *c)
{
	uint64_t want = (uint64_t)c->a[0], old, new;

	popcorn_lock(&popcorn_memory_lock);
	old = ROUND_UP(popcorn_brk_end);
	new = ROUND_UP(want);
	if (want >= popcorn_brk_start && new <= ARENA_MAPS) {
		if (new < old) unmap_at(new, old - new);
		if (new <= old || (is_free(old, new - old) && !extend(old, new - old))) popcorn_brk_end = want;
	}
	want = popcorn_brk_end;
	popcorn_unlock(&popcorn_memory_lock);
	return (long)want;
}

/* On several nodes pages are a memfd's: most advice means nothing there, but who throws contents away counts on zeros. */
long popcorn_do_madvise(struct popcorn_call *c)
{
	enum { DONTNEED = 4, KNOWN = 26 };
	uint64_t at = (uint64_t)c->a[0], n = ROUND_UP(c->a[1]);
	long advice = c->a[2], r = 0;

	if (!popcorn_spread) return popcorn_issue(c);
	if (at % PAGE || n < (uint64_t)c->a[1] || advice < 0 || advice >= KNOWN) return -K_EINVAL;
	if (advice != DONTNEED || !n) return 0;
	popcorn_lock(&popcorn_memory_lock);
	for (uint64_t p = at; p < at + n && !r; p += PAGE) r = popcorn_spread_mapped_locked(p) ? 0 : -K_ENOMEM;
	if (!r) popcorn_spread_clear(at, n);
	popcorn_unlock(&popcorn_memory_lock);
	return r;
}

/* Pages that another node has are closed here: the kernel takes note, and then finds that it can't touch them. */
long popcorn_do_mlock(struct popcorn_call *c)
{
	uint64_t at = (uint64_t)c->a[0] & -PAGE, end = ROUND_UP(c->a[0] + c->a[1]);
	long r = popcorn_issue(c);

	if (r != -K_ENOMEM || !popcorn_spread || at >= end) return r;
	popcorn_lock(&popcorn_memory_lock);
	while (at < end && popcorn_spread_mapped_locked(at)) at += PAGE;
	popcorn_unlock(&popcorn_memory_lock);
	return at < end ? r : 0;
}

/* System V shared memory goes where a mapping would; an image can't hold it, which the table's flags say. */
long popcorn_do_shmat(struct popcorn_call *c)
{
	enum { IPC_STAT = 2, SHM_RDONLY = 010000, SHM_REMAP = 040000 };
	uint64_t info[16], at = (uint64_t)c->a[1], n; /* ipc_perm is 48 bytes, the size follows it */
	long r = popcorn_spread ? -K_ENOSYS : K3(K_shmctl, c->a[0], IPC_STAT, info);

	if (r < 0) return r;
	n = ROUND_UP(info[6]);
	popcorn_lock(&popcorn_memory_lock);
	if (!at) at = find_gap(n);
	if (!at || !in_arena(at, n) || popcorn_mappings_reserve(3) || (!is_free(at, n) && !(c->a[2] & SHM_REMAP))) r = at ? -K_EINVAL : -K_ENOMEM;
	else if ((r = K3(K_shmat, c->a[0], at, c->a[2])) >= 0 || r < -4096) {
		struct popcorn_mapping m = { at, at + n, c->a[2] & SHM_RDONLY ? 1 : 3, K_MAP_SHARED | K_MAP_ANONYMOUS, 0, 0, 0, 0, 0, 0 };
		popcorn_mappings_forget(at, at + n);
		popcorn_mappings_enter(&m);
	}
	popcorn_unlock(&popcorn_memory_lock);
	return r;
}

long popcorn_do_shmdt(struct popcorn_call *c)
{
	uint64_t at = (uint64_t)c->a[0];
	size_t i;
	long r;

	popcorn_lock(&popcorn_memory_lock);
	r = K1(K_shmdt, at);
	i = popcorn_mappings_above(at);
	if (!r && i < popcorn_nmappings && popcorn_mappings[i].start == at) popcorn_mappings_forget(at, popcorn_mappings[i].end);
	popcorn_unlock(&popcorn_memory_lock);
	return r;
}
