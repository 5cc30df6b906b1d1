/* musl packs struct epoll_event where the kernel does, which it tells by __x86_64__. The common format is
 * x86_64's, but __x86_64__ is not defined for programs of several ISAs. */
#include <stdint.h>
#include <sys/types.h>
#include <fcntl.h>
#define __NEED_sigset_t
#include <bits/alltypes.h>

#define __x86_64__ 1
#include_next <sys/epoll.h>
#undef __x86_64__
