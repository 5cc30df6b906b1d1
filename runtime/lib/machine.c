/* The process's node of a machine: a daemon that knows the other nodes, and starts replicas there. */
#include "socket.h"
#include "spread.h"

static struct {
	struct popcorn_machine_reply said;
	int known;
	unsigned count, node[DSM_NODES]; /* of the process; which of the machine's they are, the origin's first */
} machine;

static struct popcorn_lock lock;
static const char no_machine[] = "the process is in no machine; start it with popcorn run --machine";

static int dial(struct popcorn_text *error)
{
	struct popcorn_address a = { AF_UNIX, { 0 } };
	size_t n = popcorn_length(popcorn_config.machine);
	long fd;

	if (!n || n >= sizeof a.path) {
		popcorn_text_set(error, no_machine);
		return -1;
	}
	popcorn_copy(a.path, popcorn_config.machine, n);
	if ((fd = popcorn_dial(&a, n + 1)) < 0) popcorn_text_set(error, "can't reach the machine at %s: %e", popcorn_config.machine, fd);
	else if (!popcorn_trusts((int)fd)) {
		popcorn_text_set(error, "the machine at %s is another user's", popcorn_config.machine);
		K1(K_close, fd);
		fd = -1;
	}
	return (int)fd;
}

/* A question and its answer, `with` a descriptor each way if there is one. 0, or -1 with the error set. */
static int ask(struct popcorn_machine_request *q, int *with, struct popcorn_machine_reply *r, struct popcorn_text *error)
{
	static char text[POPCORN_TEXT_MAX + 1];
	int fd = dial(error), got = -1, e;
	size_t n = popcorn_length(popcorn_config.program);

	if (fd < 0) return -1;
	q->magic = POPCORN_MACHINE_MAGIC;
	q->version = POPCORN_MACHINE_VERSION;
	q->text_bytes = (uint32_t)n;
	__builtin_memcpy(q->build_id, __popcorn_build_id, sizeof q->build_id);
	e = (*with < 0 ? popcorn_transmit(fd, q, sizeof *q) : popcorn_transmit_with(fd, q, sizeof *q, *with))
	    || popcorn_transmit(fd, popcorn_config.program, n) || popcorn_receive_with(fd, r, sizeof *r, &got)
	    || r->magic != POPCORN_MACHINE_MAGIC || r->text_bytes > POPCORN_TEXT_MAX || popcorn_receive(fd, text, r->text_bytes);
	K1(K_close, fd);
	*with = got;
	if (e) popcorn_text_set(error, "the machine at %s does not answer as a machine does", popcorn_config.machine);
	else if (r->status != POPCORN_STATUS_DONE) {
		text[r->text_bytes] = 0;
		popcorn_text_set(error, "%s", text);
		e = -1;
	}
	return e ? -1 : 0;
}

unsigned popcorn_machine_isa(unsigned node)
{
	return node < sizeof machine.said.isa ? machine.said.isa[node] : 0;
}

unsigned popcorn_machine_node(unsigned number)
{
	return machine.node[number];
}

/* Hosts join a machine while it is up, and leave it. */
static int learn_anew(struct popcorn_text *error)
{
	struct popcorn_machine_request q = { .op = POPCORN_MACHINE_NODES };
	struct popcorn_machine_reply r;
	int none = -1;

	if (ask(&q, &none, &r, error)) return -1;
	machine.said = r;
	if (machine.known) return 0;
	machine.node[0] = r.node;
	machine.count = 1;
	machine.known = 1;
	return 0;
}

static int learn(struct popcorn_text *error)
{
	return machine.known ? 0 : learn_anew(error);
}

static int attach(unsigned node, struct popcorn_text *error)
{
	struct popcorn_machine_request q = {
		.op = POPCORN_MACHINE_ATTACH, .node = node, .number = machine.count, .pid = (uint32_t)popcorn_pid, .key = popcorn_own_node.key,
	};
	struct popcorn_machine_reply r;
	int with = (int)popcorn_high_fd(K4(K_openat, K_AT_FDCWD, popcorn_config.program, K_O_CLOEXEC, 0)), program = with, e;

	if (program < 0) {
		popcorn_text_set(error, "can't open %s: %e", popcorn_config.program, (long)program);
		return -1;
	}
	e = ask(&q, &with, &r, error);
	K1(K_close, program);
	if (e) return -1;
	machine.said = r;
	machine.node[machine.count] = node;
	if (with < 0 || popcorn_node_connect(&popcorn_own_node, machine.count, with)) {
		popcorn_text_set(error, "node %u gave no link to its replica", (unsigned long)node);
		return -1;
	}
	return (int)machine.count++;
}

int popcorn_machine_reach(unsigned node, struct popcorn_text *error)
{
	int found = -1;

	popcorn_lock(&lock);
	if (!learn(error)) {
		for (unsigned i = 0; i < machine.count; i++)
			if (machine.node[i] == node) found = (int)i;
		if (found < 0 && machine.count == DSM_NODES) popcorn_text_set(error, "the process is on %u nodes already", (unsigned long)DSM_NODES);
		else if (found < 0) found = attach(node, error);
	}
	popcorn_unlock(&lock);
	return found;
}

static const struct popcorn_machine_reply *said(int anew)
{
	struct popcorn_text error;

	popcorn_lock(&lock);
	if (popcorn_config.machine[0]) (anew ? learn_anew : learn)(&error);
	popcorn_unlock(&lock);
	return machine.known ? &machine.said : 0;
}

int popcorn_machine_count(void)
{
	return said(0) ? (int)machine.said.nodes : 1;
}

int popcorn_machine_here(void)
{
	return said(0) ? (int)machine.said.node : 0;
}

/* The thread's next point takes it there. 1; 0: it is there; or -errno. */
long __popcorn_want(long node)
{
	const struct popcorn_machine_reply *m = said(0);

	popcorn_self()->wanted = -1;
	if (node == popcorn_machine_here()) return 0;
	if (m && node >= (long)m->nodes) m = said(1);
	if (!m || node < 0 || node >= (long)m->nodes) return -K_EINVAL;
	popcorn_self()->wanted = (int)node;
	return 1;
}

long __popcorn_here(void)
{
	return popcorn_machine_here();
}

long __popcorn_machine_nodes(void)
{
	return said(1) ? (long)machine.said.nodes : 1;
}

void popcorn_machine_lost(unsigned number)
{
	machine.node[number] = -1u; /* a number is not given twice; that node may get another one */
}

void popcorn_machine_forget(void)
{
	machine.count = 1;
}
