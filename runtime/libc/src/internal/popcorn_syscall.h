#ifndef POPCORN_SYSCALL_H
#define POPCORN_SYSCALL_H

#include <features.h>

/* A cancellation point: does nothing but cancel when *cancel is set before the kernel has begun the call. */
hidden long __popcorn_syscall_cp(volatile int *cancel, long, long, long, long, long, long, long);

#endif
