/* What __builtin_cpu_supports and __builtin_cpu_is look into: a processor without extensions, of no maker. All that a
 * program could use of one would not be there after a move. (Layout: compiler-rt's and libgcc's cpuinfo.) */
struct { unsigned vendor, type, subtype, features[1]; } __cpu_model;
unsigned __cpu_features2[3];

int __cpu_indicator_init(void)
{
	return 0;
}
