// Generators as state machines (Duff's device and switch around loops), several interleaved.
// expect: 766982 2056 duff's device copies this
#include <stdio.h>

struct generator { int line, i, j; long acc; };
#define BEGIN(g) switch ((g)->line) { case 0:
#define YIELD(g, v) do { (g)->line = __LINE__; return (v); case __LINE__:; } while (0)
#define END(g) } (g)->line = 0; return -1

static int jumble(int n) { return n ? jumble(n - 1) * 5 % 17 + 1 : 0; }

static int next(struct generator *g)
{
	BEGIN(g);
	for (g->i = 0; g->i < 6; g->i++) {
		for (g->j = 0; g->j < g->i; g->j++) {
			g->acc += jumble(g->j);
			YIELD(g, g->i * 10 + g->j);
		}
		if (g->acc % 3 == 0)
			YIELD(g, 1000 + jumble(g->i));
	}
	END(g);
}

static void copy(char *to, const char *from, int count)
{
	int n = (count + 7) / 8;
	switch (count % 8) {
	case 0: do { *to++ = *from++; /* fall through */
	case 7: *to++ = *from++; /* fall through */
	case 6: *to++ = *from++; /* fall through */
	case 5: *to++ = *from++; /* fall through */
	case 4: *to++ = *from++; /* fall through */
	case 3: *to++ = *from++; /* fall through */
	case 2: *to++ = *from++; /* fall through */
	case 1: *to++ = *from++;
		} while (--n > 0);
	}
}

int main(void)
{
	struct generator g[3] = {{0}, {.acc = 1}, {.acc = 2}};
	char out[64] = "";
	long s = 0;
	for (int i = 0; i < 300; i++)
		s = (s * 7 + next(&g[i * i % 3])) % 1000003;
	copy(out, "duff's device copies this", 25);
	printf("%ld %ld %s\n", s, g[0].acc + g[1].acc * 3 + g[2].acc * 5, out);
	return 0;
}
