// What programs write in one ISA's words: pauses, fences, time stamps, questions for extensions, the stack's depth, hidden values.
// expect: 0 0 0 0
// expect: 1 1 1 1
// expect: 1 1 1
// expect: 45
// expect: 7 3
#include <cpuid.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#if __has_include(<immintrin.h>) || __has_include(<arm_neon.h>) || __has_include(<riscv_vector.h>)
#error a header of one ISA
#endif

static inline uint64_t stamp(void)
{
	uint32_t low, high;
	__asm__ volatile ("lfence\n\trdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

static inline uint64_t stamp_and_processor(uint32_t *processor)
{
	uint64_t low, high;
	__asm__ volatile ("rdtscp" : "=a"(low), "=d"(high), "=c"(*processor));
	return high << 32 | low;
}

static __attribute__((noinline)) uintptr_t depth(int n)
{
	volatile int left = n; /* of each call, so that none becomes a loop */
	uintptr_t here = n ? depth(n - 1) : (uintptr_t)__builtin_frame_address(0);
	return here + (uintptr_t)(left - n);
}

static int slow_sum(int n)
{
	int sum = 0;
	for (int i = 0; i < n; i++) {
		__asm__ volatile ("pause");
		__asm__ volatile ("lock; addl $0, 0(%%rsp)" : : : "memory", "cc");
		__asm__ volatile ("dmb ish" : : : "memory");
		sum += i;
	}
	return sum;
}

static inline void *hidden(const void *p)
{
	void *q;
	__asm__ volatile ("# forget that p points to const" : "=r"(q) : "0"(p));
	return q;
}

int main(void)
{
	uint32_t a = 1, b, c = 0, d, processor = 7;
	__asm__ ("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	__builtin_cpu_init();
	printf("%u %d %d %d\n", a | b | c | d, __get_cpuid(1, &a, &b, &c, &d), !!__builtin_cpu_supports("avx2"), __builtin_cpu_is("intel"));

	struct timespec t;
	uint64_t first = stamp(), second = stamp_and_processor(&processor), third = __builtin_readcyclecounter();
	clock_gettime(CLOCK_MONOTONIC, &t);
	uint64_t now = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
	printf("%d %d %d %d\n", first <= second, second <= third, third <= now && now - first < 60000000000, processor == 0);

	printf("%d %d %d\n", depth(0) > depth(10), depth(0) == depth(0), __builtin_frame_address(0) != 0);
	printf("%d\n", slow_sum(10));

	static int seven = 7;
	int three = 3;
	__asm__ ("/* unknown */" : "+r"(three));
	printf("%d %d\n", *(int *)hidden(&seven), three);
}
