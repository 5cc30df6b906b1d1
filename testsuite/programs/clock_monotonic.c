// CLOCK_MONOTONIC never goes back and time really passes in nanosleep, wherever the program runs.
// timeout: 60
// expect: 300 1 1 -1 1
#include <stdio.h>
#include <time.h>

static long long now(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int rising(int n, long long before)
{
	long long t = now(CLOCK_MONOTONIC);
	return n ? (t >= before) + rising(n - 1, t) : 0;
}

int main(void)
{
	long long start = now(CLOCK_MONOTONIC), wall = now(CLOCK_REALTIME);
	int ok = rising(300, start);
	struct timespec nap = {0, 30000000};
	nanosleep(&nap, 0);
	long long slept = now(CLOCK_MONOTONIC) - start, by_wall = now(CLOCK_REALTIME) - wall;
	int bad = nanosleep(&(struct timespec){0, 2000000000}, 0);
	clock_t used = clock();
	printf("%d %d %d %d %d\n", ok, slept >= 30000000, by_wall >= 29000000, bad, used >= 0 && time(0) > 1600000000);
	return 0;
}
