// Nested structures with arrays, copied whole by assignment while calls are under way.
// expect: 40 egghi 217 35000000 0
#include <stdio.h>
#include <string.h>

struct point { short x, y; };
struct line { struct point from, to; };
struct shape {
	char name[6];
	struct line side[4];
	struct { unsigned char r, g; union { float alpha; unsigned bits; } u; } colour;
};

static struct point turn(struct point p) { return (struct point){(short)-p.y, p.x}; }

static struct shape spin(struct shape s, int n)
{
	if (n == 0)
		return s;
	struct shape t = spin(s, n - 1);
	for (int i = 0; i < 4; i++) {
		t.side[i].from = turn(t.side[i].from);
		t.side[i] = (struct line){t.side[(i + 1) % 4].to, turn(t.side[i].to)};
	}
	t.colour.r = (unsigned char)(t.colour.r + t.side[n % 4].to.x);
	t.colour.u.alpha *= 0.5f;
	t.name[n % 5]++;
	return t;
}

int main(void)
{
	struct shape s = {"abcde", {{{1, 2}, {3, 4}}, {{5, 6}, {7, 8}}}, {250, 3, {1.0f}}}, all[8];
	for (int n = 0; n < 8; n++)
		all[n] = spin(s, n * 3);
	long sum = 0;
	for (int n = 0; n < 8; n++)
		for (int i = 0; i < 4; i++)
			sum += all[n].side[i].from.x * 3 + all[n].side[i].from.y * 5 + all[n].side[i].to.x * 7 + all[n].side[i].to.y * 11;
	printf("%ld %s %u %x %d\n", sum, all[7].name, all[7].colour.r, all[7].colour.u.bits, memcmp(s.name, "abcde", 6));
	return 0;
}
