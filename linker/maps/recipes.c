/* How a value is remade that LLVM's stack map does not list: as a constant, a symbol's address, read-only memory, thread
 * pointer or frame plus a constant, a copy of a listed value, or an extension of its low bytes.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "site.h"

enum { NO_SYMBOL, OF_SYMBOL, OF_PAGE, OF_DIFFERENCE };

struct recipe {
	int64_t dest, kind, width, value, imm, how, symbol, other;
};
_Static_assert(sizeof(struct recipe) == RECIPE_NUMBERS * sizeof(int64_t), "recipe");

bool fail(struct analysis *a, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(a->why, sizeof a->why, format, arguments);
	va_end(arguments);
	return false;
}

static void describe(const struct analysis *a, term_t t, char *text, size_t size)
{
	const struct term *it = term(a, t);
	const char *name = a->f->symbols[it->kind == SYM || it->kind == PAGE || it->kind == LOAD || it->kind == GOT ? it->a : 0];
	char of[256];
	switch (it->kind) {
	case CONST: snprintf(text, size, "the number %lld", (long long)it->k); return;
	case SYM: snprintf(text, size, "the address of %s + %lld", name, (long long)it->k); return;
	case PAGE: snprintf(text, size, "the page of %s + %lld", name, (long long)it->k); return;
	case GOT: snprintf(text, size, "the place of the address of %s", name); return;
	case LOAD: snprintf(text, size, "%d bytes of %s at %lld", it->n, name, (long long)it->k); return;
	case DIFF: case TPDIFF: snprintf(text, size, "the difference of two addresses"); return;
	case TP: snprintf(text, size, "the thread pointer + %lld", (long long)it->k); return;
	case CFA: snprintf(text, size, "the address CFA%+lld", (long long)it->k); return;
	case INIT: snprintf(text, size, "what %s held on entry", location_name(a, it->a, of, sizeof of)); return;
	case DEF: snprintf(text, size, "a result of the instruction at %#llx", (unsigned long long)it->k); return;
	case LOST: snprintf(text, size, "what a call left there"); return;
	case PHI: snprintf(text, size, "one of several values, joined in block %lld", (long long)it->k); return;
	case NONE: snprintf(text, size, "nothing that is known"); return;
	}
	describe(a, it->a, of, sizeof of);
	if (it->kind == ADD) snprintf(text, size, "%s plus %lld", of, (long long)it->k);
	else if (it->kind == SHIFTED) snprintf(text, size, "%s, shifted by %d bits", of, it->n);
	else if (it->kind == INDEXED) snprintf(text, size, "%s, indexed", of);
	else snprintf(text, size, "%d bytes of %s", it->n, of);
}

/* The value that is listed with a term, or -1. */
static int value_of(const struct site *s, term_t t)
{
	for (int n = 0; n < s->nterms; n++)
		if (s->terms[n] == t) return s->numbers[n];
	return -1;
}

static bool made(struct recipe *r, int kind, int64_t value, int64_t imm)
{
	r->kind = kind;
	r->value = value;
	r->imm = imm;
	return true;
}

static bool of_symbol(struct recipe *r, int kind, const struct term *t, int how)
{
	r->how = how;
	r->symbol = t->a;
	r->other = t->b;
	return made(r, kind, 0, t->k);
}

/* A listed value and what must be added to it, both from one base. */
static bool from_value(const struct site *s, struct recipe *r, term_t t)
{
	const struct analysis *a = s->a;
	const struct term *it = term(a, t);
	int value = value_of(s, t);
	if (value >= 0) return made(r, POPCORN_RECIPE_VALUE, value, 0);
	int64_t more = it->kind == ADD ? it->k : 0;
	if (it->kind == ADD && (value = value_of(s, it->a)) >= 0) return made(r, POPCORN_RECIPE_VALUE, value, more);
	for (int n = 0; n < s->nterms; n++) {
		const struct term *known = term(a, s->terms[n]);
		if (known->kind == ADD && (known->a == t || (it->kind == ADD && it->a == known->a)))
			return made(r, POPCORN_RECIPE_VALUE, s->numbers[n], more - known->k);
	}
	return false;
}

static bool from_nothing(struct recipe *r, const struct term *it)
{
	switch (it->kind) {
	case CONST: return made(r, POPCORN_RECIPE_CONST, 0, it->k);
	case SYM: return of_symbol(r, POPCORN_RECIPE_CONST, it, OF_SYMBOL);
	case PAGE: return of_symbol(r, POPCORN_RECIPE_CONST, it, OF_PAGE);
	case DIFF: return of_symbol(r, POPCORN_RECIPE_CONST, it, OF_DIFFERENCE);
	case TPDIFF: return of_symbol(r, POPCORN_RECIPE_TP, it, OF_DIFFERENCE);
	case TP: return made(r, POPCORN_RECIPE_TP, 0, it->k);
	case CFA: return made(r, POPCORN_RECIPE_CFA, 0, it->k);
	case LOAD: return it->n >= r->width && of_symbol(r, POPCORN_RECIPE_LOAD, it, OF_SYMBOL);
	}
	return false;
}

static bool from_extension(const struct site *s, struct recipe *r, term_t t)
{
	struct analysis *a = s->a;
	struct term it = *term(a, t);
	if (it.kind != ZX && it.kind != SX) return false;
	term_t wanted = low(a, it.n, it.a);
	for (int n = 0; n < s->nterms; n++)
		if (low(a, it.n, s->terms[n]) == wanted)
			return made(r, it.kind == ZX ? POPCORN_RECIPE_ZEXT : POPCORN_RECIPE_SEXT, s->numbers[n], it.n);
	int size = loaded(a, t);
	/* registers are written whole */
	if (!size || (r->width > size && r->dest & POPCORN_SLOT)) return false;
	if (r->width > size) r->width = size;
	return of_symbol(r, POPCORN_RECIPE_LOAD, term(a, it.a), OF_SYMBOL);
}

static bool from_low_bytes(const struct site *s, struct recipe *r, term_t t)
{
	if (r->width >= 8) return false;
	term_t wanted = low(s->a, r->width, t);
	for (int n = 0; n < s->nterms; n++)
		if (low(s->a, r->width, s->terms[n]) == wanted) return made(r, POPCORN_RECIPE_VALUE, s->numbers[n], 0);
	return false;
}

/* How the low `width` bytes of what a location holds are remade; `why` says why they can't be. */
bool remake(struct site *s, int64_t dest, int width, term_t t, int location)
{
	struct analysis *a = s->a;
	struct recipe r = {.dest = dest, .width = width};
	if (width < 8) {
		t = low(a, width, t);
		if (term(a, t)->kind == LOW && term(a, t)->n == width) t = term(a, t)->a;
	}
	struct term it = *term(a, t);
	if (!from_value(s, &r, t) && !from_nothing(&r, &it) && !from_extension(s, &r, t) && !from_low_bytes(s, &r, t)) {
		char where[64], what[512];
		describe(a, t, what, sizeof what);
		return fail(a, "%s holds %s after the call", location_name(a, location, where, sizeof where), what);
	}
	int64_t numbers[RECIPE_NUMBERS];
	memcpy(numbers, &r, sizeof r);
	for (int n = 0; n < RECIPE_NUMBERS; n++) {
		s->recipes = grown(&a->arena, s->recipes, s->nrecipes, &s->room, sizeof *s->recipes);
		s->recipes[s->nrecipes++] = numbers[n];
	}
	return true;
}
