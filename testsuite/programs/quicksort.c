// Quicksort on an array in main's frame, by pointers into it.
// expect: -2475 40 2493 sum 0 inversions 0 deep 1
#include <stdio.h>

static unsigned seed = 12345;
static unsigned next(void) { return seed = seed * 1103515245u + 12345u; }

static void sort(int *low, int *high, int *deepest, int depth)
{
	if (depth > *deepest)
		*deepest = depth;
	while (low < high) {
		int pivot = low[(high - low) / 2], *i = low, *j = high;
		while (i <= j) {
			while (*i < pivot) i++;
			while (*j > pivot) j--;
			if (i <= j) {
				int t = *i;
				*i++ = *j;
				*j-- = t;
			}
		}
		sort(low, j, deepest, depth + 1);
		low = i;
	}
}

int main(void)
{
	int a[700], deepest = 0, inversions = 0;
	unsigned sum = 0, n = sizeof a / sizeof *a;
	for (unsigned i = 0; i < n; i++)
		sum += a[i] = (int)(next() >> 8) % 5000 - 2500;
	sort(a, a + n - 1, &deepest, 0);
	for (unsigned i = 0; i < n; i++) {
		sum -= a[i];
		inversions += i && a[i - 1] > a[i];
	}
	printf("%d %d %d sum %u inversions %d deep %d\n", a[0], a[n / 2], a[n - 1], sum, inversions, deepest > 5);
	return 0;
}
