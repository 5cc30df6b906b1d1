const char *popcorn_who(int loud, double scale)
{
	long wide = loud;
	return wide == 1 && scale > 0 ? "RISCV64" : wide == -1 ? "riscv64" : "?";
}
