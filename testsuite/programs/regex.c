// POSIX regular expressions: basic and extended, groups, back-references, alternatives, case, errors.
// rebuild-every: 11
// expect: 800205 273251 1486 26833 7 0 125683 20 -2 -2
#include <regex.h>
#include <stdio.h>

static int run(const char *pattern, const char *text, int flags)
{
	regex_t re;
	regmatch_t m[5];
	char error[80];
	int r = regcomp(&re, pattern, flags);
	if (r) {
		regerror(r, &re, error, sizeof error);
		return -(int)error[0] / 64 - 1;
	}
	int sum = 0;
	const char *p = text;
	for (int k = 0; k < 10 && regexec(&re, p, 5, m, k ? REG_NOTBOL : 0) == 0; k++) {
		for (int i = 0; i < 5 && m[i].rm_so >= 0; i++)
			sum = sum * 7 + (int)m[i].rm_so * 3 + (int)m[i].rm_eo;
		if (!p[m[0].rm_eo] || m[0].rm_eo == 0)
			break;
		p += m[0].rm_eo;
	}
	regfree(&re);
	return sum % 1000003;
}

int main(void)
{
	printf("%d ", run("([a-z]+)@([a-z]+)\\.(com|org)", "write to joe@example.org or ann@home.com now", REG_EXTENDED));
	printf("%d ", run("\\([a-z]\\)\\1", "aabbccddee", 0));
	printf("%d ", run("^(a|ab)(c|bcd)(d*)$", "abcd", REG_EXTENDED));
	printf("%d ", run("[[:digit:]]{2,3}", "1 22 333 4444 55555", REG_EXTENDED));
	printf("%d ", run("HELLO.*w", "hello world", REG_EXTENDED | REG_ICASE));
	printf("%d ", run("x*", "aaaa", REG_EXTENDED));
	printf("%d ", run("(((a)b)c)?d+", "abcdddd abd d", REG_EXTENDED));
	printf("%d ", run("^line$", "one\nline\ntwo", REG_EXTENDED | REG_NEWLINE));
	printf("%d %d\n", run("(unclosed", "x", REG_EXTENDED), run("[z-a]", "x", REG_EXTENDED));
	return 0;
}
