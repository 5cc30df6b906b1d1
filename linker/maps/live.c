/* Which registers and frame bytes are read after a point: backward analysis.
 *
 * Liveness is strong: an instruction that only computes a value reads nothing when nobody reads the value. A set of
 * live places has four bits per register (byte 0; byte 1; bytes 2 and 3; the rest; for vectors 4, 8 and 16 bytes), then
 * a bit per frame byte.
 */
#include <string.h>

#include "maps.h"

enum { ALL = 15, GROUPS = 4 };
static const struct {
	int bit, start, end;
} groups[GROUPS] = {{1, 0, 1}, {2, 1, 2}, {4, 2, 4}, {8, 4, 8}}; /* of a general register */

struct transfer { /* what an instruction does to a set of live places */
	struct analysis *a;
	const uint64_t *live; /* behind it */
	uint64_t *uses, *killed;
	int k;
};

static void add(uint64_t *set, int bit, unsigned mask)
{
	set[bit / 64] |= (uint64_t)mask << bit % 64; /* four bits lie in one word */
}

static int byte_bit(const struct analysis *a, int64_t offset)
{
	return a->byte_bit[offset - a->low_byte];
}

static void add_bytes(const struct analysis *a, uint64_t *set, int64_t offset, int size)
{
	int bit = byte_bit(a, offset);
	for (int k = bit; k < bit + size; k++) set[k / 64] |= (uint64_t)1 << k % 64;
}

static bool any_byte(const struct analysis *a, const uint64_t *set, int64_t offset, int size)
{
	int bit = byte_bit(a, offset);
	for (int k = bit; k < bit + size; k++)
		if (has(set, k)) return true;
	return false;
}

static bool is_vector(const struct analysis *a, int reg)
{
	return reg < a->m->registers && a->m->facts[reg] & VECTOR;
}

static void add_register(const struct analysis *a, uint64_t *set, int reg, int width)
{
	bool vector = is_vector(a, reg);
	int mask = vector ? width <= 4 ? 1 : width == 8 ? 3 : 7 : width == 1 ? 1 : width == 2 ? 3 : width == 4 ? 7 : ALL;
	add(set, 4 * reg, mask);
}

static unsigned wanted(const uint64_t *live, int reg)
{
	return live[4 * reg / 64] >> 4 * reg % 64 & ALL;
}

static void add_address(struct transfer *t, const int64_t *mem)
{
	if (mem[0] >= 0) add(t->uses, 4 * mem[0], ALL);
	if (mem[1] >= 0) add(t->uses, 4 * mem[1], ALL);
}

static void add_frame_reads(struct transfer *t, int size)
{
	for (struct access *x = t->a->accesses[t->k]; x; x = x->next)
		if (!x->write && x->size == size) add_bytes(t->a, t->uses, x->offset, size);
}

/* What evaluating all of an expression reads. Returns what follows it. */
static const int64_t *use(struct transfer *t, const int64_t *e)
{
	switch (e[0]) {
	case POPCORN_EXPR_REGISTER:
		add_register(t->a, t->uses, e[1], e[2]);
		break;
	case POPCORN_EXPR_LOAD:
		add_frame_reads(t, e[7]);
		add_address(t, e + 1);
		break;
	case POPCORN_EXPR_ADDRESS:
		add_address(t, e + 1);
		break;
	case POPCORN_EXPR_ALU:
		return use(t, use(t, e + 2));
	case POPCORN_EXPR_LO12:
	case POPCORN_EXPR_INSERT:
		add(t->uses, 4 * e[1], ALL);
		break;
	case POPCORN_EXPR_OTHER: {
		const int64_t *reads = e + 3, *mems = reads + 2 * e[1];
		for (; reads < mems; reads += 2) add_register(t->a, t->uses, reads[0], reads[1]);
		for (int n = 0; n < e[2]; n++, mems += 7) {
			add_address(t, mems);
			add_frame_reads(t, mems[6]);
		}
	}
	}
	return behind(e);
}

