/* Clocks, without a system call where this node's kernel offers one: its vDSO is a small ELF library that it maps into
 * every process and tells of in the auxiliary vector (vdso(7)). It belongs to the node, so every executable looks for
 * its own, and the program never hears of it. */
#include "arch.h"
#include "spread.h"

int popcorn_clocks_far;

enum { AT_SYSINFO_EHDR = 33, SHT_DYNSYM = 11, PT_LOAD = 1, MONOTONIC = 1, SECOND = 1000000000 };

struct header { unsigned char ident[16]; uint16_t type, machine; uint32_t version; uint64_t entry, programs, sections;
	uint32_t flags; uint16_t size, program_size, programs_n, section_size, sections_n, names; };
struct program { uint32_t type, flags; uint64_t offset, address, physical, filesz, memsz, align; };
struct section { uint32_t name, type; uint64_t flags, address, offset, size; uint32_t link, info; uint64_t align, each; };
struct symbol { uint32_t name; unsigned char info, other; uint16_t section; uint64_t value, size; };

typedef int clock_function(int, struct k_timespec *);

static clock_function *read_clock; /* 0: there is none */

static int same(const char *a, const char *b)
{
	while (*a && *a == *b) a++, b++;
	return *a == *b;
}

static clock_function *find(const unsigned char *vdso)
{
	const struct header *h = (const void *)vdso;
	const struct program *p = (const void *)(vdso + h->programs);
	const struct section *all = (const void *)(vdso + h->sections), *s = all;
	uintptr_t base = 0;

	for (int i = 0; i < h->programs_n; i++)
		if (p[i].type == PT_LOAD) base = (uintptr_t)vdso + p[i].offset - p[i].address;
	if (!base) return 0;
	for (int i = 0; i < h->sections_n; i++, s++) {
		if (s->type != SHT_DYNSYM) continue;
		const struct symbol *symbols = (const void *)(vdso + s->offset);
		const char *names = (const char *)vdso + all[s->link].offset;
		for (uint64_t n = 0; n < s->size / sizeof *symbols; n++)
			if (symbols[n].section && same(names + symbols[n].name, POPCORN_VDSO_CLOCK))
				return (clock_function *)(base + symbols[n].value);
	}
	return 0;
}

void popcorn_find_clock(const long *auxiliary)
{
	for (; *auxiliary; auxiliary += 2)
		if (*auxiliary == AT_SYSINFO_EHDR && auxiliary[1]) read_clock = find((const void *)auxiliary[1]);
}

long popcorn_read_clock(int clock, struct k_timespec *t)
{
	struct k_timespec own;
	long r;

	/* the kernel, to which the vDSO goes for some clocks, may meet the program's memory closed */
	r = read_clock && clock >= 0 ? read_clock(clock, &own) : K2(K_clock_gettime, clock, &own);
	if (!r) *t = own;
	return r;
}

/* Another host has other clocks, which may be behind: there a thread of the program reads the origin's, so that time goes
 * back nowhere, and no thread sees an effect before its cause. */
static long read_far(struct popcorn_thread *self, int clock, struct k_timespec *t)
{
	long r = popcorn_remote(self, 0, CALL_CLOCK, (long[6]){ clock });

	if (r < 0) return r;
	*t = (struct k_timespec){ r / SECOND, r % SECOND };
	return 0;
}

long __popcorn_clock(int clock, struct k_timespec *t)
{
	struct popcorn_thread *self = popcorn_clocks_far ? popcorn_self() : 0;

	return self && self->guest ? read_far(self, clock, t) : popcorn_read_clock(clock, t);
}

uint64_t __popcorn_ticks(void)
{
	struct k_timespec t = { 0, 0 };

	__popcorn_clock(MONOTONIC, &t);
	return (uint64_t)t.sec * SECOND + (uint64_t)t.nsec;
}
