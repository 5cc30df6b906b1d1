/* Open files. Through an exec (a move) all of them stay open; only FD_CLOEXEC must be off meanwhile. Into a file (a
 * checkpoint) go path, offset and flags; standard streams become the restorer's, unless they are regular files;
 * what has state elsewhere (pipes, sockets, epoll ...) can't follow and is named. */
#include "park.h"
#include "statx.h"

enum { MAX_FILES = 4096, PATH = 4096 };

struct open_file { int fd; uint32_t flags; struct popcorn_statx stat; };

static struct { const uint32_t common, here; } open_flags[] = { /* common: x86_64's numbers */
	{ 040000, POPCORN_O_DIRECT },
	{ 0100000, POPCORN_O_LARGEFILE },
	{ 0200000, POPCORN_O_DIRECTORY },
	{ 0400000, POPCORN_O_NOFOLLOW },
};

static uint32_t translated(uint32_t flags, int to_common)
{
	uint32_t out = flags & ~0740000u;

	for (size_t i = 0; i < sizeof open_flags / sizeof *open_flags; i++)
		if (flags & (to_common ? open_flags[i].here : open_flags[i].common))
			out |= to_common ? open_flags[i].common : open_flags[i].here;
	return out;
}

static void fd_path(char *p, int fd) /* "/proc/self/fd/N" */
{
	char d[12];
	size_t n = 0;

	__builtin_memcpy(p, "/proc/self/fd/", 14);
	p += 14;
	do d[n++] = '0' + fd % 10;
	while (fd /= 10);
	while (n) *p++ = d[--n];
	*p = 0;
}

/* Calls fn for each open descriptor in ascending order of the directory; stops at the first non-zero result. */
static long each(long (*fn)(int fd, void *), void *arg)
{
	static char entries[32768] __attribute__((aligned(8)));
	long dir = popcorn_high_fd(K4(K_openat, K_AT_FDCWD, "/proc/self/fd", POPCORN_O_DIRECTORY | K_O_CLOEXEC, 0)), n, e = 0;

	if (dir < 0) return dir;
	while (!e && (n = K3(K_getdents64, dir, entries, sizeof entries)) > 0)
		for (char *p = entries; !e && p < entries + n; p += *(uint16_t *)(void *)(p + 16)) {
			int fd = 0;
			char *s = p + 19;
			if (*s < '0' || *s > '9') continue;
			while (*s >= '0' && *s <= '9') fd = fd * 10 + *s++ - '0';
			if (fd != dir) e = fn(fd, arg);
		}
	K1(K_close, dir);
	return e;
}

struct writer {
	struct popcorn_buffer *notes;
	struct popcorn_text *error;
	const int *own;
	size_t nown, nfiles;
	int move, notes_only, refused;
	struct open_file *files;
};

static int kept(const char *path)
{
	return !popcorn_ends(path, " (deleted)") && path[0] == '/';
}

/* What a program would call it. */
static const char *kind_of(uint16_t mode, const char *link)
{
	switch (mode & K_S_IFMT) {
	case K_S_IFSOCK: return "a socket";
	case K_S_IFIFO: return "a pipe";
	case K_S_IFREG: return popcorn_begins(link, "/memfd:") ? "a memfd" : "a deleted or replaced file";
	case K_S_IFDIR: return "a deleted or replaced directory";
	case K_S_IFCHR: return "a device with state of its own";
	}
	return "no file";
}

static void refuse(struct writer *w, int fd, const char *what, const char *link)
{
	popcorn_text_add(w->error, w->refused++ ? "; %d: %s (%s)" : "open files that can't follow into an image: %d: %s (%s)", (long)fd, what, link);
}

/* Do two descriptors share one open file (dup, dup2, fcntl)? */
static int shared(const struct open_file *a, const struct open_file *b)
{
	long pid = K0(K_getpid), e, at, other;

	if (a->flags != b->flags || !popcorn_same_file(&a->stat, &b->stat)) return 0;
	e = K5(K_kcmp, pid, pid, 0, a->fd, b->fd);
	if (e >= 0) return e == 0;
	/* no kcmp: an offset moved through one must show in the other; all our threads stand still */
	at = K3(K_lseek, a->fd, 0, 1);
	other = K3(K_lseek, b->fd, 0, 1);
	if (at < 0 || at != other) return at < 0 && other == at && a->fd <= 2 && b->fd > 2;
	K3(K_lseek, a->fd, at + 1, 0);
	other = K3(K_lseek, b->fd, 0, 1);
	K3(K_lseek, a->fd, at, 0);
	return other == at + 1;
}

