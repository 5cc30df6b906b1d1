/* Breadth first through all states. Of those that were seen a hash of 64 bits is kept, with how they were reached; whole states
 * only until their successors are known. A violation is told from the start, in the fewest steps. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "model.h"

enum { MOST_ACTIONS = 64 };

struct seen { uint64_t hash; uint32_t parent; struct action by; };

static struct seen *seen;
static uint32_t *table, *edges, *first_edge;
static unsigned long nseen, nedges, most_edges, mask;

static uint64_t hash(const struct state *s)
{
	uint64_t h = 0x9e3779b97f4a7c15ull, word;

	for (size_t i = 0; i < sizeof *s; i += 8) {
		memcpy(&word, (const char *)s + i, 8);
		h = (h ^ word) * 0xff51afd7ed558ccdull;
		h ^= h >> 32;
	}
	h *= 0xc4ceb9fe1a85ec53ull;
	return h ^ h >> 29;
}

/* The number of the state at hand; *new if it was not seen before. */
static uint32_t enter(uint32_t parent, struct action by, int *new)
{
	uint64_t h = hash(&live);
	unsigned long at = h & mask;

	for (; table[at]; at = (at + 1) & mask)
		if (seen[table[at] - 1].hash == h) {
			*new = 0;
			return table[at] - 1;
		}
	seen[nseen] = (struct seen){ h, parent, by };
	table[at] = (uint32_t)++nseen;
	*new = 1;
	return (uint32_t)nseen - 1;
}

static void tell(uint32_t state, const struct action *last)
{
	unsigned n = 0;
	uint32_t *path = malloc(nseen * sizeof *path);

	for (uint32_t s = state; s; s = seen[s].parent) path[n++] = s;
	*model_wrong = 0;
	model_talks = 1;
	model_begin();
	printf("%u steps:\n", n + (last != 0));
	while (n) model_act(seen[path[--n]].by);
	if (last) model_act(*last);
	model_talks = 0;
	fflush(stdout);
	free(path);
}

/* Every state leads, somehow, to one in which all is over: else there is a trap nobody comes out of. */
static long trapped(char *ends)
{
	for (int again = 1; again;) {
		again = 0;
		for (unsigned long s = nseen; s--;) {
			if (ends[s]) continue;
			for (unsigned long e = first_edge[s]; e < first_edge[s + 1] && !ends[s]; e++) ends[s] = ends[edges[e]];
			again |= ends[s];
		}
	}
	for (unsigned long s = 0; s < nseen; s++)
		if (!ends[s]) return (long)s;
	return -1;
}

static void add_edge(uint32_t to)
{
	if (nedges == most_edges) edges = realloc(edges, (most_edges = most_edges ? 2 * most_edges : 1 << 16) * sizeof *edges);
	edges[nedges++] = to;
}

/* All successors of one state, those not seen before behind `end` in the queue. Returns the new end, or 0: a violation. */
static unsigned long expand(struct state *queue, unsigned long size, uint32_t at, unsigned long end, char *over)
{
	struct action actions[MOST_ACTIONS];
	struct state here = queue[at % size];
	unsigned n;
	int new;

	live = here;
	n = model_actions(actions);
	over[at] = (char)model_is_over();
	for (unsigned i = 0; i < n; i++) {
		live = here;
		model_act(actions[i]);
		if (*model_wrong) {
			tell(at, actions + i);
			return 0;
		}
		add_edge(enter(at, actions[i], &new));
		if (!new) continue;
		if (end - at == size) {
			model_fail("too many states at once");
			return 0;
		}
		queue[end++ % size] = live;
	}
	return end;
}

long model_search(struct model_options given, unsigned long most)
{
	unsigned long size = most / 2 + 16, end = 1;
	struct state *queue = malloc(size * sizeof *queue);
	char *over = calloc(most + MOST_ACTIONS, 1);
	int new;
	long trap;

	for (mask = 1; mask < 2 * most; mask *= 2);
	table = calloc(mask--, sizeof *table);
	seen = malloc((most + MOST_ACTIONS) * sizeof *seen);
	first_edge = malloc((most + MOST_ACTIONS) * sizeof *first_edge);
	nseen = nedges = 0;
	options = given;
	*model_wrong = 0;
	model_begin();
	enter(0, (struct action){ 0, 0, 0, 0 }, &new);
	queue[0] = live;
	for (unsigned long at = 0; at < end && end && !*model_wrong; at++) {
		first_edge[at] = (uint32_t)nedges;
		end = expand(queue, size, (uint32_t)at, end, over);
		if (end > most) model_fail("more than %lu states", most);
	}
	first_edge[nseen] = (uint32_t)nedges;
	if (!*model_wrong && (trap = trapped(over)) >= 0) {
		tell((uint32_t)trap, 0);
		model_fail("there is no way out of this state");
	}
	free(queue), free(over), free(table), free(seen), free(first_edge), free(edges);
	edges = 0;
	most_edges = 0;
	return *model_wrong ? -1 : (long)nseen;
}
