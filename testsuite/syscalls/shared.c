/* Memory shared with a file, another process or a pipe: mappings of files, named semaphores, System V segments, vmsplice. */
#include <fcntl.h>
#include <semaphore.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include "check.h"
#include "faults.h"

#define PAGE 4096

static void file(void)
{
	char *q, bytes[16];
	int fd;

	CHECK((fd = open("mapped", O_CREAT | O_RDWR, 0600)) >= 0);
	CHECK(ftruncate(fd, PAGE + 100));
	CHECK((q = mmap(0, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)) != MAP_FAILED);
	CHECK(touched(q + PAGE, 1));
	CHECK(touched(q + 2 * PAGE, 1));
	CHECK(got.si_code);
	q[10] = 'q';
	CHECK(pread(fd, bytes, 16, 0));
	CHECK(bytes[10]);
	CHECK(pwrite(fd, "new", 3, 0));
	CHECK(q[0]);
	CHECK(msync(q, 3 * PAGE, MS_SYNC));
	CHECK(munmap(q, 3 * PAGE));
	CHECK(close(fd));
}

static void semaphore(void)
{
	char name[40];
	sem_t *named;
	int value;

	snprintf(name, sizeof name, "/popcc-test-%d", getpid());
	CHECK(sem_open(name, 0) == SEM_FAILED ? -1 : 0);
	CHECK((named = sem_open(name, O_CREAT | O_EXCL, 0600, 3)) != SEM_FAILED);
	CHECK(sem_open(name, O_CREAT | O_EXCL, 0600, 3) == SEM_FAILED ? -1 : 0);
	CHECK(sem_wait(named));
	CHECK(sem_getvalue(named, &value));
	CHECK(value);
	CHECK(sem_close(named));
	CHECK(sem_unlink(name));
	CHECK(sem_unlink(name));
}

static void segment(void)
{
	struct shmid_ds about;
	int id;

	CHECK((id = shmget(IPC_PRIVATE, 10000, 0600)) >= 0);
	CHECK(shmctl(id, IPC_STAT, &about));
	CHECK(about.shm_segsz);
	CHECK(about.shm_nattch);
	CHECK(about.shm_cpid == getpid());
	CHECK(about.shm_perm.mode);
	CHECK(shmctl(id, IPC_RMID, 0));
	CHECK(shmget(12345678, 1, 0));
}

static void pages_of_a_pipe(void)
{
	char here[8] = "spliced", there[8] = "";
	struct iovec part = { here, sizeof here };
	int p[2];

	CHECK(pipe(p));
	CHECK(vmsplice(p[1], &part, 1, 0));
	CHECK(read(p[0], there, 8));
	CHECK(there[6]);
}

int main(void)
{
	struct sigaction action = { .sa_sigaction = fault, .sa_flags = SA_SIGINFO };

	sigaction(SIGSEGV, &action, 0), sigaction(SIGBUS, &action, 0);
	file();
	semaphore();
	segment();
	pages_of_a_pipe();
	return 0;
}
