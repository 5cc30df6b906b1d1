// gmtime, timegm, mktime in UTC, strftime and strptime of fixed times, day by day over four centuries.
// expect: 1741932106 Tue Feb 29 00:00:00 2000
// expect: Thursday 29 February 24, 02/29/24 13:45| rest|4 59
// expect: 365 951781400
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int days_between(time_t a, time_t b, int step)
{
	if (a >= b)
		return 0;
	struct tm tm;
	gmtime_r(&a, &tm);
	tm.tm_mday += step;
	return 1 + days_between(timegm(&tm), b, step);
}

int main(void)
{
	char text[128];
	struct tm tm;
	setenv("TZ", "UTC0", 1);
	tzset();
	unsigned h = 0;
	for (int i = -60; i < 140; i++) {
		time_t t = (time_t)i * 86400 * 731 + i * 3661;
		gmtime_r(&t, &tm);
		h += timegm(&tm) == t && mktime(&tm) == t;
		strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S %j %U %a %b %I%p %G-W%V", &tm);
		for (char *p = text; *p; p++)
			h = h * 31 + (unsigned char)*p;
	}
	time_t leap = 951782400;
	printf("%u %s", h, asctime(gmtime(&leap)));
	memset(&tm, 0, sizeof tm);
	char *end = strptime("2024-02-29 13:45:10 rest", "%Y-%m-%d %T", &tm);
	timegm(&tm);
	strftime(text, sizeof text, "%A %d %B %y, %D %R", &tm);
	printf("%s|%s|%d %d\n", text, end, tm.tm_wday, tm.tm_yday);
	printf("%d %.0f\n", days_between(0, 86400 * 3650, 10), difftime(leap, 1000));
	return 0;
}
