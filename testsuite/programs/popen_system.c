// popen for reading and for writing, and system with its exit status.
// timeout: 60
// expect: 40 20540 5
// expect: WRITTEN 0
// expect: WRITTEN 1
// expect: WRITTEN 2
// expect: 0 9
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

static long parse(const char *s, long n) { return *s >= '0' && *s <= '9' ? parse(s + 1, n * 10 + *s - '0') : n; }

int main(void)
{
	char line[64];
	long sum = 0;
	int lines = 0;
	FILE *p = popen("i=0; while [ $i -lt 40 ]; do echo $((i * i)); i=$((i + 1)); done; exit 5", "r");
	while (fgets(line, sizeof line, p)) {
		lines++;
		sum += parse(line, 0);
	}
	int status = pclose(p);
	printf("%d %ld %d\n", lines, sum, WEXITSTATUS(status));
	fflush(stdout);
	p = popen("tr a-z A-Z", "w");
	for (int i = 0; i < 3; i++)
		fprintf(p, "written %d\n", i);
	status = pclose(p);
	printf("%d %d\n", status, WEXITSTATUS(system("exit 9")));
	return 0;
}
