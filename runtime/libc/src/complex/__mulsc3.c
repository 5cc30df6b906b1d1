#include <math.h>

/* Complex multiplication and division as C11 annex G.5.1 has them. clang calls these with x86_64's way of returning
 * a pair, so they are common code and not each ISA's own helper. */
#define ISINF(x) ((x) == INFINITY || (x) == -INFINITY)

float _Complex __mulsc3(float a, float b, float c, float d)
{
	float ac = a * c, bd = b * d, ad = a * d, bc = b * c;
	float x = ac - bd, y = ad + bc;

	if (x != x && y != y) {
		int again = 0;
		if (ISINF(a) || ISINF(b)) {
			a = copysignf(ISINF(a) ? 1 : 0, a);
			b = copysignf(ISINF(b) ? 1 : 0, b);
			if (c != c) c = copysignf(0, c);
			if (d != d) d = copysignf(0, d);
			again = 1;
		}
		if (ISINF(c) || ISINF(d)) {
			c = copysignf(ISINF(c) ? 1 : 0, c);
			d = copysignf(ISINF(d) ? 1 : 0, d);
			if (a != a) a = copysignf(0, a);
			if (b != b) b = copysignf(0, b);
			again = 1;
		}
		if (!again && (ISINF(ac) || ISINF(bd) || ISINF(ad) || ISINF(bc))) {
			if (a != a) a = copysignf(0, a);
			if (b != b) b = copysignf(0, b);
			if (c != c) c = copysignf(0, c);
			if (d != d) d = copysignf(0, d);
			again = 1;
		}
		if (again) {
			x = INFINITY * (a * c - b * d);
			y = INFINITY * (a * d + b * c);
		}
	}
	return __builtin_complex(x, y);
}
