/* What the engine asks for is done to memory, to threads and to links; and how a node begins. */
#include "abi.h"
#include "kernel.h"
#include "node.h"

enum { LONG_TURN = 5000000 }; /* ns from a thread's being woken on; see serve.c */

void popcorn_node_lock(struct popcorn_node *n)
{
	popcorn_take(&n->lock);
}

void popcorn_node_unlock(struct popcorn_node *n)
{
	popcorn_drop(&n->lock);
}

uint64_t popcorn_node_lock_calmly(struct popcorn_node *n)
{
	uint64_t all = ~0ull, mask = 0;

	K4(K_rt_sigprocmask, K_SIG_SETMASK, &all, &mask, 8);
	popcorn_node_lock(n);
	return mask;
}

void popcorn_node_unlock_calmly(struct popcorn_node *n, uint64_t mask)
{
	popcorn_node_unlock(n);
	K4(K_rt_sigprocmask, K_SIG_SETMASK, &mask, 0, 8);
}

static int failed(long address)
{
	return address < 0 && address > -4096;
}

long popcorn_node_view(struct popcorn_node *n, uint64_t first, uint64_t count, int protection)
{
	long at = K6(K_mmap, n->common + first * DSM_PAGE, count * DSM_PAGE, protection, K_MAP_SHARED | K_MAP_FIXED | K_MAP_NORESERVE,
	             n->memory, first * DSM_PAGE);

	return failed(at) ? at : 0;
}

static void *map_chunk(struct popcorn_node *n, uint64_t chunk)
{
	uint64_t first = chunk * NODE_CHUNK, end = first + NODE_CHUNK;
	long at = K6(K_mmap, 0, NODE_CHUNK * DSM_PAGE, K_PROT_READ | K_PROT_WRITE, K_MAP_SHARED | K_MAP_NORESERVE, n->memory, first * DSM_PAGE);

	if (failed(at)) return 0;
	for (unsigned i = 0; i < NODE_EXTENTS && !n->origin; i++) { /* what lies in no extent is somebody else's */
		const struct popcorn_extent *e = n->extent + i;
		uint64_t from = first > e->first ? first : e->first, to = end < e->end ? end : e->end;
		if (from < to && popcorn_node_view(n, from, to - from, 0)) return 0;
	}
	return n->alias[chunk] = (unsigned char *)at;
}

/* Where the runtime has the page. */
static void *alias(struct popcorn_node *n, uint64_t page)
{
	static unsigned char nowhere[DSM_PAGE];
	unsigned char *chunk = n->alias[page / NODE_CHUNK];

	if (!chunk && !(chunk = map_chunk(n, page / NODE_CHUNK))) {
		n->broken = 1;
		return nowhere;
	}
	return chunk + page % NODE_CHUNK * DSM_PAGE;
}

void popcorn_node_send(void *context, unsigned to, const struct popcorn_dsm_message *m)
{
	struct popcorn_node *n = context;

	if (to == n->replica.node) {
		if (n->nown == NODE_OWN) n->broken = 1;
		else n->own[(n->own_first + n->nown++) % NODE_OWN] = *m;
	} else if (!n->wire[to].lost && popcorn_wire_put(n->wire + to, m, popcorn_dsm_behind(m) ? alias(n, m->page) : 0)) n->broken = 1;
}

void popcorn_node_mail(struct popcorn_node *n, unsigned to, uint32_t thread, const void *bytes, size_t size)
{
	struct popcorn_dsm_message m = popcorn_dsm_message(DSM_MAIL, 0);
	uint64_t mask = popcorn_node_lock_calmly(n);

	m.thread = thread;
	m.bytes += (uint32_t)size;
	if (!n->wire[to].lost && popcorn_wire_put(n->wire + to, &m, bytes)) n->broken = 1;
	popcorn_node_flush(n);
	popcorn_node_unlock_calmly(n, mask);
}

static void do_fill(void *context, uint64_t page)
{
	struct popcorn_node *n = context;

	popcorn_copy(alias(n, page), n->behind, DSM_PAGE);
}

