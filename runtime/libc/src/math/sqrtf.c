#include <math.h>

/* IEEE 754 defines square root to the last bit: every ISA's instruction agrees. */
float sqrtf(float x)
{
	return __builtin_elementwise_sqrt(x);
}
