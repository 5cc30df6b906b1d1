// longjmp over frames that used alloca and VLAs: their memory is given back, the jumper's is not.
// expect: 996394 kept through it all 1
#include <alloca.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static jmp_buf out;
static uintptr_t lowest = UINTPTR_MAX;

static void dig(int n, char *above)
{
	char vla[n * 8 + 1];
	char *block = alloca((size_t)n * 16 + 16);
	memset(vla, n, sizeof vla);
	memset(block, *above, 16);
	if (n == 0) {
		lowest = (uintptr_t)block < lowest ? (uintptr_t)block : lowest;
		longjmp(out, block[0] + 1);
	}
	dig(n - 1, n % 2 ? vla : block);
}

int main(void)
{
	volatile int round = 0;
	volatile long sum = 0;
	char *keep = alloca(32);
	strcpy(keep, "kept through it all");
	int code = setjmp(out);
	if (code)
		sum = (sum * 3 + code) % 1000003;
	if (round < 60) {
		char first = (char)(round + 1);
		round++;
		dig(round % 23 + 1, &first);
	}
	printf("%ld %s %d\n", sum, keep, (uintptr_t)keep - lowest < 65536);
	return 0;
}
