/* Files by name: what stat and its kin say, times, links, renames, directories; errno of what can't be. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>
#include "check.h"

/* musl has no function of that name yet */
#define renameat2(...) syscall(SYS_renameat2, __VA_ARGS__)
#define RENAME_NOREPLACE 1
#define RENAME_EXCHANGE 2

static void made(void)
{
	int fd;

	umask(022);
	CHECK((fd = open("file", O_CREAT | O_EXCL | O_RDWR, 0666)) >= 0);
	CHECK(open("file", O_CREAT | O_EXCL | O_RDWR, 0666));
	CHECK(write(fd, "0123456789", 10));
	CHECK(fcntl(fd, F_GETFL) & ~0100000); /* O_LARGEFILE, which glibc says is 0 */
	CHECK(fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK));
	CHECK((fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK)) == (O_RDWR | O_APPEND | O_NONBLOCK));
	CHECK(ftruncate(fd, 100));
	CHECK(ftruncate(fd, -1));
	CHECK(lseek(fd, -1, SEEK_SET));
	CHECK(lseek(fd, 5, SEEK_END));
	CHECK(lseek(fd, 0, 77));
	CHECK(posix_fallocate(fd, 0, 8192));
	CHECK(fallocate(fd, FALLOC_FL_KEEP_SIZE, 8192, 4096));
	CHECK(fallocate(fd, 0, 0, -1));
	CHECK(posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM));
	CHECK(posix_fadvise(fd, 0, 0, 99));
	CHECK(fsync(fd));
	CHECK(fdatasync(fd));
	CHECK(sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE));
	CHECK(close(fd));
	CHECK(close(fd));
	CHECK(truncate("file", 4096));
	CHECK(truncate("nowhere", 1));
	CHECK(open("file", O_DIRECTORY));
	CHECK(open("file/below", O_RDONLY));
	CHECK(open(".", O_RDWR));
	CHECK(open("", O_RDONLY));
	CHECK(openat(-5, "file", O_RDONLY));
	CHECK(creat("nowhere/file", 0600));
}

static void looked_at(void)
{
	struct stat s, l;
	struct statx x;
	struct statfs f;
	struct statvfs v;
	int fd = open("file", O_RDONLY);

	CHECK(sizeof s);
	CHECK(sizeof x);
	CHECK(sizeof f);
	CHECK(stat("file", &s));
	CHECK(s.st_mode);
	CHECK(s.st_nlink);
	CHECK(s.st_size);
	CHECK(s.st_blksize);
	CHECK(s.st_blocks);
	CHECK(s.st_uid == getuid());
	CHECK(fstat(fd, &l));
	CHECK(l.st_ino == s.st_ino && l.st_dev == s.st_dev);
	CHECK(fstatat(fd, "", &l, AT_EMPTY_PATH));
	CHECK(l.st_ino == s.st_ino);
	CHECK(fstatat(AT_FDCWD, "file", &l, 0x40000000));
	CHECK(stat("nowhere", &l));
	CHECK(fstat(999, &l));
	CHECK(statx(AT_FDCWD, "file", 0, STATX_BASIC_STATS | STATX_BTIME, &x));
	CHECK((x.stx_mask & STATX_BASIC_STATS) == STATX_BASIC_STATS);
	CHECK(x.stx_ino == s.st_ino);
	CHECK(x.stx_mode);
	CHECK(x.stx_size);
	CHECK(x.stx_mtime.tv_sec == s.st_mtime);
	CHECK(x.stx_mtime.tv_nsec == s.st_mtim.tv_nsec);
	CHECK(stat("/dev/null", &s));
	CHECK(s.st_rdev);
	CHECK(s.st_mode);
	CHECK(statfs(".", &f));
	CHECK(f.f_namelen);
	CHECK(f.f_bsize);
	CHECK(f.f_blocks > f.f_bfree);
	CHECK(fstatfs(fd, &f));
	CHECK(statfs("/proc", &f));
	CHECK(f.f_type);
	CHECK(statfs("nowhere", &f));
	CHECK(statvfs(".", &v));
	CHECK(v.f_namemax);
	CHECK(v.f_frsize);
	CHECK(fpathconf(fd, _PC_NAME_MAX));
	CHECK(pathconf(".", _PC_PATH_MAX));
	CHECK(access("file", W_OK));
	CHECK(access("file", 99));
	CHECK(faccessat(AT_FDCWD, "file", R_OK, AT_EACCESS));
	CHECK(chmod("file", 04750));
	CHECK(fchmodat(AT_FDCWD, "file", 0640, 0));
	CHECK(stat("file", &s));
	CHECK(s.st_mode);
	CHECK(fchownat(AT_FDCWD, "nowhere", 0, 0, AT_SYMLINK_NOFOLLOW));
	CHECK(close(fd));
}