/* What must hold an address though nobody wants what is loaded from there, of a volatile object say. */
static const int64_t *use_if_dead(struct transfer *t, const int64_t *e)
{
	switch (e[0]) {
	case POPCORN_EXPR_LOAD:
		add_address(t, e + 1);
		break;
	case POPCORN_EXPR_ALU:
		return use_if_dead(t, use_if_dead(t, e + 2));
	case POPCORN_EXPR_OTHER:
		for (int n = 0; n < e[2]; n++) add_address(t, e + 3 + 2 * e[1] + 7 * n);
	}
	return behind(e);
}

/* The one access to the frame that an instruction makes; 0 if it makes others as well. */
static const struct access *only_access(const struct transfer *t, bool write)
{
	const struct access *x = t->a->accesses[t->k];
	return x && !x->next && x->write == write ? x : 0;
}

/* Of a copy of a general register's or slot's low bytes those are wanted that are wanted of the copy. A sign that is
 * extended is wanted with the bytes above it, so that is no such copy. */
static bool use_copied(struct transfer *t, const int64_t *e, unsigned want)
{
	const struct access *x;
	if (e[0] == POPCORN_EXPR_REGISTER && e[3] != POPCORN_EXTEND_SIGN && !is_vector(t->a, e[1])) {
		for (int g = 0; g < GROUPS; g++)
			if (groups[g].start < e[2] && want & groups[g].bit) add(t->uses, 4 * e[1], groups[g].bit);
		return true;
	}
	if (e[0] != POPCORN_EXPR_LOAD || e[8] == POPCORN_EXTEND_SIGN || !(x = only_access(t, false))) return false;
	for (int g = 0; g < GROUPS; g++) {
		int end = groups[g].end < e[7] ? groups[g].end : e[7];
		if (groups[g].start >= end || !(want & groups[g].bit)) continue;
		add_address(t, e + 1);
		add_bytes(t->a, t->uses, x->offset + groups[g].start, end - groups[g].start);
	}
	return true;
}

/* The same for a general register that is stored to a slot. */
static bool use_stored(struct transfer *t, const int64_t *e)
{
	const struct access *x = only_access(t, true);
	if (!x || e[0] != POPCORN_EXPR_REGISTER || e[3] == POPCORN_EXTEND_SIGN || is_vector(t->a, e[1])) return false;
	for (int g = 0; g < GROUPS; g++) {
		int end = groups[g].end < e[2] ? groups[g].end : e[2];
		if (groups[g].start < end && any_byte(t->a, t->live, x->offset + groups[g].start, end - groups[g].start))
			add(t->uses, 4 * e[1], groups[g].bit);
	}
	return true;
}

static void set_effect(struct transfer *t, const int64_t *e)
{
	int reg = e[2], width = e[3];
	bool flags = reg == t->a->m->registers, whole = flags || is_vector(t->a, reg);
	/* what a write of so many bytes leaves nothing of */
	add(t->killed, 4 * reg, whole || width >= 4 ? ALL : width == 2 ? 3 : 1);
	unsigned want = wanted(t->live, reg);
	if (!want) use_if_dead(t, e + 4);
	/* a vector's groups are cut elsewhere than a general register's */
	else if (whole || !use_copied(t, e + 4, want)) use(t, e + 4);
}

static void store_effect(struct transfer *t, const int64_t *e)
{
	const struct analysis *a = t->a;
	const int64_t *expression = e + 9;
	int size = e[2];
	bool frame = false, unread = false, live = false;
	add_address(t, e + 3);
	for (struct access *x = a->accesses[t->k]; x; x = x->next) {
		if (!x->write || x->size != size) continue;
		frame = true;
		unread |= !any_byte(a, a->ever_read, x->offset, size);
		live |= any_byte(a, t->live, x->offset, size);
	}
	/* a slot that is never read here holds an outgoing argument */
	if (!frame || unread) use(t, expression);
	else if (!use_stored(t, expression) && live) use(t, expression);
}

static void read_registers(const struct analysis *a, const int64_t *c, uint64_t *set)
{
	for (int n = 0; n < c[1]; n++) add_register(a, set, c[3 + 2 * n], c[4 + 2 * n]);
}

