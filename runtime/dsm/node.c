/* What a thread and the service do with a node, one at a time. */
#include "abi.h"
#include "kernel.h"
#include "node.h"

enum { FUTEX_WAIT = 128, FUTEX_WAKE = 129 }; /* of this process alone */
enum { SERVICE, RECEIVER }; /* of poll and bell */
enum { BELL = DSM_NODES, TIMER, EVENTS }; /* what an event is about; before these, the wires */
enum { IN = 1, OUT = 4, EXCLUSIVE = 1 << 28, EDGE = 1u << 31, ADD = 1, DEL = 2 }; /* epoll's */
enum { TIMED_OUT = 110 };
#define HELLO_TIME 10000000000u /* ns that a new connection may be silent, beyond the grace */
enum { TURN = 20000, LONG_TURN = 5000000 }; /* ns: from a thread's leaving the handler on; from its being woken on */

static void take_lock(struct popcorn_node *n)
{
	int free = 0;

	if (__atomic_compare_exchange_n(&n->lock, &free, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) return;
	while (__atomic_exchange_n(&n->lock, 2, __ATOMIC_ACQUIRE)) K6(K_futex, &n->lock, FUTEX_WAIT, 2, 0, 0, 0);
}

static void drop_lock(struct popcorn_node *n)
{
	if (__atomic_exchange_n(&n->lock, 0, __ATOMIC_RELEASE) == 2) K6(K_futex, &n->lock, FUTEX_WAKE, 1, 0, 0, 0);
}

static void *page_at(unsigned char *memory, uint64_t page)
{
	return memory + page * DSM_PAGE;
}

static void do_send(void *context, unsigned to, const struct popcorn_dsm_message *m)
{
	struct popcorn_node *n = context;

	n->sent++;
	if (to == n->replica.node) {
		if (n->nown == NODE_OWN) n->broken = 1;
		else n->own[(n->own_first + n->nown++) % NODE_OWN] = *m;
	} else if (!n->wire[to].lost && popcorn_wire_put(n->wire + to, m, page_at(n->alias, m->page))) n->broken = 1;
}

static void do_fill(void *context, uint64_t page)
{
	struct popcorn_node *n = context;

	popcorn_copy(page_at(n->alias, page), n->payload, DSM_PAGE);
}

static void do_open(void *context, uint64_t page, enum dsm_access access)
{
	static const int protection[] = { 0, K_PROT_READ, K_PROT_READ | K_PROT_WRITE };
	struct popcorn_node *n = context;

	if (K3(K_mprotect, page_at(n->common, page), DSM_PAGE, protection[access])) n->broken = 1;
}

static void ring(struct popcorn_node *n, int whom)
{
	uint64_t one = 1;

	K3(K_write, n->bell[whom], &one, 8);
}

static void over(struct popcorn_node *n, struct popcorn_wait *w, enum dsm_reason reason)
{
	w->reason = (uint8_t)reason;
	__atomic_store_n(&w->over, 1, __ATOMIC_RELEASE);
	if (w == n->attending) return;
	if (w == n->receiver) ring(n, RECEIVER);
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

	n->denied++;
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
		__atomic_store_n(&s->over, 1, __ATOMIC_RELEASE);
		K6(K_futex, &s->over, FUTEX_WAKE, 1, 0, 0, 0);
		return;
	}
}

static void do_end(void *context)
{
	struct popcorn_node *n = context;

	while (n->waits) wake(n, n->waits->page, 0);
	while (n->sleeps) called(n, n->sleeps->thread, n->sleeps->ticket, -K_EINTR);
	ring(n, SERVICE);
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
	.send = do_send, .fill = do_fill, .open = do_open, .wake = do_wake, .deny = do_deny, .end = do_end,
	.rights = do_rights, .lost = do_lost, .drained = do_drained,
};

static int do_load(void *context, uint64_t address, uint32_t *value)
{
	struct popcorn_node *n = context;
	uint64_t page = address / DSM_PAGE;

	if (n->origin->rights(page) < DSM_MAY_READ) return -1;
	if (popcorn_replica_fault(&n->replica, page, DSM_MAY_READ) != DSM_RETRY) return 0;
	*value = __atomic_load_n((uint32_t *)(void *)(n->alias + address), __ATOMIC_SEQ_CST);
	return 1;
}

