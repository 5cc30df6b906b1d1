// Loops four deep with calls at every level, break and continue out of the middle, and do-while.
// expect: 21295 132 63
#include <stdio.h>

static int mix(int a, int b) { return a > 0 ? mix(a / 2, b ^ a) : b; }

int main(void)
{
	long sum = 0;
	int breaks = 0, continues = 0;
	for (int a = 0; a < 9; a++) {
		int b = 0;
		do {
			sum += mix(a, b);
			int c = a + b;
			while (c-- > 0) {
				if (c % 7 == 3) {
					continues++;
					continue;
				}
				for (long d = c; d < 40; d += c + 1) {
					sum += mix((int)d, c) * (d & 1 ? 1 : -1);
					if (d > 25 && mix(c, 1) % 3 == 0) {
						breaks++;
						break;
					}
				}
			}
		} while (++b < 7 && sum < 1000000);
	}
	printf("%ld %d %d\n", sum, breaks, continues);
	return 0;
}
