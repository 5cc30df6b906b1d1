// A bounded queue with condition variables: producers and consumers wake each other.
// flags: -pthread
// timeout: 90
// expect: 384462 0 1
#include <pthread.h>
#include <stdio.h>

enum { ROOM = 5, ITEMS = 120 };
static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t not_full = PTHREAD_COND_INITIALIZER, not_empty = PTHREAD_COND_INITIALIZER;
static int queue[ROOM], head, used, most;

static int work(int n) { return n > 1 ? work(n / 2) + 1 : 0; }

static void *produce(void *argument)
{
	for (int i = 0; i < ITEMS; i++) {
		pthread_mutex_lock(&m);
		while (used == ROOM)
			pthread_cond_wait(&not_full, &m);
		queue[(head + used++) % ROOM] = i + (int)(long)argument * 1000;
		most = used > most ? used : most;
		pthread_cond_signal(&not_empty);
		pthread_mutex_unlock(&m);
		work(i);
	}
	return 0;
}

static void *consume(void *argument)
{
	long *sum = argument;
	for (int i = 0; i < ITEMS; i++) {
		pthread_mutex_lock(&m);
		while (used == 0)
			pthread_cond_wait(&not_empty, &m);
		int v = queue[head];
		head = (head + 1) % ROOM;
		used--;
		pthread_cond_broadcast(&not_full);
		pthread_mutex_unlock(&m);
		*sum += v + work(v);
	}
	return 0;
}

int main(void)
{
	pthread_t p[3], c[3];
	long sums[3] = {0};
	for (long i = 0; i < 3; i++) {
		pthread_create(&c[i], 0, consume, &sums[i]);
		pthread_create(&p[i], 0, produce, (void *)i);
	}
	for (int i = 0; i < 3; i++) {
		pthread_join(p[i], 0);
		pthread_join(c[i], 0);
	}
	printf("%ld %d %d\n", sums[0] + sums[1] + sums[2], used, most <= ROOM);
	return 0;
}
