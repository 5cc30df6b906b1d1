/* Children: posix_spawn with actions and attributes, popen, fork and every way to wait; what each says of their end. */
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "check.h"

extern char **environ;

static int ended(pid_t pid)
{
	int status = -1;

	return waitpid(pid, &status, 0) == pid ? status : -1;
}

static void spawned(void)
{
	char *shell[] = { "sh", "-c", "echo spawned $0; exit 7", "zero", 0 }, *none[] = { "none", 0 };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t set;
	pid_t pid;
	char text[64] = "";
	int p[2];

	CHECK(pipe(p));
	CHECK(posix_spawn_file_actions_init(&actions));
	CHECK(posix_spawnattr_init(&attributes));
	CHECK(posix_spawn_file_actions_adddup2(&actions, p[1], 1));
	CHECK(posix_spawn_file_actions_addclose(&actions, p[0]));
	sigemptyset(&set), sigaddset(&set, SIGTERM);
	CHECK(posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP));
	CHECK(posix_spawnattr_setsigmask(&attributes, &set));
	CHECK(posix_spawn(&pid, "/bin/sh", &actions, &attributes, shell, environ));
	CHECK(ended(pid));
	CHECK(read(p[0], text, 64));
	printf("%s", text);
	CHECK(posix_spawnp(&pid, "sh", 0, 0, shell, environ) || ended(pid));
	CHECK(posix_spawn(&pid, "/nowhere", 0, 0, none, environ));
	CHECK(posix_spawnp(&pid, "no-such-command", 0, 0, none, environ));
	CHECK(posix_spawn(&pid, "/", 0, 0, none, environ));
	CHECK(posix_spawn_file_actions_addopen(&actions, 0, "/nowhere", O_RDONLY, 0));
	CHECK(posix_spawn(&pid, "/bin/sh", &actions, 0, shell, environ));
	CHECK(posix_spawn_file_actions_destroy(&actions));
	CHECK(posix_spawnattr_destroy(&attributes));
	close(p[0]), close(p[1]);
}

static void piped(void)
{
	char text[64];
	FILE *f = popen("echo one; echo two; exit 3", "r");

	while (fgets(text, sizeof text, f)) printf("popen: %s", text);
	CHECK(pclose(f));
	CHECK(popen("true", "x") == 0 ? -1 : 0);
	CHECK((f = popen("read a; exit ${#a}", "w")) != 0);
	CHECK(fputs("four\n", f) >= 0);
	CHECK(pclose(f));
	CHECK(system("exit 9"));
	CHECK(system(0) != 0);
}

static void waited(void)
{
	siginfo_t info = { 0 };
	struct rusage usage;
	int status;
	pid_t pid;

	CHECK(wait(&status));
	CHECK(waitpid(-1, &status, WNOHANG));
	CHECK(waitpid(getpid(), &status, 0));
	CHECK(waitid(99, 1, &info, WEXITED));
	if (!(pid = fork())) _exit(42);
	CHECK(waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
	CHECK(info.si_signo);
	CHECK(info.si_code);
	CHECK(info.si_status);
	CHECK(info.si_pid == pid);
	CHECK(wait4(pid, &status, 0, &usage) == pid);
	CHECK(status);
	CHECK(usage.ru_maxrss > 0);
	if (!(pid = fork())) {
		raise(SIGSTOP);
		for (;;) pause();
	}
	CHECK(waitpid(pid, &status, WUNTRACED) == pid);
	CHECK(status);
	CHECK(WSTOPSIG(status));
	CHECK(waitpid(pid, &status, WNOHANG));
	CHECK(kill(pid, SIGCONT));
	CHECK(waitpid(pid, &status, WCONTINUED) == pid);
	CHECK(WIFCONTINUED(status));
	CHECK(kill(pid, SIGTERM));
	CHECK(waitid(P_ALL, 0, &info, WEXITED));
	CHECK(info.si_code);
	CHECK(info.si_status);
	CHECK(kill(pid, 0));
	CHECK(kill(getpid(), 99));
	CHECK(kill(0x3fffffff, 0));
	if (!(pid = vfork())) {
		execl("/nowhere", "nowhere", (char *)0);
		_exit(errno);
	}
	CHECK(ended(pid));
	if (!(pid = fork())) _exit((setsid() == getpid()) + 2 * (getsid(0) == getpid()) + 4 * (getpgrp() == getpid()) + 8 * (setpgid(0, 0) == -1 && errno == EPERM));
	CHECK(ended(pid));
	CHECK(getsid(0x3fffffff));
	CHECK(setpgid(0x3fffffff, 1));
	CHECK(execve("/", 0, environ));
	CHECK(execve("/etc/passwd", (char *[]){ "x", 0 }, environ));
}

int main(void)
{
	spawned();
	piped();
	waited();
	return 0;
}
