/* One state of the small model and what can happen next. A thread chooses anew, before each access, what to do: all programs of
 * that length are covered. Read faults at the first page always ask for the second ahead. */
#include <stdio.h>
#include <string.h>
#include "model.h"

struct state live;
struct model_options options;
char model_wrong[200];
int model_talks;

static struct popcorn_replica replica[MODEL_NODES];
static struct popcorn_directory directory;
static uint64_t touched[1];
static struct word own[32];
static unsigned nown;
static uint8_t arriving; /* the bytes behind the message being delivered */

void model_note(const char *format, ...)
{
	va_list ap;

	if (!model_talks) return;
	va_start(ap, format);
	printf("  ");
	vprintf(format, ap);
	va_end(ap);
	putchar('\n');
}

void model_fail(const char *format, ...)
{
	va_list ap;

	if (*model_wrong) return;
	va_start(ap, format);
	vsnprintf(model_wrong, sizeof model_wrong, format, ap);
	va_end(ap);
	model_note("VIOLATION: %s", model_wrong);
}

static unsigned number(const void *context)
{
	return (unsigned)((const struct popcorn_replica *)context - replica);
}

static void do_send(void *context, unsigned to, const struct popcorn_dsm_message *m)
{
	unsigned from = number(context), remote = from ? from : to;
	struct word w = { m->kind, m->access, m->reason, (uint8_t)m->page, popcorn_dsm_behind(m) != 0, 0 };

	if (w.bytes) w.value = live.value[from][w.page];
	model_note("%u -> %u %s page %u access %u%s", from, to, kind_name(w.kind), w.page, w.access, w.bytes ? ", with bytes" : "");
	if (from == to) own[nown++] = w;
	else if (live.lost >> remote & 1) {
		if (!from) model_fail("a message for node %u, which is lost", to);
	} else if (live.length[remote][from != 0] == MODEL_QUEUE) model_fail("a link is full");
	else live.queue[remote][from != 0][live.length[remote][from != 0]++] = w;
}

static void do_fill(void *context, uint64_t page)
{
	live.value[number(context)][page] = arriving;
}

static void do_open(void *context, uint64_t page, enum dsm_access access)
{
	unsigned n = number(context);

	if (!n && access > live.mapped[page]) access = live.mapped[page];
	live.open[n][page] = (uint8_t)access;
	model_note("node %u opens page %u: %u", n, (unsigned)page, access);
}

static void wake(unsigned node, unsigned page, int denied, enum dsm_reason reason)
{
	for (unsigned i = 0; i < options.threads; i++) {
		struct model_thread *t = live.thread + i;
		if (t->node != node || t->activity != MODEL_WAITING || t->page != page) continue;
		t->activity = MODEL_TRYING;
		if (!denied || !t->asked) continue;
		if (!live.may_lack[page] && !live.gone[page] && live.mapped[page] >= t->access)
			model_fail("thread %u may access page %u and was refused", i, page);
		t->activity = reason == DSM_LOST ? MODEL_OVER : MODEL_READY;
		t->page = t->access = t->asked = 0;
	}
}

static void do_wake(void *context, uint64_t page)
{
	live.woken[number(context)][page] = 1;
	wake(number(context), (unsigned)page, 0, 0);
}

static void do_deny(void *context, uint64_t page, enum dsm_reason reason)
{
	wake(number(context), (unsigned)page, 1, reason);
}

static void do_end(void *context)
{
	model_fail("node %u ends", number(context));
}

static enum dsm_access do_rights(void *context, uint64_t page)
{
	(void)context;
	return live.mapped[page];
}

static void do_lost(void *context, uint64_t page, unsigned node)
{
	(void)context;
	if (!(live.dead >> node & 1)) model_fail("page %u is gone, and node %u is not", (unsigned)page, node);
	live.gone[page] = 1;
}

static void do_drained(void *context)
{
	(void)context;
	live.drained = 1;
	for (unsigned n = 1; n < options.nodes; n++)
		for (unsigned p = live.from; p < options.pages; p++)
			if (!(live.dead >> n & 1) && live.open[n][p]) model_fail("page %u is drained, and open at node %u", p, n);
}

static const struct popcorn_driver model_driver = {
	.send = do_send, .fill = do_fill, .open = do_open, .wake = do_wake, .deny = do_deny, .end = do_end,
	.rights = do_rights, .lost = do_lost, .drained = do_drained,
};

/* The engine's state is that of `live`, but for what it shares with no other state. */
static void take_up(void)
{
	directory.lost = live.lost;
	directory.recall = live.recall;
	for (unsigned n = 0; n < options.nodes; n++)
		replica[n].prefetch = (struct popcorn_prefetch){ .stream[0] = { 0, options.pages > 1 }, .oldest = 1 };
}

static void put_down(void)
{
	live.lost = directory.lost;
	if (!live.changing) {
		directory.recall = (struct popcorn_recall){ .first = 0 };
		live.keep = live.from = live.to = 0;
	}
	live.recall = directory.recall;
	for (unsigned p = 0; p < options.pages; p++) {
		struct popcorn_entry *e = live.entry + p;
		e->reads = e->writes = e->bounces = e->recent = 0;
		if (!e->want) e->serving = 0;
		if (e->state != DSM_EXCLUSIVE) e->owner = 0;
	}
}

