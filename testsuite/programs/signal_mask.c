// Blocked signals wait, sigpending shows them, the handler's own mask holds while it runs, the old mask comes back.
// expect: |1.2|1.2|1.2|1.2|1.2|1.2|1.2|1.2 8 188 8
#include <signal.h>
#include <stdio.h>
#include <string.h>

static char order[64];
static int used;

static void handler(int sig)
{
	order[used++] = sig == SIGUSR1 ? '1' : '2';
	if (sig == SIGUSR1) {
		raise(SIGUSR2);
		order[used++] = '.';
	}
}

static int busy(int n) { return n ? busy(n - 1) + 1 : 0; }

int main(void)
{
	struct sigaction act;
	sigset_t block, old, pending, now;
	int waiting = 0, spun = 0, restored = 0;
	memset(&act, 0, sizeof act);
	act.sa_handler = handler;
	sigemptyset(&act.sa_mask);
	sigaddset(&act.sa_mask, SIGUSR2);
	sigaction(SIGUSR1, &act, 0);
	sigaction(SIGUSR2, &act, 0);
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	for (int i = 0; i < 8; i++) {
		sigprocmask(SIG_BLOCK, &block, &old);
		raise(SIGUSR1);
		spun += busy(20 + i);
		sigpending(&pending);
		waiting += sigismember(&pending, SIGUSR1) && !sigismember(&pending, SIGUSR2);
		order[used++] = '|';
		sigprocmask(SIG_SETMASK, &old, 0);
		sigprocmask(SIG_SETMASK, 0, &now);
		restored += !sigismember(&now, SIGUSR1);
	}
	printf("%s %d %d %d\n", order, waiting, spun, restored);
	return 0;
}
