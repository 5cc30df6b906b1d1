// open, read, write, lseek, pread, pwrite, ftruncate, O_APPEND and O_EXCL on a file in a directory of its own.
// expect: -1 1 335 200 2956623863 123 640 1 1
// expect: 1 0 0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char name[64];

static ssize_t put(int fd, const char *s, int times)
{
	return times ? write(fd, s, strlen(s)) + put(fd, s, times - 1) : 0;
}

int main(void)
{
	char directory[] = "/tmp/popcc-XXXXXX", buffer[256];
	struct stat st;
	if (!mkdtemp(directory))
		return 1;
	snprintf(name, sizeof name, "%s/file", directory);
	int fd = open(name, O_RDWR | O_CREAT | O_EXCL, 0640);
	int again = open(name, O_RDWR | O_CREAT | O_EXCL, 0640), exists = errno == EEXIST;
	ssize_t n = put(fd, "abcdefghij", 30);
	off_t at = lseek(fd, -100, SEEK_END);
	n += put(fd, "XY", 10);
	int append = open(name, O_WRONLY | O_APPEND);
	lseek(append, 0, SEEK_SET);
	n += put(append, "end", 5);
	pwrite(fd, "PPPP", 4, 50);
	lseek(fd, 0, SEEK_SET);
	unsigned h = 0;
	ssize_t got;
	while ((got = read(fd, buffer, 17)) > 0)
		for (ssize_t i = 0; i < got; i++)
			h = h * 33 + (unsigned char)buffer[i];
	ftruncate(fd, 123);
	fstat(fd, &st);
	int past = pread(fd, buffer, 100, 100) == 23;
	printf("%d %d %zd %ld %u %ld %o %d %d\n", again, exists, n, (long)at, h, (long)st.st_size, st.st_mode & 0777, past, S_ISREG(st.st_mode));
	close(fd);
	close(append);
	errno = 0;
	int bad = read(fd, buffer, 1) == -1 && errno == EBADF;
	int gone = unlink(name);
	printf("%d %d %d\n", bad, gone, rmdir(directory));
	return 0;
}