static void do_open(void *context, uint64_t page, enum dsm_access access)
{
	static const int protection[] = { 0, K_PROT_READ, K_PROT_READ | K_PROT_WRITE };
	struct popcorn_node *n = context;

	if (n->origin && n->origin->rights(page) < access) access = n->origin->rights(page);
	alias(n, page); /* at a remote there is nothing to open without */
	long r = K3(K_mprotect, n->common + page * DSM_PAGE, DSM_PAGE, protection[access]);
	if (r) n->broken = n->unmapped = (int)-r;
}

void popcorn_node_ring(struct popcorn_node *n, enum node_poll whom)
{
	uint64_t one = 1;

	K3(K_write, n->bell[whom], &one, 8);
}

static void over(struct popcorn_node *n, struct popcorn_wait *w, enum dsm_reason reason)
{
	w->reason = (uint8_t)reason;
	__atomic_store_n(&w->over, 1, __ATOMIC_RELEASE);
	if (w == n->attending) return;
	if (w == n->receiver) popcorn_node_ring(n, NODE_RECEIVER);
	else K6(K_futex, &w->over, FUTEX_WAKE, 1, 0, 0, 0);
}

/* Those that wait for the page are woken; how many there were. Their waits are on their stacks: gone with the wake. */
static unsigned wake(struct popcorn_node *n, uint64_t page, enum dsm_reason reason)
{
	unsigned found = 0;

	for (struct popcorn_wait **at = &n->waits; *at;) {
		struct popcorn_wait *w = *at;
		if (w->page != page) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		over(n, w, w->asked ? reason : 0);
		found++;
	}
	return found;
}

/* A futex call may have waited for the page; settle looks, since nothing may be asked of the engine here. */
static void opened(struct popcorn_node *n, uint64_t page)
{
	if (!n->origin || !n->futexes.undecided.first) return;
	if (n->nopened == NODE_OPENED) n->broken = 1;
	else n->opened[n->nopened++] = page;
}

static void do_wake(void *context, uint64_t page)
{
	struct popcorn_node *n = context;

	/* settle leaves room for one */
	n->hold[n->nholds++] = (struct popcorn_hold){ page, wake(n, page, 0), popcorn_now() + LONG_TURN };
	opened(n, page);
}

static void do_deny(void *context, uint64_t page, enum dsm_reason reason)
{
	struct popcorn_node *n = context;

	wake(n, page, reason);
	opened(n, page);
}

/* What a futex call returns; whoever gave it up meanwhile is not there any more. */
static void called(struct popcorn_node *n, uint32_t thread, uint32_t ticket, int32_t value)
{
	for (struct popcorn_sleep **at = &n->sleeps; *at; at = &(*at)->next) {
		struct popcorn_sleep *s = *at;
		if (s->thread != thread || s->ticket != ticket) continue;
		*at = s->next;
		s->value = value;
		__atomic_store_n(s->over, NODE_AWAKE, __ATOMIC_RELEASE);
		K6(K_futex, s->over, FUTEX_WAKE, 1, 0, 0, 0);
		return;
	}
}

static void do_end(void *context)
{
	struct popcorn_node *n = context;

	while (n->waits) wake(n, n->waits->page, 0);
	while (n->sleeps) called(n, n->sleeps->thread, n->sleeps->ticket, -K_EINTR);
	popcorn_node_ring(n, NODE_SERVICE);
}

static enum dsm_access do_rights(void *context, uint64_t page)
{
	struct popcorn_node *n = context;

	return n->origin->rights(page);
}

static void do_lost(void *context, uint64_t page, unsigned node)
{
	struct popcorn_node *n = context;

	n->origin->lost(page, node);
}

static void do_drained(void *context)
{
	struct popcorn_node *n = context;

	n->origin->drained();
}

static const struct popcorn_driver driver = {
	.send = popcorn_node_send, .fill = do_fill, .open = do_open, .wake = do_wake, .deny = do_deny, .end = do_end,
	.rights = do_rights, .lost = do_lost, .drained = do_drained,
};

