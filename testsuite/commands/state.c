/* Takes hold of everything that the kernel keeps for a process, says "ready", waits for SIGUSR1, and says what it
 * has then. Run in a directory of its own. argv[1]: a directory to change to. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t asked, seen_usr2;

static void ask(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	asked = info->si_pid > 0 ? 1 : 2;
}

static void usr2(int sig)
{
	(void)sig;
	seen_usr2++;
}

static void handle(void)
{
	struct sigaction a = { .sa_sigaction = ask, .sa_flags = SA_SIGINFO | SA_RESTART };
	struct sigaction b = { .sa_handler = usr2 };

	sigaddset(&a.sa_mask, SIGTERM);
	sigaction(SIGUSR1, &a, 0);
	sigaction(SIGUSR2, &b, 0);
	signal(SIGPIPE, SIG_IGN);
}

static void say(const char *name, int fd)
{
	struct stat s;
	int flags = fcntl(fd, F_GETFL);

	fstat(fd, &s);
	printf("%s: offset %lld, mode %d%s%s, cloexec %d, size %lld\n", name, (long long)lseek(fd, 0, SEEK_CUR), flags & O_ACCMODE,
	       flags & O_APPEND ? " append" : "", flags & O_NONBLOCK ? " nonblock" : "", fcntl(fd, F_GETFD), (long long)s.st_size);
}

int main(int argc, char **argv)
{
	char cwd[4096], text[16] = { 0 };
	struct sigaction a;
	struct itimerval alarm_left;
	sigset_t set, waiting;
	int in, out, add, copy, made, dir, null;
	FILE *f;

	if (argc < 2 || chdir(argv[1])) return 2;
	umask(027);
	handle();
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGRTMIN + 3);
	sigprocmask(SIG_BLOCK, &set, 0);
	raise(SIGUSR2); /* pending, and stays so */
	alarm(5000);

	in = open("in", O_RDONLY);
	out = open("out", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	add = open("add", O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK, 0666);
	copy = dup(out);
	dir = open(".", O_RDONLY | O_DIRECTORY);
	null = open("/dev/null", O_WRONLY);
	f = fopen("in", "r");
	if (in < 0 || out < 0 || add < 0 || copy < 0 || dir < 0 || null < 0 || !f) return 3;
	if (read(in, text, 6) != 6 || write(out, "0123456789", 10) != 10 || write(add, "add", 3) != 3) return 4;
	lseek(out, 4, SEEK_SET);
	if (fgetc(f) == EOF) return 5;
	printf("ready\n");
	fflush(stdout);

	while (!asked) {
		struct timespec pause = { 0, 10000000 };
		nanosleep(&pause, 0);
	}

	say("in", in);
	say("out", out);
	say("add", add);
	lseek(copy, 6, SEEK_SET);
	printf("copy moves out to %lld\n", (long long)lseek(out, 0, SEEK_CUR));
	if (write(out, "AB", 2) != 2 || write(add, "END", 3) != 3 || write(null, "x", 1) != 1) perror("write");
	printf("next of in: %.*s\n", (int)read(in, text, 4), text);
	printf("rest of stream: %s", fgets(text, sizeof text, f) ? text : "none\n");
	made = openat(dir, "made", O_WRONLY | O_CREAT, 0666);
	printf("directory: %s, made %d\n", getcwd(cwd, sizeof cwd) ? strrchr(cwd, '/') + 1 : "none", made >= 0);
	printf("umask %03o\n", umask(0));
	sigaction(SIGUSR1, 0, &a);
	printf("handler %d flags %d%d masks TERM %d\n", a.sa_sigaction == ask, !!(a.sa_flags & SA_SIGINFO), !!(a.sa_flags & SA_RESTART),
	       sigismember(&a.sa_mask, SIGTERM));
	sigaction(SIGPIPE, 0, &a);
	printf("SIGPIPE ignored %d\n", a.sa_handler == SIG_IGN);
	sigprocmask(SIG_BLOCK, 0, &set);
	sigpending(&waiting);
	printf("blocked USR2 %d RT3 %d USR1 %d, pending USR2 %d\n", sigismember(&set, SIGUSR2), sigismember(&set, SIGRTMIN + 3),
	       sigismember(&set, SIGUSR1), sigismember(&waiting, SIGUSR2));
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_UNBLOCK, &set, 0);
	printf("USR2 delivered %d\n", (int)seen_usr2);
	getitimer(ITIMER_REAL, &alarm_left);
	printf("alarm %s\n", alarm_left.it_value.tv_sec > 4000 && alarm_left.it_value.tv_sec <= 5000 ? "pending" : "lost");
	return 0;
}
