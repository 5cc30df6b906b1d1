// TCP over the loopback in one process: listen, connect, accept, names, options, non-blocking, several connections.
// timeout: 60
// expect: 2528170120 12 1 127.0.0.1
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static unsigned hash(const unsigned char *p, int n) { return n ? hash(p + 1, n - 1) * 31 + *p : 7; }

int main(void)
{
	int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1, value = 0;
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}, peer;
	socklen_t length = sizeof address, size = sizeof value;
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 5))
		return 1;
	getsockname(listener, (struct sockaddr *)&address, &length);
	unsigned h = 0;
	int names = 0;
	for (int i = 0; i < 6; i++) {
		int client = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(client, (struct sockaddr *)&address, sizeof address))
			return 2;
		length = sizeof peer;
		int server = accept(listener, (struct sockaddr *)&peer, &length);
		names += peer.sin_addr.s_addr == htonl(INADDR_LOOPBACK);
		setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		getsockopt(client, IPPROTO_TCP, TCP_NODELAY, &value, &size);
		fcntl(server, F_SETFL, fcntl(server, F_GETFL) | O_NONBLOCK);
		unsigned char out[200], in[200];
		names += recv(server, in, sizeof in, 0) == -1 && errno == EAGAIN;
		for (int k = 0; k < 200; k++)
			out[k] = (unsigned char)(k * i);
		send(client, out, sizeof out, 0);
		for (int got = 0; got < 200;) {
			struct pollfd p = {server, POLLIN, 0};
			poll(&p, 1, 1000);
			ssize_t n = recv(server, in + got, sizeof in - (size_t)got, 0);
			got += n > 0 ? (int)n : 0;
		}
		h = h * 3 + hash(in, 200);
		close(client);
		close(server);
	}
	char text[INET_ADDRSTRLEN];
	printf("%u %d %d %s\n", h, names, value != 0, inet_ntop(AF_INET, &address.sin_addr, text, sizeof text));
	return 0;
}
