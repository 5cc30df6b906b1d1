// A barrier between phases of a stencil computed by threads, and a reader-writer lock around a shared maximum.
// flags: -pthread
// timeout: 90
// expect: 0x1.92p+7 0x1.4p+2 12
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>

enum { THREADS = 4, CELLS = 64, PHASES = 12 };
static double field[2][CELLS];
static pthread_barrier_t barrier;
static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static double highest;
static int serial;

static double smooth(const double *f, int i, int n)
{
	double v = (f[(i + CELLS - 1) % CELLS] + f[i] * 2 + f[(i + 1) % CELLS]) / 4;
	return n ? smooth(f, i, n - 1) * 0.5 + v * 0.5 : v;
}

static void *run(void *argument)
{
	int id = (int)(long)argument, leader = 0;
	for (int phase = 0; phase < PHASES; phase++) {
		const double *from = field[phase % 2];
		double *to = field[1 - phase % 2];
		for (int i = id * CELLS / THREADS; i < (id + 1) * CELLS / THREADS; i++) {
			to[i] = smooth(from, i, 3) + (i == phase * 3);
			pthread_rwlock_rdlock(&lock);
			int higher = to[i] > highest;
			pthread_rwlock_unlock(&lock);
			if (higher) {
				pthread_rwlock_wrlock(&lock);
				highest = to[i] > highest ? to[i] : highest;
				pthread_rwlock_unlock(&lock);
			}
		}
		leader += pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD;
	}
	__atomic_fetch_add(&serial, leader, __ATOMIC_SEQ_CST);
	return 0;
}

int main(void)
{
	pthread_t t[THREADS];
	for (int i = 0; i < CELLS; i++)
		field[0][i] = i % 7;
	pthread_barrier_init(&barrier, 0, THREADS);
	for (long i = 0; i < THREADS; i++)
		pthread_create(&t[i], 0, run, (void *)i);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], 0);
	double sum = 0;
	for (int i = 0; i < CELLS; i++)
		sum += field[PHASES % 2][i];
	printf("%a %a %d\n", sum, highest, serial);
	return 0;
}
