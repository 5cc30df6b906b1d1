#include <string.h>
#include "pthread_impl.h"

extern hidden char __popcorn_tls_start[], __popcorn_tls_end[];

void __reset_tls(void)
{
	size_t size = __popcorn_tls_end - __popcorn_tls_start;

	memcpy((char *)__pthread_self() - size, __popcorn_tls_start, size);
}
