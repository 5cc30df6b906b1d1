// stdatomic.h in several widths and orders, counted up by threads, a spin lock and a lock-free stack.
// flags: -pthread
// rebuild-every: 7
// expect: 1200 8 1 47996259532800 150.00 1800 60 150 1
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static atomic_int count;
static _Atomic unsigned char bytes;
static _Atomic unsigned short shorts = 1;
static atomic_llong wide;
static _Atomic double real;
static atomic_flag lock = ATOMIC_FLAG_INIT;
static long guarded;
struct cell { struct cell *next; int value; };
static _Atomic(struct cell *) top;

static int spin(int n) { return n ? spin(n - 1) + 1 : 0; }

static void *run(void *argument)
{
	long id = (long)argument;
	for (int i = 0; i < 150; i++) {
		atomic_fetch_add(&count, 2);
		atomic_fetch_add_explicit(&bytes, 3, memory_order_relaxed);
		atomic_fetch_xor(&shorts, (unsigned short)(1 << id));
		wide += (long long)i << 30;
		double old = atomic_load(&real);
		while (!atomic_compare_exchange_weak(&real, &old, old + 0.25))
			;
		while (atomic_flag_test_and_set_explicit(&lock, memory_order_acquire))
			spin(2);
		guarded += spin(3);
		atomic_flag_clear_explicit(&lock, memory_order_release);
		if (i % 10 == 0) {
			struct cell *c = malloc(sizeof *c);
			c->value = (int)id;
			c->next = atomic_load(&top);
			while (!atomic_compare_exchange_weak(&top, &c->next, c))
				;
		}
	}
	return 0;
}

int main(void)
{
	pthread_t t[4];
	int sum = 0, cells = 0;
	for (long i = 0; i < 4; i++)
		pthread_create(&t[i], 0, run, (void *)(i + 1));
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], 0);
	for (struct cell *c = top; c; c = c->next, cells++)
		sum += c->value;
	int expected = 5;
	_Bool failed = !atomic_compare_exchange_strong(&count, &expected, 1);
	printf("%d %d %d %lld %.2f %ld %d %d %d\n", (int)count, (int)bytes, (int)shorts, (long long)wide, (double)real, guarded, cells, sum, failed && expected == 1200);
	return 0;
}
