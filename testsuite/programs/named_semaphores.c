// Semaphores by names: opened, shared with a child and with themselves, while mapped at every move.
// forbid-roam: shared file
// expect: 1 1 5 3
// expect: 0 8 8
// expect: 1 1 1
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static int depth(int n) { return n ? depth(n - 1) + 1 : 0; }

static int value(sem_t *s)
{
	int v = -1;

	sem_getvalue(s, &v);
	return v;
}

int main(void)
{
	char one[40], other[40];

	snprintf(one, sizeof one, "/popcc-one-%d", getpid());
	snprintf(other, sizeof other, "popcc-other-%d", getpid());
	sem_t *a = sem_open(one, O_CREAT | O_EXCL, 0600, 5), *b = sem_open(other, O_CREAT, 0600, 0);
	if (a == SEM_FAILED || b == SEM_FAILED) return 1;
	for (int i = 0; i < 20; i++) depth(20);
	sem_t *again = sem_open(one, 0), *twice = sem_open(one, O_CREAT | O_EXCL, 0600, 1);
	int exists = twice == SEM_FAILED && errno == EEXIST;
	int first = value(a);
	sem_wait(again), sem_wait(a);
	printf("%d %d %d %d\n", again == a, exists, first, value(again));
	fflush(stdout);

	pid_t child = fork();
	if (!child) {
		for (int i = 0; i < 8; i++) {
			depth(20);
			sem_post(b);
		}
		_exit(0);
	}
	int got = 0, status;
	for (int i = 0; i < 8; i++) {
		got += sem_wait(b) == 0;
		depth(20);
	}
	waitpid(child, &status, 0);
	sem_post(b);
	for (int i = 0; i < 7; i++) sem_post(b);
	printf("%d %d %d\n", status, got, value(b));

	int closed = !sem_close(again) && value(a) == 3 && !sem_close(a) && !sem_close(b);
	for (int i = 0; i < 20; i++) depth(20);
	int unlinked = !sem_unlink(one) && !sem_unlink(other);
	int gone = sem_open(one, 0) == SEM_FAILED && errno == ENOENT;
	printf("%d %d %d\n", closed, unlinked, gone);
	return 0;
}
