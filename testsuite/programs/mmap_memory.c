// Anonymous, file-backed and shared mappings; mprotect, munmap of a part, mremap, and sharing with a child.
// timeout: 60
// forbid-move: (deleted) can't follow: it has no path
// forbid-roam: shared file
// expect: 763486255 0,1!2, 49 0
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static unsigned sum(const unsigned char *p, int n) { return n ? sum(p + 61, n - 1) * 31 + *p : 1; }

int main(void)
{
	size_t page = 4096;
	unsigned char *a = mmap(0, 8 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (size_t i = 0; i < 8 * page; i++)
		a[i] = (unsigned char)(i * 7 >> 3);
	unsigned h = sum(a, 500);
	mprotect(a + page, page, PROT_READ);
	munmap(a + 4 * page, page);
	h = h * 3 + sum(a, 200) + a[7 * page];
	unsigned char *b = mremap(a + 2 * page, 2 * page, 16 * page, MREMAP_MAYMOVE);
	if (b == MAP_FAILED)
		return 1;
	h = h * 3 + sum(b, 130) + b[15 * page];
	FILE *f = tmpfile();
	for (int i = 0; i < 3000; i++)
		fprintf(f, "%d,", i);
	fflush(f);
	char *text = mmap(0, 2 * page, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(f), 0);
	int *shared = mmap(0, page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	text[3] = '!';
	msync(text, page, MS_SYNC);
	char start[8] = "";
	pread(fileno(f), start, 6, 0);
	pid_t child = fork();
	if (child == 0) {
		for (int i = 0; i < 300; i++)
			shared[i] = (int)sum(b, i % 9);
		_exit(0);
	}
	waitpid(child, 0, 0);
	for (int i = 0; i < 300; i++)
		h += (unsigned)shared[i];
	int far = text[5000], unmapped = munmap(text, 2 * page) + munmap(b, 16 * page);
	printf("%u %s %d %d\n", h, start, far, unmapped);
	return 0;
}
