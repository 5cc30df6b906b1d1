/* CRC-32 as zlib has it, eight bytes a step (Kounavis and Berry's slicing). The tables are made at the first use. */
#include "park.h"

uint32_t popcorn_crc(uint32_t crc, const void *data, size_t n)
{
	static uint32_t table[8][256];
	static int ready;
	const unsigned char *p = data;

	if (!ready) {
		for (uint32_t i = 0; i < 256; i++) {
			uint32_t c = i;
			for (int k = 0; k < 8; k++) c = c >> 1 ^ (0xedb88320 & -(c & 1));
			table[0][i] = c;
		}
		for (int k = 1; k < 8; k++)
			for (uint32_t i = 0; i < 256; i++) table[k][i] = table[k - 1][i] >> 8 ^ table[0][table[k - 1][i] & 255];
		ready = 1;
	}
	crc = ~crc;
	for (; n >= 8; n -= 8, p += 8) {
		uint32_t a, b;
		__builtin_memcpy(&a, p, 4);
		__builtin_memcpy(&b, p + 4, 4);
		a ^= crc;
		crc = table[7][a & 255] ^ table[6][a >> 8 & 255] ^ table[5][a >> 16 & 255] ^ table[4][a >> 24]
		      ^ table[3][b & 255] ^ table[2][b >> 8 & 255] ^ table[1][b >> 16 & 255] ^ table[0][b >> 24];
	}
	while (n--) crc = crc >> 8 ^ table[0][(crc ^ *p++) & 255];
	return ~crc;
}
