// Addresses of locals in global variables and in other frames' locals; swapped and followed while deep in calls.
// expect: 841 116 437 999
#include <stdio.h>

static int *globals[4];
static int **indirect = globals;

static void shuffle(int n)
{
	if (n > 0) {
		int mine = n, *saved = globals[n % 4];
		globals[n % 4] = &mine;
		shuffle(n - 1);
		*saved += mine;
		globals[n % 4] = saved;
	} else {
		for (int i = 0; i < 4; i++)
			*indirect[i] = *indirect[i] * 3 % 1009 + i;
		int *t = globals[0];
		globals[0] = globals[3];
		globals[3] = t;
	}
}

int main(void)
{
	int a = 1, b = 2, c = 3, d = 4;
	globals[0] = &a, globals[1] = &b, globals[2] = &c, globals[3] = &d;
	for (int i = 0; i < 90; i++) {
		shuffle(i % 12);
		globals[0] = &a, globals[3] = &d;
		int *p = i & 1 ? &b : &c;
		*p += *globals[i % 4] & 7;
	}
	printf("%d %d %d %d\n", a, b, c, d);
	return 0;
}
