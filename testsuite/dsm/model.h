/* The small model: engine, links that keep order, a few threads with a few accesses each; every state it can be in. */
#ifndef MODEL_H
#define MODEL_H

#include <stdarg.h>
#include "dsm.h"

enum { MODEL_NODES = 3, MODEL_PAGES = 2, MODEL_THREADS = 3, MODEL_QUEUE = 8 };

struct model_options {
	unsigned nodes, pages, threads;
	unsigned accesses; /* of each thread: to any page, for reading or writing */
	unsigned changes;  /* of the mapping of a page */
	unsigned crashes;
};

struct word { uint8_t kind, access, reason, page, bytes, value; }; /* a message, as far as it matters */

enum model_activity { MODEL_READY, MODEL_TRYING, MODEL_WAITING, MODEL_OVER };

struct model_thread { uint8_t activity, node, page, access, asked, left; };

/* Of one state nothing but this is kept; what is not used is zero. */
struct state {
	struct popcorn_entry entry[MODEL_PAGES];
	struct popcorn_recall recall;
	struct popcorn_page pages[MODEL_NODES][MODEL_PAGES];
	uint8_t open[MODEL_NODES][MODEL_PAGES], value[MODEL_NODES][MODEL_PAGES], woken[MODEL_NODES][MODEL_PAGES];
	struct word queue[MODEL_NODES][2][MODEL_QUEUE]; /* between the origin and a remote: to it, and from it */
	uint8_t length[MODEL_NODES][2];
	struct model_thread thread[MODEL_THREADS];
	uint8_t current[MODEL_PAGES], gone[MODEL_PAGES], mapped[MODEL_PAGES];
	uint8_t may_lack[MODEL_PAGES]; /* it was not always mapped, or there, while somebody waited */
	uint8_t dead, changes, crashes, changing, drained, keep, from, to;
	uint16_t lost;
	uint64_t unused; /* the size is whole words */
};

enum action_kind { ACT_ACCESS, ACT_DELIVER, ACT_RELEASE, ACT_CHANGE, ACT_APPLY, ACT_DIE, ACT_LOSE, ACT_KINDS };

struct action { uint8_t kind, a, b, c; };

extern struct state live; /* the one at hand */
extern struct model_options options;
extern char model_wrong[200];
extern int model_talks;
const char *kind_name(unsigned kind);

void model_fail(const char *, ...) __attribute__((format(printf, 1, 2)));
void model_note(const char *, ...) __attribute__((format(printf, 1, 2)));

/* model.c */
void model_begin(void);
unsigned model_actions(struct action *); /* those possible now: how many; the order is fixed */
void model_act(struct action);
int model_is_over(void); /* nothing is left to do */

/* search.c */
long model_search(struct model_options, unsigned long most); /* number of states; -1: something is wrong, see model_wrong */

#endif
