// fork and exec of another program: its arguments, environment, output through a pipe, and exit status.
// timeout: 60
// expect: 0 one two three  four
// expect: 7 blue name arg
// expect: 1009 127
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int run(char *const argv[], char *const envp[], char *out, size_t room)
{
	int p[2], status;
	if (pipe(p))
		return -1;
	pid_t child = fork();
	if (child == 0) {
		dup2(p[1], 1);
		close(p[0]);
		close(p[1]);
		execve(argv[0], argv, envp);
		_exit(errno == ENOENT ? 127 : 126);
	}
	close(p[1]);
	size_t used = 0;
	ssize_t n;
	while ((n = read(p[0], out + used, room - 1 - used)) > 0)
		used += (size_t)n;
	out[used] = 0;
	close(p[0]);
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

int main(void)
{
	char out[256], *none[] = {0}, *env[] = {"COLOUR=blue", 0};
	char *echo[] = {"/bin/echo", "one", "two three", "", "four", 0};
	int code = run(echo, none, out, sizeof out);
	printf("%d %s", code, out);
	char *shell[] = {"/bin/sh", "-c", "echo $COLOUR $0 $1; exit 7", "name", "arg", 0};
	code = run(shell, env, out, sizeof out);
	printf("%d %s", code, out);
	char *killed[] = {"/bin/sh", "-c", "kill -9 $$", 0}, *missing[] = {"/nonexistent/program", 0};
	code = run(killed, env, out, sizeof out);
	printf("%d %d\n", code, run(missing, env, out, sizeof out));
	return 0;
}
