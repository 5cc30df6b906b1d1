#include "sums.h"

#include <math.h>

double sum_of_roots(int n)
{
	double sum = 0;

	for (int i = 1; i <= n; i++)
		sum += sqrt(i);
	return sum;
}
