/* The nodes: what their engines ask for is done to simulated memory. */
#include <string.h>
#include "sim.h"

static unsigned number(const void *context)
{
	return (unsigned)((const struct node *)context - world.node);
}

static void do_send(void *context, unsigned to, const struct popcorn_dsm_message *m)
{
	net_send(number(context), to, m);
}

static void do_fill(void *context, uint64_t page)
{
	struct node *n = context;

	if (!world.payload) {
		fail("node %u fills page %u from nothing", number(n), (unsigned)page);
		return;
	}
	memcpy(n->memory[page], world.payload, DSM_PAGE);
	if (n != world.node || !world.node[world.payload_from].liar) return;
	for (unsigned w = 0; w < WORDS; w++) /* an owner may write what it likes */
		memcpy(&world.current[page][w], world.payload + word_offset[w], 4);
}

static void do_open(void *context, uint64_t page, enum dsm_access access)
{
	struct node *n = context;

	if (n == world.node && access > world.mapped[page]) access = world.mapped[page];
	n->open[page] = (uint8_t)access;
	note("node %u opens page %u: %s", number(n), (unsigned)page, access == 2 ? "write" : access ? "read" : "closed");
}

static void do_wake(void *context, uint64_t page)
{
	struct node *n = context;

	n->release[page] = (uint8_t)one_in(2); /* by a clock; or when the page is wanted, see to_replica */
	if (n == world.node) world.opened[page] = 1;
	threads_wake(number(n), (unsigned)page, 0, 0);
}

static void do_deny(void *context, uint64_t page, enum dsm_reason reason)
{
	static const char *const reasons[] = { "", "not mapped so", "lost", "busy" };
	struct node *n = context;

	note("node %u is denied page %u: %s", number(n), (unsigned)page, reasons[reason]);
	if (n == world.node) world.opened[page] = 1;
	threads_wake(number(n), (unsigned)page, 1, reason);
}

static void end_threads(unsigned node)
{
	for (unsigned i = 0; i < world.nthreads; i++)
		if (world.thread[i].node == node) world.thread[i].activity = OVER;
}

static void do_end(void *context)
{
	struct node *n = context;

	note("node %u ends", number(n));
	n->ended = 1;
	end_threads(number(n));
}

static enum dsm_access do_rights(void *context, uint64_t page)
{
	(void)context;
	return world.mapped[page];
}

static void do_lost(void *context, uint64_t page, unsigned node)
{
	(void)context;
	note("page %u is gone with node %u", (unsigned)page, node);
	if (!world.crashed) fail("page %u is gone without a crash", (unsigned)page);
	if (takes_part(node)) fail("page %u is gone, and node %u is not", (unsigned)page, node);
	world.gone[page] = 1;
}

static void do_drained(void *context)
{
	(void)context;
	note("pages %u to %u are drained", world.change.first, world.change.first + world.change.count - 1);
	world.change.drained = 1;
	for (unsigned p = world.change.first; p < world.change.first + world.change.count; p++)
		for (unsigned n = 1; n < world.nnodes; n++)
			if (takes_part(n) && world.node[n].open[p]) fail("page %u is drained, and open at node %u", p, n);
}

const struct popcorn_driver driver = {
	.send = do_send, .fill = do_fill, .open = do_open, .wake = do_wake, .deny = do_deny, .end = do_end,
	.rights = do_rights, .lost = do_lost, .drained = do_drained,
};

/* 0: not readable yet; whoever looks at a futex waits for its page as a thread would. */
static int do_load(void *context, uint64_t address, uint32_t *value)
{
	struct node *origin = world.node;
	uint64_t page = address / DSM_PAGE;

	(void)context;
	if (world.gone[page] || world.mapped[page] < DSM_MAY_READ) return -1;
	if (origin->open[page] < DSM_MAY_READ && popcorn_replica_fault(&origin->replica, page, DSM_MAY_READ) != DSM_RETRY) return 0;
	memcpy(value, origin->memory[page] + address % DSM_PAGE, 4);
	return 1;
}

static void do_result(void *context, unsigned node, uint32_t thread, uint32_t ticket, int32_t value)
{
	struct popcorn_dsm_message m = popcorn_dsm_message(DSM_RESULT, 0);

	(void)context;
	m.thread = thread;
	m.ticket = ticket;
	m.value = (uint32_t)value;
	if (node == DSM_ORIGIN) thread_result(node, thread, ticket, value);
	else net_send(DSM_ORIGIN, node, &m);
}

void nodes_begin(void)
{
	for (unsigned i = 0; i < world.nnodes; i++) {
		struct node *n = world.node + i;
		memset(n->pages, 0, sizeof n->pages);
		memset(n->release, 0, sizeof n->release);
		memset(n->open, i ? DSM_NO_ACCESS : DSM_MAY_WRITE, sizeof n->open);
		for (unsigned p = 0; p < PAGES; p++)
			for (unsigned w = 0; w < WORDS; w++) memset(n->memory[p] + word_offset[w], i ? 0xee : 0, 4);
		n->dead = n->ended = n->lost = n->liar = 0;
		n->replica = (struct popcorn_replica){ .node = i, .npages = PAGES, .pages = n->pages, .driver = &driver, .context = n };
	}
	turns_begin();
	memset(world.entry, 0, sizeof world.entry);
	world.touched[0] = 0;
	world.directory = (struct popcorn_directory){ .npages = PAGES, .entries = world.entry, .touched = world.touched,
						     .own = &world.node[0].replica, .driver = &driver, .context = world.node };
	world.futexes.load = do_load;
	world.futexes.result = do_result;
	popcorn_futex_init(&world.futexes, world.waiter, THREADS);
}

