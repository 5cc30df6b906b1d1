/* Unix and internet sockets: descriptors and credentials sent along, options, names, numeric addresses. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>
#include "check.h"

static void pairs(void)
{
	union { char space[256]; struct cmsghdr align; } control;
	char text[16] = "";
	struct iovec part = { text, sizeof text };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_SPACE(8) };
	int s[2], p[2], on = 1;

	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s));
	CHECK(fcntl(s[0], F_GETFD));
	CHECK(pipe(p));
	memset(&control, 0, sizeof control);
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);
	c->cmsg_level = SOL_SOCKET, c->cmsg_type = SCM_RIGHTS, c->cmsg_len = CMSG_LEN(8);
	memcpy(CMSG_DATA(c), p, 8);
	CHECK(sendmsg(s[0], &message, MSG_NOSIGNAL));
	memset(&control, 0, sizeof control), message.msg_controllen = sizeof control;
	CHECK(recvmsg(s[1], &message, MSG_CMSG_CLOEXEC));
	CHECK(message.msg_flags & ~MSG_CMSG_CLOEXEC);
	CHECK(message.msg_controllen);
	c = CMSG_FIRSTHDR(&message);
	CHECK(c->cmsg_level);
	CHECK(c->cmsg_type);
	CHECK(c->cmsg_len);
	int got[2];
	memcpy(got, CMSG_DATA(c), 8);
	CHECK(fcntl(got[0], F_GETFD));
	CHECK(write(got[1], "through", 7));
	CHECK(read(p[0], text, 16));
	CHECK(text[6]);
	CHECK(setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
	CHECK(write(s[0], "who", 3));
	message.msg_controllen = sizeof control;
	CHECK(recvmsg(s[1], &message, 0));
	c = CMSG_FIRSTHDR(&message);
	struct ucred *who = (struct ucred *)CMSG_DATA(c);
	CHECK(c->cmsg_type);
	CHECK(who->pid == getpid());
	CHECK(who->uid == getuid());
	socklen_t size = sizeof *who;
	CHECK(getsockopt(s[0], SOL_SOCKET, SO_PEERCRED, who, &size));
	CHECK(size);
	CHECK(who->pid == getpid());
	CHECK(shutdown(s[0], SHUT_WR));
	CHECK(read(s[1], text, 1));
	CHECK(send(s[0], "x", 1, MSG_NOSIGNAL));
	CHECK(recv(s[0], text, 1, MSG_DONTWAIT));
	CHECK(close(s[0]));
	CHECK(close(s[1]));
	CHECK(socketpair(AF_INET, SOCK_STREAM, 0, s));
}

static int option(int s, int level, int name)
{
	int value = 0;
	socklen_t size = sizeof value;

	return getsockopt(s, level, name, &value, &size) ? -1 : value;
}

static void datagrams(void)
{
	static char large[70000];
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) }, from;
	struct mmsghdr many[2];
	struct iovec parts[2] = { { "one", 3 }, { "three", 5 } };
	struct timeval limit = { 0, 20000 };
	char text[16];
	socklen_t size = sizeof a;
	int s;

	CHECK((s = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0)) >= 0);
	CHECK(bind(s, (void *)&a, sizeof a));
	CHECK(bind(s, (void *)&a, sizeof a));
	CHECK(getsockname(s, (void *)&a, &size));
	CHECK(size);
	CHECK(ntohl(a.sin_addr.s_addr));
	CHECK(recv(s, text, 16, 0));
	CHECK(sendto(s, "self", 4, 0, (void *)&a, sizeof a));
	CHECK(recvfrom(s, text, 2, MSG_PEEK | MSG_TRUNC, (void *)&from, &size));
	CHECK(from.sin_port == a.sin_port);
	CHECK(recv(s, text, 16, 0));
	CHECK(connect(s, (void *)&a, sizeof a));
	memset(many, 0, sizeof many);
	for (int i = 0; i < 2; i++) many[i].msg_hdr.msg_iov = &parts[i], many[i].msg_hdr.msg_iovlen = 1;
	CHECK(sendmmsg(s, many, 2, 0));
	CHECK(many[1].msg_len);
	CHECK(recv(s, text, 16, 0));
	CHECK(recv(s, text, 16, 0));
	CHECK(fcntl(s, F_SETFL, 0));
	CHECK(setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
	CHECK(recv(s, text, 16, 0));
	CHECK(option(s, SOL_SOCKET, SO_TYPE));
	CHECK(option(s, SOL_SOCKET, SO_DOMAIN));
	CHECK(option(s, SOL_SOCKET, SO_ERROR));
	CHECK(option(s, SOL_SOCKET, 9999));
	CHECK(option(0, SOL_SOCKET, SO_TYPE));
	CHECK(sendto(s, large, sizeof large, 0, 0, 0));
	CHECK(close(s));
}

static void streams(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_un u = { .sun_family = AF_UNIX, .sun_path = "socket" }, peer;
	struct linger linger = { 1, 3 };
	socklen_t size = sizeof a;
	int s, t, on = 1;

	CHECK((s = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
	CHECK(bind(s, (void *)&a, sizeof a));
	CHECK(getsockname(s, (void *)&a, &size));
	CHECK((t = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
	CHECK(connect(t, (void *)&a, sizeof a));
	CHECK(setsockopt(t, IPPROTO_TCP, TCP_NODELAY, &on, 4));
	CHECK(option(t, IPPROTO_TCP, TCP_NODELAY));
	CHECK(setsockopt(t, SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
	CHECK(setsockopt(t, SOL_SOCKET, SO_KEEPALIVE, &on, 4));
	CHECK(option(t, SOL_SOCKET, SO_KEEPALIVE));
	CHECK(option(s, SOL_SOCKET, SO_ACCEPTCONN));
	CHECK(listen(s, 4));
	CHECK(option(s, SOL_SOCKET, SO_ACCEPTCONN));
	CHECK(accept4(s, 0, 0, 0x1234));
	CHECK(getpeername(t, (void *)&a, &size));
	CHECK(close(s));
	CHECK(close(t));
	CHECK((s = socket(AF_UNIX, SOCK_SEQPACKET, 0)) >= 0);
	CHECK(bind(s, (void *)&u, sizeof u));
	CHECK(listen(s, 1));
	CHECK((t = socket(AF_UNIX, SOCK_SEQPACKET, 0)) >= 0);
	CHECK(bind(t, (void *)&u, sizeof u));
	CHECK(connect(t, (void *)&u, sizeof u));
	size = sizeof peer;
	CHECK(getpeername(t, (void *)&peer, &size));
	CHECK(size);
	CHECK(strcmp(peer.sun_path, "socket"));
	CHECK(close(t));
	CHECK(close(s));
	CHECK(unlink("socket"));
	CHECK(socket(AF_INET, 77, 0));
	CHECK(socket(AF_INET, SOCK_STREAM, 99));
	CHECK(socket(999, SOCK_STREAM, 0));
}

static void names(const char *host, const char *service, int flags)
{
	struct addrinfo hint = { .ai_flags = flags | AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM }, *found = 0;
	char text[64], port[16];

	int error = getaddrinfo(host, service, &hint, &found);
	printf("%s %s: %d", host, service, error);
	if (!error) {
		CHECK(getnameinfo(found->ai_addr, found->ai_addrlen, text, 64, port, 16, NI_NUMERICHOST | NI_NUMERICSERV));
		printf("%s %s %d %d %d %d", text, port, found->ai_family, found->ai_socktype, found->ai_protocol, (int)found->ai_addrlen);
		freeaddrinfo(found);
	}
	printf("\n");
}

/* What /etc/hosts says of this machine. */
static void local(int family, int flags)
{
	struct addrinfo hint = { .ai_family = family, .ai_flags = flags, .ai_socktype = SOCK_DGRAM }, *found = 0;
	char text[64] = "";

	CHECK(getaddrinfo("localhost", "53", &hint, &found));
	if (found) {
		CHECK(getnameinfo(found->ai_addr, found->ai_addrlen, text, 64, 0, 0, NI_NUMERICHOST));
		printf("%s %d %d %d\n", text, found->ai_family, found->ai_socktype, found->ai_protocol);
		freeaddrinfo(found);
	}
}

int main(void)
{
	pairs();
	datagrams();
	streams();
	names("127.0.0.1", "80", 0), names("::1", "443", 0), names("fe80::1:2", "1", 0), names("name", "80", 0), names("1.2.3.4", "http", 0);
	local(AF_INET, 0), local(AF_INET, AI_NUMERICSERV);
	return 0;
}
