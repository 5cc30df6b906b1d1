// SHA-256 of known texts: rotations, additions and tables, called through a streaming interface.
// expect: c49bba59ccc72847b869b364a909a52606e91412eccdc570032df23b181fdfa9
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct sha { uint32_t h[8]; uint64_t length; unsigned char block[64]; };
static uint32_t k[64];
static uint32_t rotate(uint32_t x, int n) { return x >> n | x << (32 - n); }

static void compress(struct sha *s)
{
	uint32_t w[64], v[8];
	for (int i = 0; i < 16; i++)
		w[i] = (uint32_t)s->block[4 * i] << 24 | s->block[4 * i + 1] << 16 | s->block[4 * i + 2] << 8 | s->block[4 * i + 3];
	for (int i = 16; i < 64; i++)
		w[i] = w[i - 16] + w[i - 7] + (rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3) + (rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10);
	memcpy(v, s->h, sizeof v);
	for (int i = 0; i < 64; i++) {
		uint32_t t = v[7] + (rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25)) + ((v[4] & v[5]) ^ (~v[4] & v[6])) + k[i] + w[i];
		uint32_t u = (rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22)) + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
		memmove(v + 1, v, 7 * sizeof *v);
		v[4] += t;
		v[0] = t + u;
	}
	for (int i = 0; i < 8; i++)
		s->h[i] += v[i];
}

static void put(struct sha *s, const char *p, size_t n)
{
	for (; n--; p++) {
		s->block[s->length++ % 64] = (unsigned char)*p;
		if (s->length % 64 == 0)
			compress(s);
	}
}

static uint32_t root(int p, int cube, int bit, uint64_t r)
{
	if (bit < 0)
		return (uint32_t)r;
	uint64_t t = r | 1ull << bit;
	int fits = cube ? (__int128)t * t * t <= (__int128)p << 96 : (__int128)t * t <= (__int128)p << 64;
	return root(p, cube, bit - 1, fits ? t : r);
}

int main(void)
{
	struct sha s = {.length = 0};
	int n = 0;
	for (int p = 2; n < 64; p++) {
		int prime = 1;
		for (int d = 2; d * d <= p; d++)
			prime &= p % d != 0;
		if (prime) {
			if (n < 8)
				s.h[n] = root(p, 0, 34, 0);
			k[n++] = root(p, 1, 34, 0);
		}
	}
	for (int i = 0; i < 100; i++)
		put(&s, "abcdefghij", 10);
	uint64_t bits = s.length * 8;
	put(&s, "\x80", 1);
	while (s.length % 64 != 56)
		put(&s, "", 1);
	for (int i = 7; i >= 0; i--)
		put(&s, &(char){(char)(bits >> i * 8)}, 1);
	for (int i = 0; i < 8; i++)
		printf("%08x", s.h[i]);
	printf("\n");
	return 0;
}
