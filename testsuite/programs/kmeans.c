// k-means in integers: threads assign their share of the points, then one of them moves the centres.
// flags: -pthread
// timeout: 90
// rebuild-every: 40
// move-every: 600
// expect: 532 at 7001 7846
// expect: 502 at 21432 22753
// expect: 506 at 36864 23079
// expect: 485 at 22017 6558
// expect: 518 at 36878 7353
// expect: 457 at 6974 23530
// expect: after 40 rounds
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { POINTS = 3000, MEANS = 6, THREADS = 5, ROUNDS = 60 };
struct point { int32_t x, y; };
struct sums { int64_t x[MEANS], y[MEANS], n[MEANS], changed; };
static struct point points[POINTS], means[MEANS];
static signed char nearest[POINTS];
static struct sums part[THREADS]; /* side by side on a page */
static pthread_barrier_t barrier;
static int rounds, finished;
static uint32_t state = 20261;

static int32_t any(int32_t below)
{
	state = state * 1664525 + 1013904223;
	return (int32_t)((state >> 8) % (uint32_t)below);
}

static int64_t distance(struct point a, struct point b)
{
	int64_t x = a.x - b.x, y = a.y - b.y;
	return x * x + y * y;
}

static void assign(struct sums *to, int from, int until)
{
	memset(to, 0, sizeof *to);
	for (int i = from; i < until; i++) {
		int best = 0;
		for (int k = 1; k < MEANS; k++)
			if (distance(points[i], means[k]) < distance(points[i], means[best]))
				best = k;
		to->changed += nearest[i] != best;
		nearest[i] = (signed char)best;
		to->x[best] += points[i].x;
		to->y[best] += points[i].y;
		to->n[best]++;
	}
}

static void move_means(void)
{
	int64_t changed = 0;
	for (int k = 0; k < MEANS; k++) {
		int64_t x = 0, y = 0, n = 0;
		for (int t = 0; t < THREADS; t++) {
			x += part[t].x[k];
			y += part[t].y[k];
			n += part[t].n[k];
		}
		if (n)
			means[k] = (struct point){ (int32_t)(x / n), (int32_t)(y / n) };
	}
	for (int t = 0; t < THREADS; t++)
		changed += part[t].changed;
	finished = ++rounds == ROUNDS || !changed;
}

static void *work(void *argument)
{
	int me = (int)(long)argument;
	while (!finished) {
		assign(&part[me], me * POINTS / THREADS, (me + 1) * POINTS / THREADS);
		if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
			move_means();
		pthread_barrier_wait(&barrier);
	}
	return 0;
}

int main(void)
{
	pthread_t t[THREADS];
	for (int i = 0; i < POINTS; i++) {
		points[i].x = any(8000) + i % 5 * 9000;
		points[i].y = any(8000) + i % 3 * 11000;
	}
	for (int k = 0; k < MEANS; k++)
		means[k] = points[k * 7];
	memset(nearest, -1, sizeof nearest);
	pthread_barrier_init(&barrier, 0, THREADS);
	for (long i = 0; i < THREADS; i++)
		pthread_create(&t[i], 0, work, (void *)i);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], 0);
	for (int k = 0; k < MEANS; k++) {
		int n = 0;
		for (int i = 0; i < POINTS; i++)
			n += nearest[i] == k;
		printf("%d at %d %d\n", n, means[k].x, means[k].y);
	}
	printf("after %d rounds\n", rounds);
	return 0;
}
