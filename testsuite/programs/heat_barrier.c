// Heat in a plate: threads have bands of rows, which meet on common pages, and wait for each other at a barrier.
// flags: -pthread
// timeout: 90
// rebuild-every: 20
// move-every: 300
// expect: sum 0x1.6dcc97e7a0dfap+15, warmest 0x1.126253fc2bcc2p+6, leaders 24, out of step 0
#include <pthread.h>
#include <stdio.h>

enum { ROWS = 50, COLUMNS = 90, STEPS = 24, THREADS = 4 };
static double plate[2][ROWS][COLUMNS], warmest[THREADS];
static pthread_barrier_t barrier;
static int leaders, late[THREADS], step_of[THREADS];

static void smooth(double from[ROWS][COLUMNS], double to[ROWS][COLUMNS], int i)
{
	for (int j = 1; j < COLUMNS - 1; j++) {
		double around = from[i - 1][j] + from[i + 1][j] + from[i][j - 1] + from[i][j + 1];
		to[i][j] = from[i][j] + (around - 4 * from[i][j]) / 8;
	}
}

static double highest(double f[ROWS][COLUMNS], int from, int until)
{
	double h = 0;
	for (int i = from; i < until; i++)
		for (int j = 1; j < COLUMNS - 1; j++)
			h = f[i][j] > h ? f[i][j] : h;
	return h;
}

static void *work(void *argument)
{
	int me = (int)(long)argument, led = 0;
	int first = 1 + me * (ROWS - 2) / THREADS, last = 1 + (me + 1) * (ROWS - 2) / THREADS;
	for (int step = 0; step < STEPS; step++) {
		for (int i = first; i < last; i++)
			smooth(plate[step % 2], plate[1 - step % 2], i);
		__atomic_store_n(&step_of[me], step, __ATOMIC_RELAXED);
		led += pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD;
		for (int k = 0; k < THREADS; k++) { /* all have done this step, and none has ended the one after the next */
			int there = __atomic_load_n(&step_of[k], __ATOMIC_RELAXED);
			late[me] += there < step || there > step + 1;
		}
	}
	warmest[me] = highest(plate[STEPS % 2], first, last);
	__atomic_fetch_add(&leaders, led, __ATOMIC_SEQ_CST);
	return 0;
}

int main(void)
{
	pthread_t t[THREADS];
	double sum = 0, most = 0;
	int out_of_step = 0;
	for (int side = 0; side < 2; side++)
		for (int j = 0; j < COLUMNS; j++) {
			plate[side][0][j] = 100;
			plate[side][ROWS - 1][j] = j;
		}
	for (int i = 10; i < 40; i++)
		plate[0][i][i * 2] = 500;
	pthread_barrier_init(&barrier, 0, THREADS);
	for (long i = 0; i < THREADS; i++)
		pthread_create(&t[i], 0, work, (void *)i);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(t[i], 0);
		most = warmest[i] > most ? warmest[i] : most;
		out_of_step += late[i];
	}
	for (int i = 0; i < ROWS; i++)
		for (int j = 0; j < COLUMNS; j++)
			sum += plate[STEPS % 2][i][j];
	printf("sum %a, warmest %a, leaders %d, out of step %d\n", sum, most, leaders, out_of_step);
	return 0;
}
