/* Messages as they are made, and whether what came over a link is one. */
#include "protocol.h"

enum { TO_ORIGIN = 1, TO_REMOTE = 2, BOTH = 3 };
enum { NEVER, ALWAYS, MAYBE, SOME }; /* a page's bytes behind the header; or as many as there are */
enum { ANYTHING, PAGE, ADDRESS, NODE }; /* what is in `page` */

static const struct { uint8_t way, data, names; } rules[DSM_KINDS] = {
	[DSM_READ] = { TO_ORIGIN, NEVER, PAGE },
	[DSM_WRITE] = { TO_ORIGIN, NEVER, PAGE },
	[DSM_PREFETCH] = { TO_ORIGIN, NEVER, PAGE },
	[DSM_ACK] = { TO_ORIGIN, NEVER, PAGE },
	[DSM_DATA] = { TO_ORIGIN, ALWAYS, PAGE },
	[DSM_GRANT] = { TO_REMOTE, MAYBE, PAGE },
	[DSM_DENY] = { TO_REMOTE, NEVER, PAGE },
	[DSM_INVALIDATE] = { TO_REMOTE, NEVER, PAGE },
	[DSM_SHARE] = { TO_REMOTE, NEVER, PAGE },
	[DSM_TAKE] = { TO_REMOTE, NEVER, PAGE },
	[DSM_ENDED] = { TO_REMOTE, NEVER, ANYTHING },
	[DSM_WAIT] = { TO_ORIGIN, NEVER, ADDRESS },
	[DSM_WAKE] = { TO_ORIGIN, NEVER, ADDRESS },
	[DSM_REQUEUE] = { TO_ORIGIN, NEVER, ADDRESS },
	[DSM_CANCEL] = { TO_ORIGIN, NEVER, ANYTHING },
	[DSM_RESULT] = { TO_REMOTE, NEVER, ANYTHING },
	[DSM_MAIL] = { BOTH, SOME, ANYTHING },
	[DSM_HELLO] = { BOTH, NEVER, NODE },
	[DSM_HEARD] = { BOTH, NEVER, ANYTHING },
};

static int within(const struct popcorn_dsm_message *m, uint64_t npages)
{
	switch (rules[m->kind].names) {
	case PAGE:
		return m->page < npages;
	case ADDRESS: /* a futex is an aligned word: it never lies on two pages */
		if (m->page % 4 || m->page / DSM_PAGE >= npages) return 0;
		return m->kind != DSM_REQUEUE || (m->target % 4 == 0 && m->target / DSM_PAGE < npages);
	case NODE:
		return m->page < DSM_NODES;
	}
	return 1;
}

static int fields_fit(const struct popcorn_dsm_message *m)
{
	switch (m->kind) {
	case DSM_GRANT:
		return m->access == DSM_MAY_READ || m->access == DSM_MAY_WRITE;
	case DSM_DENY:
		return m->reason >= DSM_UNMAPPED && m->reason <= DSM_BUSY;
	case DSM_REQUEUE:
		return m->access <= 1;
	}
	return !m->access && !m->reason;
}

long popcorn_dsm_check(const void *bytes, size_t n, int to_origin, uint64_t npages)
{
	struct popcorn_dsm_message m;
	size_t behind;

	m.magic = DSM_MAGIC;
	popcorn_copy(&m, bytes, n < sizeof m ? n : sizeof m); /* the stream knows no alignment */
	if (n >= sizeof m.magic && m.magic != DSM_MAGIC) return -1; /* somebody who would wait for an answer now */
	if (n < sizeof m) return 0;
	if (m.version != DSM_VERSION || !m.kind || m.kind >= DSM_KINDS) return -1;
	if (!(rules[m.kind].way & (to_origin ? TO_ORIGIN : TO_REMOTE))) return -1;
	if (m.bytes < sizeof m || m.bytes > DSM_MESSAGE_MOST) return -1;
	behind = popcorn_dsm_behind(&m);
	if (behind && behind != DSM_PAGE && rules[m.kind].data != SOME) return -1;
	if (rules[m.kind].data != MAYBE && (behind != 0) != (rules[m.kind].data != NEVER)) return -1;
	if (!within(&m, npages) || !fields_fit(&m)) return -1;
	return n < m.bytes ? 0 : (long)m.bytes;
}

struct popcorn_dsm_message popcorn_dsm_message(enum dsm_kind kind, uint64_t page)
{
	return (struct popcorn_dsm_message){ .magic = DSM_MAGIC, .bytes = sizeof(struct popcorn_dsm_message),
					     .version = DSM_VERSION, .kind = (uint8_t)kind, .page = page };
}
