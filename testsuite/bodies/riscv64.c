#include <string.h>

void popcorn_who(char *to, int loud, double scale)
{
	long wide = loud;
	strcpy(to, wide == 1 && scale > 0 ? "RISCV64" : wide == -1 ? "riscv64" : "?");
}
