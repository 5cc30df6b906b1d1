// umask, the working directory, resource limits and process ids are the process's, wherever it runs.
// expect: 20 20 40 27 1
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static int spin(int n) { return n ? spin(n - 1) + 1 : 0; }

int main(void)
{
	char top[] = "/tmp/popcc-XXXXXX", where[PATH_MAX];
	struct stat st;
	struct rlimit r;
	if (!mkdtemp(top) || chdir(top))
		return 1;
	pid_t me = getpid(), parent = getppid();
	umask(027);
	getrlimit(RLIMIT_CORE, &r);
	r.rlim_cur = 0;
	setrlimit(RLIMIT_CORE, &r);
	int modes = 0, same = 0, here = 0;
	for (int i = 0; i < 20; i++) {
		FILE *f = fopen("file", "w");
		fclose(f);
		stat("file", &st);
		modes += (st.st_mode & 0777) == 0640;
		spin(i * 5);
		same += getpid() == me && getppid() == parent;
		here += getcwd(where, sizeof where) && !strcmp(where, top);
		getrlimit(RLIMIT_CORE, &r);
		here += r.rlim_cur == 0;
		unlink("file");
	}
	printf("%d %d %d %o %d\n", modes, same, here, (unsigned)umask(0), chdir("/") == 0 && rmdir(top) == 0);
	return 0;
}
