/* What a process says of itself, in lines of words (popcc/runtime/popcorn/machine/report.py): its nodes, its threads, and
 * the pages that bounce between nodes. */
#include "park.h"
#include "spread.h"

enum { PAGES = 64 };

struct busy { uint64_t page; struct popcorn_entry entry; };

static void add(struct popcorn_buffer *to, const struct popcorn_text *line)
{
	void *p = to->p;

	if (to->n + line->n > POPCORN_TEXT_MAX || popcorn_reserve(&p, &to->capacity, to->n + line->n)) return;
	to->p = p;
	popcorn_copy(to->p + to->n, line->s, line->n);
	to->n += line->n;
}

static const char *isa_name(unsigned number)
{
	switch (number) {
#define ISA(number, name, machine) case number: return #name;
	POPCORN_ISAS(ISA)
#undef ISA
	}
	return "unknown";
}

static void say_thread(struct popcorn_buffer *to, const struct popcorn_thread *t)
{
	static const char *const states[] = { "running", "stopped", "ended" };
	char path[POPCORN_THREAD_PATH] = "/proc/self/task/", name[20] = "";
	struct popcorn_text line, number;
	long fd, n = 0;

	popcorn_text_set(&number, "/proc/self/task/%d/comm", (long)t->ktid);
	popcorn_copy(path, number.s, number.n + 1);
	if ((fd = popcorn_high_fd(K4(K_openat, K_AT_FDCWD, path, K_O_CLOEXEC, 0))) >= 0) {
		n = K3(K_read, fd, name, sizeof name - 1);
		K1(K_close, fd);
	}
	while (n > 0 && name[n - 1] == '\n') n--;
	name[n > 0 ? n : 0] = 0;
	popcorn_text_set(&line, "thread %d %d %s %s\n", (long)t->tid, (long)t->place, states[t->state], name);
	add(to, &line);
}

/* Those with the most bounces come first; `n` there are so far. */
static size_t insert(struct busy *busy, size_t n, uint64_t page, const struct popcorn_entry *e)
{
	size_t i = n < PAGES ? n : PAGES - 1;

	if (n == PAGES && busy[i].entry.bounces >= e->bounces) return n;
	for (; i && busy[i - 1].entry.bounces < e->bounces; i--) busy[i] = busy[i - 1];
	busy[i] = (struct busy){ page, *e };
	return n < PAGES ? n + 1 : n;
}

/* Under the node's lock. Counts in owned[] who may write how many pages. */
static size_t survey(struct busy *busy, uint64_t owned[DSM_NODES])
{
	const struct popcorn_directory *d = &popcorn_own_node.directory;
	size_t n = 0;

	for (uint64_t page = popcorn_directory_touched(d, 0, d->npages); page < d->npages; page++) {
		const struct popcorn_entry *e;
		if (page % DSM_CHUNK == 0 && (page = popcorn_directory_touched(d, page, d->npages)) >= d->npages) break;
		e = d->entries + page;
		if (e->state == DSM_EXCLUSIVE && (e->owner || e->reads || e->writes)) owned[e->owner]++;
		if (e->bounces || (e->reads && e->writes)) n = insert(busy, n, page, e);
	}
	return n;
}

static void say_page(struct popcorn_buffer *to, const struct busy *b)
{
	struct popcorn_text line;
	const struct popcorn_entry *e = &b->entry;
	unsigned writers = e->writes < 4 ? e->writes : 4;

	popcorn_text_set(&line, "page %x %u %u %u", b->page * PAGE, (unsigned long)e->reads, (unsigned long)e->writes, (unsigned long)e->bounces);
	for (unsigned i = 0; i < writers; i++) popcorn_text_add(&line, " %u", (unsigned long)(e->recent >> 4 * i & 15));
	popcorn_text_add(&line, "\n");
	add(to, &line);
}

static void say_nodes(struct popcorn_buffer *to)
{
	struct busy *busy = popcorn_pages(PAGES * sizeof *busy);
	uint64_t owned[DSM_NODES] = { 0 }, mask;
	struct popcorn_text line;
	size_t n;

	if (!busy) return;
	mask = popcorn_node_lock_calmly(&popcorn_own_node);
	n = survey(busy, owned);
	popcorn_node_unlock_calmly(&popcorn_own_node, mask);
	for (unsigned i = 0; i < DSM_NODES; i++) {
		const struct popcorn_wire *w = popcorn_own_node.wire + i;
		if (i && !w->known) continue;
		popcorn_text_set(&line, "node %u %u %s %s %u %u\n", (unsigned long)i, (unsigned long)popcorn_machine_node(i),
		                 i ? isa_name(popcorn_machine_isa(popcorn_machine_node(i))) : POPCORN_ISA_NAME,
		                 !i ? "origin" : w->lost ? "lost" : w->greeted ? "up" : "down", owned[i],
		                 i ? popcorn_own_node.asked[i] : popcorn_own_node.faults);
		add(to, &line);
	}
	for (size_t i = 0; i < n; i++) say_page(to, busy + i);
	popcorn_free_pages(busy, PAGES * sizeof *busy);
}

static void say_alone(struct popcorn_buffer *to)
{
	struct popcorn_text line;

	popcorn_text_set(&line, "node 0 %u " POPCORN_ISA_NAME " origin 0 0\n", (unsigned long)popcorn_machine_here());
	add(to, &line);
}

void popcorn_status(struct popcorn_buffer *to)
{
	if (popcorn_spread) say_nodes(to);
	else say_alone(to);
	popcorn_lock_threads();
	for (const struct popcorn_thread *t = popcorn_threads; t; t = t->next) say_thread(to, t);
	popcorn_unlock_threads();
}
