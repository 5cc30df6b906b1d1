/* Thread-locals lie just below the thread pointer on every ISA, their image between two symbols of the linker
 * (design 4.3). struct pthread's words `sysinfo` and `canary` belong to libpopcorn: the common stack
 * pointer and the runtime's own thread; __set_thread_area and __clone fill them in. */
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include "pthread_impl.h"
#include "libc.h"
#include "syscall.h"

#define TLS_ALIGN 64 /* the linker ends the image at a multiple of it */

extern hidden char __popcorn_tls_start[], __popcorn_tls_end[];

volatile int __thread_list_lock;

static struct tls_module image;

int __init_tp(void *p)
{
	pthread_t td = p;

	td->self = td;
	if (__set_thread_area(p) < 0) return -1;
	libc.can_do_threads = 1;
	td->detach_state = DT_JOINABLE;
	td->tid = __syscall(SYS_set_tid_address, &__thread_list_lock);
	td->locale = &libc.global_locale;
	td->robust_list.head = &td->robust_list.head;
	td->next = td->prev = td;
	return 0;
}

/* mem: libc.tls_size zeroed bytes; the thread's area goes to their end. */
void *__copy_tls(unsigned char *mem)
{
	struct tls_module *m = libc.tls_head;
	uintptr_t td = (uintptr_t)mem + libc.tls_size - sizeof(struct pthread) & -TLS_ALIGN;

	memcpy((void *)(td - m->len), m->image, m->len);
	return (void *)td;
}

void __init_tls(size_t *aux)
{
	static union {
		struct pthread pt;
		char space[2048];
	} builtin;
	void *mem = &builtin;

	/* read back from there: a difference of symbols that stays in a register over a call is in no map */
	image.image = __popcorn_tls_start;
	image.len = __popcorn_tls_end - __popcorn_tls_start;
	libc.tls_head = &image;
	libc.tls_align = TLS_ALIGN;
	libc.tls_size = image.len + sizeof(struct pthread) + 2 * TLS_ALIGN & -TLS_ALIGN;
	if (libc.tls_size > sizeof builtin)
		mem = (void *)__syscall(SYS_mmap, 0, libc.tls_size, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
	/* -errno cast to a pointer faults when it is used, which is all that can be done this early */
	if (__init_tp(__copy_tls(mem)) < 0) a_crash();
}
