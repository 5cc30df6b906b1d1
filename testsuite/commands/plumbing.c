/* Holds a pipe and a pair of sockets and sends a byte around, until SIGUSR1. argv: "unlinked" "clock" "shared"
 * instead hold that. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t asked;

static void ask(int sig)
{
	(void)sig;
	asked = 1;
}

int main(int argc, char **argv)
{
	int pipes[2] = { -1, -1 }, pair[2];
	struct timespec pause = { 0, 20000000 };
	long count = 0;
	const char *what = argc > 1 ? argv[1] : "pipe";

	signal(SIGUSR1, ask);
	if (!strcmp(what, "pipe") && (pipe(pipes) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair))) return 2;
	if (!strcmp(what, "unlinked") && (open("gone", O_RDWR | O_CREAT, 0600) < 0 || unlink("gone"))) return 2;
	if (!strcmp(what, "shared") && mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) == MAP_FAILED) return 2;
	if (!strcmp(what, "clock")) {
		clockid_t clock;
		timer_t t;
		struct sigevent e = { .sigev_notify = SIGEV_NONE };
		if (clock_getcpuclockid(getpid(), &clock) || timer_create(clock, &e, &t)) return 2;
	}
	while (!asked) {
		char c = 'a' + count++ % 26, d = c;
		if (pipes[0] >= 0 && (write(pipes[1], &c, 1) != 1 || read(pipes[0], &d, 1) != 1 || write(pair[0], &d, 1) != 1 || read(pair[1], &d, 1) != 1))
			return 3;
		if (c != d) return 4;
		printf("byte %ld\n", count);
		fflush(stdout);
		nanosleep(&pause, 0);
	}
	return 0;
}