static void times(void)
{
	struct timespec t[2] = { { 1000000000, 123456789 }, { 0, UTIME_OMIT } };
	struct timeval v[2] = { { 5, 6 }, { 7, 8 } };
	struct stat before, s;

	CHECK(stat("file", &before));
	CHECK(utimensat(AT_FDCWD, "file", t, 0));
	CHECK(stat("file", &s));
	CHECK(s.st_atim.tv_sec);
	CHECK(s.st_atim.tv_nsec);
	CHECK(s.st_mtim.tv_nsec == before.st_mtim.tv_nsec);
	CHECK(utimes("file", v));
	CHECK(stat("file", &s));
	CHECK(s.st_mtim.tv_sec * 1000000 + s.st_mtim.tv_nsec / 1000);
	t[0].tv_nsec = 2000000000;
	CHECK(utimensat(AT_FDCWD, "file", t, 0));
	CHECK(utimensat(AT_FDCWD, "nowhere", 0, 0));
	CHECK(futimens(999, 0));
}

static void linked(void)
{
	char text[64] = "";
	struct stat s;

	CHECK(link("file", "hard"));
	CHECK(linkat(AT_FDCWD, "file", AT_FDCWD, "hard", 0));
	CHECK(symlink("file", "soft"));
	CHECK(symlinkat("soft", AT_FDCWD, "softer"));
	CHECK(linkat(AT_FDCWD, "soft", AT_FDCWD, "followed", AT_SYMLINK_FOLLOW));
	CHECK(lstat("followed", &s));
	CHECK(s.st_nlink);
	CHECK(lstat("soft", &s));
	CHECK(s.st_mode);
	CHECK(s.st_size);
	CHECK(readlink("softer", text, sizeof text));
	printf("%s\n", text);
	CHECK(readlinkat(AT_FDCWD, "softer", text, 2));
	CHECK(readlink("file", text, 64));
	CHECK(open("soft", O_NOFOLLOW | O_RDONLY));
	CHECK(symlink("loop", "loop"));
	CHECK(open("loop", O_RDONLY));
	CHECK(renameat2(AT_FDCWD, "hard", AT_FDCWD, "followed", RENAME_NOREPLACE));
	CHECK(renameat2(AT_FDCWD, "soft", AT_FDCWD, "file", RENAME_EXCHANGE));
	CHECK(lstat("file", &s));
	CHECK(s.st_mode);
	CHECK(renameat2(AT_FDCWD, "soft", AT_FDCWD, "file", RENAME_EXCHANGE));
	CHECK(renameat2(AT_FDCWD, "soft", AT_FDCWD, "file", 99));
	CHECK(rename("nowhere", "file"));
	CHECK(unlink("softer"));
	CHECK(unlink("loop"));
	CHECK(unlink("."));
}

static void directories(void)
{
	char space[PATH_MAX], names[10];
	int fd, n = 0, types = 0;
	struct dirent *e;
	DIR *d;

	CHECK(mkdir("folder", 0777));
	CHECK(mkdir("folder", 0777));
	CHECK(mkdirat(AT_FDCWD, "folder/below", 0700));
	CHECK(mknod("folder/fifo", S_IFIFO | 0600, 0));
	CHECK(mkfifo("folder/fifo", 0600));
	CHECK((fd = open("folder", O_RDONLY | O_DIRECTORY)) >= 0);
	CHECK(close(openat(fd, "inner", O_CREAT | O_WRONLY, 0600)));
	CHECK((d = fdopendir(fd)) != 0);
	while ((e = readdir(d))) n++, types += e->d_type;
	CHECK(n);
	CHECK(types);
	rewinddir(d);
	CHECK(readdir(d) != 0);
	CHECK(syscall(SYS_getdents64, fd, names, 1));
	CHECK(closedir(d));
	CHECK(opendir("file") ? 0 : -1);
	CHECK(rmdir("folder"));
	CHECK(rmdir("folder/below/"));
	CHECK(rmdir("file"));
	CHECK(rename("file", "folder"));
	CHECK(rename("folder", "folder/inside"));
	CHECK(chdir("folder"));
	CHECK(getcwd(space, 3) ? 0 : -1);
	CHECK(getcwd(space, sizeof space) != 0);
	CHECK(strcmp(strrchr(space, '/'), "/folder"));
	CHECK(fchdir(999));
	CHECK(chdir("fifo"));
	CHECK(chdir(".."));
	CHECK(realpath("folder/../folder/inner", space) != 0);
	CHECK(strcmp(strrchr(space, '/'), "/inner"));
	CHECK(setxattr("file", "user.a", "value", 5, 0) + 1 > 0 || errno == ENOTSUP);
	CHECK(chroot("nowhere"));
	CHECK(unlinkat(AT_FDCWD, "folder/inner", 0));
	CHECK(unlinkat(AT_FDCWD, "folder", AT_REMOVEDIR));
	CHECK(unlinkat(AT_FDCWD, "file", 12345));
}

int main(void)
{
	made();
	looked_at();
	times();
	linked();
	directories();
	return 0;
}
