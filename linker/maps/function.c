/* The maps of a function's sites. */
#include <stdio.h>
#include <stdlib.h>

#include "maps.h"

void put(struct analysis *a, int64_t number)
{
	a->out = grown(&a->arena, a->out, a->nout, &a->room_out, sizeof *a->out);
	a->out[a->nout++] = number;
}

const char *location_name(const struct analysis *a, int location, char *text, size_t size)
{
	if (location < a->m->registers) return a->m->names[location];
	snprintf(text, size, "the slot at CFA%+lld", (long long)a->slots[location - a->m->registers].offset);
	return text;
}

/* What follows an expression (popcc/schema/machinecode.py). */
const int64_t *behind(const int64_t *e)
{
	switch (e[0]) {
	case POPCORN_EXPR_THREAD_POINTER: return e + 1;
	case POPCORN_EXPR_CONSTANT: return e + 2;
	case POPCORN_EXPR_SYMBOL: case POPCORN_EXPR_PAGE: return e + 3;
	case POPCORN_EXPR_REGISTER: case POPCORN_EXPR_LO12: case POPCORN_EXPR_INSERT: return e + 4;
	case POPCORN_EXPR_ADDRESS: return e + 7;
	case POPCORN_EXPR_LOAD: return e + 9;
	case POPCORN_EXPR_ALU: return behind(behind(e + 2));
	}
	return e + 3 + 2 * e[1] + 7 * e[2]; /* OTHER */
}

/* By instruction, the record of the call. Both are in order. */
static void find_records(struct analysis *a)
{
	const struct function *f = a->f;
	a->record_of = alloc(&a->arena, f->ninsns * sizeof *a->record_of);
	for (int k = 0; k < f->ninsns; k++) a->record_of[k] = -1;
	for (int r = 0; r < f->nrecords; r++) {
		int low = 0, high = f->ninsns - 1;
		while (low < high) {
			int middle = (low + high) / 2;
			if (f->address[middle + 1] < f->records[r].offset) low = middle + 1;
			else high = middle;
		}
		const int64_t *c = f->code + f->place[low];
		if (f->address[low + 1] == f->records[r].offset && c[0] == POPCORN_INSN_CALL) a->record_of[low] = r;
	}
}

/* Room for the analyses of functions of one ISA, one after the other. */
struct analysis *maps_new(const struct machine *m)
{
	struct analysis *a = calloc(1, sizeof *a);
	if (!a) abort();
	a->m = m;
	return a;
}

void maps_free(struct analysis *a)
{
	dispose(&a->arena);
	dispose(&a->scratch);
	free(a);
}

/* The maps of one function's sites; the result holds until the next call. */
void maps_of_function(struct analysis *a, const struct function *f, struct result *result)
{
	release(&a->arena);
	a->f = f;
	a->out = 0;
	a->text = 0;
	a->nout = a->room_out = a->ntext = a->room_text = 0;
	start_terms(a);
	find_records(a);
	find_values(a);
	if (!a->wild) {
		a->listings = alloc(&a->arena, f->nrecords * sizeof *a->listings);
		for (int r = 0; r < f->nrecords; r++)
			if (a->after[r].count) list_values(a, r);
		find_live(a);
		for (int r = 0; r < f->nrecords; r++) {
			if (a->after[r].count) map_site(a, r);
			else put(a, POPCORN_OUTCOME_UNREACHED);
		}
	}
	*result = (struct result){a->wild, a->wild_insn, a->wild_reg, a->nout, a->out, a->text};
}
