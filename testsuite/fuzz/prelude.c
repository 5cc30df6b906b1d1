#include <alloca.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t i8;
typedef int16_t i16;
typedef int32_t i32;
typedef int64_t i64;
typedef unsigned __int128 u128;

static u64 sum = 14695981039346656037u;
static long fuel;              /* calls and iterations that are left: every program ends */
static int depth;              /* of calls */
static jmp_buf *catcher;       /* where throw_ goes */
static u64 cells[16];          /* what all pointers in structures point into */
static volatile u32 hidden;    /* 0, which no compiler knows */

static void mix(u64 x)
{
	sum = (sum ^ x) * 1099511628211u;
	sum ^= sum >> 29;
}

static u64 bits(double x)
{
	u64 u;
	memcpy(&u, &x, 8);
	return u;
}

/* No infinity and no NaN, whose sign is each machine's own. */
static double fin(double x) { return x > -1e12 && x < 1e12 ? x : 1.5; }
static float finf(float x) { return x > -1e6f && x < 1e6f ? x : 0.75f; }
static i32 sdiv32(i32 a, i32 b) { return b == 0 || b == -1 ? a : a / b; }
static i32 smod32(i32 a, i32 b) { return b == 0 || b == -1 ? b : a % b; }
static i64 sdiv64(i64 a, i64 b) { return b == 0 || b == -1 ? a : a / b; }
static i64 smod64(i64 a, i64 b) { return b == 0 || b == -1 ? b : a % b; }

#define VECTOR(NAME, ELEMENT, COUNT) typedef ELEMENT NAME __attribute__((vector_size(sizeof(ELEMENT) * COUNT)));
#define FIN(NAME, COUNT, HOW) \
	static NAME fin_##NAME(NAME v) { for (int i = 0; i < COUNT; i++) v[i] = HOW(v[i]); return v; }
VECTOR(v2u, u32, 2)
VECTOR(v4u, u32, 4)
VECTOR(v8u, u32, 8)
VECTOR(v2q, u64, 2)
VECTOR(v8h, u16, 8)
VECTOR(v16b, u8, 16)
VECTOR(v2f, float, 2)
VECTOR(v4f, float, 4)
VECTOR(v2d, double, 2)
VECTOR(v4d, double, 4)
VECTOR(v8q, u64, 8)
VECTOR(v16f, float, 16)
FIN(v2f, 2, finf)
FIN(v4f, 4, finf)
FIN(v2d, 2, fin)
FIN(v4d, 4, fin)
FIN(v16f, 16, finf)

static __attribute__((noinline)) void throw_(int n)
{
	if (catcher) longjmp(*catcher, n);
}

static int ascending(const void *a, const void *b)
{
	u32 x = *(const u32 *)a, y = *(const u32 *)b;
	return x < y ? -1 : x > y;
}
