/* Reads states from standard input, runs the instruction each names on it, writes the states that result. */

long bench_call(long number, long a, long b, long c, long d, long e, long f);
void bench_run(void);
extern void *bench_cases[];
extern const long bench_read, bench_write, bench_mmap, bench_exit;

/* STATE, RECORD, NUMBER and TARGET are given on the command line: see execute_fixtures.py. */
#define WORD(offset) (*(long *)(STATE + (offset)))

static int whole(long number, long fd)
{
	for (long done = 0, n; done < RECORD; done += n)
		if ((n = bench_call(number, fd, STATE + done, RECORD - done, 0, 0, 0)) <= 0)
			return 0;
	return 1;
}

void bench_main(void)
{
	bench_call(bench_mmap, STATE, 65536, 3, 0x32, -1, 0);
	while (whole(bench_read, 0)) {
		WORD(TARGET) = (long)bench_cases[WORD(NUMBER)];
		bench_run();
		whole(bench_write, 1);
	}
	bench_call(bench_exit, 0, 0, 0, 0, 0, 0);
}
