/* What each register and frame slot holds: forward analysis. */
#include <string.h>

#include "maps.h"

#define MAXIMUM_ROUNDS 60

struct mem {
	int base, index, how, symbol;
	int64_t displacement, addend;
};

static struct mem mem_at(const int64_t *e)
{
	return (struct mem){e[0], e[1], e[3], e[4], e[2], e[5]};
}

static void be_wild(struct analysis *a, int why, int k, int reg)
{
	if (a->wild) return;
	a->wild = why;
	a->wild_insn = k;
	a->wild_reg = reg;
}

/* The page that an address is reached from. */
static term_t page(struct analysis *a, int symbol, int64_t addend)
{
	return make(a, PAGE, 0, symbol, 0, addend + a->m->page_rounding);
}

/* The address, as far as it is known; 0 if it is not. */
static term_t address(struct analysis *a, const struct mem *mem, const struct state *s)
{
	switch (mem->how) {
	case POPCORN_MEM_GOT:
		return make(a, GOT, 0, mem->symbol, 0, 0);
	case POPCORN_MEM_LO12:
		if (mem->base < 0 || mem->index >= 0 || s->at[mem->base] != page(a, mem->symbol, mem->addend)) return 0;
		return make(a, SYM, 0, mem->symbol, 0, mem->addend);
	case POPCORN_MEM_ABS:
		if (mem->base >= 0 || mem->index >= 0) return 0;
		return make(a, SYM, 0, mem->symbol, 0, mem->addend + mem->displacement);
	}
	if (mem->base < 0) return 0;
	term_t t = plus(a, s->at[mem->base], mem->displacement);
	if (mem->index < 0) return t;
	return term(a, t)->kind == CFA ? make(a, INDEXED, 0, t, 0, 0) : 0;
}

/* Notes an access to the frame. */
static void touch(struct analysis *a, bool write, term_t at, int32_t size, int k)
{
	if (!a->noting) return;
	struct term it = *term(a, at);
	if (it.kind == INDEXED) be_wild(a, POPCORN_WILD_INDEXED, k, 0);
	if (it.kind != CFA) return;
	if (it.k < -MAX_FRAME || it.k > MAX_FRAME) be_wild(a, POPCORN_WILD_TOO_WIDE, k, 0);
	struct access **p = a->accesses + k;
	for (; *p; p = &(*p)->next)
		if ((*p)->write == write && (*p)->offset == it.k && (*p)->size == size) return;
	*p = alloc(&a->arena, sizeof **p);
	**p = (struct access){it.k, size, write, 0};
}

static term_t load(struct analysis *a, const int64_t *e, const struct state *s, int k)
{
	struct mem mem = mem_at(e + 1);
	int32_t size = e[7], how = e[8];
	term_t at = address(a, &mem, s);
	if (!at) return 0;
	touch(a, false, at, size, k);
	struct term it = *term(a, at);
	switch (it.kind) {
	case GOT:
		return make(a, SYM, 0, it.a, 0, 0);
	case SYM:
		return a->f->read_only[it.a] ? extend(a, size, make(a, LOAD, size, it.a, 0, it.k), how) : 0;
	case CFA: {
		term_t t = slot_term(a, slot_at(a, it.k, size), s);
		return t ? extend(a, size, t, how) : 0;
	}
	}
	return 0;
}

/* What is known of a value that was loaded, zero-extended, from read-only memory. */
static term_t contents(struct analysis *a, term_t t)
{
	const struct term *it = term(a, t);
	if (it->kind != ZX) return t;
	const struct term *of = term(a, it->a);
	uint64_t there;
	if (of->kind != LOAD || !a->f->constant(of->a, of->k, it->n, &there)) return t;
	return make(a, CONST, 0, 0, 0, there);
}

static uint64_t calculated(int operation, uint64_t x, uint64_t y)
{
	switch (operation) {
	case POPCORN_ALU_AND: return x & y;
	case POPCORN_ALU_OR: return x | y;
	case POPCORN_ALU_XOR: return x ^ y;
	case POPCORN_ALU_SHL: return y < 64 ? x << y : 0;
	case POPCORN_ALU_SHR: return y < 64 ? x >> y : 0;
	case POPCORN_ALU_SAR: return (int64_t)x >> (y < 64 ? y : 63);
	case POPCORN_ALU_ADD: return x + y;
	case POPCORN_ALU_SUB: return x - y;
	}
	return (int32_t)(x + y); /* ADDW */
}

static term_t value(struct analysis *a, const int64_t *e, const struct state *s, int k);

