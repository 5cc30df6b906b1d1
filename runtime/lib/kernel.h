/* Kernel calls of the runtime itself, with every argument made a long (popcorn_kernel is variadic). */
#ifndef POPCORN_KERNEL_H
#define POPCORN_KERNEL_H

#include "kernel_numbers.h"
#include "popcorn.h"

#define K0(n) popcorn_kernel(n)
#define K1(n, a) popcorn_kernel(n, (long)(a))
#define K2(n, a, b) popcorn_kernel(n, (long)(a), (long)(b))
#define K3(n, a, b, c) popcorn_kernel(n, (long)(a), (long)(b), (long)(c))
#define K4(n, a, b, c, d) popcorn_kernel(n, (long)(a), (long)(b), (long)(c), (long)(d))
#define K5(n, a, b, c, d, e) popcorn_kernel(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e))
#define K6(n, a, b, c, d, e, f) \
	popcorn_kernel(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

enum { K_EPERM = 1, K_ENOENT = 2, K_EINTR = 4, K_EAGAIN = 11, K_ENOMEM = 12, K_EINVAL = 22, K_EFBIG = 27, K_ENOSPC = 28, K_EPIPE = 32, K_ENOSYS = 38 };
enum { K_AT_FDCWD = -100, K_PROT_READ = 1, K_PROT_WRITE = 2, K_MAP_SHARED = 1, K_MAP_PRIVATE = 2, K_MAP_FIXED = 16, K_MAP_NORESERVE = 0x4000,
       K_MAP_ANONYMOUS = 32 };
enum { K_F_GETFD = 1, K_F_SETFD = 2, K_F_GETFL = 3, K_F_SETFL = 4, K_F_DUPFD_CLOEXEC = 1030, K_FD_CLOEXEC = 1 };
enum { K_SIG_BLOCK = 0, K_SIG_SETMASK = 2, K_SIGKILL = 9, K_SIGXFSZ = 25 };
enum { K_O_NONBLOCK = 04000, K_O_CLOEXEC = 02000000 };

enum { FUTEX_WAIT = 128, FUTEX_WAKE = 129 }; /* of this process alone */

struct k_timespec { int64_t sec, nsec; };
struct k_iovec { char *base; size_t n; };
struct k_msghdr { void *name; uint32_t name_bytes, pad; struct k_iovec *v; size_t nv; void *control; size_t control_bytes; uint32_t flags, pad2; };

hidden void popcorn_find_clock(const long *auxiliary); /* of this node, in what the kernel passed */
extern hidden int popcorn_clocks_far; /* a replica on another host than the origin: the clocks there are not the program's */
long __popcorn_clock(int clock, struct k_timespec *); /* the program's; 0 or -errno */
uint64_t __popcorn_ticks(void); /* nanoseconds, the program's; monotonic over moves */
hidden long popcorn_read_clock(int clock, struct k_timespec *); /* this node's; 0 or -errno */

static inline uint64_t popcorn_clock(int clock)
{
	struct k_timespec t = { 0, 0 };
	popcorn_read_clock(clock, &t);
	return (uint64_t)t.sec * 1000000000u + (uint64_t)t.nsec;
}

static inline uint64_t popcorn_now(void)
{
	return popcorn_clock(1);
}

/* A lock: 0 free, 1 taken, 2 taken and somebody may wait for it, so that the kernel is called only then (Drepper, Futexes
 * Are Tricky, section 6, mutex2). */
static inline void popcorn_take(int *lock)
{
	int free = 0;

	if (__atomic_compare_exchange_n(lock, &free, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) return;
	while (__atomic_exchange_n(lock, 2, __ATOMIC_ACQUIRE)) K4(K_futex, lock, FUTEX_WAIT, 2, 0);
}

static inline void popcorn_drop(int *lock)
{
	if (__atomic_exchange_n(lock, 0, __ATOMIC_RELEASE) == 2) K3(K_futex, lock, FUTEX_WAKE, 1);
}

/* Out of the way of the descriptors the program is about to get: the lowest free ones. */
static inline long popcorn_high_fd(long fd)
{
	long high;

	if (fd < 0) return fd;
	for (int from = 900; from >= 100; from -= 400)
		if ((high = K3(K_fcntl, fd, K_F_DUPFD_CLOEXEC, from)) >= 0) {
			K1(K_close, fd);
			return high;
		}
	K3(K_fcntl, fd, K_F_SETFD, K_FD_CLOEXEC);
	return fd;
}

#endif
