/* Of a program's one module, for dl_iterate_phdr: where in this thread's copy of its thread-locals an offset lies. */
#include "pthread_impl.h"
#include "libc.h"

void *__tls_get_addr(tls_mod_off_t *v)
{
	return (char *)__pthread_self() - libc.tls_head->len + v[1];
}
