/* Arguments that differ from the common format on some ISA, or that may hold the request signal: translated into
 * buffers on the runtime's side. Where an ISA's layouts are the common ones, calls go on as they are. */
#include "libc.h"

enum { /* the common format's numbers */
	O_DIRECT = 040000, O_LARGEFILE = 0100000, O_DIRECTORY = 0200000, O_NOFOLLOW = 0400000,
	O_TRANSLATED = O_DIRECT | O_LARGEFILE | O_DIRECTORY | O_NOFOLLOW,
	F_GETFL = 3, F_SETFL = 4,
	EVENTS = 128, /* of an epoll_pwait at a time; the rest come with the next */
};

struct common_stat {
	uint64_t dev, ino, nlink;
	uint32_t mode, uid, gid, pad;
	uint64_t rdev;
	int64_t size, blksize, blocks, times[6], unused[3];
};
_Static_assert(sizeof(struct common_stat) == 144, "x86_64's struct stat");

struct __attribute__((packed)) common_epoll_event { uint32_t events; uint64_t data; };

struct common_semid {
	uint64_t perm[6];
	int64_t otime, unused1, ctime, unused2;
	uint64_t nsems, unused3, unused4;
};

static const struct { int common, native; } open_flags[] = {
	{ O_DIRECT, POPCORN_O_DIRECT },
	{ O_LARGEFILE, POPCORN_O_LARGEFILE },
	{ O_DIRECTORY, POPCORN_O_DIRECTORY },
	{ O_NOFOLLOW, POPCORN_O_NOFOLLOW },
};

static long to_native(long flags)
{
	long out = flags & ~(long)O_TRANSLATED;

	for (int i = 0; i < 4; i++)
		if (flags & open_flags[i].common) out |= open_flags[i].native;
	return out;
}

static long to_common(long flags)
{
	long out = flags & ~(long)(POPCORN_O_DIRECT | POPCORN_O_LARGEFILE | POPCORN_O_DIRECTORY | POPCORN_O_NOFOLLOW);

	for (int i = 0; i < 4; i++)
		if (flags & open_flags[i].native) out |= open_flags[i].common;
	return out;
}

long popcorn_do_refuse(struct popcorn_call *c)
{
	(void)c;
	return -K_ENOSYS;
}

long popcorn_do_openat(struct popcorn_call *c)
{
	char path[POPCORN_THREAD_PATH];

	c->a[1] = (long)popcorn_thread_path((const char *)c->a[1], path);
	c->a[2] = to_native(c->a[2]);
	return popcorn_issue(c);
}

long popcorn_do_open_by_handle_at(struct popcorn_call *c)
{
	c->a[2] = to_native(c->a[2]);
	return popcorn_issue(c);
}

long popcorn_do_openat2(struct popcorn_call *c)
{
	uint64_t how[8];

	if (!c->a[2]) return -K_EFAULT;
	if ((unsigned long)c->a[3] < 24 || (unsigned long)c->a[3] > sizeof how) return -K_EINVAL;
	popcorn_copy(how, (const void *)c->a[2], (size_t)c->a[3]);
	how[0] = (uint64_t)to_native((long)how[0]);
	c->a[2] = (long)how;
	return popcorn_issue(c);
}

/* Newer ISAs have renameat2 in its stead; to the others the flags mean nothing. */
long popcorn_do_renameat(struct popcorn_call *c)
{
	c->a[4] = 0;
	return popcorn_issue(c);
}

long popcorn_do_pipe2(struct popcorn_call *c)
{
	c->a[1] = to_native(c->a[1]);
	return popcorn_issue(c);
}

long popcorn_do_fcntl(struct popcorn_call *c)
{
	long r;

	if ((int)c->a[1] == F_SETFL) c->a[2] = to_native(c->a[2]);
	r = popcorn_issue(c);
	return (int)c->a[1] == F_GETFL && r >= 0 ? to_common(r) : r;
}

static long with_mask(struct popcorn_call *c, int argument)
{
	uint64_t mask;

	if (c->a[argument]) {
		mask = *(const uint64_t *)c->a[argument] & ~REQUEST_BIT;
		c->a[argument] = (long)&mask;
	}
	return popcorn_issue(c);
}

long popcorn_do_mask0(struct popcorn_call *c)
{
	return with_mask(c, 0);
}

