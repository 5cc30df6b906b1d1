/* Frames of (site, values) become a machine stack of this ISA: unwind.c's mirror image.
 *
 * Innermost to outermost, as unwinding goes: where[r] is the place from which register r will be reloaded on the
 * way out to the frame at hand, so that is where a value living in r must be written. The total size is
 * known beforehand, hence where the innermost frame lies.
 */
#include "arch.h"
#include "jump.h"
#include "popcorn.h"

typedef uint64_t unaligned_u64 __attribute__((aligned(4)));

enum { MARGIN = 32768 }; /* left free below the innermost frame, or the program dies in its next call */

static int blocked(struct popcorn_thread *t, const char *in, const char *why)
{
	t->blocked_in = in;
	t->blocked_why = why;
	return -1;
}

/* Every frame is known here and has as many values as its site; total size of the stack in *bytes. */
int popcorn_frames_check(struct popcorn_thread *t, uint64_t *bytes, size_t *jumps)
{
	const uint32_t *p = t->frames->data, *end = p + t->frames->size / 4;
	uint32_t n = p < end ? *p++ : 0;

	*bytes = *jumps = 0;
	if (!n) return blocked(t, "no function", "it has no frames");
	while (n--) {
		struct popcorn_site s;
		if (end - p < 2) return blocked(t, "(unknown)", "its frames are truncated");
		if (!popcorn_site_of_id(p[0], &s)) return blocked(t, "(unknown)", "a site is not usable on this ISA");
		if (p[1] != s.nvalues || (size_t)(end - p) < 2 + 2 * (size_t)p[1])
			return blocked(t, popcorn_func_name(s.id), "its values don't fit its site map");
		*bytes += s.frame;
		*jumps += (s.func_flags & POPCORN_FUNC_CALLS_SETJMP) != 0;
		p += 2 + 2 * (size_t)p[1];
	}
	return p == end ? 0 : blocked(t, "(unknown)", "its frames have an odd size");
}

static void fill(uint64_t from, uint64_t to)
{
	for (uint64_t *p = (uint64_t *)(uintptr_t)from; p < (uint64_t *)(uintptr_t)to; p++) *p = POPCORN_POISON;
}

int popcorn_rebuild(struct popcorn_thread *t, uint64_t top, int poison, struct popcorn_registers *out)
{
	static const uint8_t callee_saved[] = POPCORN_CALLEE_SAVED;
	uint64_t *where[POPCORN_REGISTERS] = { 0 };
	uint64_t bytes, sp;
	size_t jumps;
	uint32_t n, *p;

	if (popcorn_frames_check(t, &bytes, &jumps)) return -1;
	if (top > (uintptr_t)t->machine_top || top < (uintptr_t)t->machine_low
	    || top - (uintptr_t)t->machine_low < bytes + MARGIN)
		return blocked(t, "all its frames", "together they don't fit this ISA's machine stack");
	if (popcorn_jumps_begin(t, jumps)) return blocked(t, "all its frames", "no memory for its setjmp frames");

	sp = top - bytes;
	if (poison) fill(sp - 8192, (uintptr_t)t->machine_top);
	for (size_t i = 0; i < POPCORN_REGISTERS; i++) out->r[i] = poison ? POPCORN_POISON : 0;
	for (size_t i = 0; i < sizeof callee_saved; i++) where[callee_saved[i]] = &out->r[callee_saved[i]];
	out->poison = poison;
	out->result = 0;
	out->sp = sp;

	p = t->frames->data;
	n = *p++;
	out->ra = popcorn_site_address(p[0]);
	while (n--) {
		const unaligned_u64 *values = (const unaligned_u64 *)(p + 2), *v = values;
		struct popcorn_site s;
		uint64_t cfa, ra;

		popcorn_site_of_id(p[0], &s);
		cfa = sp + s.frame;
		for (unsigned i = s.nvalues; i--; v++) {
			uint32_t at = popcorn_number(&s.values);
			if (at & 1) *where[at / 2] = *v;
			else if (at) *(uint64_t *)(uintptr_t)(cfa - 4 * (uint64_t)at) = *v;
		}
		for (unsigned i = s.nrecipes; i--;) {
			const struct popcorn_recipe *r = popcorn_recipe(popcorn_number(&s.recipes));
			popcorn_recipe_apply(r, values, cfa, (uintptr_t)t->tp, r->dest & POPCORN_SLOT ? 0 : where[r->dest]);
		}
		p += 2 + 2 * (size_t)s.nvalues;
		ra = n ? popcorn_site_address(p[0]) : (uintptr_t)__popcorn_bottom;
		while (s.nsaved--) {
			uint32_t reg = popcorn_number(&s.saved);
			where[reg] = (uint64_t *)(uintptr_t)(cfa - 8 * (uint64_t)popcorn_number(&s.saved));
		}
#if POPCORN_RA_REGISTER < 0
		*(uint64_t *)(uintptr_t)(cfa - 8) = ra;
#else
		*where[POPCORN_RA_REGISTER] = ra;
#endif
		if (s.func_flags & POPCORN_FUNC_CALLS_SETJMP)
			popcorn_jumps_add(t, s.id, s.nvalues ? values[0] : 0, cfa, where);
		sp = cfa;
	}
	popcorn_jumps_end(t);
	t->generation++;
	return 0;
}

