#include <math.h>

/* See __mulsc3.c. */
#define ISINF(x) ((x) == INFINITY || (x) == -INFINITY)

float _Complex __divsc3(float a, float b, float c, float d)
{
	int scale = 0;
	float larger = fmaxf(fabsf(c), fabsf(d)), log = logbf(larger), denominator, x, y;

	if (isfinite(log)) {
		scale = (int)log;
		c = scalbnf(c, -scale);
		d = scalbnf(d, -scale);
	}
	denominator = c * c + d * d;
	x = scalbnf((a * c + b * d) / denominator, -scale);
	y = scalbnf((b * c - a * d) / denominator, -scale);
	if (x != x && y != y) {
		if (denominator == 0 && (a == a || b == b)) {
			x = copysignf(INFINITY, c) * a;
			y = copysignf(INFINITY, c) * b;
		} else if ((ISINF(a) || ISINF(b)) && isfinite(c) && isfinite(d)) {
			a = copysignf(ISINF(a) ? 1 : 0, a);
			b = copysignf(ISINF(b) ? 1 : 0, b);
			x = INFINITY * (a * c + b * d);
			y = INFINITY * (b * c - a * d);
		} else if (log == INFINITY && isfinite(a) && isfinite(b)) {
			c = copysignf(ISINF(c) ? 1 : 0, c);
			d = copysignf(ISINF(d) ? 1 : 0, d);
			x = 0 * (a * c + b * d);
			y = 0 * (b * c - a * d);
		}
	}
	return __builtin_complex(x, y);
}
