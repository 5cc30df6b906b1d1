#include <math.h>

/* See __mulsc3.c. */
#define ISINF(x) ((x) == INFINITY || (x) == -INFINITY)

double _Complex __divdc3(double a, double b, double c, double d)
{
	int scale = 0;
	double larger = fmax(fabs(c), fabs(d)), log = logb(larger), denominator, x, y;

	if (isfinite(log)) {
		scale = (int)log;
		c = scalbn(c, -scale);
		d = scalbn(d, -scale);
	}
	denominator = c * c + d * d;
	x = scalbn((a * c + b * d) / denominator, -scale);
	y = scalbn((b * c - a * d) / denominator, -scale);
	if (x != x && y != y) {
		if (denominator == 0 && (a == a || b == b)) {
			x = copysign(INFINITY, c) * a;
			y = copysign(INFINITY, c) * b;
		} else if ((ISINF(a) || ISINF(b)) && isfinite(c) && isfinite(d)) {
			a = copysign(ISINF(a) ? 1 : 0, a);
			b = copysign(ISINF(b) ? 1 : 0, b);
			x = INFINITY * (a * c + b * d);
			y = INFINITY * (b * c - a * d);
		} else if (log == INFINITY && isfinite(a) && isfinite(b)) {
			c = copysign(ISINF(c) ? 1 : 0, c);
			d = copysign(ISINF(d) ? 1 : 0, d);
			x = 0 * (a * c + b * d);
			y = 0 * (b * c - a * d);
		}
	}
	return __builtin_complex(x, y);
}
