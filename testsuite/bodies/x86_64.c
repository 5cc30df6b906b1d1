/* Intrinsics, inline assembly, a function and a table that nobody else sees. */
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

static const int nothing[4];

static __attribute__((noinline)) int bits_of(uint64_t x)
{
	int bits;
	__asm__ ("popcnt %1, %q0" : "=r"(bits) : "r"(x));
	return bits + nothing[x & 3];
}

int popcorn_bits(const uint64_t *words, int n)
{
	int bits = 0;
	_mm_pause();
	for (int i = 0; i < n; i++) bits += bits_of(words[i]);
	return bits;
}

void popcorn_who(char *to, int loud, double scale)
{
	long wide = loud; /* right only if the upper half of the register is made here */
	strcpy(to, wide == 1 && scale > 0 ? "X86_64" : wide == -1 ? "x86_64" : "?");
}