long popcorn_do_signalfd4(struct popcorn_call *c)
{
	return with_mask(c, 1);
}

long popcorn_do_ppoll(struct popcorn_call *c)
{
	return with_mask(c, 3);
}

long popcorn_do_pselect6(struct popcorn_call *c)
{
	struct { const uint64_t *mask; uint64_t size; } given, own;
	uint64_t mask;

	if (c->a[5]) {
		popcorn_copy(&given, (const void *)c->a[5], sizeof given);
		if (given.mask) {
			mask = *given.mask & ~REQUEST_BIT;
			own.mask = &mask;
			own.size = given.size;
			c->a[5] = (long)&own;
		}
	}
	return popcorn_issue(c);
}

#if POPCORN_SAME_LAYOUTS

long popcorn_do_fstat(struct popcorn_call *c)
{
	return popcorn_issue(c);
}

long popcorn_do_newfstatat(struct popcorn_call *c)
{
	return popcorn_issue(c);
}

long popcorn_do_epoll_ctl(struct popcorn_call *c)
{
	return popcorn_issue(c);
}

long popcorn_do_epoll_pwait(struct popcorn_call *c)
{
	return with_mask(c, 4);
}

long popcorn_do_semctl(struct popcorn_call *c)
{
	return popcorn_issue(c);
}

#else

static long with_stat(struct popcorn_call *c, int argument)
{
	struct common_stat *to = (void *)c->a[argument];
	struct popcorn_native_stat s;
	long r;

	c->a[argument] = (long)&s;
	r = popcorn_issue(c);
	if (r) return r;
	if (!to) return -K_EFAULT;
	*to = (struct common_stat){
		.dev = s.dev, .ino = s.ino, .nlink = s.nlink, .mode = s.mode, .uid = s.uid, .gid = s.gid, .rdev = s.rdev,
		.size = s.size, .blksize = s.blksize, .blocks = s.blocks,
		.times = { s.times[0], s.times[1], s.times[2], s.times[3], s.times[4], s.times[5] },
	};
	return 0;
}

long popcorn_do_fstat(struct popcorn_call *c)
{
	return with_stat(c, 1);
}

long popcorn_do_newfstatat(struct popcorn_call *c)
{
	return with_stat(c, 2);
}

long popcorn_do_epoll_ctl(struct popcorn_call *c)
{
	const struct common_epoll_event *given = (const void *)c->a[3];
	struct popcorn_native_epoll_event e;

	if (given) {
		e = (struct popcorn_native_epoll_event){ given->events, 0, given->data };
		c->a[3] = (long)&e;
	}
	return popcorn_issue(c);
}

long popcorn_do_epoll_pwait(struct popcorn_call *c)
{
	struct popcorn_native_epoll_event e[EVENTS];
	struct common_epoll_event *to = (void *)c->a[1];
	long r;

	if (!to && (int)c->a[2] > 0) return -K_EFAULT;
	if ((int)c->a[2] > EVENTS) c->a[2] = EVENTS;
	c->a[1] = (long)e;
	r = with_mask(c, 4);
	for (long i = 0; i < r; i++) to[i] = (struct common_epoll_event){ e[i].events, e[i].data };
	return r;
}

long popcorn_do_semctl(struct popcorn_call *c)
{
	enum { IPC_SET = 1, IPC_STAT = 2, SEM_STAT = 18, SEM_STAT_ANY = 20, IPC_64 = 0x100 };
	int command = (int)c->a[2] & ~IPC_64;
	struct common_semid *given = (void *)c->a[3];
	struct popcorn_native_semid s;
	long r;

	if (command != IPC_SET && command != IPC_STAT && command != SEM_STAT && command != SEM_STAT_ANY) return popcorn_issue(c);
	if (!given) return -K_EFAULT;
	popcorn_clear(&s, sizeof s);
	if (command == IPC_SET) popcorn_copy(s.perm, given->perm, sizeof s.perm);
	c->a[3] = (long)&s;
	r = popcorn_issue(c);
	if (r >= 0 && command != IPC_SET) {
		popcorn_clear(given, sizeof *given);
		popcorn_copy(given->perm, s.perm, sizeof s.perm);
		given->otime = s.otime;
		given->ctime = s.ctime;
		given->nsems = s.nsems;
	}
	return r;
}

#endif
