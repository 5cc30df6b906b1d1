// stdio: a temporary file written, sought in, overwritten, read back by several means, with small buffers.
// expect: 1104 50 8 4274996766 1 50 3 32
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int digits(int n) { return n < 10 ? 1 : 1 + digits(n / 10); }

int main(void)
{
	FILE *f = tmpfile();
	long position[50];
	char buffer[16], line[64];
	setvbuf(f, buffer, _IOFBF, sizeof buffer);
	for (int i = 0; i < 50; i++) {
		position[i] = ftell(f);
		fprintf(f, "line %d has %d digits\n", i * i, digits(i * i));
	}
	for (int i = 0; i < 50; i += 7) {
		fseek(f, position[i], SEEK_SET);
		fputs("LINE", f);
	}
	fseek(f, -10, SEEK_END);
	long size = ftell(f) + 10;
	rewind(f);
	unsigned h = 0;
	int lines = 0, upper = 0;
	while (fgets(line, sizeof line, f)) {
		lines++;
		upper += line[0] == 'L';
		for (char *p = line; *p; p++)
			h = h * 31 + (unsigned char)*p;
	}
	int at_end = feof(f) != 0;
	clearerr(f);
	int a, b, read = 0;
	for (int i = 49; i >= 0; i--) {
		fseek(f, position[i], SEEK_SET);
		read += fscanf(f, "%*s %d has %d", &a, &b) == 2 && a == i * i && b == digits(a);
	}
	fpos_t here;
	fgetpos(f, &here);
	fseek(f, 0, SEEK_SET);
	size_t got = fread(line, 5, 3, f);
	fsetpos(f, &here);
	int c = fgetc(f);
	printf("%ld %d %d %u %d %d %zu %d\n", size, lines, upper, h, at_end, read, got, c);
	return fclose(f);
}
