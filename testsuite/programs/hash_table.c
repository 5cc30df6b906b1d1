// A hash table with chains on the heap, growing while iterated by callbacks.
// rebuild-every: 3
// expect: 106 128 678634 1269 106
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entry { struct entry *next; unsigned hash; int value; char key[]; };
struct table { struct entry **bucket; unsigned size, used; };

static unsigned hash(const char *s) { unsigned h = 2166136261u; while (*s) h = (h ^ (unsigned char)*s++) * 16777619u; return h; }

static void grow(struct table *t)
{
	struct table bigger = {calloc(t->size * 2, sizeof *t->bucket), t->size * 2, t->used};
	for (unsigned i = 0; i < t->size; i++)
		for (struct entry *e = t->bucket[i], *next; e; e = next) {
			next = e->next;
			e->next = bigger.bucket[e->hash % bigger.size];
			bigger.bucket[e->hash % bigger.size] = e;
		}
	free(t->bucket);
	*t = bigger;
}

static int *at(struct table *t, const char *key)
{
	unsigned h = hash(key);
	for (struct entry *e = t->bucket[h % t->size]; e; e = e->next)
		if (e->hash == h && !strcmp(e->key, key))
			return &e->value;
	if (t->used >= t->size)
		grow(t);
	struct entry *e = malloc(sizeof *e + strlen(key) + 1);
	*e = (struct entry){t->bucket[h % t->size], h, 0};
	strcpy(e->key, key);
	t->bucket[h % t->size] = e;
	t->used++;
	return &e->value;
}

static void each(struct table *t, void (*f)(struct entry *, void *), void *context)
{
	for (unsigned i = 0; i < t->size; i++)
		for (struct entry *e = t->bucket[i], *next; e; e = next) {
			next = e->next;
			f(e, context);
		}
}

static void add(struct entry *e, void *sum) { *(long *)sum += e->value * (long)strlen(e->key); }
static void drop(struct entry *e, void *count) { ++*(int *)count; free(e); }

int main(void)
{
	struct table t = {calloc(2, sizeof *t.bucket), 2, 0};
	long sum = 0;
	int dropped = 0;
	for (int i = 0; i < 500; i++) {
		char key[24];
		snprintf(key, sizeof key, "key%d", i * i % 211);
		*at(&t, key) += i;
	}
	each(&t, add, &sum);
	printf("%u %u %ld %d", t.used, t.size, sum, *at(&t, "key9"));
	each(&t, drop, &dropped);
	printf(" %d\n", dropped);
	free(t.bucket);
	return 0;
}