static int stateless(const struct popcorn_statx *s)
{
	uint32_t major = s->rdev_major, minor = s->rdev_minor;

	if (major == 1) return minor == 3 || minor == 5 || minor >= 7; /* null zero full random urandom */
	return major == 4 || major == 5 || (major >= 136 && major <= 143); /* terminals */
}

static long write_one(int fd, void *arg)
{
	struct writer *w = arg;
	struct open_file *me = w->files + w->nfiles;
	struct popcorn_file note = { .fd = fd };
	struct popcorn_statx there;
	char proc[32], link[PATH];
	long n, at, fd_flags = K2(K_fcntl, fd, K_F_GETFD);
	int usable;

	for (size_t i = 0; i < w->nown; i++)
		if (fd == w->own[i]) return 0;
	note.fd_flags = fd_flags & K_FD_CLOEXEC;
	if (w->move) {
		note.kind = POPCORN_FILE_KEPT;
		return note.fd_flags ? popcorn_note(w->notes, POPCORN_NOTE_FILE, &note, sizeof note, 0, 0) : 0;
	}
	if (w->nfiles == MAX_FILES) {
		popcorn_text_set(w->error, "more than %u open files", (unsigned long)MAX_FILES);
		return -1;
	}
	fd_path(proc, fd);
	n = K4(K_readlinkat, K_AT_FDCWD, proc, link, sizeof link - 1);
	if (n < 0 || popcorn_statx_fd(fd, &me->stat)) return 0; /* closed since the directory was read: not the program's */
	link[n] = 0;
	me->fd = fd;
	me->flags = (uint32_t)K2(K_fcntl, fd, K_F_GETFL);
	note.flags = translated(me->flags, 1);
	note.mode = me->stat.mode;
	note.length = me->stat.size;
	at = K3(K_lseek, fd, 0, 1);
	note.offset = at > 0 ? at : 0;
	usable = kept(link) && !popcorn_statx_path(link, &there) && popcorn_same_file(&me->stat, &there);

	for (size_t i = 0; i < w->nfiles; i++)
		if (shared(w->files + i, me)) {
			note.kind = POPCORN_FILE_DUPLICATE;
			note.same = w->files[i].fd;
			break;
		}
	if (note.kind) ;
	else if ((me->stat.mode & K_S_IFMT) == K_S_IFREG && usable) note.kind = POPCORN_FILE_REGULAR;
	else if ((me->stat.mode & K_S_IFMT) == K_S_IFDIR && usable) note.kind = POPCORN_FILE_DIRECTORY;
	else if (fd <= 2 && (me->stat.mode & K_S_IFMT) != K_S_IFREG) note.kind = POPCORN_FILE_STANDARD;
	else if ((me->stat.mode & K_S_IFMT) == K_S_IFCHR && usable && stateless(&me->stat)) note.kind = POPCORN_FILE_DEVICE;
	else if (w->notes_only) note.kind = POPCORN_FILE_STAYS;
	else {
		refuse(w, fd, kind_of(me->stat.mode, link), link);
		return 0;
	}
	w->nfiles++;
	return popcorn_note(w->notes, POPCORN_NOTE_FILE, &note, sizeof note, link, n);
}

int popcorn_files_write(struct popcorn_buffer *notes, uint32_t image_flags, const int *own, size_t nown, struct popcorn_text *error)
{
	int move = !!(image_flags & POPCORN_IMAGE_MOVE);
	struct writer w = { notes, error, own, nown, 0, move, !!(image_flags & POPCORN_IMAGE_NOTES_ONLY), 0, 0 };
	size_t bytes = (MAX_FILES + 1) * sizeof *w.files;
	long e;

	if (!move && !(w.files = popcorn_pages(bytes))) {
		popcorn_text_set(error, "no memory for the list of open files");
		return -1;
	}
	error->n = 0;
	e = each(write_one, &w);
	if (w.files) popcorn_free_pages(w.files, bytes);
	if (w.refused) popcorn_text_add(error, "; `popcorn migrate` keeps them open");
	else if (e && !error->n) popcorn_text_set(error, "can't list the open files: %e", e);
	return e || w.refused ? -1 : 0;
}

