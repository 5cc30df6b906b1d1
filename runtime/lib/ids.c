/* Process and thread numbers. The program keeps the numbers it was told when it goes on in another process or as
 * other kernel threads; what the kernel calls them is looked up here. */
#include "libc.h"

int popcorn_pid, popcorn_kernel_pid;

static long pid_to_kernel(long pid)
{
	return (int)pid == popcorn_pid ? popcorn_kernel_pid : pid;
}

static long tid_to_kernel(long tid)
{
	long k = -1;

	popcorn_lock_threads();
	for (struct popcorn_thread *t = popcorn_threads; t; t = t->next)
		if (t->tid == (int)tid) k = t->ktid;
	popcorn_unlock_threads();
	return k >= 0 ? k : pid_to_kernel(tid);
}

/* Whether any number differs at all; if not, no call needs a look-up. */
static int renumbered(void)
{
	if (popcorn_pid != popcorn_kernel_pid) return 1;
	for (struct popcorn_thread *t = popcorn_threads; t; t = t->next)
		if (t->tid != t->ktid) return 1;
	return 0;
}

static int differ(void)
{
	int yes;

	popcorn_lock_threads();
	yes = renumbered();
	popcorn_unlock_threads();
	return yes;
}

long popcorn_tid_to_kernel(long tid)
{
	return differ() ? tid_to_kernel(tid) : tid;
}

/* musl names other threads by /proc/self/task/N/comm. */
const char *popcorn_thread_path(const char *path, char *room)
{
	static const char folder[] = "/proc/self/task/";
	enum { FOLDER = sizeof folder - 1, DIGITS = 10 };
	const char *p = path;
	char unused, digits[DIGITS];
	size_t n = 0, k = 0;
	long tid = 0;

	/* where it can't be read at all, that is for the kernel to say */
	if (!differ() || K4(K_readlinkat, K_AT_FDCWD, path, &unused, 1) == -K_EFAULT) return path;
	for (; n < FOLDER; n++)
		if ((room[n] = *p++) != folder[n]) return path;
	for (; *p >= '0' && *p <= '9' && k < DIGITS; k++) tid = tid * 10 + *p++ - '0';
	if (!tid || (*p && *p != '/')) return path;
	tid = tid_to_kernel(tid);
	for (k = 0; tid; tid /= 10) digits[k++] = (char)('0' + tid % 10);
	while (k) room[n++] = digits[--k];
	while (n < POPCORN_THREAD_PATH && (room[n] = *p++)) n++;
	return n < POPCORN_THREAD_PATH ? room : path;
}

long popcorn_do_gettid(struct popcorn_call *c)
{
	long k = K0(K_gettid);

	return k == c->thread->ktid ? c->thread->tid : k; /* another: a child between vfork and exec */
}

long popcorn_do_getpid(struct popcorn_call *c)
{
	long k = K0(K_getpid);

	(void)c;
	return k == popcorn_kernel_pid ? popcorn_pid : k;
}

long popcorn_do_kill(struct popcorn_call *c)
{
	c->a[0] = pid_to_kernel(c->a[0]);
	return popcorn_issue(c);
}

long popcorn_do_tkill(struct popcorn_call *c)
{
	c->a[0] = popcorn_tid_to_kernel(c->a[0]);
	return popcorn_issue(c);
}

long popcorn_do_tgkill(struct popcorn_call *c)
{
	c->a[0] = pid_to_kernel(c->a[0]);
	c->a[1] = popcorn_tid_to_kernel(c->a[1]);
	return popcorn_issue(c);
}

long popcorn_do_rt_sigqueueinfo(struct popcorn_call *c)
{
	return popcorn_do_kill(c);
}

long popcorn_do_rt_tgsigqueueinfo(struct popcorn_call *c)
{
	return popcorn_do_tgkill(c);
}

long popcorn_do_tid_argument(struct popcorn_call *c)
{
	return popcorn_do_tkill(c);
}

long popcorn_do_pid_argument(struct popcorn_call *c)
{
	return popcorn_do_kill(c);
}
