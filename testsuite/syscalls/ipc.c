/* Semaphores, POSIX and System V message queues: limits, order, what is refused. */
#include <fcntl.h>
#include <mqueue.h>
#include <semaphore.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "check.h"

static const struct timespec past = { 1, 0 };

static void posix_semaphores(void)
{
	sem_t own;
	int value;

	CHECK(sem_init(&own, 0, 2));
	CHECK(sem_wait(&own));
	CHECK(sem_trywait(&own));
	CHECK(sem_trywait(&own));
	CHECK(sem_timedwait(&own, &past));
	CHECK(sem_timedwait(&own, &(struct timespec){ 1, -1 }));
	CHECK(sem_post(&own));
	CHECK(sem_getvalue(&own, &value));
	CHECK(value);
	CHECK(sem_init(&own, 0, 1u + 0x7fffffff));
}

static void posix_queues(const char *name)
{
	struct mq_attr attr = { .mq_maxmsg = 3, .mq_msgsize = 16 };
	char text[16];
	unsigned priority;
	mqd_t queue;

	CHECK(mq_open(name, O_RDWR));
	CHECK((queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK, 0600, &attr)) >= 0);
	CHECK(mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr));
	CHECK(mq_getattr(queue, &attr));
	CHECK(attr.mq_maxmsg);
	CHECK(attr.mq_msgsize);
	CHECK(attr.mq_flags == O_NONBLOCK);
	CHECK(mq_send(queue, "low", 3, 1));
	CHECK(mq_send(queue, "high", 4, 9));
	CHECK(mq_send(queue, "mid", 3, 5));
	CHECK(mq_send(queue, "full", 4, 5));
	CHECK(mq_send(queue, "longer than sixteen", 19, 5));
	CHECK(mq_getattr(queue, &attr));
	CHECK(attr.mq_curmsgs);
	CHECK(mq_receive(queue, text, 8, &priority));
	for (int i = 0; i < 3; i++) {
		CHECK(mq_receive(queue, text, sizeof text, &priority));
		CHECK(priority);
		CHECK(text[0]);
	}
	CHECK(mq_receive(queue, text, sizeof text, &priority));
	attr.mq_flags = 0;
	CHECK(mq_setattr(queue, &attr, 0));
	CHECK(mq_timedreceive(queue, text, sizeof text, &priority, &past));
	CHECK(mq_close(queue));
	CHECK(mq_unlink(name));
	CHECK(mq_unlink(name));
}

static void system_v(void)
{
	struct { long type; char text[8]; } message = { 2, "two" };
	struct msqid_ds queued;
	struct semid_ds set;
	union { int val; struct semid_ds *buf; unsigned short *array; } argument;
	unsigned short values[3] = { 1, 2, 3 };
	int id;

	CHECK((id = msgget(IPC_PRIVATE, 0600)) >= 0);
	CHECK(msgsnd(id, &message, 8, 0));
	CHECK(msgctl(id, IPC_STAT, &queued));
	CHECK(queued.msg_qnum);
	CHECK(queued.msg_perm.mode);
	CHECK(msgrcv(id, &message, 8, 7, IPC_NOWAIT));
	CHECK(msgrcv(id, &message, 2, 2, 0));
	CHECK(msgrcv(id, &message, 8, -3, 0));
	CHECK(message.type);
	CHECK(msgctl(id, IPC_RMID, 0));
	CHECK(msgctl(id, IPC_RMID, 0));

	CHECK((id = semget(IPC_PRIVATE, 3, 0640)) >= 0);
	argument.array = values;
	CHECK(semctl(id, 0, SETALL, argument));
	CHECK(semop(id, (struct sembuf[]){ { 0, -1, 0 }, { 2, 4, 0 } }, 2));
	CHECK(semctl(id, 2, GETVAL));
	CHECK(semop(id, &(struct sembuf){ 0, -1, IPC_NOWAIT }, 1));
	CHECK(semop(id, &(struct sembuf){ 9, -1, 0 }, 1));
	CHECK(semtimedop(id, &(struct sembuf){ 0, -1, 0 }, 1, &(struct timespec){ 0, 1000000 }));
	argument.buf = &set;
	CHECK(semctl(id, 0, IPC_STAT, argument));
	CHECK(set.sem_nsems);
	CHECK(set.sem_perm.mode);
	CHECK(set.sem_otime > 0);
	CHECK(semctl(id, 0, IPC_RMID));
	CHECK(semctl(id, 0, GETVAL));
}

int main(void)
{
	char name[40];

	snprintf(name, sizeof name, "/popcc-test-%d", getpid());
	posix_semaphores();
	posix_queues(name);
	system_v();
	return 0;
}