void model_begin(void)
{
	memset(&live, 0, sizeof live);
	for (unsigned n = 0; n < options.nodes; n++) {
		replica[n] = (struct popcorn_replica){ .node = n, .npages = options.pages, .pages = live.pages[n],
						       .driver = &model_driver, .context = replica + n };
		for (unsigned p = 0; p < options.pages; p++) live.open[n][p] = n ? DSM_NO_ACCESS : DSM_MAY_WRITE;
	}
	for (unsigned p = 0; p < options.pages; p++) live.mapped[p] = DSM_MAY_WRITE;
	for (unsigned i = 0; i < options.threads; i++)
		live.thread[i] = (struct model_thread){ .node = (uint8_t)((i + 1) % options.nodes), .left = (uint8_t)options.accesses };
	directory = (struct popcorn_directory){ .npages = options.pages, .entries = live.entry, .touched = touched, .own = replica,
						.driver = &model_driver, .context = replica };
	touched[0] = 1;
	take_up();
}

static void access_page(unsigned thread, unsigned page, enum dsm_access access)
{
	struct model_thread *t = live.thread + thread;

	if (t->activity == MODEL_READY) t->left--;
	model_note("thread %u on node %u: page %u to %s", thread, t->node, page, access == DSM_MAY_WRITE ? "write" : "read");
	if (live.open[t->node][page] >= access) {
		if (live.value[t->node][page] != live.current[page])
			model_fail("thread %u sees %u of page %u, not %u", thread, live.value[t->node][page], page, live.current[page]);
		if (access == DSM_MAY_WRITE) live.value[t->node][page] = ++live.current[page];
		t->activity = MODEL_READY;
		t->page = t->access = t->asked = 0;
		return;
	}
	if (t->node == DSM_ORIGIN && live.mapped[page] < access) {
		t->activity = MODEL_READY;
		t->page = t->access = t->asked = 0;
		return;
	}
	t->activity = MODEL_WAITING;
	t->page = (uint8_t)page;
	t->access = (uint8_t)access;
	switch (popcorn_replica_fault(replica + t->node, page, access)) {
	case DSM_ASKED: t->asked = 1; break;
	case DSM_JOINED: t->asked = 0; break;
	default: model_fail("node %u has page %u open, its MMU does not", t->node, page);
	}
}

static struct popcorn_dsm_message message(struct word w)
{
	struct popcorn_dsm_message m = popcorn_dsm_message(w.kind, w.page);

	m.access = w.access;
	m.reason = w.reason;
	if (w.bytes) m.bytes = DSM_MESSAGE_MOST;
	arriving = w.value;
	return m;
}

static void hear(unsigned from, unsigned to, struct word w)
{
	struct popcorn_dsm_message m = message(w);
	int refused;

	model_note("%u hears %s of page %u", to, kind_name(w.kind), w.page);
	if (w.kind <= DSM_DATA) refused = popcorn_directory_deliver(&directory, from, &m);
	else refused = popcorn_replica_deliver(replica + to, &m);
	if (refused < 0) model_fail("node %u refuses %s of node %u", to, kind_name(w.kind), from);
}

static void deliver(unsigned remote, unsigned from_it)
{
	struct word *q = live.queue[remote][from_it], w = q[0];
	unsigned n = --live.length[remote][from_it];

	memmove(q, q + 1, n * sizeof *q);
	memset(q + n, 0, sizeof *q);
	hear(from_it ? remote : 0, from_it ? 0 : remote, w);
}

static void change(unsigned page, unsigned keep, unsigned to)
{
	live.changing = 1;
	live.changes++;
	live.keep = (uint8_t)keep;
	live.to = (uint8_t)to;
	live.from = (uint8_t)page;
	model_note("the pages from %u on are recalled, %s", page, keep ? "kept" : "dropped");
	popcorn_directory_recall(&directory, page, options.pages - page, (int)keep);
}

static void remap(unsigned page)
{
	unsigned access;

	for (unsigned i = 0; i < options.threads; i++) /* of those who wait, some may have been answered by the old mapping */
		if (live.thread[i].activity >= MODEL_TRYING) live.may_lack[page] = 1;
	live.mapped[page] = live.to;
	if (!live.keep) live.gone[page] = live.current[page] = live.value[0][page] = 0;
	access = live.keep ? popcorn_replica_access(replica, page) : DSM_MAY_WRITE;
	live.open[0][page] = (uint8_t)(access < live.to ? access : live.to);
}

static void apply(void)
{
	model_note("the pages from %u on are mapped for %u", live.from, live.to);
	for (unsigned p = live.from; p < options.pages; p++) remap(p);
	live.changing = live.drained = 0;
	popcorn_directory_resume(&directory);
}

static void leave(unsigned node)
{
	for (unsigned i = 0; i < options.threads; i++)
		if (live.thread[i].node == node) live.thread[i] = (struct model_thread){ .activity = MODEL_OVER, .node = (uint8_t)node };
}

