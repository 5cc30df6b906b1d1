/* What unit tests call of the engine, whose own functions are hidden. */
#include <string.h>
#include <sys/mman.h>
#include "dsm.h"
#include "futex.h"
#include "link.h"

enum { RESULTS = 64 };

static struct popcorn_futexes futexes;
static struct popcorn_waiter waiters[8];
static struct { unsigned node; uint32_t thread, ticket; int32_t value; } results[RESULTS];
static unsigned nresults;
static uint32_t word;
static int readable;

void popcorn_copy(void *to, const void *from, size_t n) /* as runtime/lib/mem.c has it */
{
	memmove(to, from, n);
}

/* The bytes lie at the end of what is mapped: to read another one is to die. */
long bench_check(const void *bytes, size_t n, int to_origin, uint64_t npages)
{
	enum { ROOM = 1 << 16 };
	static char *end;

	if (!end) {
		end = (char *)mmap(0, 2 * ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) + ROOM;
		mprotect(end, ROOM, PROT_NONE);
	}
	memcpy(end - n, bytes, n);
	return popcorn_dsm_check(end - n, n, to_origin, npages);
}

void bench_message(void *to, unsigned kind, uint64_t page)
{
	struct popcorn_dsm_message m = popcorn_dsm_message(kind, page);

	memcpy(to, &m, sizeof m);
}

unsigned bench_ahead(const uint64_t *pages, unsigned n, unsigned *ahead)
{
	struct popcorn_prefetch p = { 0 };

	for (unsigned i = 0; i < n; i++) ahead[i] = popcorn_prefetch_ahead(&p, pages[i]);
	return DSM_AHEAD;
}

static int load(void *context, uint64_t address, uint32_t *value)
{
	(void)context;
	(void)address;
	*value = word;
	return readable;
}

static void result(void *context, unsigned node, uint32_t thread, uint32_t ticket, int32_t value)
{
	(void)context;
	results[nresults].node = node;
	results[nresults].thread = thread;
	results[nresults].ticket = ticket;
	results[nresults++ % RESULTS].value = value;
}

void bench_futex_begin(uint32_t value, int can_read)
{
	futexes.load = load;
	futexes.result = result;
	popcorn_futex_init(&futexes, waiters, sizeof waiters / sizeof *waiters);
	nresults = 0;
	word = value;
	readable = can_read;
}

int bench_futex_deliver(unsigned node, const void *message)
{
	struct popcorn_dsm_message m;

	memcpy(&m, message, sizeof m);
	return popcorn_futex_deliver(&futexes, node, &m);
}

void bench_futex_opened(uint64_t page, uint32_t value)
{
	word = value;
	readable = 1;
	popcorn_futex_opened(&futexes, page);
}

void bench_futex_lost(unsigned node)
{
	popcorn_futex_lost(&futexes, node);
}

/* Result number i since the last begin: 0 if there is none. */
int bench_futex_result(unsigned i, unsigned *node, uint32_t *thread, int32_t *value)
{
	if (i >= nresults) return 0;
	*node = results[i].node;
	*thread = results[i].thread;
	*value = results[i].value;
	return 1;
}
