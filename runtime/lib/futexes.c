/* futex() while the process is on several nodes: asked of the origin, which keeps those of all nodes. */
#include "spread.h"

enum { OP_WAIT, OP_WAKE, OP_REQUEUE = 3, OP_CMP_REQUEUE = 4, OP_WAIT_BITSET = 9, OP_WAKE_BITSET = 10, PRIVATE = 128, REALTIME = 256 };
enum { SECOND = 1000000000 };

/* How long a wait may take, in nanoseconds; -1 without an end. WAIT's time counts from now, WAIT_BITSET's is a date. */
static int64_t patience(const struct k_timespec *t, int op)
{
	int64_t ns;

	if (!t) return -1;
	ns = t->sec > INT64_MAX / SECOND - 1 ? INT64_MAX : t->sec * SECOND + t->nsec;
	if ((op & ~(PRIVATE | REALTIME)) == OP_WAIT_BITSET) {
		struct k_timespec now = { 0, 0 };
		__popcorn_clock(op & REALTIME ? 0 : 1, &now); /* the program's, whose date it is */
		ns -= now.sec * SECOND + now.nsec;
	}
	return ns > 0 ? ns : 0;
}

static long ask(struct popcorn_call *c, struct popcorn_dsm_message *m, int64_t most)
{
	struct popcorn_thread *t = c->thread;
	uint64_t signals = t->signals, began = most > 0 ? popcorn_now() : 0;
	uint32_t over = NODE_ASLEEP;
	long r;

	t->time_left = most;
	__atomic_store_n(&t->interrupt, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&t->asleep, &over, __ATOMIC_SEQ_CST);
	if (m->kind == DSM_WAIT && (popcorn_should_interrupt() || *c->cancel || t->signals != signals)) over = NODE_INTERRUPTED;
	r = popcorn_node_futex(&popcorn_own_node, m, most, &over);
	__atomic_store_n(&t->asleep, 0, __ATOMIC_SEQ_CST);
	if (r == -K_EINTR && popcorn_own_node.replica.ended) for (;;) K1(K_exit, 0); /* nobody will answer any more */
	if (r == -K_EINTR && (t->signals == signals || *c->cancel)) r = AGAIN;
	if (r == AGAIN && most > 0) {
		int64_t spent = (int64_t)(popcorn_now() - began);
		t->time_left = spent < most ? most - spent : 0;
	}
	return r;
}

long popcorn_spread_futex(struct popcorn_call *c)
{
	int op = (int)c->a[1] & ~(PRIVATE | REALTIME);
	struct popcorn_dsm_message m = popcorn_dsm_message(DSM_WAIT, (uint64_t)c->a[0]);
	int64_t most = -1;

	m.thread = (uint32_t)c->thread->tid;
	m.value = (uint32_t)c->a[2];
	m.limit = -1u;
	if (m.page % 4) return -K_EINVAL;
	if (!popcorn_is_common(m.page)) return -K_EFAULT;
	switch (op) {
	case OP_WAIT:
	case OP_WAIT_BITSET:
		if (op == OP_WAIT_BITSET && !(m.limit = (uint32_t)c->a[5])) return -K_EINVAL;
		most = patience((const void *)c->a[3], (int)c->a[1]);
		break;
	case OP_WAKE:
	case OP_WAKE_BITSET:
		if (op == OP_WAKE_BITSET) m.limit = (uint32_t)c->a[5];
		m.kind = DSM_WAKE;
		m.count = m.value;
		break;
	case OP_REQUEUE:
	case OP_CMP_REQUEUE:
		m.kind = DSM_REQUEUE;
		m.access = op == OP_CMP_REQUEUE;
		m.target = (uint64_t)c->a[4];
		m.count = m.value;
		m.limit = (uint32_t)c->a[3];
		m.value = (uint32_t)c->a[5];
		break;
	default:
		return -K_ENOSYS; /* those that hand on priorities: musl goes without, or its caller hears of it */
	}
	return ask(c, &m, most);
}