void to_replica(unsigned node, const struct popcorn_dsm_message *m)
{
	int waits;

	if (world.node[node].liar && m->kind != DSM_ENDED) return;
	waits = popcorn_replica_deliver(&world.node[node].replica, m);
	if (waits < 0) fail("node %u refuses %s, page %u", node, kind_name(m->kind), (unsigned)m->page);
	if (waits > 0) world.node[node].release[m->page] = 1;
}

static void own_message(const struct popcorn_dsm_message *m)
{
	turns_ask(DSM_ORIGIN, m);
	if (m->kind > DSM_DATA) to_replica(DSM_ORIGIN, m);
	else if (popcorn_directory_deliver(&world.directory, DSM_ORIGIN, m))
		fail("the origin refuses its own %s, page %u", kind_name(m->kind), (unsigned)m->page);
}

void settle(void)
{
	for (unsigned again = 1; again && !world.failed;) {
		again = 0;
		while (world.nown && !world.failed) {
			struct popcorn_dsm_message m = world.own[0];
			memmove(world.own, world.own + 1, --world.nown * sizeof m);
			world.payload = 0;
			own_message(&m);
		}
		for (unsigned p = 0; p < PAGES; p++)
			if (world.opened[p]) {
				world.opened[p] = 0;
				again = 1;
				popcorn_futex_opened(&world.futexes, p);
			}
	}
}

int takes_part(unsigned node)
{
	return !world.node[node].dead && !world.node[node].lost && !world.node[node].liar;
}

/* What it has written to its link may still arrive. */
void die(unsigned node)
{
	note("node %u dies", node);
	world.node[node].dead = 1;
	end_threads(node);
}

/* It keeps what it has and answers nothing, or anything. */
void go_mad(unsigned node)
{
	note("node %u goes mad", node);
	world.node[node].liar = 1;
	end_threads(node);
}

/* The origin will not listen to the node again, whether it is dead or only thought so. What the node's threads do from
 * then on nobody can see: system calls are the origin's. */
void lose(unsigned node)
{
	note("node %u is declared lost", node);
	net_close(node);
	world.node[node].lost = 1;
	turns_lost(node);
	end_threads(node);
	popcorn_directory_lost(&world.directory, node);
	popcorn_futex_lost(&world.futexes, node);
}

/* Anything but what would be in order of a process too: to requeue its own threads. */
void lie(unsigned node)
{
	static const uint8_t kinds[] = { DSM_READ, DSM_WRITE, DSM_PREFETCH, DSM_ACK, DSM_DATA, DSM_WAKE, DSM_CANCEL };
	struct popcorn_dsm_message m = popcorn_dsm_message(kinds[below(sizeof kinds)], below(PAGES));

	if (m.kind == DSM_DATA && m.page < SYNC_PAGES) return; /* it may write nonsense to the lock */
	if (m.kind == DSM_DATA) m.bytes = DSM_MESSAGE_MOST;
	if (m.kind == DSM_WAKE) m.page *= DSM_PAGE;
	m.thread = below(THREADS);
	m.ticket = below(10);
	m.count = m.limit = 1 + below(3);
	net_send(node, DSM_ORIGIN, &m);
}

void begin_change(void)
{
	unsigned first = SYNC_PAGES + below(PAGES - SYNC_PAGES), most = PAGES - first;

	world.changing = 1;
	world.change = (struct mapping_change){ first, 1 + below(most), (enum dsm_access)below(3), (int)below(2), 0 };
	note("pages %u to %u are recalled, %s", first, first + world.change.count - 1, world.change.keep ? "kept" : "dropped");
	popcorn_directory_recall(&world.directory, first, world.change.count, world.change.keep);
}

static void remap(unsigned page)
{
	struct node *origin = world.node;
	enum dsm_access access;

	for (unsigned a = 0; a < 3; a++)
		if (a > world.mapped[page]) world.lacked[page][a] = world.step;
	world.mapped[page] = world.change.to;
	if (!world.change.keep) {
		if (world.gone[page]) world.was_gone[page] = world.step;
		world.gone[page] = 0;
		for (unsigned w = 0; w < WORDS; w++) {
			memset(origin->memory[page] + word_offset[w], 0, 4);
			world.current[page][w] = 0;
		}
	}
	access = world.change.keep ? popcorn_replica_access(&origin->replica, page) : DSM_MAY_WRITE;
	origin->open[page] = (uint8_t)(access < world.mapped[page] ? access : world.mapped[page]);
}

int apply_change(void)
{
	if (!world.changing || !world.change.drained) return 0;
	note("pages %u to %u are mapped for %s", world.change.first, world.change.first + world.change.count - 1,
	     world.change.to == 2 ? "writing" : world.change.to ? "reading" : "nothing");
	for (unsigned i = 0; i < world.change.count; i++) remap(world.change.first + i);
	world.changing = 0;
	popcorn_directory_resume(&world.directory);
	return 1;
}
