/* setjmp and longjmp across moves (design 7).
 *
 * As long as a thread's generation is the jmp_buf's, its machine stack is where it was, and longjmp is a
 * plain restore. A rebuild notes, for every frame on the stack whose function calls setjmp, where the frame lies
 * now and which callee-saved registers its caller left; a jmp_buf of an earlier generation belongs to one of
 * these, or its function has returned. So nothing between longjmp and its setjmp need be unwound: it works
 * out of signal handlers too, which interrupt code anywhere. Functions that call setjmp keep every value in
 * common memory, hence the setjmp site has no values, only recipes.
 */
#include "jump.h"
#include "libc.h"

static const uint8_t callee_saved[POPCORN_NCALLEE_SAVED] = POPCORN_CALLEE_SAVED;

hidden _Noreturn void popcorn_jump(struct popcorn_registers *);
int popcorn_setjmp_note(uint64_t *jb);

int popcorn_jumps_begin(struct popcorn_thread *t, size_t n)
{
	void *p = t->jumps;

	if (popcorn_reserve(&p, &t->jumps_capacity, n * sizeof *t->jumps)) return -1;
	t->jumps = p;
	t->njumps = 0;
	return 0;
}

/* The registers' places hold their values only when the outer frames have been laid out: note the places. */
void popcorn_jumps_add(struct popcorn_thread *t, uint32_t site, uint64_t frame, uint64_t cfa, uint64_t **where)
{
	struct popcorn_jump *j = t->jumps + t->njumps++;

	j->frame = frame;
	j->cfa = cfa;
	j->site = site;
	for (size_t i = 0; i < POPCORN_NCALLEE_SAVED; i++) j->entry[i] = (uintptr_t)where[callee_saved[i]];
}

void popcorn_jumps_end(struct popcorn_thread *t)
{
	for (struct popcorn_jump *j = t->jumps, *end = j + t->njumps; j < end; j++)
		for (size_t i = 0; i < POPCORN_NCALLEE_SAVED; i++) j->entry[i] = *(uint64_t *)(uintptr_t)j->entry[i];
}

/* The common end of __popcorn_setjmp. */
int popcorn_setjmp_note(uint64_t *jb)
{
	struct popcorn_thread *t = popcorn_self();
	struct popcorn_site s;

	jb[POPCORN_JB_CSP] = *(uint64_t *)(void *)(t->tp + POPCORN_CSP);
	jb[POPCORN_JB_GENERATION] = t->generation;
	jb[POPCORN_JB_SITE] = popcorn_site_at(jb[POPCORN_JB_RA], &s) ? s.id : POPCORN_NO_SITE;
	jb[POPCORN_JB_HANDLERS] = t->in_handler;
	return 0;
}

static int saves(const struct popcorn_site *s, unsigned reg)
{
	const uint8_t *p = s->saved;

	for (unsigned i = 0; i < s->nsaved; i++, popcorn_number(&p))
		if (popcorn_number(&p) == reg) return 1;
	return 0;
}

/* Registers for the frame the jmp_buf belongs to, as the thread's last rebuild laid it out. */
static void from_maps(struct popcorn_thread *t, const uint64_t *jb, struct popcorn_registers *out)
{
	struct popcorn_jump *j = t->jumps, *end = j + t->njumps;
	struct popcorn_site s, stopped;
	uint32_t id = jb[POPCORN_JB_SITE];

	if (jb[POPCORN_JB_SITE] >= POPCORN_NO_SITE || !popcorn_site_of_id(id, &s) || !(s.flags & POPCORN_SITE_SETJMP))
		popcorn_die("longjmp: its setjmp has no site map on this ISA, and the program has moved in between");
	/* frames ascend outwards; with a VLA in it a frame's stack pointer is below its frame pointer */
	while (j < end && (j->frame < jb[POPCORN_JB_CSP] || popcorn_site_func(j->site) != popcorn_site_func(id))) j++;
	if (j == end)
		popcorn_die("longjmp to %s, which has returned or never called setjmp with this jmp_buf", popcorn_func_name(id));

	popcorn_site_of_id(j->site, &stopped);
	out->sp = j->cfa - s.frame;
	out->ra = popcorn_site_address(id);
	for (size_t i = 0; i < POPCORN_NCALLEE_SAVED; i++) {
		unsigned reg = callee_saved[i];
		if (saves(&s, reg) != saves(&stopped, reg))
			popcorn_die("longjmp to %s: its calls save different registers; please report this", popcorn_func_name(id));
		out->r[reg] = saves(&s, reg) ? POPCORN_POISON : j->entry[i]; /* its own: dead here, or a recipe's */
	}
	while (s.nrecipes--) {
		const struct popcorn_recipe *r = popcorn_recipe(popcorn_number(&s.recipes));
		popcorn_recipe_apply(r, 0, j->cfa, (uintptr_t)t->tp, r->dest & POPCORN_SLOT ? 0 : &out->r[r->dest]);
	}
}

_Noreturn void longjmp(void *buffer, long value)
{
	const uint64_t *jb = buffer;
	struct popcorn_thread *t = popcorn_self();
	struct popcorn_registers regs;

	if (jb[POPCORN_JB_GENERATION] == t->generation) {
		regs.sp = jb[POPCORN_JB_SP];
		regs.ra = jb[POPCORN_JB_RA];
		for (size_t i = 0; i < POPCORN_NCALLEE_SAVED; i++) regs.r[callee_saved[i]] = jb[POPCORN_JB_SAVED + i];
	} else {
		from_maps(t, jb, &regs);
	}
	regs.poison = 0;
	regs.result = (int)value ? (int)value : 1;
	*(uint64_t *)(void *)(t->tp + POPCORN_CSP) = jb[POPCORN_JB_CSP];
	t->in_handler = jb[POPCORN_JB_HANDLERS];
	popcorn_jump(&regs);
}

_Noreturn void _longjmp(void *jb, long value)
{
	longjmp(jb, value);
}

void __popcorn_sigsave(void *buffer, long mask)
{
	uint64_t *jb = buffer;

	if ((jb[POPCORN_JB_HAS_MASK] = (int)mask != 0))
		__popcorn_syscall_raw(C_rt_sigprocmask, 0, 0, (long)&jb[POPCORN_JB_MASK], 8, 0, 0);
}

_Noreturn void siglongjmp(void *buffer, long value)
{
	uint64_t *jb = buffer;

	if (jb[POPCORN_JB_HAS_MASK]) __popcorn_syscall_raw(C_rt_sigprocmask, 2, (long)&jb[POPCORN_JB_MASK], 0, 8, 0, 0);
	longjmp(buffer, value);
}