static void lose(unsigned node)
{
	model_note("node %u is declared lost", node);
	live.lost |= (uint16_t)(1u << node);
	memset(live.queue[node], 0, sizeof live.queue[node]);
	memset(live.length[node], 0, sizeof live.length[node]);
	memset(live.open[node], 0, sizeof live.open[node]);
	memset(live.woken[node], 0, sizeof live.woken[node]);
	memset(live.value[node], 0, sizeof live.value[node]);
	memset(live.pages[node], 0, sizeof live.pages[node]);
	popcorn_directory_lost(&directory, node);
}

static void check(void)
{
	for (unsigned p = 0; p < options.pages; p++) {
		unsigned writers = 0, readers = 0;
		for (unsigned n = 0; n < options.nodes; n++) {
			if (live.dead >> n & 1 || !live.open[n][p]) continue;
			if (live.open[n][p] > popcorn_replica_access(replica + n, p)) model_fail("node %u has page %u open, but not the page", n, p);
			if (live.value[n][p] != live.current[p]) model_fail("node %u can see an old page %u", n, p);
			if (live.open[n][p] == DSM_MAY_WRITE) writers++;
			else readers++;
		}
		if (writers > 1 || (writers && readers)) model_fail("page %u has %u owners and %u readers", p, writers, readers);
	}
}

void model_act(struct action a)
{
	take_up();
	switch (a.kind) {
	case ACT_ACCESS: access_page(a.a, a.b, a.c); break;
	case ACT_DELIVER: deliver(a.a, a.b); break;
	case ACT_RELEASE:
		live.woken[a.a][a.b] = 0;
		popcorn_replica_release(replica + a.a, a.b);
		break;
	case ACT_CHANGE: change(a.a, a.b, a.c); break;
	case ACT_APPLY: apply(); break;
	case ACT_DIE:
		model_note("node %u dies", a.a);
		live.dead |= (uint8_t)(1u << a.a);
		live.crashes++;
		leave(a.a);
		break;
	case ACT_LOSE: lose(a.a); break;
	}
	while (nown && !*model_wrong) {
		struct word w = own[0];
		memmove(own, own + 1, --nown * sizeof *own);
		hear(0, 0, w);
	}
	nown = 0;
	check();
	put_down();
}

static unsigned add(struct action *to, unsigned n, unsigned kind, unsigned a, unsigned b, unsigned c)
{
	to[n] = (struct action){ (uint8_t)kind, (uint8_t)a, (uint8_t)b, (uint8_t)c };
	return n + 1;
}

static unsigned thread_actions(struct action *to, unsigned n)
{
	for (unsigned i = 0; i < options.threads; i++) {
		const struct model_thread *t = live.thread + i;
		if (t->activity == MODEL_TRYING) n = add(to, n, ACT_ACCESS, i, t->page, t->access);
		if (t->activity == MODEL_READY && t->left)
			for (unsigned p = 0; p < options.pages; p++) {
				n = add(to, n, ACT_ACCESS, i, p, DSM_MAY_READ);
				n = add(to, n, ACT_ACCESS, i, p, DSM_MAY_WRITE);
			}
	}
	return n;
}

static unsigned fault_actions(struct action *to, unsigned n)
{
	if (live.changes < options.changes && !live.changing)
		for (unsigned p = 0; p < options.pages; p++)
			for (unsigned keep = 0; keep < 2; keep++)
				for (unsigned a = DSM_NO_ACCESS; a <= DSM_MAY_WRITE; a++) n = add(to, n, ACT_CHANGE, p, keep, a);
	for (unsigned k = 1; k < options.nodes; k++)
		if (live.crashes < options.crashes && !(live.dead >> k & 1)) n = add(to, n, ACT_DIE, k, 0, 0);
	return n;
}

unsigned model_actions(struct action *to)
{
	unsigned n = thread_actions(to, 0);

	for (unsigned k = 1; k < options.nodes; k++) {
		int dead = live.dead >> k & 1;
		if (live.length[k][0] && !dead) n = add(to, n, ACT_DELIVER, k, 0, 0);
		if (live.length[k][1]) n = add(to, n, ACT_DELIVER, k, 1, 0);
		if (dead && !(live.lost >> k & 1)) n = add(to, n, ACT_LOSE, k, 0, 0);
	}
	for (unsigned k = 0; k < options.nodes; k++)
		for (unsigned p = 0; p < options.pages; p++)
			if (live.woken[k][p] && !(live.dead >> k & 1)) n = add(to, n, ACT_RELEASE, k, p, 0);
	if (live.changing && live.drained) n = add(to, n, ACT_APPLY, 0, 0, 0);
	return fault_actions(to, n);
}

int model_is_over(void)
{
	if (live.changing) return 0;
	for (unsigned i = 0; i < options.threads; i++)
		if (live.thread[i].activity != MODEL_OVER && (live.thread[i].activity != MODEL_READY || live.thread[i].left)) return 0;
	return 1;
}
