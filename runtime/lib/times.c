/* The clocks as the program reads them: this node's, or its origin's.
 *
 * Another host has other clocks, which may be behind: there a thread of the program reads the origin's, so that time goes
 * back nowhere, and no thread sees an effect before its cause. */
#include "spread.h"

enum { MONOTONIC = 1, SECOND = 1000000000 };

int popcorn_clocks_far;

static long read_far(struct popcorn_thread *self, int clock, struct k_timespec *t)
{
	long r = popcorn_remote(self, 0, CALL_CLOCK, (long[6]){ clock });

	if (r < 0) return r;
	*t = (struct k_timespec){ r / SECOND, r % SECOND };
	return 0;
}

long __popcorn_clock(int clock, struct k_timespec *t)
{
	struct popcorn_thread *self = popcorn_clocks_far ? popcorn_self() : 0;

	return self && self->guest ? read_far(self, clock, t) : popcorn_read_clock(clock, t);
}

uint64_t __popcorn_ticks(void)
{
	struct k_timespec t = { 0, 0 };

	__popcorn_clock(MONOTONIC, &t);
	return (uint64_t)t.sec * SECOND + (uint64_t)t.nsec;
}