static term_t alu(struct analysis *a, const int64_t *e, const struct state *s, int k)
{
	int operation = e[1];
	term_t t = value(a, e + 2, s, k), u = value(a, behind(e + 2), s, k);
	if (!t || !u) return 0;
	if (operation == POPCORN_ALU_OR) t = contents(a, t);
	struct term x = *term(a, t), y = *term(a, u);
	if (x.kind == CONST && y.kind == CONST) return make(a, CONST, 0, 0, 0, calculated(operation, x.k, y.k));
	switch (operation) {
	case POPCORN_ALU_SUB:
		/* how far a thread-local lies from the thread pointer */
		if (y.kind == SYM && (x.kind == SYM || x.kind == CONST))
			return make(a, DIFF, 0, x.kind == SYM ? x.a : 0, y.a, x.k - y.k);
		return y.kind == CONST ? total(a, t, make(a, CONST, 0, 0, 0, -(uint64_t)y.k)) : 0;
	case POPCORN_ALU_ADD:
		return total(a, t, u);
	}
	return y.kind == CONST ? shift(a, operation, t, y.k) : 0;
}

/* What an expression is; 0 if that is not known. */
static term_t value(struct analysis *a, const int64_t *e, const struct state *s, int k)
{
	struct mem mem;
	struct term it;
	switch (e[0]) {
	case POPCORN_EXPR_REGISTER:
		it = *term(a, s->at[e[1]]);
		if (it.kind == LOST) return 0;
		if (e[2] == 8 && it.kind == LOAD && it.n > 8) /* the low half of a vector */
			return make(a, LOAD, 8, it.a, 0, it.k);
		return extend(a, e[2], s->at[e[1]], e[3]);
	case POPCORN_EXPR_CONSTANT:
		return make(a, CONST, 0, 0, 0, e[1]);
	case POPCORN_EXPR_SYMBOL:
		return make(a, SYM, 0, e[1], 0, e[2]);
	case POPCORN_EXPR_PAGE:
		return make(a, PAGE, 0, e[1], 0, e[2]);
	case POPCORN_EXPR_THREAD_POINTER:
		return make(a, TP, 0, 0, 0, 0);
	case POPCORN_EXPR_ADDRESS:
		mem = mem_at(e + 1);
		return address(a, &mem, s);
	case POPCORN_EXPR_LO12:
		return s->at[e[1]] == page(a, e[2], e[3]) ? make(a, SYM, 0, e[2], 0, e[3]) : 0;
	case POPCORN_EXPR_INSERT:
		it = *term(a, s->at[e[1]]);
		if (it.kind != CONST) return 0;
		return make(a, CONST, 0, 0, 0, (it.k & ~((uint64_t)0xffff << e[3])) | (uint64_t)e[2] << e[3]);
	case POPCORN_EXPR_ALU:
		return alu(a, e, s, k);
	case POPCORN_EXPR_LOAD:
		return load(a, e, s, k);
	}
	const int64_t *mems = e + 3 + 2 * e[1]; /* of anything else, OTHER */
	for (int n = 0; n < e[2]; n++, mems += 7) {
		mem = mem_at(mems);
		touch(a, false, address(a, &mem, s), mems[6], k);
	}
	return 0;
}

static void set(struct analysis *a, int reg, int width, term_t t, struct state *s, int k)
{
	if (reg == a->m->registers) return; /* the condition codes */
	if (!t) t = make(a, DEF, 0, reg, 0, a->f->address[k]);
	if (width < 4) { /* the rest of the register stays, whatever it is */
		t = low(a, width, t);
		if (term(a, t)->kind != LOW) t = make(a, LOW, width, t, 0, 0);
	} else if (width == 4 && !(a->m->facts[reg] & VECTOR)) {
		t = extend(a, 4, t, POPCORN_EXTEND_ZERO);
	}
	s->at[reg] = t;
}

static void store(struct analysis *a, term_t at, int32_t size, term_t t, struct state *s, int k)
{
	touch(a, true, at, size, k);
	if (term(a, at)->kind != CFA) {
		if (a->noting && term(a, t)->kind == CFA) be_wild(a, POPCORN_WILD_STORED, k, 0);
		return;
	}
	int location = slot_at(a, term(a, at)->k, size);
	if (!t) t = make(a, DEF, 0, location, 0, a->f->address[k]);
	const struct slot *slot = a->slots + (location - a->m->registers);
	for (int n = 0; n < slot->noverlaps; n++) {
		int other = slot->overlaps[n];
		const struct slot *o = a->slots + (other - a->m->registers);
		bool inside = o->offset == slot->offset && o->size < size;
		hold(a, s, other, inside ? low(a, o->size, t) : make(a, DEF, 0, other, 0, a->f->address[k]));
	}
	hold(a, s, location, low(a, size, t));
}

static void call(struct analysis *a, struct state *s, int k)
{
	const struct machine *m = a->m;
	term_t lost = make(a, LOST, 0, 0, 0, 0);
	for (int r = 0; r < m->registers; r++) {
		if (a->noting && m->facts[r] & ARGUMENT && term(a, s->at[r])->kind == CFA) be_wild(a, POPCORN_WILD_PASSED, k, r);
		if (m->facts[r] & RESULT) s->at[r] = make(a, DEF, 0, r, 0, a->f->address[k]);
		else if (!(m->facts[r] & CALLEE_SAVED) && r != m->stack_pointer) s->at[r] = lost;
	}
}

