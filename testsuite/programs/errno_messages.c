// errno after failing calls, perror to a redirected stderr, and strerror of the common numbers.
// expect: 60 prefix: Permission denied
// expect: Invalid argument|No space left on device
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int spin(int n) { return n ? spin(n - 1) + 1 : 0; }

int main(void)
{
	char text[256] = "";
	int p[2], sum = 0;
	if (pipe(p))
		return 1;
	for (int i = 0; i < 30; i++) {
		errno = 0;
		switch (i % 6) {
		case 0: open("/nonexistent/x", O_RDONLY); sum += errno == ENOENT; break;
		case 1: write(-1, "", 1); sum += errno == EBADF; break;
		case 2: open("/etc/hostname/x", O_RDONLY); sum += errno == ENOTDIR; break;
		case 3: lseek(p[0], 0, SEEK_SET); sum += errno == ESPIPE; break;
		case 4: socket(AF_UNIX, 12345, 0); sum += errno != 0; break;
		case 5: rmdir("/"); sum += errno == EBUSY; break;
		}
		int kept = errno;
		spin(i);
		sum += kept == errno;
	}
	int saved = dup(2);
	dup2(p[1], 2);
	errno = EACCES;
	perror("prefix");
	dup2(saved, 2);
	read(p[0], text, sizeof text - 1);
	printf("%d %s%s|%s\n", sum, text, strerror(EINVAL), strerror(ENOSPC));
	return 0;
}
