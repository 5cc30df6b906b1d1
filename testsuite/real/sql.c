/* Runs an SQL script and prints every row: sql DATABASE SCRIPT
 *
 * SQLite calls back here, out of the middle of a statement, for rows, a function, an aggregate, a collation and the
 * progress of long statements. Errors are printed and the script goes on: some of its statements must fail.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sqlite3.h"

static unsigned long progressed;

static int row(void *unused, int n, char **values, char **names)
{
	for (int i = 0; i < n; i++) printf("%s%s", i ? "|" : "", values[i] ? values[i] : "NULL");
	putchar('\n');
	return 0;
}

static int progress(void *counter)
{
	++*(unsigned long *)counter;
	return 0;
}

static int backwards(void *unused, int m, const void *a, int n, const void *b)
{
	const char *x = (const char *)a + m, *y = (const char *)b + n;

	while (m > 0 && n > 0 && *--x == *--y) m--, n--;
	return m > 0 && n > 0 ? *x - *y : m - n;
}

/* twist(TEXT, N): asks the database again for each character, so that statements nest. */
static void twist(sqlite3_context *c, int n, sqlite3_value **arg)
{
	sqlite3_stmt *s;
	char out[64] = "";
	int length = sqlite3_value_bytes(arg[0]);
	const unsigned char *text = sqlite3_value_text(arg[0]);

	if (sqlite3_prepare_v2(sqlite3_context_db_handle(c), "SELECT char(unicode(?1) + ?2)", -1, &s, 0)) {
		sqlite3_result_error(c, "cannot prepare", -1);
		return;
	}
	for (int i = 0; i < length && i < (int)sizeof out - 8; i++) {
		sqlite3_bind_text(s, 1, (const char *)text + i, 1, SQLITE_STATIC);
		sqlite3_bind_int(s, 2, sqlite3_value_int(arg[1]));
		if (sqlite3_step(s) == SQLITE_ROW) strcat(out, (const char *)sqlite3_column_text(s, 0));
		sqlite3_reset(s);
	}
	sqlite3_finalize(s);
	sqlite3_result_text(c, out, -1, SQLITE_TRANSIENT);
}

static void weigh(sqlite3_context *c, int n, sqlite3_value **arg)
{
	double *sum = sqlite3_aggregate_context(c, sizeof *sum);

	if (sum) *sum = *sum / 2 + sqlite3_value_double(arg[0]);
}

static void weighed(sqlite3_context *c)
{
	double *sum = sqlite3_aggregate_context(c, 0);

	sqlite3_result_double(c, sum ? *sum : 0);
}

static char *contents(const char *path)
{
	FILE *f = fopen(path, "r");
	size_t n = 0;
	char *text = malloc(1 << 20);

	if (!f || !text) return 0;
	n = fread(text, 1, (1 << 20) - 1, f);
	text[n] = 0;
	fclose(f);
	return text;
}

int main(int argc, char **argv)
{
	sqlite3 *db;
	char *script = argc == 3 ? contents(argv[2]) : 0;
	const char *next;
	int failed = 0;

	if (!script || sqlite3_open(argv[1], &db)) return 2;
	sqlite3_create_function(db, "twist", 2, SQLITE_UTF8, 0, twist, 0, 0);
	sqlite3_create_function(db, "weigh", 1, SQLITE_UTF8, 0, 0, weigh, weighed);
	sqlite3_create_collation(db, "backwards", SQLITE_UTF8, 0, backwards);
	sqlite3_progress_handler(db, 100, progress, &progressed);
	for (next = script; *next;) {
		const char *begin = next;
		char *one, *error = 0;

		do { /* a trigger's body has semicolons of its own */
			next = strchr(next, ';');
			next = next ? next + 1 : begin + strlen(begin);
			one = sqlite3_mprintf("%.*s", (int)(next - begin), begin);
			if (!*next || sqlite3_complete(one)) break;
			sqlite3_free(one);
		} while (1);
		if (sqlite3_exec(db, one, row, 0, &error)) {
			printf("error: %s\n", error ? error : sqlite3_errmsg(db));
			failed++;
		}
		sqlite3_free(error);
		sqlite3_free(one);
	}
	printf("%d changes, %d errors, %lu reports of progress\n", sqlite3_total_changes(db), failed, progressed);
	printf("%s\n", sqlite3_close(db) ? "still in use" : sqlite3_memory_used() ? "memory lost" : "memory freed");
	free(script);
	return 0;
}
