// A matrix product in blocks that threads take from a counter: each sum is made in one order, to the last bit.
// flags: -pthread
// timeout: 90
// rebuild-every: 30
// move-every: 400
// expect: 36 blocks, trace -0x1.a616dea9bdfcbp+5, weighted -0x1.507664ed11fb6p+15, wrong 0
#include <pthread.h>
#include <stdio.h>

enum { SIZE = 144, BLOCK = 24, ACROSS = SIZE / BLOCK, THREADS = 4 };
static double a[SIZE][SIZE], b[SIZE][SIZE], c[SIZE][SIZE];
static int next, done[THREADS];

static void multiply(int row, int column, int middle)
{
	for (int i = row; i < row + BLOCK; i++)
		for (int j = column; j < column + BLOCK; j++) {
			double sum = c[i][j];
			for (int k = middle; k < middle + BLOCK; k++)
				sum += a[i][k] * b[k][j];
			c[i][j] = sum;
		}
}

static void *work(void *argument)
{
	int *mine = argument;
	for (int block; (block = __atomic_fetch_add(&next, 1, __ATOMIC_RELAXED)) < ACROSS * ACROSS; ++*mine)
		for (int k = 0; k < ACROSS; k++)
			multiply(block / ACROSS * BLOCK, block % ACROSS * BLOCK, k * BLOCK);
	return 0;
}

int main(void)
{
	pthread_t t[THREADS];
	double trace = 0, weighted = 0;
	int blocks = 0, wrong = 0;
	for (int i = 0; i < SIZE; i++)
		for (int j = 0; j < SIZE; j++) {
			a[i][j] = 1.0 / (i + j + 1);
			b[i][j] = (i * 7 + j * 3) % 11 - 5.25;
		}
	for (int i = 0; i < THREADS; i++)
		pthread_create(&t[i], 0, work, &done[i]);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(t[i], 0);
		blocks += done[i];
	}
	for (int i = 0; i < SIZE; i++) {
		trace += c[i][i];
		for (int j = 0; j < SIZE; j++)
			weighted += c[i][j] * ((i * 5 + j) % 13);
	}
	for (int i = 0; i < SIZE; i += 17) { /* some of them again, by one thread */
		double sum = 0;
		for (int k = 0; k < SIZE; k++)
			sum += a[i][k] * b[k][SIZE - 1 - i];
		wrong += sum != c[i][SIZE - 1 - i];
	}
	printf("%d blocks, trace %a, weighted %a, wrong %d\n", blocks, trace, weighted, wrong);
	return 0;
}
