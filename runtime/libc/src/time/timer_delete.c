/* musl's returns the kernel's -EINVAL as it is. A timer that tells by a thread (SIGEV_THREAD) is that thread, which
 * deletes what it has from the kernel when it finds itself marked. */
#include <limits.h>
#include <time.h>
#include "pthread_impl.h"
#include "syscall.h"

int timer_delete(timer_t t)
{
	pthread_t thread = (void *)((uintptr_t)t << 1);

	if ((intptr_t)t >= 0) return syscall(SYS_timer_delete, t);
	a_store(&thread->timer_id, thread->timer_id | INT_MIN);
	__syscall(SYS_tkill, thread->tid, SIGTIMER);
	return 0;
}
