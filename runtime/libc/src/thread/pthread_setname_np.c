/* As musl's, but that the process may move on the way, as in pthread_getname_np.c. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>
#include "pthread_impl.h"

static int write_name(const char *path, const char *name, size_t size)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), e;

	if (fd < 0) return errno;
	e = write(fd, name, size) < 0 ? errno : 0;
	close(fd);
	return e;
}

int pthread_setname_np(pthread_t thread, const char *name)
{
	char path[sizeof "/proc/self/task//comm" + 3 * sizeof(int)];
	size_t size = strnlen(name, 16);
	int cs, status;

	if (size > 15) return ERANGE;
	if (thread == pthread_self()) return prctl(PR_SET_NAME, (unsigned long)name, 0UL, 0UL, 0UL) ? errno : 0;
	snprintf(path, sizeof path, "/proc/self/task/%d/comm", thread->tid);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cs);
	do status = write_name(path, name, size);
	while (status == ESRCH);
	pthread_setcancelstate(cs, 0);
	return status;
}