void popcorn_recipe_apply(const struct popcorn_recipe *r, const void *flat, uint64_t cfa, uint64_t tp, uint64_t *reg)
{
	const unaligned_u64 *values = flat;
	uint64_t v[2] = { 0, 0 };
	unsigned bits = 8 * ((unsigned)r->imm & 7);

	switch (r->kind) {
	case POPCORN_RECIPE_CONST: v[0] = r->imm; break;
	case POPCORN_RECIPE_VALUE: v[0] = values[r->value] + r->imm; break;
	case POPCORN_RECIPE_TP: v[0] = tp + r->imm; break;
	case POPCORN_RECIPE_CFA: v[0] = cfa + r->imm; break;
	case POPCORN_RECIPE_LOAD: __builtin_memcpy(v, (const void *)(uintptr_t)r->imm, r->width); break;
	case POPCORN_RECIPE_ZEXT: v[0] = bits ? values[r->value] << (64 - bits) >> (64 - bits) : values[r->value]; break;
	case POPCORN_RECIPE_SEXT:
		v[0] = bits ? (uint64_t)((int64_t)(values[r->value] << (64 - bits)) >> (64 - bits)) : values[r->value];
		break;
	default: popcorn_die("site table: unknown recipe %d; link the program again", r->kind);
	}
	if (reg) *reg = v[0];
	else __builtin_memcpy((void *)(uintptr_t)(cfa - (r->dest & ~POPCORN_SLOT)), v, r->width);
}

static uint64_t splitmix64(uint64_t x)
{
	x += 0x9e3779b97f4a7c15;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

uint64_t popcorn_random(const struct popcorn_thread *t)
{
	return splitmix64(popcorn_config.seed + ((uint64_t)(t->tid - popcorn_pid) << 40) + t->points);
}

/* The own stack becomes frames, is poisoned, and is laid out anew a little elsewhere: whatever the maps leave
 * out shows at once. */
struct popcorn_registers *popcorn_rebuild_here(struct popcorn_thread *t, struct popcorn_registers *regs)
{
	uint64_t shift = popcorn_random(t) % 256 * 16;

	if (!t->rebuilt && !(t->rebuilt = popcorn_pages(sizeof *t->rebuilt))) return regs;
	if (popcorn_unwind(t, regs)) return regs;
	*t->rebuilt = *regs;
	if (popcorn_rebuild(t, (uintptr_t)t->machine_top - shift, 1, t->rebuilt)) return regs;
	return t->rebuilt;
}
