/* Waiting: a thread for a page or for what the origin says to its futex call, the service for whatever comes.
 *
 * A thread that was woken keeps the page until it has left the handler and had time for one access (Mirage's rule, dsm.h):
 * the service looks at the clock when something wants the page.
 */
#include "abi.h"
#include "kernel.h"
#include "node.h"

enum { TURN = 20000 }; /* ns from a thread's leaving the handler on */
enum { TIMED_OUT = 110 };

/* Turns that are over end; returns nanoseconds until the next one that something waits for, or 0. */
static uint64_t turns(struct popcorn_node *n)
{
	uint64_t now = n->nholds ? popcorn_now() : 0, next = 0;

	for (unsigned i = 0; i < n->nholds;) {
		struct popcorn_hold *h = n->hold + i;
		if (h->until <= now) {
			popcorn_node_release(n, i);
			popcorn_node_settle(n);
			i = 0;
			continue;
		}
		if (n->replica.pages[h->page].recall && (!next || h->until - now < next)) next = h->until - now;
		i++;
	}
	return next;
}

/* What is due is done, and the timer set for what is next. */
static void look_at_the_clock(struct popcorn_node *n)
{
	uint64_t turn = turns(n), absence = popcorn_node_absences(n), next = turn && (!absence || turn < absence) ? turn : absence;
	struct k_timespec t[2] = { { 0, 0 }, { (int64_t)(next / 1000000000), (int64_t)(next % 1000000000) } };

	if (next) K4(K_timerfd_settime, n->timer, 0, t, 0);
}

/* What has come is dealt with, or something is waited for first. Lock held, but while waiting. */
static void attend(struct popcorn_node *n, enum node_poll whose, struct popcorn_wait *w)
{
	struct popcorn_native_epoll_event e[NODE_EVENTS];
	uint64_t count;
	long k;

	popcorn_node_unlock(n);
	k = K6(K_epoll_pwait, n->poll[whose], e, NODE_EVENTS, -1, 0, 8);
	popcorn_node_lock(n);
	n->attending = w;
	for (long i = 0; i < k; i++) {
		if (e[i].data < DSM_NODES) popcorn_node_hear(n, (unsigned)e[i].data);
		else K3(K_read, e[i].data == NODE_BELL ? n->bell[whose] : n->timer, &count, 8);
	}
	for (unsigned i = 0; i < DSM_NODES && n->broken; i++)
		if (n->wire[i].known) popcorn_node_lose(n, i);
	popcorn_node_settle(n);
	look_at_the_clock(n);
	popcorn_node_flush(n);
	n->attending = 0;
}

static void wait(struct popcorn_node *n, struct popcorn_wait *w)
{
	if (!n->receiver) {
		n->receiver = w;
		while (!w->over) attend(n, NODE_RECEIVER, w);
		n->receiver = 0;
		return;
	}
	popcorn_node_unlock(n);
	while (!__atomic_load_n(&w->over, __ATOMIC_ACQUIRE)) K6(K_futex, &w->over, FUTEX_WAIT, 0, 0, 0, 0);
	popcorn_node_lock(n);
}

/* The thread that was woken for the page leaves, and has its turn. */
static void leave(struct popcorn_node *n, uint64_t page)
{
	for (struct popcorn_hold *h = n->hold; h < n->hold + n->nholds; h++)
		if (h->page == page && h->left && !--h->left) h->until = popcorn_now() + TURN;
}

int popcorn_node_fault(struct popcorn_node *n, uint64_t page, enum dsm_access access)
{
	struct popcorn_wait w = { .page = page };
	enum dsm_fault f;
	int ended;

	popcorn_node_lock(n);
	n->faults++;
	/* where it could be read before, and is not known to have been read, it was to be written */
	if (access == DSM_NO_ACCESS) access = popcorn_replica_access(&n->replica, page) == DSM_MAY_READ ? DSM_MAY_WRITE : DSM_MAY_READ;
	f = popcorn_replica_fault(&n->replica, page, access);
	w.asked = f == DSM_ASKED;
	if (f == DSM_ASKED || f == DSM_JOINED) {
		w.next = n->waits;
		n->waits = &w;
		n->attending = &w;
		popcorn_node_settle(n);
		popcorn_node_flush(n);
		n->attending = 0;
		if (!w.over) wait(n, &w);
		leave(n, page);
	}
	ended = n->replica.ended;
	popcorn_node_unlock(n);
	return ended ? -1 : w.reason;
}

static void give_up(struct popcorn_node *n, const struct popcorn_dsm_message *call, int32_t value)
{
	struct popcorn_dsm_message m = popcorn_dsm_message(DSM_CANCEL, 0);
	uint64_t mask = popcorn_node_lock_calmly(n);

	m.thread = call->thread;
	m.ticket = call->ticket;
	m.value = (uint32_t)value;
	popcorn_node_send(n, DSM_ORIGIN, &m);
	popcorn_node_settle(n);
	popcorn_node_flush(n);
	popcorn_node_unlock_calmly(n, mask);
}

long popcorn_node_futex(struct popcorn_node *n, struct popcorn_dsm_message *m, int64_t most, uint32_t *over)
{
	struct k_timespec time = { most / 1000000000, most % 1000000000 }, *limit = most < 0 ? 0 : &time;
	struct popcorn_sleep s = { .thread = m->thread, .over = over };
	uint64_t mask = popcorn_node_lock_calmly(n);
	uint32_t state, wait_while = NODE_ASLEEP;

	if (n->replica.ended) {
		popcorn_node_unlock_calmly(n, mask);
		return -K_EINTR;
	}
	s.ticket = m->ticket = ++n->tickets;
	s.next = n->sleeps;
	n->sleeps = &s;
	popcorn_node_send(n, DSM_ORIGIN, m);
	popcorn_node_settle(n);
	popcorn_node_flush(n);
	popcorn_node_unlock_calmly(n, mask);
	while ((state = __atomic_load_n(over, __ATOMIC_ACQUIRE)) != NODE_AWAKE) {
		int late = state == wait_while && K6(K_futex, over, FUTEX_WAIT, state, limit, 0, 0) == -TIMED_OUT;
		if (!late && state == wait_while) continue;
		give_up(n, m, late ? -TIMED_OUT : -K_EINTR); /* and hear whether that came in time */
		limit = 0;
		wait_while = NODE_INTERRUPTED;
		__atomic_compare_exchange_n(over, &(uint32_t){ NODE_ASLEEP }, NODE_INTERRUPTED, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	}
	return s.value;
}

void popcorn_node_serve(struct popcorn_node *n, const int *stop)
{
	popcorn_node_lock(n);
	while (!n->replica.ended && !__atomic_load_n(stop, __ATOMIC_ACQUIRE)) attend(n, NODE_SERVICE, 0);
	popcorn_node_unlock(n);
}
