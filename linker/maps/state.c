/* Slots of the frame as they turn up, and states: what each location holds. */
#include <string.h>

#include "maps.h"

static uint32_t slot_hash(int64_t offset, int32_t size)
{
	return ((uint64_t)offset * 31 + size) * 0x9e3779b97f4a7c15 >> 32;
}

static void rehash(struct analysis *a, int size)
{
	a->slot_table = alloc(&a->arena, size * sizeof *a->slot_table);
	a->slot_table_size = size;
	for (int n = 0; n < a->nslots; n++) {
		uint32_t at = slot_hash(a->slots[n].offset, a->slots[n].size);
		while (a->slot_table[at &= size - 1]) at++;
		a->slot_table[at] = n + 1;
	}
}

void start_slots(struct analysis *a)
{
	a->slots = 0;
	a->nslots = a->room_slots = 0;
	rehash(a, 64);
}

static void overlap(struct analysis *a, struct slot *s, int location)
{
	s->overlaps = grown(&a->arena, s->overlaps, s->noverlaps, &s->room, sizeof *s->overlaps);
	s->overlaps[s->noverlaps++] = location;
}

/* The location of a slot, which may be new. */
int slot_at(struct analysis *a, int64_t offset, int32_t size)
{
	uint32_t at = slot_hash(offset, size);
	for (int n; (n = a->slot_table[at &= a->slot_table_size - 1]); at++)
		if (a->slots[n - 1].offset == offset && a->slots[n - 1].size == size) return a->m->registers + n - 1;
	int number = a->nslots;
	a->slots = grown(&a->arena, a->slots, number, &a->room_slots, sizeof *a->slots);
	a->slots[number] = (struct slot){.offset = offset, .size = size};
	a->slot_table[at] = ++a->nslots;
	if (2 * a->nslots > a->slot_table_size) rehash(a, 4 * a->slot_table_size);
	for (int n = 0; n < number; n++) {
		struct slot *s = a->slots + n;
		if (s->offset < offset + size && offset < s->offset + s->size) {
			overlap(a, s, a->m->registers + number);
			overlap(a, a->slots + number, a->m->registers + n);
		}
	}
	return a->m->registers + number;
}

void hold(struct analysis *a, struct state *s, int location, term_t t)
{
	int all = a->m->registers + a->nslots;
	if (location >= s->count) {
		if (all > s->room) {
			term_t *at = alloc(&a->arena, 2 * all * sizeof *at);
			memcpy(at, s->at, s->count * sizeof *at);
			s->at = at;
			s->room = 2 * all;
		}
		memset(s->at + s->count, 0, (all - s->count) * sizeof *s->at);
		s->count = all;
	}
	s->at[location] = t;
}

void copy(struct analysis *a, struct state *to, const struct state *from)
{
	if (from->count > to->room) {
		to->room = from->count + 16;
		to->at = alloc(&a->arena, to->room * sizeof *to->at);
	}
	memcpy(to->at, from->at, from->count * sizeof *to->at);
	to->count = from->count;
}

bool equal(const struct state *s, const struct state *t)
{
	int count = s->count > t->count ? s->count : t->count;
	for (int k = 0; k < count; k++)
		if (held(s, k) != held(t, k)) return false;
	return true;
}

/* What a slot holds: of one inside a wider one its low bytes; 0 for what was put together. */
term_t slot_term(struct analysis *a, int location, const struct state *s)
{
	if (held(s, location)) return held(s, location);
	const struct slot *slot = a->slots + (location - a->m->registers), *best = 0;
	term_t holds = 0;
	bool touched = false;
	for (int n = 0; n < slot->noverlaps; n++) {
		term_t t = held(s, slot->overlaps[n]);
		const struct slot *o = a->slots + (slot->overlaps[n] - a->m->registers);
		touched |= t != 0;
		if (t && o->offset == slot->offset && o->size > slot->size && (!best || o->size < best->size)) {
			best = o;
			holds = t;
		}
	}
	if (best) return low(a, slot->size, holds);
	return touched ? 0 : make(a, INIT, 0, location, 0, 0);
}
