/* Where a site's values are, and what is live behind it, byte by byte: all of it is accounted for, or the site is
 * unproved.
 *
 * A callee-saved register or frame slot that is live after the call must (law 4) be listed by LLVM's stack map as
 * holding a carried value; or hold what it held when the function was entered (the caller's register, or the slot it
 * was saved in; what a slot held then means nothing); or be remade by a recipe (recipes.c).
 * Anything else is a value that a migration would lose.
 */
#include <string.h>

#include "site.h"

enum { REGISTER = 1, DIRECT, INDIRECT, CONSTANT, CONSTANT_INDEX }; /* LLVM "Stack Map Format" */

/* Adds `why` to the texts; returns where it is. */
static int said(struct analysis *a)
{
	int begin = a->ntext, size = strlen(a->why) + 1;
	for (int k = 0; k < size; k++) {
		a->text = grown(&a->arena, a->text, a->ntext, &a->room_text, 1);
		a->text[a->ntext++] = a->why[k];
	}
	return begin;
}

static void unproved(struct analysis *a, int why)
{
	put(a, POPCORN_OUTCOME_UNPROVED);
	put(a, why);
}

static int by_dwarf(const struct analysis *a, int number)
{
	return number >= 0 && number < a->m->ndwarf ? a->m->by_dwarf[number] : -1;
}

static bool list_value(struct analysis *a, const struct listed *v, int number, const struct state *s, struct listing *l)
{
	int reg = by_dwarf(a, v->reg);
	const struct term *base;
	l->places[number] = -1;
	switch (v->kind) {
	case REGISTER:
		if (reg < 0) return fail(a, "value %d is listed in number %d, which the call does not preserve", number, v->reg);
		if (!(a->m->facts[reg] & CALLEE_SAVED))
			return fail(a, "value %d is listed in %s, which the call does not preserve", number, a->m->names[reg]);
		l->places[number] = reg;
		l->words[number] = v->reg;
		return true;
	case INDIRECT:
		base = term(a, reg < 0 ? 0 : s->at[reg]);
		int64_t offset = base->k + v->offset;
		if (base->kind != CFA || offset < -MAX_FRAME || offset > 0)
			return fail(a, "value %d is listed in memory outside of the frame", number);
		l->places[number] = slot_at(a, offset, 8);
		l->words[number] = POPCORN_SLOT | -offset;
		return true;
	case CONSTANT: case CONSTANT_INDEX:
		l->words[number] = POPCORN_NO_LOCATION;
		return true;
	}
	return fail(a, "value %d is listed as an address in the frame", number);
}

/* What the stack map says of a record. It is not sound when that is not where a thread could find or put a value. */
void list_values(struct analysis *a, int record)
{
	const struct record *r = a->f->records + record;
	struct listing *l = a->listings + record;
	l->places = alloc(&a->arena, (r->count + 1) * sizeof *l->places);
	l->words = alloc(&a->arena, (r->count + 1) * sizeof *l->words);
	l->sound = r->count == r->expected;
	if (!l->sound) fail(a, "%d values in the stack map, %d expected", r->count, r->expected);
	for (int v = 0; l->sound && v < r->count; v++)
		l->sound = list_value(a, a->f->listed + r->first + v, v, a->after + record, l);
	if (l->sound) l->count = r->count;
	else l->why = said(a);
}

static bool byte_live(const struct site *s, int64_t offset)
{
	const struct analysis *a = s->a;
	int64_t k = offset - a->low_byte;
	return k >= 0 && k < a->nbytes && a->byte_bit[k] && has(s->live, a->byte_bit[k]);
}

static void account(struct site *s, int64_t offset, int64_t size)
{
	for (int64_t k = offset - s->a->low_byte; size--; k++)
		if (k >= 0 && k < s->a->nbytes) s->rest[k] = false;
}

static void cover(struct site *s, int64_t offset, int size)
{
	account(s, offset, size);
	for (int64_t k = offset - s->a->low_byte; size--; k++)
		if (k >= 0 && k < s->a->nbytes) s->covered[k] = true;
}

