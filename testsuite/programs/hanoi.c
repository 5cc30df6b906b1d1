// The towers of Hanoi, with the pegs in the caller's frame.
// expect: 1023 moves, 0 0 10, 0 0 3ff, 840349992
#include <stdio.h>

struct pegs {
	int height[3];
	unsigned disks[3];
	unsigned moves, check;
};

static void move(struct pegs *p, int from, int to)
{
	unsigned d = p->disks[from] & -p->disks[from];
	p->disks[from] ^= d;
	p->disks[to] ^= d;
	p->height[from]--;
	p->height[to]++;
	p->check = p->check * 17 + from * 3 + to + d;
	p->moves++;
}

static void hanoi(struct pegs *p, int n, int from, int to, int by)
{
	if (n == 0)
		return;
	hanoi(p, n - 1, from, by, to);
	move(p, from, to);
	hanoi(p, n - 1, by, to, from);
}

int main(void)
{
	struct pegs p = {.height = {10, 0, 0}, .disks = {1023, 0, 0}};
	hanoi(&p, 10, 0, 2, 1);
	printf("%u moves, %d %d %d, %x %x %x, %u\n", p.moves, p.height[0], p.height[1], p.height[2], p.disks[0], p.disks[1], p.disks[2], p.check);
	return 0;
}
