/* What `make demo` moves between ISAs: a program with state of every kind while it is moved. Pointers to locals
 * on the heap, a deep recursion, floating point, a callback out of libc, setjmp, variable arguments, stdio. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct word { struct word *next; unsigned count; char text[16]; };
struct search { int n, *column; unsigned long solutions; jmp_buf enough; };

static struct word *table[1024];
static _Thread_local unsigned long seed = 88172645463325252ul;

static unsigned long next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	return seed ^= seed << 17;
}

static void say(const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	fflush(stdout);
}

static void count_word(const char *text)
{
	unsigned h = 2166136261u;
	for (const char *p = text; *p; p++) h = (h ^ (unsigned char)*p) * 16777619u;
	struct word **at = &table[h % 1024];
	while (*at && strcmp((*at)->text, text)) at = &(*at)->next;
	if (!*at) {
		*at = calloc(1, sizeof **at);
		snprintf((*at)->text, sizeof (*at)->text, "%s", text);
	}
	(*at)->count++;
}

static int by_count(const void *a, const void *b)
{
	const struct word *x = *(struct word *const *)a, *y = *(struct word *const *)b;
	return x->count != y->count ? (x->count < y->count) - (x->count > y->count) : strcmp(x->text, y->text);
}

static void words(int n)
{
	static const char *const syllables[] = { "ka", "to", "mi", "ra", "su", "ne", "po", "li" };
	struct word *all[8192];
	size_t k = 0;
	while (n--) {
		char text[16] = "";
		for (unsigned m = 1 + next_random() % 3; m; m--) strcat(text, syllables[next_random() % 8]);
		count_word(text);
	}
	for (int i = 0; i < 1024; i++)
		for (struct word *w = table[i]; w; w = w->next) all[k++] = w;
	qsort(all, k, sizeof *all, by_count);
	say("words: %zu different;", k);
	for (int i = 0; i < 4; i++) say(" %s %u", all[i]->text, all[i]->count);
	say("\n");
}

static void place(struct search *s, int row)
{
	if (row == s->n) {
		if (++s->solutions == 14200) longjmp(s->enough, 1);
		return;
	}
	for (int c = 0; c < s->n; c++) {
		int free = 1;
		for (int r = 0; r < row && free; r++)
			free = s->column[r] != c && abs(s->column[r] - c) != row - r;
		if (!free) continue;
		s->column[row] = c;
		place(s, row + 1);
	}
}

static void queens(int n)
{
	int column[n];
	struct search *s = malloc(sizeof *s);
	*s = (struct search){ .n = n, .column = column };
	if (!setjmp(s->enough)) place(s, 0);
	say("queens: %lu solutions of %d, the last one", s->solutions, n);
	for (int i = 0; i < n; i++) say(" %d", column[i]);
	say("\n");
	free(s);
}

static void pendulum(int steps)
{
	double angle = 3.0, speed = 0, h = 1e-3;
	for (int i = 0; i < steps; i++) {
		double k1 = -sin(angle), k2 = -sin(angle + h / 2 * speed);
		angle += h * speed;
		speed += h * (k1 + 2 * k2) / 3;
	}
	say("pendulum: %.17g %a\n", angle, speed);
}

int main(void)
{
	say("here we go\n");
	for (int round = 1; round <= 3; round++) {
		say("round %d\n", round);
		words(8000000);
		queens(12);
		pendulum(1000000);
	}
	say("done\n");
	return 0;
}
