// A bytecode interpreter that dispatches by label addresses, as GNU C allows; it calls itself for CALL.
// expect: 0
#include <stdio.h>

enum { PUSH, ADD, MUL, SWAP, DEC, JNZ, CALL, RET };

static long run(const unsigned char *code, long argument, int depth)
{
	static const void *const labels[] = {&&push, &&add, &&mul, &&swap, &&dec, &&jnz, &&call, &&ret};
	static const int offsets[] = {&&push - &&add, &&ret - &&add};
	long stack[16];
	int sp = 0;
	const unsigned char *pc = code;
	stack[sp++] = argument;
#define NEXT goto *labels[*pc++]
	NEXT;
push: stack[sp++] = *pc++; NEXT;
add: sp--; stack[sp - 1] += stack[sp]; NEXT;
mul: sp--; stack[sp - 1] = stack[sp - 1] * stack[sp] % 1000003; NEXT;
swap: { long t = stack[sp - 1]; stack[sp - 1] = stack[sp - 2]; stack[sp - 2] = t; } NEXT;
dec: stack[sp - 1]--; NEXT;
jnz: if (stack[sp - 1] > 0) pc -= *pc; else pc++; NEXT;
call: if (depth < 4) stack[sp - 1] = run(code, stack[sp - 1] % 5 + 1, depth + 1); NEXT;
ret: return offsets[0] == offsets[1] ? -1 : stack[0] + stack[sp - 1] * depth;
}

int main(void)
{
	/* x = 7; do x = x * 3 % 1000003 + 5; while (--argument > 0); call(x) */
	static const unsigned char loop[] = {PUSH, 7, SWAP, SWAP, PUSH, 3, MUL, PUSH, 5, ADD, SWAP, DEC, JNZ, 10, SWAP, CALL, RET};
	long total = 0;
	for (int i = 1; i < 60; i++)
		total += run(loop, i, 0) * i;
	printf("%ld\n", total);
	return 0;
}
