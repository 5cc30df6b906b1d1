/* Terms, each of which is there once (hash consing): equal means the same index. */
#include "maps.h"

static uint32_t hash(const struct term *t)
{
	uint64_t h = t->kind | t->n << 8 | (uint64_t)(uint32_t)t->a << 16;
	h = (h ^ (uint64_t)(uint32_t)t->b << 48) * 0x9e3779b97f4a7c15;
	h = (h ^ h >> 29 ^ (uint64_t)t->k) * 0xbf58476d1ce4e5b9;
	return h >> 32;
}

static bool same(const struct term *a, const struct term *b)
{
	return a->kind == b->kind && a->n == b->n && a->a == b->a && a->b == b->b && a->k == b->k;
}

static void rehash(struct analysis *a, int size)
{
	a->term_table = alloc(&a->arena, size * sizeof *a->term_table);
	a->term_table_size = size;
	for (int t = 1; t < a->nterms; t++) {
		uint32_t at = hash(a->terms + t);
		while (a->term_table[at &= size - 1]) at++;
		a->term_table[at] = t;
	}
}

void start_terms(struct analysis *a)
{
	a->terms = 0;
	a->nterms = a->room_terms = 0;
	a->terms = grown(&a->arena, 0, 0, &a->room_terms, sizeof *a->terms);
	a->nterms = 1; /* NONE */
	rehash(a, 256);
}

term_t make(struct analysis *a, enum kind kind, int n, int32_t first, int32_t second, int64_t k)
{
	struct term t = {kind, n, first, second, k};
	uint32_t at = hash(&t);
	for (; a->term_table[at &= a->term_table_size - 1]; at++)
		if (same(a->terms + a->term_table[at], &t)) return a->term_table[at];
	a->terms = grown(&a->arena, a->terms, a->nterms, &a->room_terms, sizeof *a->terms);
	a->terms[a->nterms] = t;
	a->term_table[at] = a->nterms++;
	if (2 * a->nterms > a->term_table_size) rehash(a, 4 * a->term_table_size);
	return a->nterms - 1;
}

static term_t constant(struct analysis *a, uint64_t value)
{
	return make(a, CONST, 0, 0, 0, (int64_t)value);
}

/* Sums wrap, as the machine's do. */
static int64_t sum(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a + (uint64_t)b);
}

term_t plus(struct analysis *a, term_t t, int64_t k)
{
	struct term it = *term(a, t);
	if (!k) return t;
	switch (it.kind) {
	case CONST: case SYM: case TP: case CFA: case DIFF: case TPDIFF:
		return make(a, it.kind, 0, it.a, it.b, sum(it.k, k));
	case ADD:
		return plus(a, it.a, sum(it.k, k));
	}
	return make(a, ADD, 0, t, 0, k);
}

/* The sum, if it can be told: one of them is a number, or they make a thread-local's address. */
term_t total(struct analysis *a, term_t t, term_t u)
{
	struct term x = *term(a, t), y = *term(a, u);
	if (x.kind == CONST || (x.kind == DIFF && y.kind == TP)) {
		struct term z = x;
		x = y;
		y = z;
		t = u;
	}
	if (y.kind == CONST) return plus(a, t, y.k);
	/* the thread pointer and how far the variable is off */
	if (x.kind == TP && y.kind == DIFF) return make(a, TPDIFF, 0, y.a, y.b, sum(y.k, x.k));
	return 0;
}

/* The term for the low `n` bytes, the rest unknown. */
term_t low(struct analysis *a, int n, term_t t)
{
	if (n >= 8) return t;
	struct term it = *term(a, t);
	while ((it.kind == ZX || it.kind == SX || it.kind == LOW) && it.n >= n) it = *term(a, t = it.a);
	if (it.kind == CONST) return constant(a, it.k & (((uint64_t)1 << 8 * n) - 1));
	if (it.kind == LOW && it.n < n) return t;
	return make(a, LOW, n, t, 0, 0);
}

/* The low `n` bytes extended to 8, as `how` says. */
term_t extend(struct analysis *a, int n, term_t t, int how)
{
	/* the program lies under 2 GiB: an address is its own extension */
	if (n >= 8 || how == POPCORN_EXTEND_NOT || (n == 4 && term(a, t)->kind == SYM)) return t;
	t = low(a, n, t);
	struct term it = *term(a, t);
	if (it.kind == CONST) {
		uint64_t sign = (uint64_t)1 << (8 * n - 1);
		return how == POPCORN_EXTEND_SIGN ? constant(a, ((uint64_t)it.k ^ sign) - sign) : t;
	}
	if (it.kind == LOW && it.n == n) it = *term(a, t = it.a);
	if (how == POPCORN_EXTEND_ZERO && it.kind == ZX && it.n <= n) return t;
	return make(a, how == POPCORN_EXTEND_ZERO ? ZX : SX, n, t, 0, 0);
}

/* A term shifted, as far as shifts to and fro are how an ISA extends low bytes. */
term_t shift(struct analysis *a, int operation, term_t t, int64_t bits)
{
	if (bits != 32 && bits != 48 && bits != 56) return 0;
	struct term it = *term(a, t);
	if (operation == POPCORN_ALU_SHL) return make(a, SHIFTED, bits, t, 0, 0);
	if (it.kind != SHIFTED || it.n != bits) return 0;
	if (operation == POPCORN_ALU_SHR) return extend(a, 8 - bits / 8, it.a, POPCORN_EXTEND_ZERO);
	if (operation == POPCORN_ALU_SAR) return extend(a, 8 - bits / 8, it.a, POPCORN_EXTEND_SIGN);
	return 0;
}

/* How many bytes from read-only memory a term extends by zeros; 0 if it is none of that kind. */
int loaded(const struct analysis *a, term_t t)
{
	const struct term *it = term(a, t);
	if (it->kind != ZX) return 0;
	const struct term *of = term(a, it->a);
	return of->kind == LOAD && of->n == it->n ? it->n : 0;
}
