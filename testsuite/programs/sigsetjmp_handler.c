// siglongjmp out of a signal handler restores the mask that sigsetjmp saved, and leaves it alone when asked not to.
// expect: 40 400 20
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>

static sigjmp_buf env;
static volatile sig_atomic_t handled;

static void handler(int sig)
{
	handled++;
	siglongjmp(env, sig);
}

static int blocked(int sig)
{
	sigset_t now;
	sigprocmask(SIG_SETMASK, 0, &now);
	return sigismember(&now, sig);
}

static int work(int n)
{
	if (n == 0)
		raise(SIGUSR1);
	return n ? work(n - 1) + 1 : 0;
}

int main(void)
{
	struct sigaction act = {.sa_handler = handler};
	volatile int sum = 0, stuck = 0;
	sigaction(SIGUSR1, &act, 0);
	for (volatile int i = 0; i < 40; i++) {
		volatile int save = i % 2;
		int code = sigsetjmp(env, save);
		if (code == 0)
			sum += work(i);
		sum += code;
		stuck += blocked(SIGUSR1);
		if (!save) {
			sigset_t one;
			sigemptyset(&one);
			sigaddset(&one, SIGUSR1);
			sigprocmask(SIG_UNBLOCK, &one, 0);
		}
	}
	printf("%d %d %d\n", (int)handled, sum, stuck);
	return 0;
}
