// Frames of 64 KiB and more, several of them deep, every part of which is used.
// rebuild-every: 97
// move-every: 1009
// expect: 1278587657
#include <stdio.h>
#include <string.h>

static unsigned check(const unsigned char *p, int n)
{
	unsigned h = 0;
	for (int i = 0; i < n; i += 997)
		h = h * 31 + p[i];
	return h;
}

static unsigned deep(int depth, const unsigned char *above)
{
	unsigned char big[65536 + 40];
	int table[1000];
	memset(big, depth, sizeof big);
	for (int i = 0; i < 1000; i++)
		table[i] = above[i * 60] + i;
	big[depth * 1000] = (unsigned char)table[depth * 100];
	unsigned below = depth ? deep(depth - 1, big) : 0;
	big[65575] ^= (unsigned char)below;
	return below * 3 + check(big, sizeof big) + (unsigned)table[999 - depth] + big[65575];
}

int main(void)
{
	static unsigned char first[65576];
	unsigned h = 0;
	for (int i = 0; i < 65576; i++)
		first[i] = (unsigned char)(i * 7);
	for (int i = 0; i < 9; i++)
		h = h * 5 + deep(i, first);
	printf("%u\n", h);
	return 0;
}
