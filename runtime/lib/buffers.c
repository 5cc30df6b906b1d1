/* System calls of a process that is on several nodes: pages of common memory may be closed when the kernel comes to them, which
 * it answers with EFAULT instead of waiting as a thread would. So what the kernel reads is copied to private memory first,
 * and what it writes is copied from there afterwards. The copying touches common memory as any thread does.
 *
 * The table says for each call what its arguments point to. Those that are in neither table are refused (ENOSYS): nobody has
 * looked at them, and memory that is silently not written would be worse.
 */
#include "spread.h"

enum { K_EMSGSIZE = 90, STACK_ROOM = 2048, VECTORS = 1024, CONTROL_MOST = 1 << 16, LOOSE = 256 };

/* What an argument points to: kind << 11 | how many bytes, or which argument says how many of what. */
enum {
	IN = 1 << 11, OUT = 2 << 11, BOTH = 3 << 11, /* so many bytes */
	IN_BY = 4 << 11,                             /* as many as that argument says */
	OUT_BY = 5 << 11,                            /* likewise, written whole */
	RETURNED = 6 << 11,                          /* likewise, of which the call writes as many as it returns */
	STRING = 7 << 11,
	BY_POINTER = 8 << 11,                        /* OUT; that argument points to a 32-bit length, in and out */
	IN_VECTOR = 9 << 11, OUT_VECTOR = 10 << 11,  /* struct iovec, as many as the next argument says */
	IN_MESSAGE = 11 << 11, OUT_MESSAGE = 12 << 11,
	POLL = 13 << 11,                             /* struct pollfd, as many as the next argument says */
	SET = 14 << 11,                              /* fd_set for as many descriptors as the first argument says */
	STRINGS = 16 << 11,                          /* of execve: a list of them that ends with 0 */
	LOOSELY = 15 << 11,                          /* if it points anywhere, what it points to is not known: written where it changed */
	KIND = 31 << 11,
	/* of what, where an argument says how many: bytes, or */
	BEHIND_TYPE = 1 << 4, SEMOPS = 2 << 4, GROUPS = 3 << 4, EVENTS = 4 << 4,
	/* PAGES: one for each page that so many bytes have */
	PAGES = 5 << 4,
};

static size_t amount(unsigned how, long count)
{
	static const uint8_t size[] = { 1, 1, 6, 4, 12 }, more[] = { 0, 8, 0, 0, 0 };
	unsigned what = how >> 4 & 7;

	if (what == PAGES >> 4) return ROUND_UP(count) / PAGE;
	if (count >= 0 && count <= INT32_MAX) return (size_t)count * size[what] + more[what];
	return what < SEMOPS >> 4 ? SIZE_MAX / 2 : 0; /* bytes; of other things the kernel refuses such a number without a look */
}

