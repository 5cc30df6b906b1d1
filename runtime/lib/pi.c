/* Futexes that name their owner and hand on priorities (FUTEX_LOCK_PI and its like), served as futexes of the plain kind.
 *
 * The kernel compares the number in the word with the one it knows the thread by, which is another after a move, and takes
 * the word for one node's. So no priority is handed on; all else is as futex(2) and the kernel's locking/pi-futex say, and
 * the word means what musl takes it to mean. */
#include "libc.h"

enum { LOCK = 6, UNLOCK = 7, TRYLOCK = 8, WAIT_REQUEUE = 11, CMP_REQUEUE = 12, LOCK_MONOTONIC = 13 }; /* FUTEX_..._PI, LOCK_PI2 */
enum { WAKE = 1, WAIT_BITSET = 9, PRIVATE = 128, REALTIME = 256, K_EDEADLK = 35 };
#define WAITERS 0x80000000u
#define OWNER_DIED 0x40000000u
#define OWNER 0x3fffffffu

static int operation(const struct popcorn_call *c)
{
	return (int)c->a[1] & ~(PRIVATE | REALTIME);
}

static long futex(struct popcorn_call *c, int op, uint32_t value, long timeout)
{
	return popcorn_call(c->thread, c->cancel, C_futex, (long[]){ c->a[0], op, value, timeout, 0, -1 });
}

/* 0; -EAGAIN: another thread has it, and the word, as it then is, says that somebody waits if that is wanted. */
static long take(uint32_t *word, uint32_t me, int waits, int waited, uint32_t *seen)
{
	uint32_t now = __atomic_load_n(word, __ATOMIC_RELAXED), next;

	do {
		if ((now & OWNER) == me) return -K_EDEADLK;
		if (now & OWNER) next = waits ? now | WAITERS : now;
		else next = me | (now & (OWNER_DIED | WAITERS)) | (waited ? WAITERS : 0); /* there may be more who wait */
	} while (next != now && !__atomic_compare_exchange_n(word, &now, next, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
	*seen = next;
	return (next & OWNER) == me ? 0 : -K_EAGAIN;
}

/* The kernel begins such a call again after a signal. */
static long lock(struct popcorn_call *c, uint32_t *word, uint32_t me)
{
	int dated = WAIT_BITSET | ((int)c->a[1] & (PRIVATE | REALTIME));
	uint32_t seen;
	long r;

	if (operation(c) == LOCK) dated |= REALTIME;
	for (int waited = 0; (r = take(word, me, 1, waited, &seen)) == -K_EAGAIN; waited = 1) {
		r = futex(c, dated, seen, c->a[3]);
		if (r && r != -K_EAGAIN && r != -K_EINTR) return r;
	}
	return r;
}

static long unlock(struct popcorn_call *c, uint32_t *word, uint32_t me)
{
	if ((__atomic_load_n(word, __ATOMIC_RELAXED) & OWNER) != me) return -K_EPERM;
	__atomic_store_n(word, 0, __ATOMIC_RELEASE);
	futex(c, WAKE | ((int)c->a[1] & PRIVATE), 1, 0);
	return 0;
}

int popcorn_futex_is_pi(const struct popcorn_call *c)
{
	int op = operation(c);

	return (op >= LOCK && op <= TRYLOCK) || (op >= WAIT_REQUEUE && op <= LOCK_MONOTONIC);
}

long popcorn_futex_pi(struct popcorn_call *c)
{
	uint32_t *word = (uint32_t *)c->a[0], me = (uint32_t)c->thread->tid, seen;

	if (c->a[0] % sizeof *word) return -K_EINVAL;
	switch (operation(c)) {
	case UNLOCK: return unlock(c, word, me);
	case TRYLOCK: return take(word, me, 0, 0, &seen);
	case WAIT_REQUEUE:
	case CMP_REQUEUE: return -K_ENOSYS; /* glibc's condition variables; musl's go without */
	}
	return lock(c, word, me);
}
