/* The site table of the program: what returns where. Read only, written and checked by the linker. */
#include "popcorn.h"

static const struct popcorn_sites_header *header(void)
{
	return (const void *)__popcorn_sites;
}

static const void *part(uint32_t offset)
{
	return __popcorn_sites + offset;
}

/* The function whose call returns to ra; a call may be its last instruction. 0: none ends behind there. */
static const struct popcorn_func *function_before(uint64_t ra)
{
	const struct popcorn_func *f = part(header()->func_off);
	size_t lo = 0, hi = header()->nfuncs;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (f[mid].start < ra) lo = mid + 1;
		else hi = mid;
	}
	return lo ? f + lo - 1 : 0;
}

static void decode(uint32_t id, struct popcorn_site *s)
{
	const struct popcorn_sites_header *h = header();
	const void *maps = part(h->map_off);
	const uint8_t *code = part(h->code_off), *unusable = part(h->unusable_off);
	const uint8_t *p = code + 2 * (size_t)(h->wide ? ((const uint32_t *)maps)[id] : ((const uint16_t *)maps)[id]);
	uint32_t flags;

	s->id = id;
	s->frame = 8 * popcorn_number(&p);
	flags = popcorn_number(&p);
	s->flags = (flags & 15) | (unusable[id / 8] >> id % 8 & POPCORN_SITE_UNUSABLE);
	s->func_flags = flags >> 4;
	s->saved = code + popcorn_number(&p);
	s->nsaved = popcorn_number(&s->saved);
	s->recipes = code + popcorn_number(&p);
	s->nrecipes = popcorn_number(&s->recipes);
	s->nvalues = popcorn_number(&p);
	s->values = p;
}

int popcorn_site_at(uint64_t ra, struct popcorn_site *s)
{
	const uint32_t *addresses = part(header()->ra_off);
	const struct popcorn_func *f = function_before(ra);
	const uint16_t *order;
	size_t lo = 0, hi;

	if (!f) return 0;
	order = (const uint16_t *)part(header()->order_off) + f->order;
	hi = *order++;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		uint32_t id = f->first + order[mid];
		if (addresses[id] == ra) return decode(id, s), 1;
		if (addresses[id] < ra) lo = mid + 1;
		else hi = mid;
	}
	return 0;
}

int popcorn_site_of_id(uint32_t id, struct popcorn_site *s)
{
	if (id >= header()->nids || !popcorn_site_address(id)) return 0;
	decode(id, s);
	return !(s->flags & POPCORN_SITE_UNUSABLE);
}

uint32_t popcorn_site_address(uint32_t id)
{
	return ((const uint32_t *)part(header()->ra_off))[id];
}

const struct popcorn_recipe *popcorn_recipe(uint32_t n)
{
	return (const struct popcorn_recipe *)part(header()->recipe_off) + n;
}

const struct popcorn_func *popcorn_site_func(uint32_t id)
{
	return function_before(popcorn_site_address(id));
}

const char *popcorn_func_name(uint32_t id)
{
	return (const char *)part(header()->string_off) + popcorn_site_func(id)->name;
}