static bool is_covered(const struct site *s, int64_t offset, int size)
{
	for (int64_t k = offset - s->a->low_byte; size--; k++)
		if (k >= 0 && k < s->a->nbytes && s->covered[k]) return true;
	return false;
}

static void list_terms(struct site *s)
{
	struct analysis *a = s->a;
	int count = s->listing->count;
	s->terms = alloc(&a->arena, (count + 1) * sizeof *s->terms);
	s->numbers = alloc(&a->arena, (count + 1) * sizeof *s->numbers);
	for (int v = 0; v < count; v++) {
		int place = s->listing->places[v], n = 0;
		if (place < 0) continue;
		bool again = false; /* of two values in one place the later is meant */
		for (int w = v + 1; w < count; w++) again |= s->listing->places[w] == place;
		term_t t = place < a->m->registers ? held(s->state, place) : slot_term(a, place, s->state);
		if (again || !t) continue;
		while (n < s->nterms && s->terms[n] != t) n++;
		if (n == s->nterms) s->terms[s->nterms++] = t;
		s->numbers[n] = v;
	}
}

/* As many bytes behind what an extended load has put into a slot as one recipe can write. */
static bool remake_zeros(struct site *s, int64_t offset, int64_t end, int location)
{
	int width = 8;
	while (width > end - offset || offset % width) width /= 2;
	account(s, offset, width);
	return remake(s, POPCORN_SLOT | -offset, width, make(s->a, CONST, 0, 0, 0, 0), location);
}

/* How many bytes must be written, of a slot's, for the last of those that are live; 0 if it is too many. */
static int width_of(const struct site *s, int64_t offset, int64_t end)
{
	int64_t last = offset;
	for (int64_t b = offset; b < end; b++)
		if (b - s->a->low_byte < s->a->nbytes && s->rest[b - s->a->low_byte]) last = b;
	for (int width = 1; width <= 16; width *= 2)
		if (width > last - offset) return width;
	return 0;
}

/* Accounts for the live byte at `offset`, and maybe others. Bytes that nobody reads may be written to, but not those
 * that are covered otherwise. */
static bool remake_slot(struct site *s, int64_t offset)
{
	struct analysis *a = s->a;
	int first = a->m->registers, nholding = 0;
	int *holding = alloc(&a->arena, (a->nslots + 1) * sizeof *holding);
	bool untouched = true;
	if (offset >= 0) return fail(a, "an incoming stack argument at CFA+%lld is read after the call", (long long)offset);
	for (int n = 0; n < a->nslots; n++) {
		term_t t = held(s->state, first + n);
		const struct slot *slot = a->slots + n;
		if (!t || offset < slot->offset || offset >= slot->offset + slot->size) continue;
		untouched &= t == make(a, INIT, 0, first + n, 0, 0);
		int at = nholding++; /* by size */
		for (; at && a->slots[holding[at - 1]].size > slot->size; at--) holding[at] = holding[at - 1];
		holding[at] = n;
	}
	if (untouched) { /* not written to on any path: a value that is undefined on the way here */
		account(s, offset, 1);
		return true;
	}
	fail(a, "the slot at CFA%lld is read after the call", (long long)offset);
	for (int n = 0; n < nholding; n++) {
		const struct slot *slot = a->slots + holding[n];
		int64_t begin = slot->offset, end = begin + slot->size;
		term_t t = held(s->state, first + holding[n]);
		struct term it = *term(a, t);
		if (it.kind == INIT && it.a < first && a->m->facts[it.a] & UNDEFINED_AT_ENTRY) {
			account(s, begin, end - begin);
			return true;
		}
		int size = loaded(a, t);
		if (size && offset - begin >= size) return remake_zeros(s, offset, end, first + holding[n]);
		if (size) end = begin + size;
		int width = width_of(s, begin, end);
		if (!width || is_covered(s, begin, width)) continue;
		if (remake(s, POPCORN_SLOT | -begin, width, t, first + holding[n])) {
			account(s, begin, width);
			return true;
		}
	}
	return false;
}

