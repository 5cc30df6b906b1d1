// Eight queens by backtracking: an array in a frame that deeper frames write to.
// expect: 4: 2 577538
// expect: 5: 10 335692
// expect: 6: 4 567547
// expect: 7: 40 589284
#include <stdio.h>

struct board {
	signed char row[8];
	int solutions;
	long check;
};

static int safe(const struct board *b, int column, int row)
{
	for (int c = 0; c < column; c++) {
		int d = b->row[c] - row;
		if (d == 0 || d == column - c || d == c - column)
			return 0;
	}
	return 1;
}

static void place(struct board *b, int column, int n)
{
	if (column == n) {
		b->solutions++;
		for (int i = 0; i < n; i++)
			b->check = b->check * 9 % 1000007 + b->row[i];
		return;
	}
	for (int row = 0; row < n; row++)
		if (safe(b, column, row)) {
			b->row[column] = (signed char)row;
			place(b, column + 1, n);
		}
}

int main(void)
{
	for (int n = 4; n <= 7; n++) {
		struct board b = {.check = n};
		place(&b, 0, n);
		printf("%d: %d %ld\n", n, b.solutions, b.check);
	}
	return 0;
}
