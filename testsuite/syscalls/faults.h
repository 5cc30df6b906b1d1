/* Accesses that fail: which signal came, and what it was told. */
#include <setjmp.h>
#include <signal.h>

static sigjmp_buf back;
static siginfo_t got;

static void fault(int sig, siginfo_t *info, void *context)
{
	(void)context;
	got = *info;
	siglongjmp(back, sig);
}

static int touched(volatile char *p, int writes)
{
	int sig = sigsetjmp(back, 1);

	if (sig) return sig;
	if (writes) *p = 1;
	else (void)*p;
	return 0;
}
