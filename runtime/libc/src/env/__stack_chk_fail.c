/* popcc compiles without stack protector: buffers are on the common stack, return addresses elsewhere. These serve
 * objects of other makers. The thread's canary word is libpopcorn's and stays as it is. */
#include <stdint.h>
#include <string.h>
#include "libc.h"
#include "atomic.h"

uintptr_t __stack_chk_guard;

void __init_ssp(void *entropy)
{
	if (entropy) memcpy(&__stack_chk_guard, entropy, sizeof __stack_chk_guard);
	else __stack_chk_guard = 0x5bd1e995a3c59ac3;
	((char *)&__stack_chk_guard)[1] = 0; /* string functions can't copy it */
}

void __stack_chk_fail(void)
{
	a_crash();
}
