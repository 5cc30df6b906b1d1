/* Configuration by environment (POPCORN_*), which the program itself doesn't see. */
#include "libc.h"

enum { PR_SET_NAME = 15 };

struct popcorn_config popcorn_config;

static const char *value_of(const char *variable, const char *name)
{
	while (*name && *variable == *name) variable++, name++;
	return !*name && *variable == '=' ? variable + 1 : 0;
}

static uint64_t number(const char *name, const char *s)
{
	uint64_t n = 0;

	if (!*s) popcorn_die("%s is empty; it takes a number", name);
	for (const char *p = s; *p; p++) {
		if (*p < '0' || *p > '9' || n > UINT64_MAX / 10 - 10) popcorn_die("%s=%s is not a number", name, s);
		n = n * 10 + (uint64_t)(*p - '0');
	}
	return n;
}

static unsigned isa_number(const char *name, size_t n)
{
	static const struct { const char *name; unsigned number; } isas[] = {
#define ISA(number, name, machine) { #name, number },
		POPCORN_ISAS(ISA)
#undef ISA
	};

	for (size_t i = 0; i < sizeof isas / sizeof *isas; i++) {
		size_t k = 0;
		while (k < n && isas[i].name[k] == name[k]) k++;
		if (k == n && !isas[i].name[n]) return isas[i].number;
	}
	return 0;
}

/* "x86_64=;aarch64=/usr/bin/qemu-aarch64-static": nothing behind the sign is native; unknown ISAs are for others */
static void runners(const char *s)
{
	while (*s) {
		const char *name = s, *path;
		unsigned isa;
		size_t n = 0;

		while (*s && *s != '=' && *s != ';') s++;
		if (*s != '=') popcorn_die("POPCORN_RUNNERS: '%s' is not <isa>=<program>", name);
		isa = isa_number(name, (size_t)(s - name));
		for (path = ++s; *s && *s != ';'; s++) n++;
		if (isa) {
			if (n >= sizeof popcorn_config.runners[0]) popcorn_die("POPCORN_RUNNERS: path too long: %s", path);
			popcorn_copy(popcorn_config.runners[isa], path, n);
			popcorn_config.runners[isa][n] = 0;
			popcorn_config.has_runner[isa] = 1;
		}
		if (*s) s++;
	}
}

char popcorn_replica_of[64];

static void string(char *to, size_t size, const char *s)
{
	size_t n = 0;

	while (s[n] && n < size - 1) n++;
	popcorn_copy(to, s, n);
	to[n] = 0;
}

static int take(const char *variable)
{
	const char *v;

	if ((v = value_of(variable, "POPCORN_REBUILD"))) popcorn_config.rebuild_every = number("POPCORN_REBUILD", v);
	else if ((v = value_of(variable, "POPCORN_MOVE"))) popcorn_config.move_every = number("POPCORN_MOVE", v);
	else if ((v = value_of(variable, "POPCORN_ROAM"))) popcorn_config.roam_every = number("POPCORN_ROAM", v);
	else if ((v = value_of(variable, "POPCORN_MACHINE"))) string(popcorn_config.machine, sizeof popcorn_config.machine, v);
	else if ((v = value_of(variable, "POPCORN_REPLICA"))) string(popcorn_replica_of, sizeof popcorn_replica_of, v);
	else if ((v = value_of(variable, "POPCORN_SEED"))) popcorn_config.seed = number("POPCORN_SEED", v);
	else if ((v = value_of(variable, "POPCORN_RUNNERS"))) runners(v);
	else if ((v = value_of(variable, "POPCORN_PROGRAM"))) string(popcorn_config.program, sizeof popcorn_config.program, v);
	else if ((v = value_of(variable, "POPCORN_CLOSE"))) K1(K_close, number("POPCORN_CLOSE", v)); /* the executable, which popcorn opened */
	else return 0;
	return 1;
}

void popcorn_name_process(void)
{
	const char *base = popcorn_config.program;

	for (const char *p = base; *p; p++)
		if (*p == '/') base = p + 1;
	K2(K_prctl, PR_SET_NAME, base);
}

void popcorn_configure(char **environment)
{
	char **kept = environment;
	long n;

	for (char **e = environment; *e; e++)
		if (!take(*e)) *kept++ = *e;
	*kept = 0;
	if (popcorn_config.program[0]) {
		popcorn_name_process();
		return;
	}
	n = K4(K_readlinkat, K_AT_FDCWD, "/proc/self/exe", popcorn_config.program, sizeof popcorn_config.program - 1);
	popcorn_config.program[n > 0 ? n : 0] = 0;
}
