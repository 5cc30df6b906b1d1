// Merge sort of linked lists through pointers to pointers, reversal by recursion, and the Josephus ring.
// expect: 400 0 1216710072 2166740
#include <stdio.h>
#include <stdlib.h>

struct item { struct item *next; unsigned key; };

static struct item *merge(struct item *a, struct item *b)
{
	struct item *head, **tail = &head;
	while (a && b) {
		struct item **least = a->key <= b->key ? &a : &b;
		*tail = *least;
		tail = &(*least)->next;
		*least = *tail;
	}
	*tail = a ? a : b;
	return head;
}

static struct item *sort(struct item *list)
{
	if (!list || !list->next)
		return list;
	struct item *slow = list, *fast = list->next;
	while (fast && fast->next)
		slow = slow->next, fast = fast->next->next;
	struct item *second = slow->next;
	slow->next = 0;
	return merge(sort(list), sort(second));
}

static struct item *reverse(struct item *l, struct item *done)
{
	if (!l)
		return done;
	struct item *rest = l->next;
	l->next = done;
	return reverse(rest, l);
}

int main(void)
{
	struct item *list = 0;
	unsigned x = 1, h = 0, n = 0, wrong = 0;
	for (int i = 0; i < 400; i++) {
		struct item *e = malloc(sizeof *e);
		*e = (struct item){list, x >> 10};
		x = x * 69069u + 1;
		list = e;
	}
	list = reverse(sort(list), 0);
	for (struct item *e = list; e; e = e->next, n++) {
		h = h * 31 + e->key;
		wrong += e->next && e->next->key > e->key;
	}
	struct item *last = list;
	while (last->next)
		last = last->next;
	last->next = list;
	for (unsigned left = n; left > 1; left--) {
		for (int k = 0; k < 6; k++)
			last = last->next;
		struct item *out = last->next;
		last->next = out->next;
		free(out);
	}
	printf("%u %u %u %u\n", n, wrong, h, last->key);
	free(last);
	return 0;
}
