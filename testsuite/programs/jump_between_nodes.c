// siglongjmp out of handlers, to where sigsetjmp was at another node of a machine, if there is one.
// roam-every: 7
// expect: 24 24 24 8
#include <popcorn.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum { ROUNDS = 24 };
static sigjmp_buf back;
static volatile sig_atomic_t handled, closed;

static void leave(int sig, siginfo_t *info, void *context)
{
	(void)context;
	handled++;
	closed += sig == SIGSEGV && info->si_code == SEGV_ACCERR;
	siglongjmp(back, 1);
}

static int deep(int n, int how, volatile char *page)
{
	if (n)
		return deep(n - 1, how, page) + 1;
	if (how == 0)
		raise(SIGUSR1);
	else if (how == 1)
		return *page;
	siglongjmp(back, 2);
}

int main(void)
{
	struct sigaction action;
	volatile int jumps = 0, direct = 0, n;
	char *page = mmap(0, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memset(&action, 0, sizeof action);
	action.sa_flags = SA_SIGINFO;
	action.sa_sigaction = leave;
	sigaction(SIGSEGV, &action, 0);
	sigaction(SIGUSR1, &action, 0);
	for (n = 0; n < ROUNDS; n++) {
		popcorn_migrate(n % popcorn_nodes());
		int how = sigsetjmp(back, 1);
		if (!how) {
			popcorn_migrate((n / 3 + 1) % popcorn_nodes());
			deep(n % 5, n % 3, page);
		}
		jumps++;
		direct += how == 2;
	}
	printf("%d %d %d %d\n", n, jumps, handled + direct, closed);
	return 0;
}
