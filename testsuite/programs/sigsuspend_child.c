// SIGCHLD and sigsuspend: a parent sleeps until each of its children has ended, and reads their exit codes.
// timeout: 60
// expect: 58 1 15
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t notices;

static void on_child(int sig) { (void)sig; notices++; }
static int job(int n) { return n ? (job(n - 1) * 7 + n) % 64 : 3; }

int main(void)
{
	struct sigaction act;
	sigset_t block, old;
	memset(&act, 0, sizeof act);
	act.sa_handler = on_child;
	sigaction(SIGCHLD, &act, 0);
	sigemptyset(&block);
	sigaddset(&block, SIGCHLD);
	sigprocmask(SIG_BLOCK, &block, &old);
	int sum = 0;
	for (int i = 0; i < 5; i++) {
		int before = notices, status = 0;
		pid_t pid = fork();
		if (pid == 0)
			_exit(job(i * 10));
		while (notices == before)
			sigsuspend(&old);
		if (waitpid(pid, &status, 0) == pid && WIFEXITED(status))
			sum = sum * 3 + WEXITSTATUS(status) - job(i * 10) + i;
	}
	pid_t pid = fork();
	if (pid == 0) {
		sigprocmask(SIG_SETMASK, &old, 0);
		for (;;)
			pause();
	}
	if (pid < 0)
		return 1; // as a number it would mean every process there is
	kill(pid, SIGTERM);
	int status;
	waitpid(pid, &status, 0);
	printf("%d %d %d\n", sum, (int)notices >= 5, WIFSIGNALED(status) ? WTERMSIG(status) : -1);
	return 0;
}
