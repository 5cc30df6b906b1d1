/* Functions that have a body of their own on some ISAs, beside their portable ones. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

int popcorn_bits(const uint64_t *words, int n)
{
	int bits = 0;
	for (int i = 0; i < n; i++)
		for (uint64_t x = words[i]; x; x &= x - 1) bits++;
	return bits;
}

void popcorn_who(char *to, int loud, double scale)
{
	strcpy(to, loud && scale > 0 ? "PORTABLE" : "portable");
}

static __attribute__((noinline)) int mixed(uint64_t *words, int n)
{
	for (int i = 0; i < n; i++) words[i] = words[i] * 0x9e3779b97f4a7c15u + (uint64_t)i;
	return popcorn_bits(words, n);
}

int main(void)
{
	uint64_t words[64] = { 0 };
	char high[16], low[16];
	int sum = 0;
	for (int i = 0; i < 50; i++) sum += mixed(words, 64);
	popcorn_who(high, 1, 2.0);
	popcorn_who(low, -1, -2.0);
	printf("%d %s %s\n", sum, high, low);
	return 0;
}
