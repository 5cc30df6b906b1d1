/* What holds where ways join.
 *
 * Locations into which the same terms flow from every predecessor get one phi, so that copies stay equal through loops
 * (value numbering by partition, Alpern, Wegman and Zadeck 1988).
 */
#include <string.h>

#include "maps.h"

struct joining { /* of what flows into a block */
	const struct state **states;
	int count;
	term_t *vectors, *phis; /* of the groups so far */
	int32_t *table;
	int ngroups, table_size;
};

static uint32_t vector_hash(const term_t *vector, int count)
{
	uint64_t h = 0;
	for (int k = 0; k < count; k++) h = (h ^ vector[k]) * 0x9e3779b97f4a7c15;
	return h >> 32;
}

/* A phi, wrapped in the extension that all the terms flowing into it share. */
static term_t phi(struct analysis *a, const term_t *vector, int count, int n, int location)
{
	term_t t = make(a, PHI, 0, location, 0, n);
	struct term first = *term(a, vector[0]);
	if (first.kind != ZX && first.kind != SX) return t;
	for (int k = 1; k < count; k++) {
		const struct term *it = term(a, vector[k]);
		if (it->kind != first.kind || it->n != first.n) return t;
	}
	return make(a, first.kind, first.n, t, 0, 0);
}

/* The phi of all locations into which the same terms flow. */
static term_t group(struct analysis *a, struct joining *j, const term_t *vector, int n, int location)
{
	uint32_t at = vector_hash(vector, j->count);
	for (int g; (g = j->table[at &= j->table_size - 1]); at++)
		if (!memcmp(j->vectors + (size_t)(g - 1) * j->count, vector, j->count * sizeof *vector))
			return j->phis[g - 1];
	j->phis[j->ngroups] = phi(a, vector, j->count, n, location);
	memcpy(j->vectors + (size_t)j->ngroups * j->count, vector, j->count * sizeof *vector);
	j->table[at] = ++j->ngroups;
	return j->phis[j->ngroups - 1];
}

static term_t joined(struct analysis *a, struct joining *j, term_t *vector, int n, int location)
{
	term_t first = held(j->states[0], location);
	bool differ = false, untouched = false;
	for (int k = 0; k < j->count; k++) {
		vector[k] = held(j->states[k], location);
		if (term(a, vector[k])->kind == LOST) return vector[k];
		differ |= vector[k] != first;
		untouched |= !vector[k];
	}
	if (!differ) return first;
	if (untouched) {
		term_t init = make(a, INIT, 0, location, 0, 0);
		differ = false;
		for (int k = 0; k < j->count; k++) {
			if (!vector[k]) vector[k] = init;
			differ |= vector[k] != vector[0];
		}
		if (!differ) return init;
	}
	return group(a, j, vector, n, location);
}

/* What holds at the head of a block, by what is known of its predecessors so far. */
void merge(struct analysis *a, int n, const struct state **states, int count, struct state *into)
{
	if (count == 1) {
		copy(a, into, states[0]);
		return;
	}
	int all = 0, size = 64;
	for (int k = 0; k < count; k++)
		if (states[k]->count > all) all = states[k]->count;
	while (size < 2 * all) size *= 2;
	struct arena *scratch = &a->scratch;
	struct joining j = {.states = states, .count = count, .table_size = size};
	j.vectors = alloc(scratch, (size_t)all * count * sizeof *j.vectors);
	j.phis = alloc(scratch, all * sizeof *j.phis);
	j.table = alloc(scratch, size * sizeof *j.table);
	term_t *vector = alloc(scratch, count * sizeof *vector);
	into->count = 0;
	hold(a, into, all - 1, 0);
	for (int location = 0; location < all; location++) into->at[location] = joined(a, &j, vector, n, location);
	release(scratch);
}
