// fnmatch patterns, and glob over files made for it.
// expect: 11 10 11 11 00 11 11 11 10 11
// expect: 0 9 file01.txt file14.txt
// expect: 0 14 1 15 1
#include <fnmatch.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
	static const char *const p[][2] = {{"*.c", "main.c"}, {"*.c", ".c"}, {"a?c", "abc"}, {"[!a-c]x", "dx"}, {"[!a-c]x", "bx"}, {"*a*b*c*", "xxaybzc"},
		{"\\*", "*"}, {"[[:digit:]]*", "7up"}, {"*/x", "a/b/x"}, {"**", ""}};
	for (unsigned i = 0; i < sizeof p / sizeof *p; i++)
		printf("%d%d%c", fnmatch(p[i][0], p[i][1], 0) == 0, fnmatch(p[i][0], p[i][1], FNM_PATHNAME | FNM_PERIOD) == 0, i == 9 ? '\n' : ' ');
	char top[] = "/tmp/popcc-XXXXXX", name[32];
	if (!mkdtemp(top) || chdir(top))
		return 1;
	for (int i = 0; i < 15; i++) {
		snprintf(name, sizeof name, "file%02d.%s", i, i % 3 ? "txt" : "dat");
		fclose(fopen(name, "w"));
	}
	glob_t g;
	int r = glob("file?[0-7].txt", 0, 0, &g);
	printf("%d %zu %s %s\n", r, (size_t)g.gl_pathc, g.gl_pathv[0], g.gl_pathv[g.gl_pathc - 1]);
	r = glob("*.dat", GLOB_APPEND, 0, &g);
	printf("%d %zu", r, (size_t)g.gl_pathc);
	globfree(&g);
	printf(" %d", glob("*.none", 0, 0, &g) == GLOB_NOMATCH);
	r = glob("*", GLOB_NOSORT, 0, &g);
	for (size_t i = 0; i < g.gl_pathc; i++)
		unlink(g.gl_pathv[i]);
	printf(" %zu", (size_t)g.gl_pathc);
	globfree(&g);
	printf(" %d\n", chdir("/") == 0 && rmdir(top) == 0);
	return 0;
}