/* Where a register of the caller's was saved, as an offset from the CFA: 0 if it is still in place. */
static bool saved_at(const struct site *s, int reg, int64_t *at)
{
	struct analysis *a = s->a;
	term_t entry = make(a, INIT, 0, reg, 0, 0);
	bool found = false, in_use = false;
	*at = 0;
	for (int n = 0; n < a->nslots; n++) {
		const struct slot *slot = a->slots + n;
		if (held(s->state, a->m->registers + n) != entry || slot->size < 8) continue;
		bool live = byte_live(s, slot->offset);
		if (found && (in_use > live || (in_use == live && slot->offset >= *at))) continue;
		found = true;
		in_use = live;
		*at = slot->offset;
	}
	if (found || s->state->at[reg] == entry) return true;
	return fail(a, "the caller's %s is lost", a->m->names[reg]);
}

/* Puts the caller's registers, their number first; those that are still in place are left out. */
static bool save_registers(struct site *s)
{
	struct analysis *a = s->a;
	int count = a->nout;
	put(a, 0);
	for (int n = 0; n <= a->m->ncallee_saved; n++) {
		int reg = n < a->m->ncallee_saved ? a->m->callee_saved[n] : a->m->link_register;
		int64_t at;
		if (reg < 0) continue;
		if (!saved_at(s, reg, &at)) return false;
		if (!at) continue;
		put(a, (int64_t)a->m->dwarf[reg] << 24 | -at / 8);
		a->out[count]++;
		cover(s, at, 8);
	}
	return true;
}

static bool is_listed(const struct site *s, int location)
{
	for (int v = 0; v < s->listing->count; v++)
		if (s->listing->places[v] == location) return true;
	return false;
}

static bool remake_registers(struct site *s)
{
	const struct analysis *a = s->a;
	for (int n = 0; n < a->m->ncallee_saved; n++) {
		int reg = a->m->callee_saved[n], width = live_width(a, s->live, reg);
		term_t t = s->state->at[reg];
		if (!width || is_listed(s, reg) || t == make(s->a, INIT, 0, reg, 0, 0)) continue;
		if (a->m->facts[reg] & VECTOR && width > 8) width = 8;
		if (!remake(s, a->m->dwarf[reg], width, t, reg)) return false;
	}
	return true;
}

static bool remake_frame(struct site *s)
{
	const struct analysis *a = s->a;
	for (int v = 0; v < s->listing->count; v++) {
		int place = s->listing->places[v];
		if (place >= a->m->registers) cover(s, a->slots[place - a->m->registers].offset, 8);
	}
	if (a->m->link_register < 0) cover(s, -8, 8); /* the return address */
	for (int k = 0; k < a->nbytes; k++)
		if (s->rest[k] && !remake_slot(s, a->low_byte + k)) return false;
	return true;
}

/* Puts a record's map. */
void map_site(struct analysis *a, int record)
{
	struct site s = {.a = a, .state = a->after + record, .listing = a->listings + record};
	const struct term *sp = term(a, s.state->at[a->m->stack_pointer]);
	int begin = a->nout, count = s.listing->count;
	int64_t frame = -sp->k;
	if (!s.listing->sound) {
		unproved(a, s.listing->why);
		return;
	}
	if (sp->kind != CFA) {
		fail(a, "the stack pointer is not known");
		unproved(a, said(a));
		return;
	}
	s.live = a->live_after + (size_t)record * a->nwords;
	s.rest = alloc(&a->arena, a->nbytes + 1);
	s.covered = alloc(&a->arena, a->nbytes + 1);
	for (int bit = a->first_byte_bit; bit < a->nbits; bit++)
		if (has(s.live, bit)) s.rest[a->bit_byte[bit - a->first_byte_bit]] = true;
	put(a, POPCORN_OUTCOME_PROVED);
	put(a, frame);
	put(a, count);
	for (int v = 0; v < count; v++) put(a, s.listing->words[v]);
	list_terms(&s);
	if (!save_registers(&s) || !remake_registers(&s) || !remake_frame(&s)) {
		a->nout = begin;
		unproved(a, said(a));
		return;
	}
	put(a, s.nrecipes / RECIPE_NUMBERS);
	for (int n = 0; n < s.nrecipes; n++) put(a, s.recipes[n]);
}
