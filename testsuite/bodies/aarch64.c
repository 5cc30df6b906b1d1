#include <arm_neon.h>
#include <stdint.h>

int popcorn_bits(const uint64_t *words, int n)
{
	int bits = 0;
	for (int i = 0; i < n; i++) bits += vaddv_u8(vcnt_u8(vcreate_u8(words[i])));
	return bits;
}