static const uint16_t pointers[POPCORN_COMMON_CALLS][6] = {
	[C_read] = { 0, RETURNED | 2 }, [C_pread64] = { 0, RETURNED | 2 }, [C_write] = { 0, IN_BY | 2 }, [C_pwrite64] = { 0, IN_BY | 2 },
	[C_readv] = { 0, OUT_VECTOR }, [C_preadv] = { 0, OUT_VECTOR }, [C_writev] = { 0, IN_VECTOR }, [C_pwritev] = { 0, IN_VECTOR },
	[C_preadv2] = { 0, OUT_VECTOR }, [C_pwritev2] = { 0, IN_VECTOR },
	[C_fstat] = { 0, OUT | 144 }, [C_newfstatat] = { 0, STRING, OUT | 144 }, [C_statx] = { 0, STRING, 0, 0, OUT | 256 },
	[C_statfs] = { STRING, OUT | 120 }, [C_fstatfs] = { 0, OUT | 120 },
	[C_openat] = { 0, STRING }, [C_mkdirat] = { 0, STRING }, [C_unlinkat] = { 0, STRING }, [C_mknodat] = { 0, STRING },
	[C_renameat] = { 0, STRING, 0, STRING }, [C_renameat2] = { 0, STRING, 0, STRING }, [C_linkat] = { 0, STRING, 0, STRING },
	[C_symlinkat] = { STRING, 0, STRING }, [C_readlinkat] = { 0, STRING, RETURNED | 3 }, [C_faccessat] = { 0, STRING },
	[C_faccessat2] = { 0, STRING }, [C_fchmodat] = { 0, STRING }, [C_fchownat] = { 0, STRING }, [C_truncate] = { STRING },
	[C_execve] = { STRING, STRINGS, STRINGS }, [C_execveat] = { 0, STRING, STRINGS, STRINGS },
	[C_utimensat] = { 0, STRING, IN | 32 }, [C_chdir] = { STRING }, [C_chroot] = { STRING }, [C_getcwd] = { RETURNED | 1 },
	[C_getdents64] = { 0, RETURNED | 2 }, [C_pipe2] = { OUT | 8 }, [C_sendfile] = { 0, 0, BOTH | 8 },
	[C_copy_file_range] = { 0, BOTH | 8, 0, BOTH | 8 }, [C_splice] = { 0, BOTH | 8, 0, BOTH | 8 },
	[C_ioctl] = { 0, 0, LOOSELY }, [C_fcntl] = { 0, 0, LOOSELY }, [C_prctl] = { 0, LOOSELY, LOOSELY }, [C_memfd_create] = { STRING },
	[C_connect] = { 0, IN_BY | 2 }, [C_bind] = { 0, IN_BY | 2 }, [C_accept] = { 0, BY_POINTER | 2, BOTH | 4 },
	[C_accept4] = { 0, BY_POINTER | 2, BOTH | 4 }, [C_getsockname] = { 0, BY_POINTER | 2, BOTH | 4 },
	[C_getpeername] = { 0, BY_POINTER | 2, BOTH | 4 }, [C_socketpair] = { 0, 0, 0, OUT | 8 },
	[C_sendto] = { 0, IN_BY | 2, 0, 0, IN_BY | 5 }, [C_recvfrom] = { 0, RETURNED | 2, 0, 0, BY_POINTER | 5, BOTH | 4 },
	[C_sendmsg] = { 0, IN_MESSAGE }, [C_recvmsg] = { 0, OUT_MESSAGE },
	[C_setsockopt] = { 0, 0, 0, IN_BY | 4 }, [C_getsockopt] = { 0, 0, 0, BY_POINTER | 4, BOTH | 4 },
	[C_ppoll] = { POLL, 0, BOTH | 16, IN | 8 }, [C_pselect6] = { 0, SET, SET, SET, BOTH | 16 },
	[C_epoll_ctl] = { 0, 0, 0, IN | 12 }, [C_inotify_add_watch] = { 0, STRING },
	[C_signalfd4] = { 0, IN | 8 }, [C_timerfd_settime] = { 0, 0, IN | 32, OUT | 32 }, [C_timerfd_gettime] = { 0, OUT | 32 },
	[C_rt_sigprocmask] = { 0, IN | 8, OUT | 8 }, [C_rt_sigpending] = { OUT | 8 }, [C_rt_sigsuspend] = { IN | 8 },
	[C_rt_sigtimedwait] = { IN | 8, OUT | 128, IN | 16 }, [C_rt_sigqueueinfo] = { 0, 0, IN | 128 }, [C_rt_tgsigqueueinfo] = { 0, 0, 0, IN | 128 },
	[C_nanosleep] = { IN | 16, OUT | 16 }, [C_clock_nanosleep] = { 0, 0, IN | 16, OUT | 16 }, [C_clock_gettime] = { 0, OUT | 16 },
	[C_clock_getres] = { 0, OUT | 16 }, [C_clock_settime] = { 0, IN | 16 }, [C_gettimeofday] = { OUT | 16 }, [C_setitimer] = { 0, IN | 32, OUT | 32 },
	[C_getitimer] = { 0, OUT | 32 }, [C_times] = { OUT | 32 }, [C_getrusage] = { 0, OUT | 144 }, [C_wait4] = { 0, OUT | 4, 0, OUT | 144 },
	[C_waitid] = { 0, 0, OUT | 128, 0, OUT | 144 }, [C_prlimit64] = { 0, 0, IN | 16, OUT | 16 }, [C_uname] = { OUT | 390 },
	[C_sysinfo] = { OUT | 112 }, [C_getrandom] = { RETURNED | 1 }, [C_getcpu] = { OUT | 4, OUT | 4 }, [C_getgroups] = { 0, RETURNED | GROUPS | 0 }, [C_setgroups] = { 0, IN_BY | GROUPS | 0 },
	[C_getresuid] = { OUT | 4, OUT | 4, OUT | 4 }, [C_getresgid] = { OUT | 4, OUT | 4, OUT | 4 },
	[C_sched_getaffinity] = { 0, 0, RETURNED | 1 }, [C_sched_setaffinity] = { 0, 0, IN_BY | 1 }, [C_sched_getparam] = { 0, OUT | 4 },
	[C_sched_setparam] = { 0, IN | 4 }, [C_sched_setscheduler] = { 0, 0, IN | 4 }, [C_sched_rr_get_interval] = { 0, OUT | 16 },
	[C_epoll_pwait] = { 0, RETURNED | EVENTS | 2, 0, 0, IN | 8 }, [C_sethostname] = { IN_BY | 1 }, [C_semop] = { 0, IN_BY | SEMOPS | 2 }, [C_semtimedop] = { 0, IN_BY | SEMOPS | 2, 0, IN | 16 }, [C_semctl] = { 0, 0, 0, LOOSELY },
	[C_msgsnd] = { 0, IN_BY | BEHIND_TYPE | 2 }, [C_msgrcv] = { 0, RETURNED | BEHIND_TYPE | 2 }, [C_msgctl] = { 0, 0, OUT | 120 },
	[C_timer_create] = { 0, IN | 64, OUT | 4 }, [C_timer_settime] = { 0, 0, IN | 32, OUT | 32 }, [C_timer_gettime] = { 0, OUT | 32 },
	[C_mincore] = { 0, 0, OUT_BY | PAGES | 1 }, [C_mq_notify] = { 0, IN | 64 }, [C_mq_getsetattr] = { 0, IN | 64, OUT | 64 }, [C_mq_open] = { STRING, 0, 0, IN | 64 }, [C_mq_unlink] = { STRING }, [C_getxattr] = { STRING, STRING, RETURNED | 3 },
	[C_setxattr] = { STRING, STRING, IN_BY | 3 }, [C_fgetxattr] = { 0, STRING, RETURNED | 3 }, [C_listxattr] = { STRING, RETURNED | 2 },
	[C_mq_timedsend] = { 0, IN_BY | 2, 0, 0, IN | 16 }, [C_mq_timedreceive] = { 0, RETURNED | 2, 0, OUT | 4, IN | 16 },
};

