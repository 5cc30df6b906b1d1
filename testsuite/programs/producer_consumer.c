// Two bounded queues in a row: producers, workers between them, consumers; whoever is last closes a queue.
// flags: -pthread
// timeout: 90
// rebuild-every: 5
// move-every: 60
// expect: 600 179700 1993205
// expect: each once 1, room 1
#include <pthread.h>
#include <stdio.h>

enum { ROOM = 7, EACH = 200, PRODUCERS = 3, WORKERS = 4, CONSUMERS = 2, ITEMS = EACH * PRODUCERS };

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t filled, emptied;
	int writers, first, used, most;
	long room[ROOM];
};
struct result { long items, sum, squares; };

static struct queue raw = { .lock = PTHREAD_MUTEX_INITIALIZER, .writers = PRODUCERS };
static struct queue done = { .lock = PTHREAD_MUTEX_INITIALIZER, .writers = WORKERS };
static int seen[ITEMS];

static void put(struct queue *q, long item)
{
	pthread_mutex_lock(&q->lock);
	while (q->used == ROOM)
		pthread_cond_wait(&q->emptied, &q->lock);
	q->room[(q->first + q->used++) % ROOM] = item;
	q->most = q->used > q->most ? q->used : q->most;
	pthread_cond_signal(&q->filled);
	pthread_mutex_unlock(&q->lock);
}

/* 0: closed and empty */
static int take(struct queue *q, long *item)
{
	pthread_mutex_lock(&q->lock);
	while (!q->used && q->writers)
		pthread_cond_wait(&q->filled, &q->lock);
	int there = q->used > 0;
	if (there) {
		*item = q->room[q->first];
		q->first = (q->first + 1) % ROOM;
		q->used--;
		pthread_cond_signal(&q->emptied);
	}
	pthread_mutex_unlock(&q->lock);
	return there;
}

static void leave(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	if (!--q->writers)
		pthread_cond_broadcast(&q->filled);
	pthread_mutex_unlock(&q->lock);
}

static void *produce(void *argument)
{
	for (long i = 0, first = (long)argument * EACH; i < EACH; i++)
		put(&raw, first + i);
	leave(&raw);
	return 0;
}

static void *work(void *argument)
{
	(void)argument;
	for (long item; take(&raw, &item);)
		put(&done, item << 16 | (item * 7 + 1) % 101);
	leave(&done);
	return 0;
}

static void *consume(void *argument)
{
	struct result *r = argument;
	for (long item; take(&done, &item);) {
		long n = item >> 16, rest = item & 0xffff;
		__atomic_fetch_add(&seen[n], 1, __ATOMIC_RELAXED);
		r->items++;
		r->sum += n;
		r->squares += rest * rest;
	}
	return 0;
}

int main(void)
{
	pthread_t p[PRODUCERS], w[WORKERS], c[CONSUMERS];
	struct result r[CONSUMERS] = { { 0, 0, 0 } };
	int once = 1, room = 1;
	for (int i = 0; i < CONSUMERS; i++)
		pthread_create(&c[i], 0, consume, &r[i]);
	for (int i = 0; i < WORKERS; i++)
		pthread_create(&w[i], 0, work, 0);
	for (long i = 0; i < PRODUCERS; i++)
		pthread_create(&p[i], 0, produce, (void *)i);
	for (int i = 0; i < PRODUCERS; i++)
		pthread_join(p[i], 0);
	for (int i = 0; i < WORKERS; i++)
		pthread_join(w[i], 0);
	for (int i = 0; i < CONSUMERS; i++)
		pthread_join(c[i], 0);
	for (int i = 0; i < ITEMS; i++)
		once &= seen[i] == 1;
	room = raw.most <= ROOM && done.most <= ROOM && !raw.used && !done.used;
	printf("%ld %ld %ld\n", r[0].items + r[1].items, r[0].sum + r[1].sum, r[0].squares + r[1].squares);
	printf("each once %d, room %d\n", once, room);
	return 0;
}
