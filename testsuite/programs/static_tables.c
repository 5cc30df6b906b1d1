// Big static tables, tables of pointers to each other, strings shared and not, and constant data never copied.
// expect: done 3705305577 99 512 idle 1
#include <stdio.h>

#define ROW(x) x, (x) * 3, (x) ^ 5, (x) << 2
#define ROWS(x) ROW(x), ROW(x + 1), ROW(x + 2), ROW(x + 3)
#define MANY(x) ROWS(x), ROWS(x + 10), ROWS(x + 20), ROWS(x + 30), ROWS(x + 40), ROWS(x + 50), ROWS(x + 60), ROWS(x + 70)

static const unsigned table[] = {MANY(0), MANY(100), MANY(200), MANY(300)};
static unsigned zeroed[5000], counted[sizeof table / sizeof *table] = {7, 8};
struct state { const char *name; const struct state *next[3]; const unsigned *row; };
static const struct state states[];
static const struct state states[] = {
	{"idle", {states + 1, states + 2, states}, table + 5},
	{"busy", {states + 2, states, states + 3}, table + 99},
	{"wait", {states + 3, states + 3, states + 1}, table + 250},
	{"done", {states, states + 1, states + 2}, &table[400]},
};
static const char *const names[][2] = {{"a", "idle"}, {[1] = "busy"}};

static const struct state *follow(const struct state *s, unsigned n, unsigned *sum)
{
	*sum = *sum * 31 + s->row[n % 50] + (unsigned char)s->name[n % 4];
	return n ? follow(s->next[n % 3], n - 1, sum) : s;
}

int main(void)
{
	unsigned sum = 0, nonzero = 0;
	const struct state *s = states;
	for (unsigned i = 0; i < 100; i++) {
		s = follow(s, i % 17, &sum);
		zeroed[sum % 5000]++;
		counted[sum % 512] += i;
	}
	for (unsigned i = 0; i < 5000; i++)
		nonzero += zeroed[i] != 0;
	printf("%s %u %u %zu %s %d\n", s->name, sum, nonzero, sizeof table / sizeof *table, names[0][1], names[1][0] == 0);
	return 0;
}
