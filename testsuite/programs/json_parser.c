// A recursive-descent parser that builds values on the heap, reports errors by longjmp, and prints them back.
// expect: 863 144 -44 -58 -34 -110 -68
#include <ctype.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct value { char kind; double number; char *text; struct value *first, *next; };
struct parser { const char *p; jmp_buf fail; int depth; };

static struct value *parse(struct parser *s);
static void blank(struct parser *s) { while (isspace((unsigned char)*s->p)) s->p++; }
static void expect(struct parser *s, char c) { if (*s->p++ != c) longjmp(s->fail, c); }

static char *string(struct parser *s)
{
	expect(s, '"');
	const char *end = strchr(s->p, '"');
	if (!end)
		longjmp(s->fail, '"');
	char *t = strndup(s->p, (size_t)(end - s->p));
	s->p = end + 1;
	return t;
}

static struct value *sequence(struct parser *s, struct value *v, char close)
{
	struct value **tail = &v->first;
	s->p++;
	for (blank(s); *s->p != close; blank(s)) {
		char *name = 0;
		if (v->first)
			expect(s, ','), blank(s);
		if (close == '}')
			name = string(s), blank(s), expect(s, ':');
		*tail = parse(s);
		if (name)
			(*tail)->text = name;
		tail = &(*tail)->next;
	}
	s->p++;
	return v;
}

static struct value *parse(struct parser *s)
{
	struct value *v = calloc(1, sizeof *v);
	if (++s->depth > 50)
		longjmp(s->fail, 'D');
	blank(s);
	v->kind = *s->p;
	if (*s->p == '[' || *s->p == '{') {
		sequence(s, v, *s->p == '[' ? ']' : '}');
	} else if (*s->p == '"') {
		v->text = string(s);
	} else {
		char *end;
		v->kind = 'n';
		v->number = strtod(s->p, &end);
		if (end == s->p)
			longjmp(s->fail, 'n');
		s->p = end;
	}
	s->depth--;
	return v;
}

static double total(const struct value *v) { return v ? v->number + (v->text ? (double)strlen(v->text) : 0) + 2 * total(v->first) + total(v->next) : 0; }

int main(void)
{
	static const char *const texts[] = {"[1, 2.5, [3, [4, \"five\"]], {\"six\": 7, \"eight\": [9e1]}]", "{\"a\":{\"b\":{\"c\":[[[[1]]]]}},\"d\":\"e\"}", "[1 2]", "{\"x\" 1}", "[\"open]", "[[[[[[",
		"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"};
	for (volatile int round = 0; round < 8; round++)
		for (volatile unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
			struct parser s = {.p = texts[i]};
			int code = setjmp(s.fail);
			double t = code ? -code : total(parse(&s));
			if (round == 7)
				printf("%g%c", t, i == 6 ? '\n' : ' ');
		}
	return 0;
}
