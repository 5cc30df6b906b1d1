/* A stopped thread's machine stack becomes frames of (site, values), innermost first (law 5).
 *
 *	          | ...               |
 *	CFA ----> +-------------------+  stack pointer of the caller, right after the call
 *	          | x86_64: caller's  |
 *	          |   return address  |  the others: in the save slot of the return address register
 *	          | saved registers   |  site.saved
 *	          | spilled values    |  site.values, slots at CFA - n
 *	SP -----> +-------------------+  CFA - site.frame
 *
 * where[r] is the place that holds the value callee-saved register r had in the frame at hand: at first the
 * registers themselves, then the save slot of the nearest inner frame that saved it.
 */
#include "arch.h"
#include "popcorn.h"

typedef uint64_t unaligned_u64 __attribute__((aligned(4)));

enum { INNERMOST_BYTES = 4, FRAME_BYTES = 8 };

int popcorn_reserve(void **pages, size_t *capacity, size_t want)
{
	size_t n = *capacity ? *capacity : 16384;
	void *p;

	if (want <= *capacity) return 0;
	while (n < want) n *= 2;
	if (!(p = popcorn_pages(n))) return -1;
	if (*pages) {
		__builtin_memcpy(p, *pages, *capacity);
		popcorn_free_pages(*pages, *capacity);
	}
	*pages = p;
	*capacity = n;
	return 0;
}

static int blocked(struct popcorn_thread *t, const char *in, const char *why)
{
	t->blocked_in = in;
	t->blocked_why = why;
	return -1;
}

/* Room for a frame of n bytes behind what there is. The frames' header is inside its own pages. */
static uint32_t *extend(struct popcorn_thread *t, size_t n)
{
	size_t used = t->frames ? t->frames->size : 0, capacity = t->frames ? t->frames->capacity : 0;
	size_t want = sizeof *t->frames + used + n;

	if (want > capacity) {
		void *p = t->frames;
		if (want > UINT32_MAX || popcorn_reserve(&p, &capacity, want)) return 0;
		t->frames = p;
		t->frames->capacity = capacity;
	}
	t->frames->size = used + n;
	return (uint32_t *)(void *)((char *)t->frames->data + used);
}

int popcorn_unwind(struct popcorn_thread *t, const struct popcorn_registers *regs)
{
	static const uint8_t callee_saved[] = POPCORN_CALLEE_SAVED;
	const uint64_t *where[POPCORN_REGISTERS] = { 0 };
	uint64_t sp = regs->sp, ra = regs->ra;
	uint32_t n = 0, *p;

	for (size_t i = 0; i < sizeof callee_saved; i++) where[callee_saved[i]] = &regs->r[callee_saved[i]];
	if (t->frames) t->frames->size = 0;
	if (!(p = extend(t, INNERMOST_BYTES))) return blocked(t, "(any)", "no memory for its frames");
	for (; ra != (uintptr_t)__popcorn_bottom; n++) {
		struct popcorn_site s;
		uint64_t cfa;

		if (!popcorn_site_at(ra, &s)) return blocked(t, "code without a site map", "a call there can't be unwound");
		if (s.flags & POPCORN_SITE_UNUSABLE) return blocked(t, popcorn_func_name(s.id), "a call there has no proved site map");
		cfa = sp + s.frame;
		if (cfa > (uintptr_t)t->machine_top || cfa < sp)
			return blocked(t, popcorn_func_name(s.id), "its stack is not a thread's");
		if (!(p = extend(t, FRAME_BYTES + 8 * (size_t)s.nvalues)))
			return blocked(t, popcorn_func_name(s.id), "no memory for its frames");
		*p++ = s.id;
		*p++ = s.nvalues;
		for (unaligned_u64 *v = (unaligned_u64 *)p, *end = v + s.nvalues; v < end; v++) {
			uint32_t at = popcorn_number(&s.values);
			if (!at) *v = POPCORN_POISON; /* a constant in this code; the linker saw to it that it is on all ISAs */
			else if (!(at & 1)) *v = *(const uint64_t *)(uintptr_t)(cfa - 4 * (uint64_t)at);
			else if (at / 2 < POPCORN_REGISTERS && where[at / 2]) *v = *where[at / 2];
			else return blocked(t, popcorn_func_name(s.id), "its site map names a register that calls don't keep");
		}
		while (s.nsaved--) {
			uint32_t reg = popcorn_number(&s.saved);
			where[reg] = (const uint64_t *)(uintptr_t)(cfa - 8 * (uint64_t)popcorn_number(&s.saved));
		}
#if POPCORN_RA_REGISTER < 0
		ra = *(const uint64_t *)(uintptr_t)(cfa - 8);
#else
		/* a function that calls has saved it: forget the inner frame's slot, or a missing one would go unnoticed */
		if (!where[POPCORN_RA_REGISTER]) return blocked(t, popcorn_func_name(s.id), "its return address is not saved");
		ra = *where[POPCORN_RA_REGISTER];
		where[POPCORN_RA_REGISTER] = 0;
#endif
		sp = cfa;
	}
	t->frames->data[0] = n;
	return 0;
}