static void do_result(void *context, unsigned node, uint32_t thread, uint32_t ticket, int32_t value)
{
	struct popcorn_dsm_message m = popcorn_dsm_message(DSM_RESULT, 0);

	m.thread = thread;
	m.ticket = ticket;
	m.value = (uint32_t)value;
	do_send(context, node, &m);
}

static void *zeros(size_t bytes)
{
	long p = K6(K_mmap, 0, bytes, K_PROT_READ | K_PROT_WRITE, K_MAP_PRIVATE | K_MAP_ANONYMOUS | K_MAP_NORESERVE, -1, 0);

	return p < 0 && p > -4096 ? 0 : (void *)p;
}

static long map_common(struct popcorn_node *n, void *common, uint64_t npages)
{
	int prot = n->origin ? K_PROT_READ | K_PROT_WRITE : 0;
	long fd = K2(K_memfd_create, "popcorn", 1), at, alias, e;

	if (fd < 0) return fd;
	if (!(e = K2(K_ftruncate, fd, npages * DSM_PAGE))) {
		at = K6(K_mmap, common, npages * DSM_PAGE, prot, K_MAP_SHARED | K_MAP_FIXED | K_MAP_NORESERVE, fd, 0);
		alias = K6(K_mmap, 0, npages * DSM_PAGE, K_PROT_READ | K_PROT_WRITE, K_MAP_SHARED | K_MAP_NORESERVE, fd, 0);
		n->common = common;
		n->alias = (unsigned char *)alias;
		e = at < 0 && at > -4096 ? at : alias < 0 && alias > -4096 ? alias : 0;
	}
	K1(K_close, fd);
	return e;
}

static long watch(int poll, int what, unsigned events, uint64_t fd)
{
	struct popcorn_native_epoll_event e = { .events = events, .data = (uint64_t)what };

	return K4(K_epoll_ctl, poll, ADD, fd, &e);
}

static long begin_polls(struct popcorn_node *n)
{
	for (int i = 0; i < 2; i++) {
		n->poll[i] = (int)K1(K_epoll_create1, K_O_CLOEXEC);
		n->bell[i] = (int)K2(K_eventfd2, 0, K_O_CLOEXEC | K_O_NONBLOCK);
		if (n->poll[i] < 0 || n->bell[i] < 0) return n->poll[i] < 0 ? n->poll[i] : n->bell[i];
		watch(n->poll[i], BELL, IN | EDGE, (uint64_t)n->bell[i]);
	}
	n->timer = (int)K2(K_timerfd_create, 1, K_O_CLOEXEC | K_O_NONBLOCK);
	return n->timer < 0 ? n->timer : watch(n->poll[SERVICE], TIMER, IN | EDGE, (uint64_t)n->timer);
}

static int begin_futexes(struct popcorn_node *n)
{
	struct popcorn_waiter *room = zeros(NODE_SLEEPERS * sizeof *room);

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
	for (unsigned i = 0; i < DSM_NODES; i++) n->wire[i].fd = -1;
	n->replica = (struct popcorn_replica){ .node = s->number, .npages = s->npages, .driver = &driver, .context = n };
	if (!(n->replica.pages = zeros(s->npages * sizeof *n->replica.pages))) return -K_ENOMEM;
	if (s->origin) {
		n->directory = (struct popcorn_directory){ .npages = s->npages, .own = &n->replica, .driver = &driver, .context = n };
		n->directory.entries = zeros(s->npages * sizeof *n->directory.entries);
		n->directory.touched = zeros(touched * sizeof *n->directory.touched);
		if (!n->directory.entries || !n->directory.touched || begin_futexes(n)) return -K_ENOMEM;
	}
	if ((e = begin_polls(n))) return e;
	return map_common(n, s->common, s->npages);
}

