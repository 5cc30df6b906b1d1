#include <math.h>

/* Complex multiplication and division as C11 annex G.5.1 has them. clang calls these with x86_64's way of returning
 * a pair, so they are common code and not each ISA's own helper. */
#define ISINF(x) ((x) == INFINITY || (x) == -INFINITY)

double _Complex __muldc3(double a, double b, double c, double d)
{
	double ac = a * c, bd = b * d, ad = a * d, bc = b * c;
	double x = ac - bd, y = ad + bc;

	if (x != x && y != y) {
		int again = 0;
		if (ISINF(a) || ISINF(b)) {
			a = copysign(ISINF(a) ? 1 : 0, a);
			b = copysign(ISINF(b) ? 1 : 0, b);
			if (c != c) c = copysign(0, c);
			if (d != d) d = copysign(0, d);
			again = 1;
		}
		if (ISINF(c) || ISINF(d)) {
			c = copysign(ISINF(c) ? 1 : 0, c);
			d = copysign(ISINF(d) ? 1 : 0, d);
			if (a != a) a = copysign(0, a);
			if (b != b) b = copysign(0, b);
			again = 1;
		}
		if (!again && (ISINF(ac) || ISINF(bd) || ISINF(ad) || ISINF(bc))) {
			if (a != a) a = copysign(0, a);
			if (b != b) b = copysign(0, b);
			if (c != c) c = copysign(0, c);
			if (d != d) d = copysign(0, d);
			again = 1;
		}
		if (again) {
			x = INFINITY * (a * c - b * d);
			y = INFINITY * (a * d + b * c);
		}
	}
	return __builtin_complex(x, y);
}
