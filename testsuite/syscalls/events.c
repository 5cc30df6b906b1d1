/* Descriptors that tell of events: epoll, eventfd, signalfd, timerfd, inotify. */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include "check.h"

static void epolls(void)
{
	struct epoll_event events[4], e = { EPOLLIN, { .u64 = 0x1122334455667788 } };
	int p[2], set, other;

	CHECK(pipe2(p, O_NONBLOCK));
	CHECK(fcntl(p[0], F_GETFL) == O_NONBLOCK);
	CHECK(fcntl(p[0], F_GETFD));
	CHECK((set = epoll_create1(EPOLL_CLOEXEC)) >= 0);
	CHECK(fcntl(set, F_GETFD));
	CHECK(epoll_create1(3));
	CHECK(epoll_create(0));
	CHECK(epoll_ctl(set, EPOLL_CTL_ADD, p[0], &e));
	CHECK(epoll_ctl(set, EPOLL_CTL_ADD, p[0], &e));
	CHECK(epoll_ctl(set, EPOLL_CTL_MOD, p[1], &e));
	CHECK(epoll_ctl(set, EPOLL_CTL_ADD, set, &e));
	CHECK(epoll_ctl(set, EPOLL_CTL_DEL, 999, 0));
	CHECK(epoll_wait(set, events, 4, 0));
	CHECK(epoll_wait(set, events, 0, 0));
	CHECK(write(p[1], "a", 1));
	CHECK(epoll_wait(set, events, 4, -1));
	CHECK(events[0].events);
	CHECK(events[0].data.u64 == e.data.u64);
	CHECK(sizeof *events);
	e.events = EPOLLIN | EPOLLET | EPOLLONESHOT;
	CHECK(epoll_ctl(set, EPOLL_CTL_MOD, p[0], &e));
	CHECK(epoll_wait(set, events, 4, 10));
	CHECK(epoll_wait(set, events, 4, 10));
	CHECK((other = eventfd(0, 0)) >= 0);
	e = (struct epoll_event){ EPOLLIN | EPOLLOUT, { .u32 = 7 } };
	CHECK(epoll_ctl(set, EPOLL_CTL_ADD, other, &e));
	CHECK(epoll_pwait(set, events, 4, 100, 0));
	CHECK(events[0].events);
	CHECK(events[0].data.u32);
	CHECK(close(p[1]));
	CHECK(close(p[0]));
	CHECK(close(set));
	CHECK(close(other));
}

static void counters(void)
{
	uint64_t n = 5;
	int fd;

	CHECK((fd = eventfd(3, EFD_SEMAPHORE | EFD_NONBLOCK)) >= 0);
	CHECK(write(fd, &n, 8));
	CHECK(read(fd, &n, 8));
	CHECK(n);
	CHECK(read(fd, &n, 4));
	for (int i = 0; i < 8; i++) CHECK(read(fd, &n, 8));
	n = -1;
	CHECK(write(fd, &n, 8));
	CHECK(close(fd));
	CHECK(eventfd(0, 0x10000000));
	CHECK((fd = eventfd(0, EFD_CLOEXEC)) >= 0);
	CHECK(eventfd_write(fd, 11));
	CHECK(eventfd_read(fd, &n));
	CHECK(n);
	CHECK(close(fd));
}

static void signals(void)
{
	struct signalfd_siginfo info;
	union sigval value = { .sival_int = 77 };
	sigset_t set;
	int fd;

	sigemptyset(&set), sigaddset(&set, SIGUSR2), sigaddset(&set, SIGRTMIN + 3);
	CHECK(sigprocmask(SIG_BLOCK, &set, 0));
	CHECK((fd = signalfd(-1, &set, SFD_NONBLOCK)) >= 0);
	CHECK(read(fd, &info, sizeof info));
	CHECK(kill(getpid(), SIGUSR2));
	CHECK(read(fd, &info, sizeof info));
	CHECK(info.ssi_signo);
	CHECK(info.ssi_code);
	CHECK(info.ssi_pid == (unsigned)getpid());
	CHECK(sigqueue(getpid(), SIGUSR2, value));
	CHECK(read(fd, &info, sizeof info));
	CHECK(info.ssi_code);
	CHECK(info.ssi_int);
	CHECK(sizeof info);
	CHECK(close(fd));
	CHECK(signalfd(-1, &set, 0x40000000));
}

static void timers(void)
{
	struct itimerspec time = { { 0, 5000000 }, { 0, 1000000 } }, old;
	uint64_t n = 0;
	int fd;

	CHECK((fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK)) >= 0);
	CHECK(read(fd, &n, 8));
	CHECK(timerfd_create(99, 0));
	CHECK(fcntl(fd, F_SETFL, 0));
	CHECK(timerfd_settime(fd, 0, &time, &old));
	CHECK(old.it_interval.tv_nsec);
	CHECK(read(fd, &n, 8));
	CHECK(n > 0);
	CHECK(timerfd_gettime(fd, &old));
	CHECK(old.it_interval.tv_nsec);
	time.it_value.tv_nsec = 1000000000;
	CHECK(timerfd_settime(fd, 0, &time, 0));
	time = (struct itimerspec){ { 0 }, { 1, 0 } };
	CHECK(timerfd_settime(fd, TFD_TIMER_ABSTIME, &time, 0));
	CHECK(read(fd, &n, 8));
	CHECK(n);
	CHECK(close(fd));
}

static void watches(void)
{
	char buffer[1024] __attribute__((aligned(8)));
	struct inotify_event *e;
	int fd, watch;
	long length;

	CHECK(mkdir("watched", 0700));
	CHECK((fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) >= 0);
	CHECK(inotify_init1(1));
	CHECK((watch = inotify_add_watch(fd, "watched", IN_CREATE | IN_DELETE | IN_MOVE | IN_CLOSE_WRITE)));
	CHECK(inotify_add_watch(fd, "nowhere", IN_CREATE));
	CHECK(inotify_add_watch(fd, "watched", 0));
	CHECK(read(fd, buffer, sizeof buffer));
	CHECK(close(open("watched/new", O_CREAT | O_WRONLY, 0600)));
	CHECK(rename("watched/new", "watched/old"));
	CHECK(unlink("watched/old"));
	CHECK((length = read(fd, buffer, sizeof buffer)));
	for (long at = 0; at < length; at += (long)sizeof *e + e->len) {
		e = (struct inotify_event *)(buffer + at);
		printf("event %d %x %u %s\n", e->wd, e->mask, e->len, e->name);
	}
	CHECK(inotify_rm_watch(fd, watch));
	CHECK(inotify_rm_watch(fd, watch));
	CHECK(close(fd));
	CHECK(rmdir("watched"));
}

int main(void)
{
	epolls();
	counters();
	signals();
	timers();
	watches();
	return 0;
}
