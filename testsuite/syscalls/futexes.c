/* Futexes, those that name their owner among them: what they answer, what they leave in the word, how long they wait. */
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "check.h"

static uint32_t word[4];
static pthread_barrier_t taken, asked;
static int other, refused;

static long futex(void *at, int op, unsigned value, void *timeout, void *second, unsigned third)
{
	return syscall(SYS_futex, at, op, value, timeout, second, third);
}

static struct timespec *at(int clock, long ns)
{
	static struct timespec t;

	clock_gettime(clock, &t);
	t.tv_nsec += ns;
	t.tv_sec += t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	return &t;
}

/* Has the word while main asks, gives it to main, and waits for it. */
static void *owner(void *unused)
{
	other = gettid();
	refused = futex(word, FUTEX_LOCK_PI, 0, 0, 0, 0);
	pthread_barrier_wait(&taken);
	pthread_barrier_wait(&asked);
	refused |= futex(word, FUTEX_UNLOCK_PI, 0, 0, 0, 0);
	pthread_barrier_wait(&taken);
	refused |= futex(word, FUTEX_LOCK_PI, 0, 0, 0, 0) || (word[0] & FUTEX_TID_MASK) != other;
	refused |= futex(word, FUTEX_UNLOCK_PI, 0, 0, 0, 0);
	return unused;
}

int main(void)
{
	struct timespec brief = { 0, 1000000 };
	uint32_t me = gettid();
	pthread_t thread;

	CHECK(futex(word, FUTEX_WAIT, 1, 0, 0, 0));
	CHECK(futex(word, FUTEX_WAIT, 0, &brief, 0, 0));
	CHECK(futex(word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0, &brief, 0, 0));
	CHECK(futex(word, FUTEX_WAIT_BITSET, 0, at(CLOCK_MONOTONIC, 1000000), 0, 1));
	CHECK(futex(word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, at(CLOCK_REALTIME, 1000000), 0, 1));
	CHECK(futex(word, FUTEX_WAIT_BITSET, 0, &brief, 0, 0));
	CHECK(futex((char *)word + 1, FUTEX_WAIT, 0, &brief, 0, 0));
	CHECK(futex(word, FUTEX_WAKE, INT_MAX, 0, 0, 0));
	CHECK(futex(word, FUTEX_REQUEUE, 1, 0, word + 1, 0));
	CHECK(futex(word, FUTEX_CMP_REQUEUE, 1, 0, word + 1, 7));
	CHECK(futex(word, FUTEX_CMP_REQUEUE, 1, 0, word + 1, 0));

	CHECK(futex(word, FUTEX_UNLOCK_PI, 0, 0, 0, 0));
	CHECK(futex(word, FUTEX_TRYLOCK_PI, 0, 0, 0, 0));
	CHECK(word[0] == me);
	CHECK(futex(word, FUTEX_TRYLOCK_PI, 0, 0, 0, 0));
	CHECK(futex(word, FUTEX_LOCK_PI, 0, 0, 0, 0));
	CHECK(futex(word, FUTEX_UNLOCK_PI, 0, 0, 0, 0));
	CHECK(word[0]);
	word[0] = FUTEX_OWNER_DIED;
	CHECK(futex(word, FUTEX_LOCK_PI, 0, 0, 0, 0));
	CHECK(word[0] == (me | FUTEX_OWNER_DIED));
	CHECK(futex(word, FUTEX_UNLOCK_PI, 0, 0, 0, 0));
	CHECK(word[0]);
	CHECK(futex((char *)word + 1, FUTEX_LOCK_PI, 0, 0, 0, 0));

	pthread_barrier_init(&taken, 0, 2), pthread_barrier_init(&asked, 0, 2);
	pthread_create(&thread, 0, owner, 0);
	pthread_barrier_wait(&taken);
	CHECK((word[0] & FUTEX_TID_MASK) == other);
	CHECK(futex(word, FUTEX_TRYLOCK_PI, 0, 0, 0, 0));
	CHECK(futex(word, FUTEX_UNLOCK_PI, 0, 0, 0, 0));
	CHECK((word[0] & FUTEX_TID_MASK) == other);
	CHECK(futex(word, FUTEX_LOCK_PI, 0, at(CLOCK_REALTIME, 2000000), 0, 0));
	CHECK(futex(word, FUTEX_LOCK_PI | FUTEX_PRIVATE_FLAG, 0, at(CLOCK_REALTIME, -2000000), 0, 0));
	CHECK((word[0] & FUTEX_TID_MASK) == other);
	pthread_barrier_wait(&asked);
	CHECK(futex(word, FUTEX_LOCK_PI, 0, 0, 0, 0));
	CHECK((word[0] & FUTEX_TID_MASK) == me);
	CHECK(futex(word, FUTEX_LOCK_PI, 0, 0, 0, 0));
	pthread_barrier_wait(&taken);
	while (!(*(volatile uint32_t *)word & FUTEX_WAITERS)) usleep(1000);
	CHECK(futex(word, FUTEX_UNLOCK_PI, 0, 0, 0, 0));
	pthread_join(thread, 0);
	CHECK(refused);
	CHECK(word[0]);
	return 0;
}