static void unite(uint64_t *set, const uint64_t *with, int nwords)
{
	for (int w = 0; w < nwords; w++) set[w] |= with[w];
}

static void use_listed(struct transfer *t, int record)
{
	const struct analysis *a = t->a;
	const struct listing *l = a->listings + record;
	for (int v = 0; v < l->count; v++) {
		int place = l->places[v];
		if (place < 0) continue;
		if (place < a->m->registers) add(t->uses, 4 * place, ALL);
		else add_bytes(a, t->uses, a->slots[place - a->m->registers].offset, 8);
	}
}

/* Makes what is live behind an instruction what is live before it. */
static void before(struct transfer *t, uint64_t *live)
{
	struct analysis *a = t->a;
	const int64_t *c = a->f->code + a->f->place[t->k];
	if (c[0] == POPCORN_INSN_BRANCH || c[0] == POPCORN_INSN_JUMP) { /* which do nothing but read */
		read_registers(a, c, live);
		return;
	}
	memset(t->uses, 0, a->nwords * sizeof *t->uses);
	memset(t->killed, 0, a->nwords * sizeof *t->killed);
	t->live = live;
	if (c[0] == POPCORN_INSN_CALL) {
		int record = a->record_of[t->k];
		for (int w = 0; w < a->nwords; w++) live[w] &= ~a->call_clobbers[w];
		if (record >= 0) use_listed(t, record);
		if (record < 0 || !a->f->records[record].is_point) unite(t->uses, a->call_reads, a->nwords);
	} else if (c[0] == POPCORN_INSN_RETURN || c[0] == POPCORN_INSN_TAIL) {
		unite(t->uses, a->return_reads, a->nwords);
		if (c[0] == POPCORN_INSN_TAIL) unite(t->uses, a->call_reads, a->nwords);
	}
	read_registers(a, c, t->uses);
	const int64_t *e = c + 3 + 2 * c[1];
	for (int n = c[2]; n; n--, e += e[1]) {
		if (e[0] == POPCORN_EFFECT_STORE) store_effect(t, e);
		else set_effect(t, e);
	}
	for (struct access *x = a->accesses[t->k]; x; x = x->next)
		if (x->write) add_bytes(a, t->killed, x->offset, x->size);
	for (int w = 0; w < a->nwords; w++) live[w] = (live[w] & ~t->killed[w]) | t->uses[w];
}

static void cover(struct analysis *a, int64_t *low, int64_t *high, int64_t offset, int size)
{
	if (offset < *low) *low = offset;
	if (offset + size > *high) *high = offset + size;
	for (int k = 0; a->byte_bit && k < size; k++) a->byte_bit[offset - a->low_byte + k] = 1;
}

/* All bytes of the frame that somebody touches: first their bounds, then, where there is a table, each in it. */
static void find_bytes(struct analysis *a, int64_t *low, int64_t *high)
{
	for (int k = 0; k < a->f->ninsns; k++)
		for (struct access *x = a->accesses[k]; x; x = x->next) cover(a, low, high, x->offset, x->size);
	for (int r = 0; r < a->f->nrecords; r++) {
		const struct listing *l = a->listings + r;
		for (int v = 0; v < l->count; v++)
			if (l->places[v] >= a->m->registers)
				cover(a, low, high, a->slots[l->places[v] - a->m->registers].offset, 8);
	}
}

/* Gives each of them a bit. Those of a slot follow one another. */
static void number_bytes(struct analysis *a)
{
	int64_t low = INT64_MAX, high = INT64_MIN;
	a->byte_bit = 0;
	find_bytes(a, &low, &high);
	a->first_byte_bit = a->nbits = 4 * (a->m->registers + 1);
	a->nbytes = low < high ? high - low : 0;
	a->low_byte = low;
	a->byte_bit = alloc(&a->arena, (a->nbytes + 1) * sizeof *a->byte_bit);
	a->bit_byte = alloc(&a->arena, (a->nbytes + 1) * sizeof *a->bit_byte);
	find_bytes(a, &low, &high);
	for (int k = 0; k < a->nbytes; k++) {
		if (!a->byte_bit[k]) continue;
		a->bit_byte[a->nbits - a->first_byte_bit] = k;
		a->byte_bit[k] = a->nbits++;
	}
	a->nwords = (a->nbits + 63) / 64;
}