static const uint8_t plain[POPCORN_COMMON_CALLS] = { /* no argument is a pointer, or it is one that the kernel only keeps */
	[C_close] = 1, [C_lseek] = 1, [C_sched_yield] = 1, [C_madvise] = 1, [C_dup] = 1, [C_dup3] = 1, [C_getpid] = 1, [C_socket] = 1,
	[C_shutdown] = 1, [C_listen] = 1, [C_exit] = 1, [C_exit_group] = 1, [C_kill] = 1, [C_tkill] = 1, [C_tgkill] = 1, [C_flock] = 1, [C_fsync] = 1,
	[C_fdatasync] = 1, [C_ftruncate] = 1, [C_fchdir] = 1, [C_fchmod] = 1, [C_fchown] = 1, [C_umask] = 1, [C_getuid] = 1, [C_getgid] = 1,
	[C_setuid] = 1, [C_setgid] = 1, [C_geteuid] = 1, [C_getegid] = 1, [C_setpgid] = 1, [C_getppid] = 1, [C_setsid] = 1, [C_getpgid] = 1,
	[C_getsid] = 1, [C_sched_getscheduler] = 1, [C_sched_get_priority_max] = 1, [C_sched_get_priority_min] = 1, [C_getpriority] = 1,
	[C_setpriority] = 1, [C_gettid] = 1, [C_epoll_create1] = 1, [C_eventfd2] = 1, [C_timerfd_create] = 1, [C_inotify_init1] = 1,
	[C_inotify_rm_watch] = 1, [C_fallocate] = 1, [C_fadvise64] = 1, [C_set_robust_list] = 1, [C_sync] = 1, [C_syncfs] = 1, [C_readahead] = 1,
	[C_membarrier] = 1, [C_sync_file_range] = 1, [C_tee] = 1, [C_timer_getoverrun] = 1, [C_timer_delete] = 1, [C_msync] = 1, [C_mlock] = 1, [C_munlock] = 1, [C_mlock2] = 1, [C_pidfd_open] = 1, [C_close_range] = 1, [C_semget] = 1, [C_msgget] = 1,
	[C_setreuid] = 1, [C_setregid] = 1, [C_setresuid] = 1, [C_setresgid] = 1, [C_personality] = 1, [C_restart_syscall] = 1,
};