/* The connection is over. The link waits for another one. */
static void hang_up(struct popcorn_node *n, struct popcorn_wire *w)
{
	if (w->fd < 0) return;
	K1(K_close, w->fd);
	w->fd = -1;
	w->greeted = w->full = 0;
	w->nreceived = 0;
	w->until = popcorn_now() + n->grace;
}

/* The peer is no more, or no peer. */
static void lose(struct popcorn_node *n, unsigned peer)
{
	struct popcorn_wire *w = n->wire + peer;

	hang_up(n, w);
	if (w->lost) return;
	w->lost = 1;
	if (n->origin) {
		popcorn_futex_lost(&n->futexes, peer);
		popcorn_directory_lost(&n->directory, peer);
	} else popcorn_replica_origin_lost(&n->replica);
}

static long greet(struct popcorn_node *n, struct popcorn_wire *w)
{
	struct popcorn_dsm_message m = popcorn_dsm_message(DSM_HELLO, n->replica.node);

	m.target = n->key;
	m.heard = w->link.heard;
	return popcorn_wire_greet(w, &m);
}

long popcorn_node_connect(struct popcorn_node *n, unsigned peer, int fd)
{
	struct popcorn_wire *w = n->wire + peer;
	long e = 0;

	take_lock(n);
	hang_up(n, w);
	if (w->lost) e = -K_EPIPE;
	else {
		w->fd = fd;
		w->known = 1;
		w->until = popcorn_now() + n->grace + HELLO_TIME;
		e = greet(n, w);
		for (int i = RECEIVER; i >= SERVICE && !e; i--) /* in the order in which they are to be asked */
			e = watch(n->poll[i], (int)peer, IN | EDGE | EXCLUSIVE, (uint64_t)fd);
		if (e) w->fd = -1;
		ring(n, SERVICE); /* to look at the clock */
	}
	drop_lock(n);
	return e;
}

static void release(struct popcorn_node *n, unsigned i)
{
	uint64_t page = n->hold[i].page;

	n->hold[i] = n->hold[--n->nholds];
	popcorn_replica_release(&n->replica, page);
}

/* One message, with its bytes in `payload`. A peer that sends what makes no sense now is not spoken to again. */
static void deliver(struct popcorn_node *n, unsigned from, const struct popcorn_dsm_message *m)
{
	int refused = 0;

	if (m->kind == DSM_RESULT) called(n, m->thread, m->ticket, (int32_t)m->value);
	else if (m->kind >= DSM_WAIT) refused = popcorn_futex_deliver(&n->futexes, from, m) < 0;
	else if (m->kind < DSM_GRANT) refused = popcorn_directory_deliver(&n->directory, from, m) < 0;
	else refused = popcorn_replica_deliver(&n->replica, m) < 0;
	if (refused) lose(n, from);
}

/* After each call of the engine: what the origin has said to itself, and room for the next hold. */
static void settle(struct popcorn_node *n)
{
	for (;;) {
		if (n->nown) {
			struct popcorn_dsm_message m = n->own[n->own_first];
			n->own_first = (n->own_first + 1) % NODE_OWN;
			n->nown--;
			n->payload = 0;
			deliver(n, n->replica.node, &m);
		} else if (n->nopened) popcorn_futex_opened(&n->futexes, n->opened[--n->nopened]);
		else if (n->nholds == NODE_HOLDS) release(n, 0);
		else return;
	}
}

/* Everything that can be written is. The service thread hears when a full socket takes more. */
static void flush(struct popcorn_node *n)
{
	for (unsigned i = 0; i < DSM_NODES; i++) {
		struct popcorn_wire *w = n->wire + i;
		int full = w->fd < 0 ? 0 : popcorn_wire_flush(w) > 0;
		if (full == w->full) continue; /* also where it broke: whoever reads will see */
		w->full = full;
		K4(K_epoll_ctl, n->poll[SERVICE], DEL, w->fd, 0);
		watch(n->poll[SERVICE], (int)i, IN | EDGE | EXCLUSIVE | (full ? OUT : 0), (uint64_t)w->fd);
	}
}

