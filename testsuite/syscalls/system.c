/* The process and the machine: limits, priorities, scheduling, prctl, names and numbers of the system. */
#include <grp.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
#include "check.h"

static void limits(void)
{
	struct rlimit l, want = { 200, 300 };
	struct rusage u;

	for (int i = 0; i < 16; i++) CHECK(getrlimit(i, &l));
	CHECK(getrlimit(16, &l));
	CHECK(setrlimit(RLIMIT_NOFILE, &want));
	for (int i = 0; i < 4; i++) CHECK(getrlimit(RLIMIT_NOFILE, &l) + l.rlim_cur + l.rlim_max);
	CHECK(dup2(1, 250));
	CHECK(dup2(1, 150));
	CHECK(close(150));
	CHECK(sysconf(_SC_OPEN_MAX));
	want.rlim_cur = 301;
	CHECK(setrlimit(RLIMIT_NOFILE, &want));
	want = (struct rlimit){ 0, 0 };
	CHECK(prlimit(0, RLIMIT_CORE, &want, &l));
	CHECK(prlimit(0, RLIMIT_CORE, 0, &l));
	CHECK(l.rlim_max);
	CHECK(prlimit(0x3fffffff, RLIMIT_CORE, 0, &l));
	want = (struct rlimit){ 1 << 20, RLIM_INFINITY };
	CHECK(setrlimit(RLIMIT_FSIZE, &want));
	CHECK(getrlimit(RLIMIT_FSIZE, &l));
	CHECK(l.rlim_cur);
	CHECK(l.rlim_max == RLIM_INFINITY);
	CHECK(getrusage(RUSAGE_SELF, &u));
	CHECK(u.ru_maxrss > 0);
	CHECK(u.ru_utime.tv_sec + u.ru_stime.tv_sec < 100);
	CHECK(getrusage(RUSAGE_CHILDREN, &u));
	CHECK(getrusage(77, &u));
}

/* musl refuses these: it means processes where Linux means threads */
#define sched_getscheduler(pid) syscall(SYS_sched_getscheduler, pid)
#define sched_getparam(pid, p) syscall(SYS_sched_getparam, pid, p)
#define sched_setscheduler(pid, policy, p) syscall(SYS_sched_setscheduler, pid, policy, p)

static void scheduling(void)
{
	struct sched_param p = { 0 };
	struct timespec t;
	cpu_set_t set, one;

	CHECK(sched_getscheduler(0));
	CHECK(sched_getparam(0, &p));
	CHECK(p.sched_priority);
	CHECK(sched_get_priority_max(SCHED_FIFO));
	CHECK(sched_get_priority_min(SCHED_RR));
	CHECK(sched_get_priority_max(99));
	CHECK(sched_setscheduler(0, 99, &p));
	CHECK(sched_setscheduler(0, SCHED_BATCH, &p));
	for (int i = 0; i < 4; i++) CHECK(sched_getscheduler(0));
	p.sched_priority = 5;
	CHECK(sched_setscheduler(0, SCHED_OTHER, &p));
	CHECK(sched_yield());
	CHECK(sched_rr_get_interval(0, &t));
	CHECK(sched_getaffinity(0, sizeof set, &set));
	CHECK(CPU_COUNT(&set) == sysconf(_SC_NPROCESSORS_ONLN));
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	CHECK(sched_setaffinity(0, sizeof one, &one));
	for (int i = 0; i < 4; i++) CHECK(sched_getcpu());
	CPU_ZERO(&one);
	CHECK(sched_setaffinity(0, sizeof one, &one));
	CHECK(sched_getaffinity(0x3fffffff, sizeof set, &set));
	CHECK(getpriority(PRIO_PROCESS, 0) >= 0);
	CHECK(nice(3) >= 3);
	CHECK(setpriority(PRIO_PROCESS, 0, 15));
	for (int i = 0; i < 3; i++) CHECK(getpriority(PRIO_PROCESS, 0));
	CHECK(getpriority(99, 0));
	CHECK(setpriority(PRIO_PROCESS, 0x3fffffff, 1));
}

/* longs: the kernel reads all 64 bits, of which an int leaves half open */
static void attributes(void)
{
	char name[17] = "";

	CHECK(prctl(PR_SET_NAME, "a-long-name-of-a-thread"));
	for (int i = 0; i < 12; i++) {
		CHECK(prctl(PR_GET_NAME, name));
		printf("%s\n", name);
	}
	CHECK(prctl(PR_GET_DUMPABLE));
	CHECK(prctl(PR_SET_PDEATHSIG, 10));
	int sig = 0;
	for (int i = 0; i < 12; i++) CHECK(prctl(PR_GET_PDEATHSIG, &sig) + sig);
	CHECK(prctl(PR_SET_PDEATHSIG, 99L));
	CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1));
	CHECK(prctl(PR_GET_CHILD_SUBREAPER, &sig) + sig);
	CHECK(prctl(PR_SET_TIMERSLACK, 77777L));
	for (int i = 0; i < 8; i++) CHECK(prctl(PR_GET_TIMERSLACK));
	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	CHECK(prctl(12345));
}

static void names(void)
{
	struct utsname u;
	struct sysinfo s;
	gid_t groups[100];
	char host[100] = "";

	CHECK(uname(&u));
	printf("%s %s\n", u.sysname, u.nodename);
	CHECK(gethostname(host, sizeof host));
	CHECK(strcmp(host, u.nodename));
	CHECK(sethostname(host, 1000));
	CHECK(sizeof u);
	CHECK(sysinfo(&s));
	CHECK(s.uptime > 0);
	CHECK(s.totalram > s.freeram);
	CHECK(s.mem_unit);
	CHECK(s.procs > 0);
	CHECK(getgroups(100, groups) >= 0);
	CHECK(getgroups(-1, groups));
	CHECK(getuid() + geteuid() * 2 + getgid() * 3 + getegid() * 5);
	CHECK(getpid() == gettid());
	CHECK(getppid() > 0);
	CHECK(sysconf(_SC_CLK_TCK));
	CHECK(sysconf(9999));
	CHECK(syscall(99999));
	CHECK(syscall(SYS_getpid) == getpid());
	CHECK(gettimeofday(&(struct timeval){ 0 }, 0));
	CHECK(time(0) > 1700000000);
}

int main(void)
{
	limits();
	scheduling();
	attributes();
	names();
	return 0;
}
