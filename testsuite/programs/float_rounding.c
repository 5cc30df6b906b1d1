// Conversions between integers and floats of all widths, denormals, overflow of intermediate results, rounding modes.
// expect: 0x1.36dd91c89248bp+39 -0x1.a75b3ep+1 9514890751667577406
// expect: 7.9050503334599447e-323 2.6980924919390474e-320 inf 2
// expect: 0x1.1155555555552p+8 1 0x1.1155555555559p+8 1 0x1.1155555555552p+8 1 0x1.1155555555555p+8 1
#include <fenv.h>
#include <stdint.h>
#include <stdio.h>

static double sum_thirds(int n) { volatile double d = 3; return n ? sum_thirds(n - 1) + n / d : 0; }

int main(void)
{
	uint64_t x = 0x9e3779b97f4a7c15u;
	double s = 0;
	float f = 0;
	uint64_t back = 0;
	for (int i = 0; i < 300; i++) {
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		double d = (double)x;
		s += d * 0x1p-64 + (double)(int64_t)x * 0x1p-70 + (float)(uint32_t)x;
		f = f * 0.5f + (float)(int64_t)x * 0x1p-60f;
		back += (uint64_t)(int64_t)(d * 0x1p-3) ^ (uint64_t)(d * 0.999) ^ (uint64_t)(int)(f * 1000);
		back += (uint8_t)(int)(d * 0x1p-56) + (uint64_t)(int16_t)(f * 100);
	}
	printf("%a %a %llu\n", s, (double)f, (unsigned long long)back);
	volatile double tiny = 0x1p-1060, big = 1e308;
	printf("%.17g %.17g %g %g\n", tiny * 0x1p-10, tiny / 3, big * 10, (big * 10) * 0 == 0 ? 1.0 : 2.0);
	static const int modes[] = {FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO, FE_TONEAREST};
	for (int i = 0; i < 4; i++) {
		fesetround(modes[i]);
		volatile double r = sum_thirds(40);
		volatile int same = fegetround() == modes[i];
		fesetround(FE_TONEAREST);
		printf("%a %d%c", r, same, i == 3 ? '\n' : ' ');
	}
	return 0;
}
