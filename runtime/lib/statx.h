/* statx(2): the one stat whose layout all ISAs share. */
#ifndef POPCORN_STATX_H
#define POPCORN_STATX_H

#include "kernel.h"

struct popcorn_statx {
	uint32_t mask, blksize;
	uint64_t attributes;
	uint32_t nlink, uid, gid;
	uint16_t mode, pad;
	uint64_t ino, size, blocks, attributes_mask;
	uint64_t times[8];
	uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
	uint64_t spare[14];
};
_Static_assert(sizeof(struct popcorn_statx) == 256, "statx");

enum { K_S_IFMT = 0170000, K_S_IFSOCK = 0140000, K_S_IFREG = 0100000, K_S_IFDIR = 040000, K_S_IFCHR = 020000, K_S_IFIFO = 010000,
       K_AT_EMPTY_PATH = 0x1000 };

static inline long popcorn_statx_fd(int fd, struct popcorn_statx *s)
{
	return K5(K_statx, fd, "", K_AT_EMPTY_PATH, 0x7ff, s);
}

static inline long popcorn_statx_path(const char *path, struct popcorn_statx *s)
{
	return K5(K_statx, K_AT_FDCWD, path, 0, 0x7ff, s);
}

static inline int popcorn_same_file(const struct popcorn_statx *a, const struct popcorn_statx *b)
{
	return a->ino == b->ino && a->dev_major == b->dev_major && a->dev_minor == b->dev_minor;
}
#endif
