/* Mappings: what mremap, madvise, mincore, mprotect and their like do, and refuse. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "check.h"
#include "faults.h"

#define PAGE 4096
#define FAILED(...) ((void *)(__VA_ARGS__) == MAP_FAILED ? -1 : 0)

int main(void)
{
	struct sigaction action = { .sa_sigaction = fault, .sa_flags = SA_SIGINFO };
	unsigned char resident[8];
	char *p, *q, bytes[16];
	int fd;

	sigaction(SIGSEGV, &action, 0), sigaction(SIGBUS, &action, 0);
	CHECK((p = mmap(0, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) != MAP_FAILED);
	CHECK(FAILED(mmap(0, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)));
	CHECK(FAILED(mmap(0, PAGE, PROT_READ, MAP_ANONYMOUS, -1, 0)));
	CHECK(FAILED(mmap(0, PAGE, PROT_READ, MAP_PRIVATE, 999, 0)));
	CHECK(FAILED(mmap(p + 1, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)));
	CHECK(FAILED(mmap(p, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0)));
	memset(p, 7, 8 * PAGE);
	CHECK(mprotect(p + PAGE, PAGE, PROT_READ));
	CHECK(touched(p + PAGE, 1));
	CHECK(got.si_code);
	CHECK((char *)got.si_addr - p);
	CHECK(mprotect(p + 2 * PAGE, PAGE, PROT_NONE));
	CHECK(touched(p + 2 * PAGE + 5, 0));
	CHECK((char *)got.si_addr - p);
	CHECK(mprotect(p, 8 * PAGE, PROT_READ | PROT_WRITE));
	CHECK(p[2 * PAGE]);
	CHECK(munmap(p + 3 * PAGE, PAGE));
	CHECK(touched(p + 3 * PAGE, 1));
	CHECK(got.si_code);
	CHECK(mprotect(p, 8 * PAGE, PROT_READ));
	CHECK(munmap(p + 1, PAGE));
	CHECK(munmap(p, 0));
	CHECK(mincore(p + 4 * PAGE, 2 * PAGE, resident));
	CHECK(resident[0] & resident[1] & 1);
	CHECK(mincore(p + 3 * PAGE, PAGE, resident));
	CHECK(mincore(p + 1, PAGE, resident));
	CHECK(mprotect(p + 4 * PAGE, 4 * PAGE, PROT_READ | PROT_WRITE));
	CHECK(madvise(p + 4 * PAGE, PAGE, MADV_DONTNEED));
	CHECK(p[4 * PAGE]);
	CHECK(p[5 * PAGE]);
	CHECK(madvise(p + 4 * PAGE, PAGE, 999));
	CHECK(madvise(p + 4 * PAGE + 1, PAGE, MADV_DONTNEED));
	CHECK(posix_madvise(p + 4 * PAGE, PAGE, POSIX_MADV_WILLNEED));
	CHECK(msync(p + 4 * PAGE, PAGE, MS_SYNC));
	CHECK(msync(p + 4 * PAGE, PAGE, MS_SYNC | MS_ASYNC));
	CHECK(msync(p + 3 * PAGE, PAGE, MS_SYNC));
	CHECK((q = mremap(p + 5 * PAGE, 2 * PAGE, 64 * PAGE, MREMAP_MAYMOVE)) != MAP_FAILED);
	CHECK(q[PAGE]);
	CHECK(q[63 * PAGE]);
	CHECK((q = mremap(q, 64 * PAGE, PAGE, 0)) != MAP_FAILED);
	CHECK(q[5]);
	CHECK(touched(q + PAGE, 0));
	CHECK(FAILED(mremap(q + 1, PAGE, PAGE, 0)));
	CHECK(FAILED(mremap(q, PAGE, 0, 0)));
	CHECK(FAILED(mremap(q, PAGE, PAGE, 99)));
	CHECK(FAILED(mremap(p + 3 * PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE)));
	CHECK(mremap(q, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + 3 * PAGE) == p + 3 * PAGE);
	CHECK(p[3 * PAGE + 9]);
	CHECK(mlock(p, PAGE));
	CHECK(munlock(p, PAGE));
	CHECK(mlock(q, PAGE));
	CHECK((fd = open("mapped", O_CREAT | O_RDWR, 0600)) >= 0);
	CHECK(ftruncate(fd, PAGE + 100));
	CHECK(FAILED(mmap(0, PAGE, PROT_READ, MAP_SHARED, fd, 1)));
	CHECK(getrandom(bytes, 16, GRND_NONBLOCK));
	CHECK(getrandom(bytes, 16, 0x100));
	CHECK(getrandom((void *)8, 16, 0));
	CHECK(getentropy(bytes, 257));
	CHECK(sysconf(_SC_PAGESIZE));
	CHECK(munmap(p, 8 * PAGE));
	return 0;
}
