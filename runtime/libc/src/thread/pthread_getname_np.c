/* As musl's, but that the process may move between opening the other thread's file and reading it: then that thread's
 * file is another. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>
#include "pthread_impl.h"

static ssize_t read_name(const char *path, char *name, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), e;
	ssize_t n;

	if (fd < 0) return -1;
	n = read(fd, name, size);
	e = errno;
	close(fd);
	errno = e;
	return n;
}

int pthread_getname_np(pthread_t thread, char *name, size_t size)
{
	char path[sizeof "/proc/self/task//comm" + 3 * sizeof(int)];
	ssize_t n;
	int cs, status;

	if (size < 16) return ERANGE;
	if (thread == pthread_self()) return prctl(PR_GET_NAME, (unsigned long)name, 0UL, 0UL, 0UL) ? errno : 0;
	snprintf(path, sizeof path, "/proc/self/task/%d/comm", thread->tid);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cs);
	do n = read_name(path, name, size);
	while (n < 0 && errno == ESRCH);
	status = n < 0 ? errno : 0;
	pthread_setcancelstate(cs, 0);
	if (n > 0) name[n - 1] = 0; /* the newline */
	return status;
}
