// socketpair, datagrams, shutdown, and a descriptor passed with SCM_RIGHTS.
// timeout: 60
// expect: 120 1 via 5 5 0
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static int send_fd(int over, int fd)
{
	char control[CMSG_SPACE(sizeof fd)] = {0}, byte = '!';
	struct iovec io = {&byte, 1};
	struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(c), &fd, sizeof fd);
	return (int)sendmsg(over, &m, 0);
}

static int receive_fd(int over)
{
	char control[CMSG_SPACE(sizeof(int))], byte;
	struct iovec io = {&byte, 1};
	struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
	int fd = -1;
	if (recvmsg(over, &m, 0) == 1 && CMSG_FIRSTHDR(&m))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
	return fd;
}

static int echo(int a, int b, int n)
{
	char in[32], out[32];
	if (n == 0)
		return 0;
	int length = snprintf(out, sizeof out, "message %d", n * n);
	send(a, out, (size_t)length, 0);
	ssize_t got = recv(b, in, sizeof in, 0);
	return (got == length && !memcmp(in, out, (size_t)got)) + echo(b, a, n - 1);
}

int main(void)
{
	int s[2], d[2], p[2];
	char c[4] = "";
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, s) || socketpair(AF_UNIX, SOCK_DGRAM, 0, d) || pipe(p))
		return 1;
	int right = echo(s[0], s[1], 60) + echo(d[0], d[1], 60);
	int sent = send_fd(s[0], p[1]), copy = receive_fd(s[1]);
	write(copy, "via", 3);
	read(p[0], c, 3);
	struct iovec v[2] = {{"ab", 2}, {"cde", 3}};
	ssize_t n = writev(s[1], v, 2);
	shutdown(s[1], SHUT_WR);
	char rest[8];
	ssize_t got = recv(s[0], rest, sizeof rest, MSG_WAITALL);
	printf("%d %d %s %zd %zd %zd\n", right, sent, c, n, got, recv(s[0], rest, 1, 0));
	return 0;
}
