// Conway's life on a torus, double-buffered in two VLAs, with a glider that must come home.
// rebuild-every: 3
// expect: 160 0 60
#include <stdio.h>
#include <string.h>

static int neighbours(int n, char (*g)[n], int y, int x)
{
	int s = 0;
	for (int dy = -1; dy <= 1; dy++)
		for (int dx = -1; dx <= 1; dx++)
			s += (dy || dx) && g[(y + dy + n) % n][(x + dx + n) % n];
	return s;
}

static int evolve(int n, char (*now)[n], int generations)
{
	if (generations == 0)
		return 0;
	char next[n][n];
	int alive = 0;
	for (int y = 0; y < n; y++)
		for (int x = 0; x < n; x++) {
			int s = neighbours(n, now, y, x);
			alive += next[y][x] = s == 3 || (s == 2 && now[y][x]);
		}
	int below = evolve(n, next, generations - 1);
	if (generations == 1)
		memcpy(now, next, sizeof next);
	else
		memcpy(now, next, sizeof next), evolve(n, now, 0);
	return alive + below;
}

int main(void)
{
	enum { N = 8 };
	char g[N][N] = {{0, 1, 0}, {0, 0, 1}, {1, 1, 1}}, start[N][N];
	memcpy(start, g, sizeof g);
	int alive = 0;
	for (int i = 0; i < 4 * N; i++)
		alive += evolve(N, g, 1);
	printf("%d %d ", alive, memcmp(g, start, sizeof g));
	char h[N][N] = {{1, 1, 1}, {1, 0, 0}, {0, 1, 0}};
	printf("%d\n", evolve(N, h, 12));
	return 0;
}