static char marked[65536 / 8]; /* descriptors whose FD_CLOEXEC a move has cleared */

static long cloexec_off(int fd, void *arg)
{
	long flags = K2(K_fcntl, fd, K_F_GETFD);

	(void)arg;
	if (fd < 65536 && flags > 0 && flags & K_FD_CLOEXEC) {
		marked[fd / 8] |= 1 << fd % 8;
		K3(K_fcntl, fd, K_F_SETFD, flags & ~K_FD_CLOEXEC);
	}
	return 0;
}

void popcorn_files_cloexec(int set)
{
	if (!set) {
		each(cloexec_off, 0);
		return;
	}
	for (int fd = 0; fd < 65536; fd++)
		if (marked[fd / 8] >> fd % 8 & 1) K3(K_fcntl, fd, K_F_SETFD, K_FD_CLOEXEC);
	for (size_t i = 0; i < sizeof marked; i++) marked[i] = 0;
}

/* Another kind of file than then, or less of it: to go on would be to read nothing, or to write behind a hole. */
static int changed(const struct popcorn_file *f, int fd, const char *path, struct popcorn_text *error)
{
	enum { APPEND = 02000 };
	struct popcorn_statx s;
	long e = popcorn_statx_fd(fd, &s);

	if (e) popcorn_text_set(error, "can't examine %s: %e", path, e);
	else if ((s.mode & K_S_IFMT) != (f->mode & K_S_IFMT)) popcorn_text_set(error, "%s is another kind of file now", path);
	else if (f->kind == POPCORN_FILE_REGULAR && s.size < f->length && !(f->flags & APPEND)) /* logs may have been rotated */
		popcorn_text_set(error, "%s has %u bytes and had %u when the image was made; put the file back", path, s.size, f->length);
	else return 0;
	return -1;
}

int popcorn_file_restore(const struct popcorn_file *f, const char *path, struct popcorn_text *error)
{
	enum { CREAT = 0100, EXCL = 0200, NOCTTY = 0400, TRUNC = 01000 };
	long fd, e;

	switch (f->kind) {
	case POPCORN_FILE_KEPT:
		K3(K_fcntl, f->fd, K_F_SETFD, f->fd_flags);
		return 0;
	case POPCORN_FILE_STANDARD:
		if (K2(K_fcntl, f->fd, K_F_GETFD) < 0) {
			popcorn_text_set(error, "standard stream %d is closed here; the program had it open", (long)f->fd);
			return -1;
		}
		return 0;
	case POPCORN_FILE_DUPLICATE:
		fd = f->same;
		break;
	default:
		fd = K4(K_openat, K_AT_FDCWD, path, translated(f->flags & ~(uint32_t)(CREAT | EXCL | TRUNC), 0) | NOCTTY | K_O_CLOEXEC, 0);
		if (fd < 0) {
			popcorn_text_set(error, "can't open %s for descriptor %d again: %e", path, (long)f->fd, fd);
			return -1;
		}
		if (changed(f, (int)fd, path, error)) return -1;
		if (f->offset && (e = K3(K_lseek, fd, f->offset, 0)) < 0) {
			popcorn_text_set(error, "can't go to offset %u of %s: %e", f->offset, path, e);
			return -1;
		}
	}
	if (fd == (long)f->fd) {
		K3(K_fcntl, fd, K_F_SETFD, f->fd_flags);
		return 0;
	}
	e = K3(K_dup3, fd, f->fd, f->fd_flags ? K_O_CLOEXEC : 0);
	if (f->kind != POPCORN_FILE_DUPLICATE) K1(K_close, fd);
	if (e < 0) {
		popcorn_text_set(error, "can't make %s descriptor %d: %e", path, (long)f->fd, e);
		return -1;
	}
	return 0;
}
