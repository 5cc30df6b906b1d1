#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "abi.h"
#include "host.h"
#include "kernel.h"

struct popcorn_node node;
static int finished;
static pthread_t server;
enum { PAGE_GONE = 3, DENIED = 4, ORIGIN_GONE = 5 }; /* exit statuses */

long popcorn_kernel(long n, ...)
{
	va_list v;
	long a[6], r;

	va_start(v, n);
	for (int i = 0; i < 6; i++) a[i] = va_arg(v, long);
	va_end(v);
	r = syscall(n, a[0], a[1], a[2], a[3], a[4], a[5]);
	return r < 0 ? -(long)errno : r;
}

long popcorn_read_clock(int clock, struct k_timespec *t)
{
	struct timespec now;
	long r = clock_gettime(clock, &now);

	t->sec = now.tv_sec;
	t->nsec = now.tv_nsec;
	return r;
}

static enum dsm_access rights(uint64_t page)
{
	(void)page;
	return DSM_MAY_WRITE;
}

static void lost(uint64_t page, unsigned peer)
{
	fprintf(stderr, "page %lu was lost with node %u\n", (unsigned long)page, peer);
	_exit(PAGE_GONE);
}

static void drained(void)
{
}

static void parted(unsigned peer)
{
	(void)peer;
}

static const struct popcorn_origin origin = { rights, lost, drained, parted };

static void on_fault(int signal, siginfo_t *info, void *context)
{
	static const enum dsm_access meant[] = { DSM_NO_ACCESS, DSM_MAY_READ, DSM_MAY_WRITE };
	uintptr_t offset = (uintptr_t)info->si_addr - COMMON;
	int denied;

	(void)signal;
	if (offset >= node.replica.npages * DSM_PAGE) {
		struct sigaction plain = { .sa_handler = SIG_DFL };
		sigaction(SIGSEGV, &plain, 0);
		return;
	}
	denied = popcorn_node_fault(&node, offset / DSM_PAGE, meant[popcorn_context_wrote(context) + 1]);
	if (denied) _exit(denied < 0 ? ORIGIN_GONE : DENIED);
}

static void *service(void *unused)
{
	static const int stop;

	popcorn_node_serve(&node, &stop);
	if (!__atomic_load_n(&finished, __ATOMIC_ACQUIRE)) _exit(ORIGIN_GONE);
	return unused;
}

static uint64_t given(const char *name)
{
	const char *value = getenv(name);

	return value ? strtoull(value, 0, 10) : 0;
}

/* New connections come over a socket: a byte, the number of the peer, and a descriptor. */
static void *control(void *socket)
{
	for (;;) {
		unsigned char peer;
		union { struct cmsghdr header; char room[CMSG_SPACE(sizeof(int))]; } with;
		struct iovec one = { &peer, 1 };
		struct msghdr m = { .msg_iov = &one, .msg_iovlen = 1, .msg_control = &with, .msg_controllen = sizeof with };
		int fd;
		if (recvmsg((int)(intptr_t)socket, &m, 0) != 1 || !m.msg_controllen) return 0;
		memcpy(&fd, CMSG_DATA(&with.header), sizeof fd);
		if (popcorn_node_connect(&node, peer, fd)) close(fd);
	}
}

static void joined(unsigned peer, int fd)
{
	if (!popcorn_node_connect(&node, peer, fd)) return;
	fprintf(stderr, "node %u was gone before the first message\n", peer);
	exit(peer == DSM_ORIGIN ? ORIGIN_GONE : 1);
}

void host_begin(unsigned number, unsigned nodes, uint64_t npages, char **fds)
{
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
	struct popcorn_node_settings settings = { .number = number, .common = (void *)COMMON, .npages = npages, .extent = { { 0, npages } }, .key = 1848, .grace = given("REPLICAS_GRACE"),
						  .origin = number ? 0 : &origin };
	pthread_t controller;
	long e;

	sigfillset(&action.sa_mask);
	sigaction(SIGSEGV, &action, 0);
	if ((e = popcorn_node_begin(&node, &settings)) || (!number && (e = popcorn_node_view(&node, 0, npages, PROT_READ | PROT_WRITE)))) {
		fprintf(stderr, "node %u: %s\n", number, strerror((int)-e));
		exit(1);
	}
	pthread_create(&server, 0, service, 0);
	if (given("REPLICAS_CONTROL")) pthread_create(&controller, 0, control, (void *)(intptr_t)given("REPLICAS_CONTROL"));
	else if (number) joined(0, atoi(fds[0]));
	else for (unsigned i = 1; i < nodes; i++) joined(i, atoi(fds[i - 1]));
}

void host_has_finished(void)
{
	__atomic_store_n(&finished, 1, __ATOMIC_RELEASE);
}

void host_wait_for_the_end(void)
{
	pthread_join(server, 0);
}
