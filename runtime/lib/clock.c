/* Clocks, without a system call where this node's kernel offers one: its vDSO is a small ELF library that it maps into
 * every process and tells of in the auxiliary vector (vdso(7)). It belongs to the node, so every executable looks for
 * its own, and the program never hears of it. */
#include "kernel.h"
#include "arch.h"

enum { AT_SYSINFO_EHDR = 33, SHT_DYNSYM = 11, PT_LOAD = 1 };

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