/* Private memory for one call: first on the stack, then pages. */
struct room { char *at; size_t left; struct page *pages; };
struct page { struct page *next; size_t size; };

/* What goes back when the call is done. */
struct back { void *to; const void *from; size_t n; const char *old; unsigned returned; };
enum { BACKS = 8 };
struct copying { struct popcorn_call *call; struct room room; struct back back[BACKS]; size_t nback; long error; struct k_iovec *out, *own; size_t nout; };

static void *room(struct copying *c, size_t n)
{
	struct page *p;
	void *found;

	n = (n + 15) & -16ul;
	if (n > c->room.left) {
		if (n > SIZE_MAX / 2 || !(p = popcorn_pages(sizeof *p + 16 + n))) {
			c->error = -K_ENOMEM;
			return 0;
		}
		*p = (struct page){ c->room.pages, sizeof *p + 16 + n };
		c->room.pages = p;
		return (char *)p + 16;
	}
	found = c->room.at;
	c->room.at += n;
	c->room.left -= n;
	return found;
}

static int may(struct copying *c, uint64_t at, size_t n, int write)
{
	if (popcorn_spread_allows(at, n ? n : 1, write) == 1) return 1;
	c->error = -K_EFAULT;
	return 0;
}

/* What is in no common memory, constants among it, the kernel may as well look at itself. */
static void *copy_in(struct copying *c, uint64_t at, size_t n)
{
	void *p;

	if (!popcorn_is_common(at)) return (void *)at;
	p = may(c, at, n, 0) ? room(c, n) : 0;

	if (p) popcorn_copy(p, (const void *)at, n);
	return p;
}

static struct back *back(struct copying *c, uint64_t to, const void *from, size_t n)
{
	struct back *b = c->back + c->nback;

	if (c->nback == BACKS) {
		c->error = -K_EINVAL;
		return 0;
	}
	*b = (struct back){ (void *)to, from, n, 0, 0 };
	c->nback++;
	return b;
}

static void *string(struct copying *c, uint64_t at)
{
	enum { MOST = 1 << 17 };
	size_t n = 0;

	if (!popcorn_is_common(at)) return (void *)at;
	do { /* page by page: what lies behind its end need not be there */
		if (!may(c, at + n, 1, 0)) return 0;
		while (((const char *)at)[n] && (at + n + 1) % PAGE) n++;
		n++;
	} while (((const char *)at)[n - 1] && n < MOST);
	return copy_in(c, at, n);
}

static void *strings(struct copying *c, uint64_t at)
{
	enum { MOST = 1 << 16 };
	const char *const *given = (const char *const *)at;
	char **own;
	size_t n = 0;

	do
		if (!may(c, at + n * sizeof *given, sizeof *given, 0)) return 0;
	while (given[n++] && n < MOST);
	if (!(own = room(c, n * sizeof *own))) return 0;
	for (size_t i = 0; i + 1 < n; i++)
		if (!(own[i] = string(c, (uintptr_t)given[i]))) return 0;
	own[n - 1] = 0;
	return own;
}