static int do_load(void *context, uint64_t address, uint32_t *value)
{
	struct popcorn_node *n = context;
	uint64_t page = address / DSM_PAGE;

	if (n->origin->rights(page) < DSM_MAY_READ) return -1;
	if (popcorn_replica_fault(&n->replica, page, DSM_MAY_READ) != DSM_RETRY) return 0;
	*value = __atomic_load_n((uint32_t *)(void *)((char *)alias(n, page) + address % DSM_PAGE), __ATOMIC_SEQ_CST);
	return 1;
}

static void do_result(void *context, unsigned node, uint32_t thread, uint32_t ticket, int32_t value)
{
	struct popcorn_dsm_message m = popcorn_dsm_message(DSM_RESULT, 0);

	m.thread = thread;
	m.ticket = ticket;
	m.value = (uint32_t)value;
	popcorn_node_send(context, node, &m);
}

void popcorn_node_release(struct popcorn_node *n, unsigned i)
{
	uint64_t page = n->hold[i].page;

	n->hold[i] = n->hold[--n->nholds];
	popcorn_replica_release(&n->replica, page);
}

/* One message, with its bytes in `behind`. A peer that sends what makes no sense now is not spoken to again. */
void popcorn_node_deliver(struct popcorn_node *n, unsigned from, const struct popcorn_dsm_message *m)
{
	int refused = 0;

	n->asked[from] += m->kind == DSM_READ || m->kind == DSM_WRITE;
	if (m->kind == DSM_MAIL) n->mail(from, m, n->behind);
	else if (m->kind == DSM_RESULT) called(n, m->thread, m->ticket, (int32_t)m->value);
	else if (m->kind >= DSM_WAIT) refused = popcorn_futex_deliver(&n->futexes, from, m) < 0;
	else if (m->kind < DSM_GRANT) refused = popcorn_directory_deliver(&n->directory, from, m) < 0;
	else refused = popcorn_replica_deliver(&n->replica, m) < 0;
	if (refused) popcorn_node_lose(n, from);
}

/* After each call of the engine: what the origin has said to itself, and room for the next hold. */
void popcorn_node_settle(struct popcorn_node *n)
{
	for (;;) {
		if (n->nown) {
			struct popcorn_dsm_message m = n->own[n->own_first];
			n->own_first = (n->own_first + 1) % NODE_OWN;
			n->nown--;
			n->behind = 0;
			popcorn_node_deliver(n, n->replica.node, &m);
		} else if (n->nopened) popcorn_futex_opened(&n->futexes, n->opened[--n->nopened]);
		else if (n->nholds == NODE_HOLDS) popcorn_node_release(n, 0);
		else return;
	}
}

void popcorn_node_want(struct popcorn_node *n, uint64_t page)
{
	if (page >= n->replica.npages || (n->origin && n->origin->rights(page) != DSM_MAY_WRITE)) return;
	popcorn_replica_want(&n->replica, page);
}

void *popcorn_node_room(size_t bytes)
{
	long p = K6(K_mmap, 0, bytes, K_PROT_READ | K_PROT_WRITE, K_MAP_PRIVATE | K_MAP_ANONYMOUS | K_MAP_NORESERVE, -1, 0);

	return failed(p) ? 0 : (void *)p;
}

static long begin_memory(struct popcorn_node *n, const struct popcorn_node_settings *s)
{
	uint64_t chunks = s->npages / NODE_CHUNK + 1;

	n->common = s->common;
	for (unsigned i = 0; i < NODE_EXTENTS; i++) n->extent[i] = s->extent[i];
	if (!(n->alias = popcorn_node_room(chunks * sizeof *n->alias))) return -K_ENOMEM;
	n->memory = (int)popcorn_high_fd(K2(K_memfd_create, "popcorn:memory", 1));
	return n->memory < 0 ? n->memory : K2(K_ftruncate, n->memory, chunks * NODE_CHUNK * DSM_PAGE);
}

long popcorn_node_watch(int poll, unsigned what, unsigned events, int fd)
{
	struct popcorn_native_epoll_event e = { .events = events, .data = what };

	return K4(K_epoll_ctl, poll, EVENT_ADD, fd, &e);
}

