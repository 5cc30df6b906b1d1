/* The site table of the program: what returns where. Read only, written and checked by the linker. */
#include "popcorn.h"

static const struct popcorn_sites_header *header(void)
{
	return (const void *)__popcorn_sites;
}

static const uint32_t *addresses(void)
{
	return (const void *)(__popcorn_sites + header()->ra_off);
}

static const struct popcorn_site *sites(void)
{
	return (const void *)(__popcorn_sites + header()->site_off);
}

const struct popcorn_site *popcorn_site_at(uint64_t ra)
{
	const uint32_t *a = addresses();
	size_t lo = 0, hi = header()->nsites;

	if (ra > UINT32_MAX) return 0;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (a[mid] < ra) lo = mid + 1;
		else hi = mid;
	}
	return lo < header()->nsites && a[lo] == ra ? sites() + lo : 0;
}

const struct popcorn_site *popcorn_site_of_id(uint32_t id)
{
	const uint32_t *index = (const void *)(__popcorn_sites + header()->id_off);

	if (id >= header()->nids || index[id] >= header()->nsites) return 0;
	return sites() + index[id];
}

uint32_t popcorn_site_address(const struct popcorn_site *s)
{
	return addresses()[s - sites()];
}

const struct popcorn_func *popcorn_site_func(const struct popcorn_site *s)
{
	return (const struct popcorn_func *)(__popcorn_sites + header()->func_off) + s->func;
}

const uint32_t *popcorn_words(uint32_t first)
{
	return (const uint32_t *)(const void *)(__popcorn_sites + header()->word_off) + first;
}

const struct popcorn_recipe *popcorn_recipes(uint32_t first)
{
	return (const struct popcorn_recipe *)(const void *)(__popcorn_sites + header()->recipe_off) + first;
}

const char *popcorn_func_name(const struct popcorn_func *f)
{
	return __popcorn_sites + header()->string_off + f->name;
}
