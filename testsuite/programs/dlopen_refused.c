// dlopen fails as dlopen may, with words that say why; the program goes on. A function that sees to it is still found.
// move-every: 3
// expect: null "Dynamic loading not supported" null
// expect: null "Dynamic loading not supported" null
// expect: null "Dynamic loading not supported" null
// expect: 1 42
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

static int depth(int n) { return n ? depth(n - 1) + 1 : 0; }

static const char *said(void)
{
	const char *text = dlerror();

	return text ? text : "null";
}

int main(void)
{
	static const char *const names[] = { "libm.so.6", "./plugin.so", "" };
	int plugins = 0;

	for (int i = 0; i < 3; i++) {
		void *handle = dlopen(names[i], i ? RTLD_LAZY : RTLD_NOW | RTLD_GLOBAL);
		plugins += handle != 0;
		printf("%s \"%s\"", handle ? "loaded" : "null", said());
		printf(" %s\n", depth(20) == 20 ? said() : "lost");
	}
	printf("%d %d\n", plugins == 0, depth(42));
	return 0;
}
