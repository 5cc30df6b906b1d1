// Variable-length arrays of one and two dimensions, in loops, recursion and parameters.
// expect: 10550971
#include <stdio.h>

static long sum(int rows, int columns, int m[rows][columns])
{
	long s = 0;
	for (int i = 0; i < rows; i++)
		for (int j = 0; j < columns; j++)
			s = s * 3 % 1000003 + m[i][j];
	return s;
}

static long nest(int n, const long *above)
{
	long mine[n + 1];
	for (int i = 0; i <= n; i++)
		mine[i] = above[i % n] * 2 + i;
	long r = n > 1 ? nest(n - 1, mine) : 0;
	for (int i = 0; i <= n; i++)
		r = (r + mine[i]) % 1000003;
	return r;
}

int main(void)
{
	long total = 0, first[20] = {1, 2, 3};
	for (int n = 1; n < 18; n++) {
		int m[n][n + 2];
		char pad[n * 7];
		pad[sizeof pad - 1] = (char)n;
		for (int i = 0; i < n; i++)
			for (int j = 0; j < n + 2; j++)
				m[i][j] = i * 10 + j;
		total += sum(n, n + 2, m) + nest(n, first) + (long)sizeof m + pad[n * 7 - 1];
		if (n % 5 == 0)
			continue;
		double tail[n];
		for (int i = 0; i < n; i++)
			tail[i] = (double)sum(i + 1, 1, (int(*)[1])m);
		total += (long)tail[n - 1];
	}
	printf("%ld\n", total);
	return 0;
}
