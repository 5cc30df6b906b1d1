// Threads keep the names they were given, and are found by them, wherever they are.
// flags: -pthread -D_GNU_SOURCE
// expect: 0 0 0 34
// expect: worker-0 worker-1 worker-2
// expect: conductor conductor
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

enum { WORKERS = 3 };

static pthread_barrier_t named, seen;

static int depth(int n) { return n ? depth(n - 1) + 1 : 0; }

static void *work(void *number)
{
	static char names[WORKERS][16];
	char name[16];
	long n = (long)number;

	snprintf(name, sizeof name, "worker-%ld", n);
	prctl(PR_SET_NAME, name);
	pthread_barrier_wait(&named);
	for (int i = 0; i < 20; i++) depth(20);
	pthread_barrier_wait(&seen);
	prctl(PR_GET_NAME, names[n]);
	return names[n];
}

int main(void)
{
	pthread_t workers[WORKERS];
	char name[16], own[16];
	void *said;

	pthread_barrier_init(&named, 0, WORKERS + 1);
	pthread_barrier_init(&seen, 0, WORKERS + 1);
	int set = pthread_setname_np(pthread_self(), "conductor"), error = 0, wrong = 0;
	for (long n = 0; n < WORKERS; n++) pthread_create(workers + n, 0, work, (void *)n);
	pthread_barrier_wait(&named);
	for (int round = 0; round < 10; round++)
		for (int n = 0; n < WORKERS; n++) {
			char expected[16];
			snprintf(expected, sizeof expected, "worker-%d", n);
			error |= pthread_getname_np(workers[n], name, sizeof name);
			wrong += strcmp(name, expected) != 0;
			depth(30);
		}
	printf("%d %d %d %d\n", set, error, wrong, pthread_setname_np(workers[0], "a name that is too long"));
	pthread_barrier_wait(&seen);
	for (int n = 0; n < WORKERS; n++) {
		pthread_join(workers[n], &said);
		printf("%s%c", (char *)said, n == WORKERS - 1 ? '\n' : ' ');
	}
	pthread_getname_np(pthread_self(), own, sizeof own);
	prctl(PR_GET_NAME, name);
	printf("%s %s\n", own, name);
	return 0;
}
