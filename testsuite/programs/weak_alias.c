// Weak definitions and references, aliases of functions and of data.
// expect: 275086 1 1 1 1 1
#include <stdio.h>

int missing(int) __attribute__((weak));
extern int absent __attribute__((weak));
__attribute__((weak)) int replaceable(int n) { return n ? replaceable(n - 1) + 1 : 0; }
int original(int n) { return n > 1 ? n * original(n - 1) % 10007 : 1; }
int other_name(int n) __attribute__((alias("original")));
static int hidden(int n) { return n + 1; }
int exported(int n) __attribute__((weak, alias("hidden")));
int data = 5;
extern int same_data __attribute__((alias("data")));

int main(void)
{
	int (*const f[])(int) = {original, other_name, exported, hidden, replaceable};
	long s = 0;
	for (int i = 0; i < 50; i++) {
		same_data += other_name(i % 12);
		s = s * 3 % 1000003 + f[i % 5](i) + data;
		if (missing)
			s += missing(i);
	}
	printf("%ld %d %d %d %d %d\n", s, f[0] == f[1], f[2] == f[3], missing == 0, &absent == 0, &data == &same_data);
	return 0;
}
