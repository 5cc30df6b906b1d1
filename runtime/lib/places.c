/* Where threads are, and where they are to be. */
#include "park.h"
#include "spread.h"

/* All threads are stopped. */
int popcorn_assign(struct popcorn_order *o)
{
	int node, found = 0;

	if (!popcorn_spread && popcorn_spread_begin(&o->error)) return -1;
	if ((node = popcorn_machine_reach(o->node, &o->error)) < 0) return -1;
	for (struct popcorn_thread *t = popcorn_threads; t; t = t->next)
		if (t->state == POPCORN_PARKED && (!o->thread || t->tid == (int)o->thread)) {
			t->destination = node;
			found = 1;
		}
	if (!found) popcorn_text_set(&o->error, "it has no thread %u", (unsigned long)o->thread);
	return found ? 0 : -1;
}

void popcorn_gather(void)
{
	if (popcorn_spread) popcorn_spread_end();
}

long popcorn_gather_first(struct popcorn_thread *t)
{
	if (t->gather == POPCORN_GATHER_FAILED) {
		t->gather = POPCORN_GATHER_NOT;
		return -K_EAGAIN;
	}
	t->gather = POPCORN_GATHER_WANTED;
	__popcorn_flag = 1;
	return AGAIN;
}

/* The first thread to go anywhere stops all others, since memory changes hands. */
static void go(struct popcorn_thread *t, const struct popcorn_registers *regs, unsigned wanted)
{
	struct popcorn_text error;
	int node;

	if (!popcorn_spread) popcorn_ask_itself(t, regs, POPCORN_OP_THREAD, wanted);
	else if ((node = popcorn_machine_reach(wanted, &error)) >= 0) t->destination = node;
	else popcorn_message("thread %d stays: %s", t->tid, error.s);
}

struct popcorn_registers *popcorn_take_place(struct popcorn_thread *t, struct popcorn_registers *regs)
{
	int wanted = t->wanted;

	t->wanted = -1;
	if (t->gather == POPCORN_GATHER_WANTED) {
		popcorn_ask_itself(t, regs, POPCORN_OP_GATHER, 0);
		t->gather = popcorn_spread ? POPCORN_GATHER_FAILED : POPCORN_GATHER_NOT;
	}
	if (wanted >= 0) go(t, regs, (unsigned)wanted);
	return t->destination ? popcorn_leave(t, regs) : regs;
}

void popcorn_roam(struct popcorn_thread *t)
{
	int nodes = popcorn_machine_count();

	if (nodes > 1) t->wanted = (popcorn_machine_here() + 1 + (int)(popcorn_random(t) % ((unsigned)nodes - 1))) % nodes;
}