/* The thread that was woken for the page leaves, and has its turn. */
static void leave(struct popcorn_node *n, uint64_t page)
{
	for (struct popcorn_hold *h = n->hold; h < n->hold + n->nholds; h++)
		if (h->page == page && h->left && !--h->left) h->until = popcorn_now() + TURN;
}

/* The first of a connection. */
static int greeted(struct popcorn_node *n, unsigned from, const struct popcorn_dsm_message *m)
{
	struct popcorn_wire *w = n->wire + from;

	if (w->greeted || m->page != from || m->target != n->key || popcorn_link_resume(&w->link, m->heard)) return -1;
	w->greeted = 1;
	return 0;
}

/* One message of a peer; -1: it is none. */
static int take(struct popcorn_node *n, unsigned from, const unsigned char *bytes)
{
	struct popcorn_wire *w = n->wire + from;
	struct popcorn_dsm_message m, heard = popcorn_dsm_message(DSM_HEARD, 0);
	int new;

	popcorn_copy(&m, bytes, sizeof m);
	n->payload = bytes + sizeof m;
	n->received++;
	if (m.kind == DSM_HELLO) return greeted(n, from, &m);
	if (!w->greeted || (new = popcorn_link_take(&w->link, &m)) < 0) return -1;
	if (new && m.kind != DSM_HEARD) {
		deliver(n, from, &m);
		settle(n);
	}
	if (!w->lost && popcorn_link_owes(&w->link) && popcorn_wire_put(w, &heard, 0)) n->broken = 1;
	return 0;
}

/* What has come so far. */
static void receive(struct popcorn_node *n, unsigned from)
{
	struct popcorn_wire *w = n->wire + from;
	const unsigned char *bytes;
	size_t at = 0;
	int state;

	while ((state = popcorn_wire_next(w, &at, &bytes, n->origin != 0, n->replica.npages)) > 0) {
		if ((state = take(n, from, bytes)) < 0 || w->fd < 0) break;
	}
	if (w->fd < 0) return;
	popcorn_wire_taken(w, at);
	if (state < 0) lose(n, from);
	settle(n);
}

/* Turns that are over end; returns nanoseconds until the next one that something waits for, or 0. */
static uint64_t turns(struct popcorn_node *n)
{
	uint64_t now = n->nholds ? popcorn_now() : 0, next = 0;

	for (unsigned i = 0; i < n->nholds;) {
		struct popcorn_hold *h = n->hold + i;
		if (h->until <= now) {
			release(n, i);
			settle(n);
			i = 0;
			continue;
		}
		if (n->replica.pages[h->page].recall && (!next || h->until - now < next)) next = h->until - now;
		i++;
	}
	return next;
}

/* Peers that have been away for too long are lost; returns nanoseconds until the next one is, or 0. */
static uint64_t absences(struct popcorn_node *n)
{
	uint64_t next = 0;

	for (unsigned i = 0; i < DSM_NODES; i++) {
		struct popcorn_wire *w = n->wire + i;
		if (!w->known || w->lost || w->greeted) continue;
		uint64_t now = popcorn_now();
		if (w->until <= now) {
			lose(n, i);
			settle(n);
		} else if (!next || w->until - now < next) next = w->until - now;
	}
	return next;
}

/* What is due is done, and the timer set for what is next. */
static void look_at_the_clock(struct popcorn_node *n)
{
	uint64_t turn = turns(n), absence = absences(n), next = turn && (!absence || turn < absence) ? turn : absence;
	struct k_timespec t[2] = { { 0, 0 }, { (int64_t)(next / 1000000000), (int64_t)(next % 1000000000) } };

	if (next) K4(K_timerfd_settime, n->timer, 0, t, 0);
}

static void hear(struct popcorn_node *n, unsigned from)
{
	int came;

	if (n->wire[from].fd < 0) return;
	do {
		came = popcorn_wire_receive(n->wire + from);
		receive(n, from);
	} while (came > 0 && n->wire[from].fd >= 0);
	if (came < 0) hang_up(n, n->wire + from);
}

