// A thread that has every signal blocked from before any went to another node of a machine works on common memory.
// flags: -pthread
// roam-every: 5
// expect: 40 40 1
#include <popcorn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turn = PTHREAD_COND_INITIALIZER;
static int mine, theirs, blocked;

static void *work(void *argument)
{
	sigset_t all;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, 0);
	pthread_mutex_lock(&lock);
	blocked = 1;
	pthread_cond_signal(&turn);
	while (theirs < 40) {
		while (theirs == mine)
			pthread_cond_wait(&turn, &lock);
		theirs++;
		pthread_cond_signal(&turn);
	}
	pthread_mutex_unlock(&lock);
	pthread_sigmask(SIG_SETMASK, 0, &all);
	return sigismember(&all, SIGSEGV) == 1 ? argument : 0;
}

int main(void)
{
	pthread_t other;
	void *kept;
	pthread_create(&other, 0, work, &kept);
	pthread_mutex_lock(&lock);
	while (!blocked)
		pthread_cond_wait(&turn, &lock);
	for (; mine < 40; mine++, pthread_cond_signal(&turn)) {
		while (mine > theirs)
			pthread_cond_wait(&turn, &lock);
		popcorn_migrate((mine + 1) % popcorn_nodes());
	}
	pthread_mutex_unlock(&lock);
	pthread_join(other, &kept);
	printf("%d %d %d\n", mine, theirs, kept == (void *)&kept);
	return 0;
}