static uint64_t *new_set(struct analysis *a, int count)
{
	return alloc(&a->arena, (size_t)count * a->nwords * sizeof(uint64_t));
}

/* What calls and returns do, and which frame bytes are ever read. */
static void start(struct analysis *a)
{
	const struct machine *m = a->m;
	a->ever_read = new_set(a, 1);
	a->call_clobbers = new_set(a, 1);
	a->call_reads = new_set(a, 1);
	a->return_reads = new_set(a, 1);
	for (int r = 0; r <= m->registers; r++) {
		int facts = r < m->registers ? m->facts[r] : 0;
		if (!(facts & CALLEE_SAVED) && r != m->stack_pointer) add(a->call_clobbers, 4 * r, ALL);
		if (facts & ARGUMENT) add(a->call_reads, 4 * r, ALL);
		if (facts & RESULT) add(a->return_reads, 4 * r, ALL);
		if (facts & CALLEE_SAVED) add(a->return_reads, 4 * r, facts & VECTOR ? 3 : ALL);
	}
	for (int k = 0; k < a->f->ninsns; k++)
		for (struct access *x = a->accesses[k]; x; x = x->next)
			if (!x->write) add_bytes(a, a->ever_read, x->offset, x->size);
	for (int r = 0; r < a->f->nrecords; r++) use_listed(&(struct transfer){.a = a, .uses = a->ever_read}, r);
}

/* What is live at the end of each block. */
static uint64_t *solved(struct transfer *t)
{
	struct analysis *a = t->a;
	const struct function *f = a->f;
	size_t bytes = a->nwords * sizeof(uint64_t);
	uint64_t *in = new_set(a, f->nblocks), *out = new_set(a, f->nblocks), *live = new_set(a, 1);
	bool *known = alloc(&a->arena, f->nblocks);
	for (bool changed = true; changed;) {
		changed = false;
		for (int k = f->norder - 1; k >= 0; k--) {
			int n = f->order[k];
			uint64_t *here = in + (size_t)n * a->nwords, *at_end = out + (size_t)n * a->nwords;
			memset(live, 0, bytes);
			for (int w = f->way[n]; w < f->way[n + 1]; w++)
				unite(live, in + (size_t)f->ways[w] * a->nwords, a->nwords);
			if (known[n] && !memcmp(live, at_end, bytes)) continue;
			memcpy(at_end, live, bytes);
			for (t->k = f->first[n + 1] - 1; t->k >= f->first[n]; t->k--) before(t, live);
			changed |= !known[n] || memcmp(live, here, bytes);
			known[n] = true;
			memcpy(here, live, bytes);
		}
	}
	return out;
}

void find_live(struct analysis *a)
{
	const struct function *f = a->f;
	number_bytes(a);
	start(a);
	struct transfer t = {.a = a, .uses = new_set(a, 1), .killed = new_set(a, 1)};
	uint64_t *out = solved(&t), *live = new_set(a, 1);
	a->live_after = new_set(a, f->nrecords);
	for (int k = 0; k < f->norder; k++) {
		int n = f->order[k];
		memcpy(live, out + (size_t)n * a->nwords, a->nwords * sizeof *live);
		for (t.k = f->first[n + 1] - 1; t.k >= f->first[n]; t.k--) {
			int record = a->record_of[t.k];
			if (record >= 0)
				memcpy(a->live_after + (size_t)record * a->nwords, live, a->nwords * sizeof *live);
			before(&t, live);
		}
	}
}

/* How many low bytes of a register are live; 0 for none. */
int live_width(const struct analysis *a, const uint64_t *live, int reg)
{
	unsigned bits = wanted(live, reg);
	if (is_vector(a, reg)) return bits & 4 ? 16 : bits & 2 ? 8 : bits ? 4 : 0;
	return bits & 8 ? 8 : bits & 4 ? 4 : bits & 2 ? 2 : bits;
}