/* What has come is dealt with, or something is waited for first. Lock held, but while waiting. */
static void attend(struct popcorn_node *n, int whose, struct popcorn_wait *w)
{
	struct popcorn_native_epoll_event e[EVENTS];
	uint64_t count;
	long k;

	drop_lock(n);
	k = K6(K_epoll_pwait, n->poll[whose], e, EVENTS, -1, 0, 8);
	take_lock(n);
	n->attending = w;
	for (long i = 0; i < k; i++) {
		if (e[i].data < DSM_NODES) hear(n, (unsigned)e[i].data);
		else K3(K_read, e[i].data == BELL ? n->bell[whose] : n->timer, &count, 8);
	}
	for (unsigned i = 0; i < DSM_NODES && n->broken; i++)
		if (n->wire[i].known) lose(n, i);
	settle(n);
	look_at_the_clock(n);
	flush(n);
	n->attending = 0;
}

void popcorn_node_lost(struct popcorn_node *n, unsigned peer)
{
	take_lock(n);
	lose(n, peer);
	settle(n);
	flush(n);
	drop_lock(n);
}

static void wait(struct popcorn_node *n, struct popcorn_wait *w)
{
	if (!n->receiver) {
		n->receiver = w;
		while (!w->over) attend(n, RECEIVER, w);
		n->receiver = 0;
		return;
	}
	drop_lock(n);
	while (!__atomic_load_n(&w->over, __ATOMIC_ACQUIRE)) K6(K_futex, &w->over, FUTEX_WAIT, 0, 0, 0, 0);
	take_lock(n);
}

int popcorn_node_fault(struct popcorn_node *n, uint64_t page, enum dsm_access access)
{
	struct popcorn_wait w = { .page = page };
	enum dsm_fault f;
	int ended;

	take_lock(n);
	n->faults++;
	/* where it could be read before, and is not known to have been read, it was to be written */
	if (access == DSM_NO_ACCESS) access = popcorn_replica_access(&n->replica, page) == DSM_MAY_READ ? DSM_MAY_WRITE : DSM_MAY_READ;
	f = popcorn_replica_fault(&n->replica, page, access);
	w.asked = f == DSM_ASKED;
	if (f == DSM_ASKED || f == DSM_JOINED) {
		w.next = n->waits;
		n->waits = &w;
		n->attending = &w;
		settle(n);
		flush(n);
		n->attending = 0;
		if (!w.over) wait(n, &w);
		leave(n, page);
	}
	ended = n->replica.ended;
	drop_lock(n);
	return ended ? -1 : w.reason;
}

static void give_up(struct popcorn_node *n, const struct popcorn_dsm_message *call)
{
	struct popcorn_dsm_message m = popcorn_dsm_message(DSM_CANCEL, 0);

	m.thread = call->thread;
	m.ticket = call->ticket;
	m.value = (uint32_t)-TIMED_OUT;
	take_lock(n);
	do_send(n, DSM_ORIGIN, &m);
	settle(n);
	flush(n);
	drop_lock(n);
}

long popcorn_node_futex(struct popcorn_node *n, struct popcorn_dsm_message *m, int64_t most)
{
	struct k_timespec time = { most / 1000000000, most % 1000000000 }, *limit = most < 0 ? 0 : &time;
	struct popcorn_sleep s = { .thread = m->thread };

	take_lock(n);
	if (n->replica.ended) {
		drop_lock(n);
		return -K_EINTR;
	}
	s.ticket = m->ticket = ++n->tickets;
	s.next = n->sleeps;
	n->sleeps = &s;
	do_send(n, DSM_ORIGIN, m);
	settle(n);
	flush(n);
	drop_lock(n);
	while (!__atomic_load_n(&s.over, __ATOMIC_ACQUIRE)) {
		if (K6(K_futex, &s.over, FUTEX_WAIT, 0, limit, 0, 0) != -TIMED_OUT) continue;
		give_up(n, m); /* and hear whether that came in time */
		limit = 0;
	}
	return s.value;
}

void popcorn_node_serve(struct popcorn_node *n, const int *stop)
{
	take_lock(n);
	while (!n->replica.ended && !__atomic_load_n(stop, __ATOMIC_ACQUIRE)) attend(n, SERVICE, 0);
	drop_lock(n);
}
