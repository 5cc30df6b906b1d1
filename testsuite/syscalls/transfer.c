/* Reading and writing by every call there is; locks; pipes; memory files and their seals. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include "check.h"

static char a[8], b[8];
static struct iovec parts[2] = { { a, 4 }, { b, 8 } };

static void vectors(int fd)
{
	CHECK(pwrite(fd, "abcdefghij", 10, 5));
	CHECK(pread(fd, a, 8, 3));
	CHECK(a[1] + a[2]);
	CHECK(preadv(fd, parts, 2, 5));
	CHECK(a[0] + b[0]);
	CHECK(pwritev(fd, parts, 2, 20));
	CHECK(preadv2(fd, parts, 2, 0, 0x4000));
	CHECK(preadv2(fd, parts, 2, -1, 0));
	CHECK(pwritev2(fd, parts, 1, 0, RWF_APPEND));
	CHECK(ftruncate(fd, 32));
	CHECK(readv(fd, parts, -1));
	CHECK(writev(fd, parts, 2000));
	CHECK(pread(fd, a, 8, -1));
	CHECK(pread(fd, (char *)8, 8, 0));
	CHECK(write(fd, (char *)8, 8));
	CHECK(read(999, a, 1));
	CHECK(lseek(fd, 0, SEEK_CUR));
	CHECK(lseek(fd, 0, SEEK_END));
	CHECK(lseek(fd, 0, SEEK_DATA));
	CHECK(lseek(fd, 0, SEEK_HOLE) > 0);
}

static void moved_by_the_kernel(int fd)
{
	long long from = 0, to = 0;
	off_t offset = 5;
	int p[2], q[2], other, n = -1;

	CHECK(pipe2(p, O_CLOEXEC));
	CHECK(pipe(q));
	CHECK(pipe2(q, 0x8));
	CHECK(splice(fd, &from, p[1], 0, 8, SPLICE_F_MOVE));
	CHECK(from);
	CHECK(ioctl(p[0], FIONREAD, &n));
	CHECK(n);
	CHECK(tee(p[0], q[1], 4, 0));
	CHECK(read(q[0], b, 8));
	CHECK(splice(fd, &from, fd, 0, 8, 0));
	CHECK((other = open("other", O_CREAT | O_RDWR, 0600)) >= 0);
	CHECK(sendfile(other, fd, &offset, 6));
	CHECK(offset);
	CHECK(sendfile(other, p[0], 0, 6));
	CHECK(copy_file_range(fd, &from, other, &to, 10, 0));
	CHECK(from + to);
	CHECK(copy_file_range(fd, 0, other, 0, 10, 77));
	CHECK(fcntl(p[0], F_GETPIPE_SZ));
	CHECK(fcntl(p[0], F_SETPIPE_SZ, 4096));
	CHECK(fcntl(fd, F_GETPIPE_SZ));
	CHECK(dup2(fd, 100));
	CHECK(dup3(fd, 101, O_CLOEXEC));
	CHECK(fcntl(101, F_GETFD));
	CHECK(dup3(fd, fd, 0));
	CHECK(dup2(999, 5));
	CHECK(fcntl(fd, F_DUPFD, 200));
	CHECK(fcntl(fd, F_DUPFD_CLOEXEC, 201));
	CHECK(fcntl(fd, 9999));
	CHECK(fcntl(p[0], F_SETOWN, getpid()));
	CHECK(fcntl(p[0], F_GETOWN) == getpid());
	CHECK(fcntl(p[0], F_SETSIG, 12));
	CHECK(fcntl(p[0], F_GETSIG));
	for (int i = 0; i < 2; i++) close(p[i]), close(q[i]);
	close(other), close(100), close(101), close(200), close(201);
}

static int in_child(int fd, int how)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 15, .l_len = 5 };
	int status;
	pid_t pid = fork();

	if (!pid) {
		if (how == 1) _exit(fcntl(fd, F_SETLK, &l) == -1 ? errno : 0);
		if (how == 2) _exit(fcntl(fd, F_GETLK, &l) ? 99 : (l.l_pid == getppid()) + 2 * (l.l_type == F_WRLCK) + (int)l.l_start + (int)l.l_len);
		fd = open("locked", O_RDWR);
		_exit(flock(fd, LOCK_EX | LOCK_NB) == -1 ? errno : 0);
	}
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

static void locks(void)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 10, .l_len = 10 };
	int fd;

	CHECK((fd = open("locked", O_CREAT | O_RDWR, 0600)) >= 0);
	CHECK(fcntl(fd, F_SETLK, &l));
	for (int i = 0; i < 5; i++) {
		CHECK(in_child(fd, 1));
		CHECK(in_child(fd, 2));
	}
	l.l_type = F_UNLCK;
	CHECK(fcntl(fd, F_SETLKW, &l));
	CHECK(in_child(fd, 1));
	CHECK(fcntl(fd, F_GETLK, &l));
	l.l_type = 77;
	CHECK(fcntl(fd, F_SETLK, &l));
	l = (struct flock){ .l_type = F_RDLCK, .l_whence = SEEK_SET };
	CHECK(fcntl(fd, F_OFD_SETLK, &l));
	CHECK(in_child(open("locked", O_RDWR), 1));
	l.l_type = F_UNLCK;
	CHECK(fcntl(fd, F_OFD_SETLK, &l));
	CHECK(lockf(fd, F_TLOCK, 5));
	CHECK(lockf(fd, F_ULOCK, 5));
	CHECK(lockf(fd, 99, 5));
	CHECK(flock(fd, LOCK_EX));
	CHECK(in_child(fd, 3));
	CHECK(in_child(fd, 3));
	CHECK(flock(fd, LOCK_UN));
	CHECK(in_child(fd, 3));
	CHECK(flock(fd, 99));
	CHECK(close(fd));
}

static void memory_files(void)
{
	char c = 'm';
	int fd;

	CHECK((fd = memfd_create("name", MFD_CLOEXEC | MFD_ALLOW_SEALING)) >= 0);
	CHECK(memfd_create("name", 0x8000));
	CHECK(ftruncate(fd, 4096));
	CHECK(pwrite(fd, &c, 1, 100));
	CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW));
	CHECK(ftruncate(fd, 8192));
	CHECK(fcntl(fd, F_GET_SEALS));
	CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SEAL));
	CHECK(pwrite(fd, &c, 1, 100));
	CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	CHECK(pread(fd, &c, 1, 100));
	CHECK(close(fd));
	CHECK((fd = open(".", O_TMPFILE | O_RDWR, 0600)) >= 0);
	CHECK(write(fd, "x", 1));
	CHECK(close(fd));
}

int main(void)
{
	int fd;

	CHECK((fd = open("data", O_CREAT | O_RDWR, 0600)) >= 0);
	vectors(fd);
	moved_by_the_kernel(fd);
	locks();
	memory_files();
	return 0;
}
