// dup, dup2 and fcntl: descriptors share an offset, flags can be read and set, output is redirected and given back.
// expect: 12 1 12 1 1 0 282 rected 19
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int crowd(int n, int fd)
{
	if (n == 0)
		return 0;
	int copy = dup(fd), r = (int)write(copy, "x", 1) + crowd(n - 1, copy);
	return close(copy) == 0 ? r : -1000;
}

int main(void)
{
	FILE *f = tmpfile();
	int fd = fileno(f);
	int written = crowd(12, fd);
	int high = fcntl(fd, F_DUPFD, 50);
	long shared = lseek(high, 0, SEEK_CUR);
	fcntl(high, F_SETFD, FD_CLOEXEC);
	int cloexec = fcntl(high, F_GETFD) == FD_CLOEXEC && fcntl(fd, F_GETFD) != -1;
	int flags = fcntl(fd, F_GETFL);
	fcntl(fd, F_SETFL, flags | O_APPEND | O_NONBLOCK);
	int appending = (fcntl(high, F_GETFL) & (O_APPEND | O_NONBLOCK)) == (O_APPEND | O_NONBLOCK);
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 5};
	int locked = fcntl(fd, F_SETLK, &lock);
	int saved = dup(1);
	fflush(stdout);
	dup2(fd, 1);
	for (int i = 0; i < 20; i++) {
		printf("redirected %d\n", i);
		fflush(stdout);
	}
	dup2(saved, 1);
	close(saved);
	char text[512];
	ssize_t n = pread(fd, text, sizeof text - 1, 0);
	text[n] = 0;
	printf("%d %d %ld %d %d %d %zd %s", written, high >= 50, shared, cloexec, appending, locked, n, strrchr(text, 'r'));
	return 0;
}
