// Loops made of goto, with an irreducible one that is entered in the middle.
// expect: 15501 6 7
#include <stdio.h>

static int weight(int n) { return n < 2 ? 1 : weight(n - 1) + weight(n - 2) % 7; }

static int irreducible(int n, int middle)
{
	int i = 0, sum = 0;
	if (middle)
		goto inside;
top:
	sum += weight(i % 9);
inside:
	sum += 2 * i;
	if (++i < n)
		goto top;
	if (sum % 5 == 0 && n < 40) {
		n += 3;
		goto inside;
	}
	return sum;
}

int main(void)
{
	int i = 0, j, total = 0;
outer:
	j = 0;
again:
	total += irreducible(i + j, j & 1);
	if (++j < 8)
		goto again;
	if (++i < 12)
		goto outer;
	for (i = 0; i < 10; i++)
		for (j = 0; j < 10; j++)
			for (int k = 0; k < 10; k++)
				if (i * j * k == 336 && (total += weight(10)))
					goto done;
done:
	printf("%d %d %d\n", total, i, j);
	return 0;
}
