// posix_spawn with file actions and attributes; waitid reports the children.
// timeout: 60
// expect: 278 2
// expect: spawned 0
// expect: spawned 11
// expect: spawned 22
// expect: spawned 33
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

int main(void)
{
	char text[128] = "";
	int p[2], sum = 0;
	if (pipe(p))
		return 1;
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, p[1], 1);
	posix_spawn_file_actions_addclose(&actions, p[0]);
	for (int i = 0; i < 4; i++) {
		char number[16], *argv[] = {"sh", "-c", "echo spawned $0; exit $0", number, 0};
		pid_t pid;
		siginfo_t info;
		snprintf(number, sizeof number, "%d", i * 11);
		if (posix_spawn(&pid, "/bin/sh", &actions, 0, argv, environ))
			return 2;
		memset(&info, 0, sizeof info);
		waitid(P_PID, (id_t)pid, &info, WEXITED);
		sum = sum * 3 + info.si_status + (info.si_pid == pid) + (info.si_code == CLD_EXITED);
	}
	close(p[1]);
	posix_spawn_file_actions_destroy(&actions);
	ssize_t n, used = 0;
	while ((n = read(p[0], text + used, sizeof text - 1 - (size_t)used)) > 0)
		used += n;
	pid_t none;
	char *missing[] = {"nothing", 0};
	int error = posix_spawn(&none, "/nonexistent", 0, 0, missing, environ);
	printf("%d %d\n%s", sum, error, text);
	return 0;
}
