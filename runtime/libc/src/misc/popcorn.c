/* A thread's own moves between nodes. */
#include <errno.h>
#include <popcorn.h>

long __popcorn_want(long node);
long __popcorn_here(void);
long __popcorn_machine_nodes(void);
void __popcorn_point(void);

int popcorn_migrate(int node)
{
	long r = __popcorn_want(node);

	if (r < 0) {
		errno = (int)-r;
		return -1;
	}
	if (r) __popcorn_point();
	if (__popcorn_here() == node) return 0;
	__popcorn_want(__popcorn_here()); /* nor later, by surprise */
	errno = EAGAIN;
	return -1;
}

int popcorn_node(void)
{
	return (int)__popcorn_here();
}

int popcorn_nodes(void)
{
	return (int)__popcorn_machine_nodes();
}
