// sigaction and raise: handlers run at once, nested ones too, and values in the interrupted frames survive.
// expect: 15 30 51285 2 2477697 1436.8153089025
#include <signal.h>
#include <stdio.h>
#include <string.h>

static volatile sig_atomic_t depth, most;
static volatile long count[3];

static long work(int n, double x) { return n ? work(n - 1, x * 0.5) + n : (long)(x * 1024); }

static void on_usr1(int sig)
{
	depth++;
	most = depth > most ? depth : most;
	count[0]++;
	if (depth < 3)
		raise(SIGUSR2);
	count[2] += work(5, sig);
	depth--;
}

static void on_usr2(int sig)
{
	depth++;
	most = depth > most ? depth : most;
	count[1]++;
	count[2] += work(3, sig);
	depth--;
}

int main(void)
{
	struct sigaction act;
	memset(&act, 0, sizeof act);
	act.sa_handler = on_usr1;
	sigaction(SIGUSR1, &act, 0);
	act.sa_handler = on_usr2;
	act.sa_flags = SA_RESETHAND | SA_NODEFER;
	double x = 1;
	long s = 0;
	for (int i = 0; i < 30; i++) {
		sigaction(SIGUSR2, &act, 0);
		int a = i * 3;
		x = x * 1.01 + a;
		raise(i % 2 ? SIGUSR1 : SIGUSR2);
		s += work(a % 10, x) + a;
	}
	signal(SIGINT, SIG_IGN);
	raise(SIGINT);
	printf("%ld %ld %ld %d %ld %.15g\n", count[0], count[1], count[2], (int)most, s, x);
	return 0;
}