/* The vectors, with buffers of our own where theirs are in common memory. */
static struct k_iovec *vectors(struct copying *c, uint64_t at, size_t n, int write)
{
	struct k_iovec *given, *own;
	size_t total = 0;
	char *bytes;

	if (n > VECTORS) {
		c->error = -K_EINVAL;
		return 0;
	}
	given = copy_in(c, at, n * sizeof *given);
	own = given ? room(c, n * sizeof *own) : 0;
	if (!own) return 0;
	for (size_t i = 0; i < n; i++) {
		if (given[i].n > INT32_MAX - total) {
			c->error = -K_EINVAL;
			return 0;
		}
		if (!popcorn_is_common((uintptr_t)given[i].base)) continue;
		if (given[i].n && !may(c, (uintptr_t)given[i].base, given[i].n, write)) return 0;
		total += given[i].n;
	}
	if (!(bytes = room(c, total))) return 0;
	if (write) {
		c->out = given;
		c->own = own;
		c->nout = n;
	}
	for (size_t i = 0; i < n; i++) {
		own[i] = given[i];
		if (!popcorn_is_common((uintptr_t)given[i].base)) continue;
		own[i].base = bytes;
		bytes += given[i].n;
		if (!write) popcorn_copy(own[i].base, given[i].base, given[i].n);
	}
	return own;
}

static void *message(struct copying *c, uint64_t at, int write)
{
	struct k_msghdr *m = copy_in(c, at, sizeof *m), given;
	struct back *b;

	if (!m) return 0;
	given = *m;
	if (m->nv > VECTORS || m->control_bytes > CONTROL_MOST || m->name_bytes > CONTROL_MOST) {
		c->error = -K_EMSGSIZE;
		return 0;
	}
	if (m->nv && !(m->v = vectors(c, (uintptr_t)m->v, m->nv, write))) return 0;
	if (!write) {
		if (m->name_bytes && m->name) m->name = copy_in(c, (uintptr_t)m->name, m->name_bytes);
		if (m->control_bytes) m->control = copy_in(c, (uintptr_t)m->control, m->control_bytes);
		return m;
	}
	if (m->name && m->name_bytes && may(c, (uintptr_t)m->name, m->name_bytes, 1) && (m->name = room(c, m->name_bytes))) back(c, (uintptr_t)given.name, m->name, m->name_bytes);
	if (m->control_bytes && may(c, (uintptr_t)m->control, m->control_bytes, 1) && (m->control = room(c, m->control_bytes)))
		back(c, (uintptr_t)given.control, m->control, m->control_bytes);
	/* of the header the lengths and the flags come back */
	if ((b = back(c, at + offsetof(struct k_msghdr, name_bytes), &m->name_bytes, sizeof m->name_bytes))) back(c, at + offsetof(struct k_msghdr, control_bytes), &m->control_bytes, sizeof m->control_bytes + sizeof m->flags);
	return m;
}

/* As many bytes as there are, up to a bound. */
static void *loosely(struct copying *c, uint64_t at)
{
	size_t n = c->call->n == C_ioctl ? (size_t)c->call->a[1] >> 16 & 0x3fff : 0; /* include/uapi/asm-generic/ioctl.h */
	char *now, *old;
	struct back *b;

	if (n < LOOSE) n = LOOSE;
	while (n && popcorn_spread_allows(at, n, 0) != 1) n /= 2;
	if (!n) {
		c->error = -K_EFAULT;
		return 0;
	}
	if (!(now = copy_in(c, at, n)) || !(old = room(c, n))) return 0;
	popcorn_copy(old, now, n);
	if ((b = back(c, at, now, n))) b->old = old;
	return now;
}

static void *out(struct copying *c, uint64_t at, size_t n, int both)
{
	void *p = may(c, at, n, 1) ? both ? copy_in(c, at, n) : room(c, n) : 0;

	if (p) back(c, at, p, n);
	return p;
}

