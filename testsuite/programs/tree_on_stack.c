// A binary tree whose nodes are half on the heap and half in the frames of the calls that build it.
// expect: 13654063243
#include <stdio.h>
#include <stdlib.h>

struct node { struct node *left, *right, **home; int key, height; };

static void insert(struct node **root, struct node *n)
{
	if (!*root) {
		*root = n;
		n->home = root;
	} else {
		insert(n->key < (*root)->key ? &(*root)->left : &(*root)->right, n);
	}
}

static int height(struct node *n)
{
	if (!n)
		return 0;
	int l = height(n->left), r = height(n->right);
	return n->height = (l > r ? l : r) + 1;
}

static long sum(const struct node *n, int depth) { return n ? sum(n->left, depth + 1) + n->key * depth + (*n->home == n) + sum(n->right, depth + 1) : 0; }

static void destroy(struct node *n, int limit)
{
	if (n) {
		destroy(n->left, limit);
		destroy(n->right, limit);
		if (n->key % 2)
			free(n);
	}
}

static long build(struct node **root, int left, unsigned seed)
{
	struct node mine = {.key = (int)(seed >> 16) & ~1}, *heap = calloc(1, sizeof *heap);
	heap->key = (int)(seed >> 17) | 1;
	insert(root, &mine);
	insert(root, heap);
	if (left)
		return build(root, left - 1, seed * 1103515245u + 12345u);
	long r = sum(*root, 1) * 100 + height(*root);
	destroy(*root, 0);
	return r;
}

int main(void)
{
	long total = 0;
	for (unsigned i = 1; i < 12; i++) {
		struct node *root = 0;
		total += build(&root, (int)i * 5, i * 7919);
	}
	printf("%ld\n", total);
	return 0;
}
