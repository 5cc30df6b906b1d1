/* Named semaphores, mapped by the name they are to have: musl maps a new one by a temporary name, which it then loses, and
 * a mapping follows to another ISA by its name. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "fork_impl.h"
#include "lock.h"

#define FLAGS (O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)

static struct named {
	sem_t *sem;
	dev_t dev;
	ino_t ino;
	int users;
} table[SEM_NSEMS_MAX];

static volatile int lock[1];
volatile int *const __sem_open_lockptr = lock;

static int same(int a, int b)
{
	struct stat one, other;

	return !fstat(a, &one) && !fstat(b, &other) && one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

/* A file with the semaphore's first state, under a name of its own. */
static int temporary(char *path, size_t size, mode_t mode, unsigned value)
{
	struct timespec now;
	sem_t sem;
	int fd;

	sem_init(&sem, 1, value);
	do {
		clock_gettime(CLOCK_REALTIME, &now);
		snprintf(path, size, "/dev/shm/popcorn-%d-%ld", getpid(), now.tv_nsec);
		fd = open(path, O_CREAT | O_EXCL | FLAGS, mode);
	} while (fd < 0 && errno == EEXIST);
	if (fd < 0 || write(fd, &sem, sizeof sem) == sizeof sem) return fd;
	close(fd);
	unlink(path);
	return -1;
}

/* So it has its state when it can first be seen. Opened again, the descriptor has the final name; it may have lost that
 * already, or the mode may keep us from it, and then the first will do. */
static int create(const char *name, mode_t mode, unsigned value)
{
	char path[64];
	int fd = temporary(path, sizeof path, mode, value), again, e;

	if (fd < 0) return -1;
	e = link(path, name) ? errno : 0;
	unlink(path);
	if (e) {
		close(fd);
		errno = e;
		return -1;
	}
	again = open(name, FLAGS);
	if (again >= 0 && same(fd, again)) {
		close(fd);
		return again;
	}
	if (again >= 0) close(again);
	return fd;
}

static int open_or_create(const char *name, int flags, mode_t mode, unsigned value)
{
	int fd, exclusive = flags == (O_CREAT | O_EXCL);

	for (;;) {
		if (!exclusive) {
			fd = open(name, FLAGS);
			if (fd >= 0 || errno != ENOENT || !(flags & O_CREAT)) return fd;
		}
		if (value > SEM_VALUE_MAX) {
			errno = EINVAL;
			return -1;
		}
		fd = create(name, mode, value);
		if (fd >= 0 || exclusive || errno != EEXIST) return fd;
	}
}

/* The semaphore in a file: mapped here already, or now, into the free place. */
static sem_t *mapped(int fd, struct named *free)
{
	struct stat st;
	void *map;

	if (fstat(fd, &st)) return SEM_FAILED;
	for (struct named *n = table; n < table + SEM_NSEMS_MAX; n++)
		if (n->users && n->ino == st.st_ino && n->dev == st.st_dev) {
			n->users++;
			return n->sem;
		}
	map = mmap(0, sizeof(sem_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) return SEM_FAILED;
	*free = (struct named){ map, st.st_dev, st.st_ino, 1 };
	return map;
}

static sem_t *opened(const char *name, int flags, mode_t mode, unsigned value)
{
	struct named *free = table;
	sem_t *sem;
	int fd, e;

	while (free < table + SEM_NSEMS_MAX && free->users) free++;
	if (free == table + SEM_NSEMS_MAX) {
		errno = EMFILE;
		return SEM_FAILED;
	}
	fd = open_or_create(name, flags, mode, value);
	if (fd < 0) return SEM_FAILED;
	sem = mapped(fd, free);
	e = errno;
	close(fd);
	errno = e;
	return sem;
}

sem_t *sem_open(const char *name, int flags, ...)
{
	char buf[NAME_MAX + 10];
	mode_t mode = 0;
	unsigned value = 0;
	sem_t *sem;
	va_list ap;
	int cs;

	if (!(name = __shm_mapname(name, buf))) return SEM_FAILED;
	flags &= O_CREAT | O_EXCL;
	if (flags & O_CREAT) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t) & 0666;
		value = va_arg(ap, unsigned);
		va_end(ap);
	}
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cs);
	LOCK(lock);
	sem = opened(name, flags, mode, value);
	UNLOCK(lock);
	pthread_setcancelstate(cs, 0);
	return sem;
}

int sem_close(sem_t *sem)
{
	struct named *n = table;

	LOCK(lock);
	while (n < table + SEM_NSEMS_MAX && (!n->users || n->sem != sem)) n++;
	if (n < table + SEM_NSEMS_MAX && !--n->users) munmap(sem, sizeof *sem);
	UNLOCK(lock);
	return 0;
}
