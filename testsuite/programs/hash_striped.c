// A hash table whose buckets share a few locks: threads add, count and remove the same keys, on the heap.
// flags: -pthread
// timeout: 90
// rebuild-every: 5
// move-every: 100
// expect: 100 keys left of 100, kept 6000, dropped 3000, wrong 0
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { BUCKETS = 64, STRIPES = 8, KEYS = 150, THREADS = 5, ROUNDS = 4 };
struct node { struct node *next; unsigned key; long count; };
static struct node *bucket[BUCKETS];
static pthread_mutex_t stripe[STRIPES];
static long live;

static unsigned hash(unsigned key) { return key * 2654435761u >> 8; }

static struct node **find(unsigned key)
{
	struct node **at = &bucket[hash(key) % BUCKETS];
	while (*at && (*at)->key != key)
		at = &(*at)->next;
	return at;
}

static void add(unsigned key, long n)
{
	pthread_mutex_t *lock = &stripe[hash(key) % STRIPES];
	pthread_mutex_lock(lock);
	struct node **at = find(key);
	if (!*at) {
		if (!(*at = calloc(1, sizeof **at)))
			abort();
		(*at)->key = key;
		__atomic_fetch_add(&live, 1, __ATOMIC_RELAXED);
	}
	(*at)->count += n;
	pthread_mutex_unlock(lock);
}

/* What was counted; the key is no more. */
static long drop(unsigned key)
{
	pthread_mutex_t *lock = &stripe[hash(key) % STRIPES];
	long n = 0;
	pthread_mutex_lock(lock);
	struct node **at = find(key), *gone = *at;
	if (gone) {
		*at = gone->next;
		n = gone->count;
		free(gone);
		__atomic_fetch_sub(&live, 1, __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(lock);
	return n;
}

static void *work(void *argument)
{
	long me = (long)argument, dropped = 0;
	for (int round = 0; round < ROUNDS; round++)
		for (unsigned i = 0; i < KEYS; i++) {
			unsigned key = (i * 7 + (unsigned)me * 31) % KEYS;
			add(key, me + 1);
			if (key % 3 == 0)
				dropped += drop(key);
		}
	return (void *)dropped;
}

int main(void)
{
	pthread_t t[THREADS];
	long kept = 0, dropped = 0, left = 0, wrong = 0;
	for (int i = 0; i < STRIPES; i++)
		pthread_mutex_init(&stripe[i], 0);
	for (long i = 0; i < THREADS; i++)
		pthread_create(&t[i], 0, work, (void *)i);
	for (int i = 0; i < THREADS; i++) {
		void *result;
		pthread_join(t[i], &result);
		dropped += (long)result;
	}
	for (int i = 0; i < BUCKETS; i++)
		for (struct node *n = bucket[i]; n; n = n->next) {
			left++;
			kept += n->count;
			wrong += n->count != ROUNDS * THREADS * (THREADS + 1) / 2 || n->key % 3 == 0;
		}
	printf("%ld keys left of %ld, kept %ld, dropped %ld, wrong %ld\n", left, live, kept, dropped, wrong);
	return 0;
}