static void *by_pointer(struct copying *c, uint64_t at, unsigned which)
{
	const uint32_t *given = (const uint32_t *)c->call->a[which];
	uint32_t n;
	void *p;

	if (!given || !may(c, (uintptr_t)given, sizeof *given, 1)) return 0;
	n = *given;
	if (n > CONTROL_MOST || (n && !may(c, at, n, 1))) {
		c->error = -K_EINVAL;
		return 0;
	}
	if ((p = room(c, n))) back(c, at, p, n);
	return p;
}

static void *argument(struct copying *c, unsigned how, uint64_t at, unsigned i)
{
	unsigned n = how & ~KIND;
	const long *a = c->call->a;
	void *p;

	switch (how & KIND) {
	case IN: return copy_in(c, at, n);
	case OUT: return out(c, at, n, 0);
	case BOTH: return out(c, at, n, 1);
	case IN_BY: return copy_in(c, at, amount(n, a[n & 15]));
	case OUT_BY: return out(c, at, amount(n, a[n & 15]), 0);
	case RETURNED:
		if ((p = out(c, at, amount(n, a[n & 15]), 0))) c->back[c->nback - 1].returned = how;
		return p;
	case STRING: return string(c, at);
	case STRINGS: return strings(c, at);
	case BY_POINTER: return by_pointer(c, at, n);
	case IN_VECTOR: return vectors(c, at, (size_t)a[i + 1], 0);
	case OUT_VECTOR: return vectors(c, at, (size_t)a[i + 1], 1);
	case IN_MESSAGE: return message(c, at, 0);
	case OUT_MESSAGE: return message(c, at, 1);
	case POLL: return out(c, at, 8 * (size_t)a[i + 1], 1);
	case SET: return out(c, at, ((size_t)a[0] + 63) / 64 * 8, 1);
	}
	return loosely(c, at);
}

static void give_back(const struct back *b, long r)
{
	size_t did = b->returned ? amount(b->returned, r) : b->n, n = did < b->n ? did : b->n;
	char *to = b->to;
	const char *from = b->from;

	if (!b->old) {
		popcorn_copy(to, from, n);
		return;
	}
	for (size_t i = 0; i < n; i++)
		if (from[i] != b->old[i]) to[i] = from[i];
}

static void scatter(const struct copying *c, size_t left)
{
	for (size_t i = 0; i < c->nout && left; i++) {
		size_t n = c->out[i].n < left ? c->out[i].n : left;
		if (c->own[i].base != c->out[i].base) popcorn_copy(c->out[i].base, c->own[i].base, n);
		left -= n;
	}
}

/* Some calls write although they fail: the time that was left. */
static int writes(long n, long r)
{
	return r >= 0 || (r == -K_EINTR && (n == C_nanosleep || n == C_clock_nanosleep));
}

long popcorn_issue_buffered(struct popcorn_call *call, long (*issue)(struct popcorn_call *))
{
	char on_stack[STACK_ROOM] __attribute__((aligned(16)));
	struct copying c = { .call = call, .room = { on_stack, sizeof on_stack, 0 } };
	struct popcorn_call own = *call;
	const uint16_t *how = pointers[call->n];
	int listed = plain[call->n];
	long r;

	for (unsigned i = 0; i < 6; i++) {
		listed |= how[i] != 0;
		if (!how[i] || !call->a[i] || !popcorn_is_common((uint64_t)call->a[i])) continue; /* a fix-up's buffer, or none */
		own.a[i] = (long)argument(&c, how[i], (uint64_t)call->a[i], i);
		if (c.error) break;
	}
	r = !listed ? -K_ENOSYS : c.error ? c.error : issue(&own);
	if (writes(call->n, r)) {
		for (size_t i = 0; i < c.nback; i++) give_back(c.back + i, r);
		if (c.out && r > 0) scatter(&c, (size_t)r);
	}
	for (struct page *p = c.room.pages, *next; p; p = next) {
		next = p->next;
		popcorn_free_pages(p, p->size);
	}
	return r;
}
