#include "socket.h"

enum { SOCK_CLOEXEC = 02000000, SO_PEERCRED = 17, SCM_RIGHTS = 1, MSG_NOSIGNAL = 0x4000, MSG_CMSG_CLOEXEC = 0x40000000 };

struct control { size_t bytes; int level, type; int fd[8]; };
struct credentials { int32_t pid; uint32_t uid, gid; };
enum { CONTROL_HEAD = 16 };

long popcorn_dial(const struct popcorn_address *a, size_t path_bytes)
{
	long fd = popcorn_high_fd(K3(K_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)), e;

	if (fd < 0) return fd;
	if ((e = K3(K_connect, fd, a, offsetof(struct popcorn_address, path) + path_bytes))) {
		K1(K_close, fd);
		return e;
	}
	return fd;
}

int popcorn_trusts(int fd)
{
	struct credentials c = { 0, -1u, -1u };
	uint32_t n = sizeof c;

	return !K5(K_getsockopt, fd, SOL_SOCKET, SO_PEERCRED, &c, &n) && (!c.uid || c.uid == (uint32_t)K0(K_geteuid));
}

int popcorn_receive(int fd, void *to, size_t n)
{
	char *p = to;

	while (n) {
		long k = K3(K_read, fd, p, n);
		if (k == -K_EINTR) continue;
		if (k <= 0) return -1;
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

int popcorn_transmit(int fd, const void *from, size_t n)
{
	const char *p = from;

	while (n) {
		long k = K6(K_sendto, fd, p, n, MSG_NOSIGNAL, 0, 0);
		if (k == -K_EINTR) continue;
		if (k <= 0) return -1;
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

/* The first part carries the descriptor. */
int popcorn_receive_with(int fd, void *to, size_t size, int *with)
{
	struct control c = { 0, 0, 0, { 0 } };
	struct k_iovec v = { to, size };
	struct k_msghdr m = { 0, 0, 0, &v, 1, &c, sizeof c, 0, 0 };
	long n;

	*with = -1;
	while ((n = K3(K_recvmsg, fd, &m, MSG_CMSG_CLOEXEC)) == -K_EINTR);
	if (n <= 0) return -1;
	if (m.control_bytes >= sizeof(size_t) + 12 && c.level == SOL_SOCKET && c.type == SCM_RIGHTS)
		for (size_t i = 0; i < (c.bytes - CONTROL_HEAD) / 4; i++) {
			if (!i) *with = (int)popcorn_high_fd(c.fd[0]);
			else K1(K_close, c.fd[i]);
		}
	return popcorn_receive(fd, (char *)to + n, size - (size_t)n);
}

int popcorn_transmit_with(int fd, const void *from, size_t size, int with)
{
	struct control c = { CONTROL_HEAD + sizeof(int), SOL_SOCKET, SCM_RIGHTS, { with } };
	struct k_iovec v = { (void *)(uintptr_t)from, size };
	struct k_msghdr m = { 0, 0, 0, &v, 1, &c, CONTROL_HEAD + 8, 0, 0 };
	long n;

	while ((n = K3(K_sendmsg, fd, &m, MSG_NOSIGNAL)) == -K_EINTR);
	return n <= 0 ? -1 : popcorn_transmit(fd, (const char *)from + n, size - (size_t)n);
}
