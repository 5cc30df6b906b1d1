// select and poll over pipes: readiness, timeouts, hang-up; with calls between.
// timeout: 60
// expect: 882748 1 0
#include <poll.h>
#include <stdio.h>
#include <sys/select.h>
#include <unistd.h>

static int loops(int n) { return n ? loops(n - 1) + 1 : 0; }

static int ready(int a, int b, long us)
{
	fd_set set;
	struct timeval tv = {0, us};
	FD_ZERO(&set);
	FD_SET(a, &set);
	FD_SET(b, &set);
	int n = select((a > b ? a : b) + 1, &set, 0, 0, &tv);
	return n * 100 + (FD_ISSET(a, &set) != 0) * 10 + (FD_ISSET(b, &set) != 0);
}

int main(void)
{
	int a[2], b[2], sum = 0;
	char c;
	if (pipe(a) || pipe(b))
		return 1;
	for (int i = 0; i < 12; i++) {
		sum += ready(a[0], b[0], 1000);
		if (i & 1)
			write(a[1], "x", 1);
		if (i & 1)
			sum += ready(a[0], b[0], 1000000);
		if (i & 2)
			write(b[1], "y", 1);
		sum = sum * 3 % 1000003 + ready(a[0], b[0], 0) + loops(i);
		struct pollfd p[3] = {{a[0], POLLIN, 0}, {b[0], POLLIN, 0}, {a[1], POLLOUT, 0}};
		int n = poll(p, 3, 1000);
		sum += n + p[0].revents + p[1].revents * 2 + (p[2].revents == POLLOUT);
		if (i & 1)
			sum += read(a[0], &c, 1) == 1 && c == 'x';
		if (i & 2)
			sum += read(b[0], &c, 1) == 1 && c == 'y';
	}
	close(a[1]);
	struct pollfd p = {a[0], POLLIN, 0};
	int hung = poll(&p, 1, 1000) == 1 && p.revents == POLLHUP;
	printf("%d %d %zd\n", sum, hung, read(a[0], &c, 1));
	return 0;
}
