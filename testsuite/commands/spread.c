/* A process whose threads are on all nodes of a machine: which were they on, and what is refused there? Each thread goes to
 * every node in turn and adds to one counter for each; then main tries what a process on several nodes may not do. */
#include <errno.h>
#include <fcntl.h>
#include <popcorn.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 5, NODES = 16, ROUNDS = 3 };
extern char **environ;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long came[NODES], lost;

static void *travel(void *argument)
{
	for (int i = 0; i < ROUNDS * popcorn_nodes(); i++) {
		int to = (i + (int)(long)argument) % popcorn_nodes();
		pthread_t before = pthread_self();
		int failed;
		while ((failed = popcorn_migrate(to)) && errno == EAGAIN)
			; /* another one is just making a process on several nodes of this */
		pthread_mutex_lock(&lock);
		came[popcorn_node()]++;
		lost += failed || popcorn_node() != to || !pthread_equal(before, pthread_self());
		pthread_mutex_unlock(&lock);
	}
	return 0;
}

static void say(const char *what, int error)
{
	printf("%s: %s\n", what, error == EAGAIN ? "EAGAIN" : error == ENODEV ? "ENODEV" : error ? strerror(error) : "done");
}

static void try_what_is_refused(void)
{
	char *words[] = { "true", 0 };
	pid_t child;
	int fd = open("/proc/self/exe", O_RDONLY);

	say("shared file", mmap(0, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED ? errno : 0);
	say("private file", mmap(0, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED ? errno : 0);
	say("shared memory", mmap(0, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno : 0);
	if (!(child = fork()))
		_exit(0);
	say("fork", child < 0 ? errno : 0);
	say("posix_spawn", posix_spawnp(&child, "true", 0, 0, words, environ));
	errno = 0;
	say("system", system("true") == -1 ? errno : 0);
	errno = 0;
	say("popen", popen("true", "r") ? 0 : errno);
}

int main(int argc, char **argv)
{
	pthread_t thread[THREADS];

	for (long i = 0; i < THREADS; i++)
		pthread_create(&thread[i], 0, travel, (void *)i);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], 0);
	printf("nodes");
	for (int i = 0; i < popcorn_nodes(); i++)
		printf(" %ld", came[i]);
	printf(", lost %ld\n", lost);
	if (argc > 1)
		popcorn_migrate(atoi(argv[1]));
	try_what_is_refused();
	return 0;
}
