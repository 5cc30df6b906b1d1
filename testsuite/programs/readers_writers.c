// Readers and writers by semaphores: no reader ever sees half of what a writer wrote on several pages.
// flags: -pthread
// timeout: 90
// rebuild-every: 5
// move-every: 80
// expect: 80 83 torn 0, few enough 1
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>

enum { PAGES = 4, LONGS = 512, READERS = 4, WRITERS = 2, READS = 60, WRITES = 40 };
static long text[PAGES][LONGS]; /* the same number all over, but for the page's own */
static sem_t door, count, room; /* a turnstile, lest writers starve; `readers`; who is inside */
static int readers, inside, most;

static long torn(void)
{
	long bad = 0;
	for (int page = 0; page < PAGES; page++)
		for (int i = 0; i < LONGS; i += 37)
			bad += text[page][i] != text[0][0] + page;
	return bad;
}

static void *read_all(void *argument)
{
	long *bad = argument;
	for (int i = 0; i < READS; i++) {
		sem_wait(&door);
		sem_post(&door);
		sem_wait(&count);
		if (readers++ == 0)
			sem_wait(&room);
		most = readers > most ? readers : most;
		sem_post(&count);
		*bad += torn();
		sem_wait(&count);
		if (--readers == 0)
			sem_post(&room);
		sem_post(&count);
	}
	return 0;
}

static void *write_all(void *argument)
{
	long *bad = argument;
	for (int n = 0; n < WRITES; n++) {
		sem_wait(&door);
		sem_wait(&room);
		*bad += inside++ != 0;
		for (int page = PAGES - 1; page >= 0; page--)
			for (int i = 0; i < LONGS; i++)
				text[page][i]++;
		inside--;
		sem_post(&room);
		sem_post(&door);
	}
	return 0;
}

int main(void)
{
	pthread_t t[READERS + WRITERS];
	long bad[READERS + WRITERS] = { 0 }, all = 0;
	for (int page = 0; page < PAGES; page++)
		for (int i = 0; i < LONGS; i++)
			text[page][i] = page;
	sem_init(&door, 0, 1);
	sem_init(&count, 0, 1);
	sem_init(&room, 0, 1);
	for (int i = 0; i < READERS + WRITERS; i++)
		pthread_create(&t[i], 0, i < READERS ? read_all : write_all, &bad[i]);
	for (int i = 0; i < READERS + WRITERS; i++) {
		pthread_join(t[i], 0);
		all += bad[i];
	}
	printf("%ld %ld torn %ld, few enough %d\n", text[0][5], text[PAGES - 1][LONGS - 1], all, most <= READERS);
	return 0;
}
