// Each thread has its own thread-locals, with their initial values, and an errno of its own.
// flags: -pthread
// expect: 20281112 25284213 31144314 37864415 45324516 159898570 100 none
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static _Thread_local long mine = 100;
static _Thread_local char tag[8] = "none";
static _Thread_local double half = 0.5;

static long spin(int n)
{
	if (n == 0)
		return mine;
	mine += n;
	long below = spin(n - 1);
	return below + mine % 3;
}

static void *run(void *argument)
{
	long id = (long)argument;
	tag[0] = (char)('a' + id);
	long sum = 0;
	for (int i = 0; i < 40; i++) {
		sum += spin((int)id + i % 10);
		half *= 1.01;
	}
	errno = (int)id;
	close(-1);
	int bad = errno == EBADF;
	errno = (int)id;
	spin(20);
	return (void *)(sum * 1000 + errno * 100 + bad * 10 + (tag[0] - 'a') + (half > 0.7));
}

int main(void)
{
	pthread_t t[5];
	long total = 0;
	for (long i = 0; i < 5; i++)
		pthread_create(&t[i], 0, run, (void *)(i + 1));
	for (int i = 0; i < 5; i++) {
		void *r;
		pthread_join(t[i], &r);
		printf("%ld ", (long)r);
		total += (long)r;
	}
	printf("%ld %ld %s\n", total, mine, tag);
	return 0;
}
