// Directories made, entered, listed, sorted by scandir, walked by nftw and removed; rename and links.
// expect: b6 c6 link renamed sub 18 1 2b6 2+4 0 18 7 1
#define _XOPEN_SOURCE 700
#define _DEFAULT_SOURCE
#include <dirent.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int files, directories, links;

static int visit(const char *path, const struct stat *st, int type, struct FTW *info)
{
	(void)st, (void)info;
	files += type == FTW_F;
	directories += type == FTW_DP;
	links += type == FTW_SL;
	return remove(path);
}

static int build(int depth)
{
	if (depth == 0)
		return 0;
	int made = 0;
	for (int i = 0; i < 3; i++) {
		char name[32];
		snprintf(name, sizeof name, "%c%d", 'a' + i, depth);
		FILE *f = fopen(name, "w");
		fprintf(f, "%d", i);
		fclose(f);
		made++;
	}
	mkdir("sub", 0755);
	chdir("sub");
	made += build(depth - 1);
	chdir("..");
	return made;
}

static int plain(const struct dirent *d) { return d->d_name[0] != '.'; }

int main(void)
{
	char top[] = "/tmp/popcc-XXXXXX", where[PATH_MAX], target[16] = "";
	if (!mkdtemp(top) || chdir(top))
		return 1;
	int made = build(6);
	rename("a6", "renamed");
	symlink("b6", "link");
	ssize_t n = readlink("link", target, sizeof target - 1);
	struct dirent **list;
	int count = scandir(".", &list, plain, alphasort);
	for (int i = 0; i < count; i++) {
		printf("%s ", list[i]->d_name);
		free(list[i]);
	}
	free(list);
	int dots = 0, others = 0;
	DIR *d = opendir("sub");
	for (struct dirent *e; (e = readdir(d));)
		e->d_name[0] == '.' ? dots++ : others++;
	rewinddir(d);
	closedir(d);
	int here = getcwd(where, sizeof where) && !strcmp(where, top);
	chdir("/");
	int r = nftw(top, visit, 8, FTW_DEPTH | FTW_PHYS);
	printf("%d %d %zd%s %d+%d %d %d %d %d\n", made, here, n, target, dots, others, r, files, directories, links);
	return access(top, F_OK) == 0;
}