static void free_room(void *p, size_t bytes)
{
	if (p) K2(K_munmap, p, bytes);
}

void popcorn_node_end(struct popcorn_node *n)
{
	uint64_t npages = n->replica.npages, chunks = npages / NODE_CHUNK + 1;

	for (unsigned i = 0; i < DSM_NODES; i++) {
		struct popcorn_wire *w = n->wire + i;
		if (w->fd >= 0) K1(K_close, w->fd);
		free_room(w->link.bytes, w->link.capacity);
		free_room(w->received, NODE_RECEIVED);
	}
	for (uint64_t i = 0; i < chunks; i++) free_room(n->alias[i], NODE_CHUNK * DSM_PAGE);
	free_room(n->alias, chunks * sizeof *n->alias);
	free_room(n->replica.pages, npages * sizeof *n->replica.pages);
	free_room(n->directory.entries, npages * sizeof *n->directory.entries);
	free_room(n->directory.touched, (npages / DSM_CHUNK / 64 + 1) * sizeof *n->directory.touched);
	free_room(n->futexes.room, NODE_SLEEPERS * sizeof *n->futexes.room);
	for (int i = 0; i < 2; i++) {
		K1(K_close, n->poll[i]);
		K1(K_close, n->bell[i]);
	}
	K1(K_close, n->timer);
	K1(K_close, n->memory);
}

static long begin_polls(struct popcorn_node *n)
{
	for (int i = 0; i < 2; i++) {
		n->poll[i] = (int)popcorn_high_fd(K1(K_epoll_create1, K_O_CLOEXEC));
		n->bell[i] = (int)popcorn_high_fd(K2(K_eventfd2, 0, K_O_CLOEXEC | K_O_NONBLOCK));
		if (n->poll[i] < 0 || n->bell[i] < 0) return n->poll[i] < 0 ? n->poll[i] : n->bell[i];
		popcorn_node_watch(n->poll[i], NODE_BELL, EVENT_IN | EVENT_EDGE, n->bell[i]);
	}
	n->timer = (int)popcorn_high_fd(K2(K_timerfd_create, 1, K_O_CLOEXEC | K_O_NONBLOCK));
	return n->timer < 0 ? n->timer : popcorn_node_watch(n->poll[NODE_SERVICE], NODE_TIMER, EVENT_IN | EVENT_EDGE, n->timer);
}

static int begin_futexes(struct popcorn_node *n)
{
	struct popcorn_waiter *room = popcorn_node_room(NODE_SLEEPERS * sizeof *room);

	if (!room) return -1;
	n->futexes.load = do_load;
	n->futexes.result = do_result;
	n->futexes.context = n;
	popcorn_futex_init(&n->futexes, room, NODE_SLEEPERS);
	return 0;
}

long popcorn_node_begin(struct popcorn_node *n, const struct popcorn_node_settings *s)
{
	uint64_t touched = s->npages / DSM_CHUNK / 64 + 1;
	long e;

	n->origin = s->origin;
	n->key = s->key;
	n->grace = s->grace;
	n->mail = s->mail;
	for (unsigned i = 0; i < DSM_NODES; i++) n->wire[i].fd = -1;
	n->replica = (struct popcorn_replica){ .node = s->number, .npages = s->npages, .driver = &driver, .context = n };
	if (!(n->replica.pages = popcorn_node_room(s->npages * sizeof *n->replica.pages))) return -K_ENOMEM;
	if (s->origin) {
		n->directory = (struct popcorn_directory){ .npages = s->npages, .own = &n->replica, .driver = &driver, .context = n };
		n->directory.entries = popcorn_node_room(s->npages * sizeof *n->directory.entries);
		n->directory.touched = popcorn_node_room(touched * sizeof *n->directory.touched);
		if (!n->directory.entries || !n->directory.touched || begin_futexes(n)) return -K_ENOMEM;
	}
	if ((e = begin_polls(n))) return e;
	return begin_memory(n, s);
}
