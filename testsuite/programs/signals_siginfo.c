// SA_SIGINFO: who sent the signal, its value by sigqueue, and a fault's address.
// expect: 12 12 132854 20 10
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static volatile int from_me, values, user;
static void *volatile fault;
static sigjmp_buf back;

static void on_queue(int sig, siginfo_t *info, void *context)
{
	(void)context;
	from_me += info->si_pid == getpid() && info->si_signo == sig;
	user += info->si_code == SI_QUEUE;
	values = values * 3 + info->si_value.sival_int;
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)context;
	fault = info->si_addr;
	siglongjmp(back, info->si_code == SEGV_ACCERR ? 2 : 1);
}

static int touch(volatile char *p, int n) { return n ? touch(p, n - 1) + 1 : *p; }

int main(void)
{
	struct sigaction act;
	memset(&act, 0, sizeof act);
	act.sa_flags = SA_SIGINFO;
	act.sa_sigaction = on_queue;
	sigaction(SIGUSR1, &act, 0);
	act.sa_sigaction = on_fault;
	sigaction(SIGSEGV, &act, 0);
	for (int i = 0; i < 12; i++)
		sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = i});
	char *page = mmap(0, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	volatile int faults = 0, right = 0;
	for (volatile int i = 0; i < 10; i++) {
		int code = sigsetjmp(back, 1);
		if (code == 0) {
			touch(page + i * 7, i);
		} else {
			faults += code;
			right += fault == page + i * 7;
		}
	}
	printf("%d %d %d %d %d\n", from_me, user, values, faults, right);
	return 0;
}
