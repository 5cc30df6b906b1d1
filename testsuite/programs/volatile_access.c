// volatile objects: every access happens, in order, across calls; a signal handler sees them.
// expect: 4298 1311 228 152 0.731782050825586 820
#include <signal.h>
#include <stdio.h>

static volatile int device[4];
static volatile struct { unsigned char low; long high; } pair;
static volatile sig_atomic_t seen;

static void watch(int sig) { seen = seen * 3 + device[0] + sig - SIGUSR1; }

static int poll_device(volatile int *reg, int n)
{
	if (n == 0)
		return *reg;
	*reg = *reg + 1;
	device[1] = device[0];
	device[0] = n;
	int r = poll_device(reg, n - 1);
	return r + (device[1] - device[0] + *reg) % 5;
}

int main(void)
{
	volatile double local = 0.5;
	int volatile *volatile where = &device[2];
	signal(SIGUSR1, watch);
	long sum = 0;
	for (volatile int i = 0; i < 40; i++) {
		sum += poll_device(where, i % 20);
		local = local * 1.5 - (double)(int)local;
		pair.low++;
		pair.high += pair.low;
		if (i % 8 == 7) {
			device[0] = i;
			raise(SIGUSR1);
			where = where == &device[2] ? &device[3] : &device[2];
		}
	}
	printf("%ld %d %d %d %.15g %ld\n", sum, (int)seen, device[2], device[3], local, pair.high);
	return 0;
}