/* One instruction: all values and addresses are of the state before it. */
static void step(struct analysis *a, int k, struct state *s)
{
	const int64_t *c = a->f->code + a->f->place[k];
	int kind = c[0], neffects = c[2];
	term_t values[MAX_EFFECTS], addresses[MAX_EFFECTS];
	const int64_t *effects = c + 3 + 2 * c[1], *e = effects;
	for (int n = 0; n < neffects; n++, e += e[1]) {
		bool stores = e[0] == POPCORN_EFFECT_STORE;
		if (stores) {
			struct mem mem = mem_at(e + 3);
			addresses[n] = address(a, &mem, s);
		}
		values[n] = value(a, e + (stores ? 9 : 4), s, k);
	}
	e = effects;
	for (int n = 0; n < neffects; n++, e += e[1]) {
		if (e[0] == POPCORN_EFFECT_STORE) store(a, addresses[n], e[2], values[n], s, k);
		else set(a, e[2], e[3], values[n], s, k);
	}
	if (kind == POPCORN_INSN_CALL) call(a, s, k);
}

struct predecessors {
	int32_t *first, *blocks; /* by block, as successors are */
};

static struct predecessors turned_round(struct analysis *a)
{
	const struct function *f = a->f;
	struct predecessors p;
	p.first = alloc(&a->arena, (f->nblocks + 2) * sizeof *p.first);
	p.blocks = alloc(&a->arena, (f->way[f->nblocks] + 1) * sizeof *p.blocks);
	for (int k = 0; k < f->way[f->nblocks]; k++) p.first[f->ways[k] + 2]++;
	for (int n = 0; n < f->nblocks; n++) p.first[n + 2] += p.first[n + 1];
	for (int n = 0; n < f->nblocks; n++)
		for (int k = f->way[n]; k < f->way[n + 1]; k++) p.blocks[p.first[f->ways[k] + 1]++] = n;
	return p;
}

static void through(struct analysis *a, int n, struct state *s)
{
	for (int k = a->f->first[n]; k < a->f->first[n + 1]; k++) {
		step(a, k, s);
		if (a->noting && a->record_of[k] >= 0) copy(a, a->after + a->record_of[k], s);
	}
}

static void start(struct analysis *a, struct state *s)
{
	const struct machine *m = a->m;
	hold(a, s, m->registers - 1, 0);
	for (int r = 0; r < m->registers; r++) s->at[r] = make(a, INIT, 0, r, 0, 0);
	s->at[m->stack_pointer] = make(a, CFA, 0, 0, 0, m->entry_sp);
}

/* Whether what flows into the blocks came to rest. */
static bool settled(struct analysis *a)
{
	const struct function *f = a->f;
	struct predecessors before = turned_round(a);
	struct state at_start = {0}, merged = {0};
	start(a, &at_start);
	bool *stale = alloc(&a->arena, f->nblocks);
	const struct state **states = alloc(&a->arena, (f->way[f->nblocks] + 1) * sizeof *states);
	memset(stale, 1, f->nblocks);
	for (int round = 0; round < MAXIMUM_ROUNDS; round++) {
		bool changed = false;
		for (int k = 0; k < f->norder; k++) {
			int n = f->order[k], count = 0;
			if (!stale[n]) continue;
			stale[n] = false;
			for (int p = before.first[n]; p < before.first[n + 1]; p++)
				if (a->exit[before.blocks[p]].count) states[count++] = a->exit + before.blocks[p];
			if (!n) states[count++] = &at_start;
			merge(a, n, states, count, &merged);
			if (a->entry[n].count && equal(a->entry + n, &merged)) continue;
			changed = true;
			copy(a, a->entry + n, &merged);
			through(a, n, &merged);
			copy(a, a->exit + n, &merged);
			for (int w = f->way[n]; w < f->way[n + 1]; w++) stale[f->ways[w]] = true;
		}
		if (!changed) return true;
	}
	return false;
}

void find_values(struct analysis *a)
{
	const struct function *f = a->f;
	start_slots(a);
	a->entry = alloc(&a->arena, f->nblocks * sizeof *a->entry);
	a->exit = alloc(&a->arena, f->nblocks * sizeof *a->exit);
	a->after = alloc(&a->arena, f->nrecords * sizeof *a->after);
	a->accesses = alloc(&a->arena, f->ninsns * sizeof *a->accesses);
	a->noting = false;
	a->wild = POPCORN_WILD_TAME;
	if (!settled(a)) {
		be_wild(a, POPCORN_WILD_UNSETTLED, 0, 0);
		return;
	}
	struct state s = {0};
	a->noting = true;
	for (int k = 0; k < f->norder; k++) {
		copy(a, &s, a->entry + f->order[k]);
		through(a, f->order[k], &s);
	}
}
