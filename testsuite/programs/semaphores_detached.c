// Detached threads that post semaphores, small stacks by attribute, sem_trywait and sem_getvalue.
// flags: -pthread
// timeout: 60
// expect: ABCABCABCABCABCABCABCABC 65536 1 1 1
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>

static sem_t done, turn[3];
static char order[64];
static int used;

static int burn(int n) { volatile char pad[64]; pad[n % 64] = (char)n; return n ? burn(n - 1) + pad[n % 64] * 0 + 1 : 0; }

static void *relay(void *argument)
{
	long id = (long)argument;
	for (int i = 0; i < 8; i++) {
		sem_wait(&turn[id]);
		order[used++] = (char)('A' + id);
		burn(30);
		sem_post(&turn[(id + 1) % 3]);
	}
	sem_post(&done);
	return 0;
}

int main(void)
{
	pthread_attr_t a;
	size_t stack = 0;
	int detached, value;
	pthread_attr_init(&a);
	pthread_attr_setdetachstate(&a, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&a, 65536);
	pthread_attr_getstacksize(&a, &stack);
	pthread_attr_getdetachstate(&a, &detached);
	sem_init(&done, 0, 0);
	for (int i = 0; i < 3; i++)
		sem_init(&turn[i], 0, i == 0);
	for (long i = 0; i < 3; i++) {
		pthread_t t;
		if (pthread_create(&t, &a, relay, (void *)i))
			return 1;
	}
	for (int i = 0; i < 3; i++)
		while (sem_wait(&done) && errno == EINTR)
			;
	int empty = sem_trywait(&done) == -1 && errno == EAGAIN;
	sem_getvalue(&turn[0], &value);
	printf("%s %zu %d %d %d\n", order, stack, detached == PTHREAD_CREATE_DETACHED, empty, value);
	return 0;
}
