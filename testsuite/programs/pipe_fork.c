// A pipeline of forked processes: numbers through a sieve, one process per prime.
// timeout: 60
// expect: 1 7
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static long weigh(int n) { return n ? weigh(n / 2) * 3 % 1009 + n : 1; }

static int sieve(int in, int stages)
{
	int prime, n;
	if (read(in, &prime, sizeof prime) != sizeof prime)
		return 0;
	if (stages == 0)
		return 1;
	int p[2];
	if (pipe(p))
		return 200;
	pid_t child = fork();
	if (child == 0) {
		close(p[1]);
		_exit(sieve(p[0], stages - 1));
	}
	close(p[0]);
	long sum = 0;
	while (read(in, &n, sizeof n) == sizeof n) {
		sum += weigh(n);
		if (n % prime && write(p[1], &n, sizeof n) < 0)
			break;
	}
	close(p[1]);
	int status = 0;
	waitpid(child, &status, 0);
	return sum < 0 ? 201 : WEXITSTATUS(status) + 1;
}

int main(void)
{
	int p[2], status;
	signal(SIGPIPE, SIG_IGN); // the last process ends with numbers still to come
	if (pipe(p))
		return 1;
	pid_t child = fork();
	if (child == 0) {
		close(p[1]);
		_exit(sieve(p[0], 6));
	}
	close(p[0]);
	for (int n = 2; n < 120; n++)
		if (write(p[1], &n, sizeof n) != sizeof n)
			break; // as in all others, if this one is the slower
	close(p[1]);
	waitpid(child, &status, 0);
	printf("%d %d\n", WIFEXITED(status), WEXITSTATUS(status));
	return 0;
}
