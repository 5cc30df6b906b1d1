/* libpopcorn's side that serves the program: system calls, memory, signals, threads, start. */
#ifndef POPCORN_LIBC_H
#define POPCORN_LIBC_H

#include "abi.h"
#include "arch.h"
#include "common_numbers.h"
#include "kernel.h"

#define ARENA_START 0x1000000000ull
#define ARENA_MAPS 0x1800000000ull /* below it the heap may grow, above it mappings are placed */
#define ARENA_END 0x3000000000ull
#define PAGE 4096ull
#define ROUND_UP(x) (((uint64_t)(x) + PAGE - 1) & -PAGE)

#define AGAIN (-512) /* the call is to be issued again, after a migration point */
#define REQUEST_BIT (1ull << (POPCORN_REQUEST_SIGNAL - 1))
/* A page of another node is a fault that must be taken whatever the program or the runtime blocks. */
#define POPCORN_FAULT_BIT (1ull << (11 - 1)) /* SIGSEGV */
#define POPCORN_OWN_SIGNALS (REQUEST_BIT | POPCORN_FAULT_BIT)

static inline void popcorn_set_signals(uint64_t mask)
{
	K4(K_rt_sigprocmask, K_SIG_SETMASK, &mask, 0, 8);
}

static inline uint64_t popcorn_block_signals(void) /* all but faults; returns the mask from before */
{
	uint64_t all = ~POPCORN_FAULT_BIT, old = 0;

	K4(K_rt_sigprocmask, K_SIG_SETMASK, &all, &old, 8);
	return old;
}
#define TP_CSP(t) (*(uint64_t *)(void *)((t)->tp + POPCORN_CSP))

enum { K_EBADF = 9, K_EFAULT = 14, K_EEXIST = 17, K_ESRCH = 3 };
enum {
	K_CLONE_VM = 0x100, K_CLONE_FS = 0x200, K_CLONE_FILES = 0x400, K_CLONE_SIGHAND = 0x800, K_CLONE_VFORK = 0x4000,
	K_CLONE_THREAD = 0x10000, K_CLONE_SYSVSEM = 0x40000, K_CLONE_SETTLS = 0x80000, K_CLONE_PARENT_SETTID = 0x100000,
	K_CLONE_CHILD_CLEARTID = 0x200000, K_CLONE_CHILD_SETTID = 0x1000000,
};
enum { K_MAP_FIXED_NOREPLACE = 0x100000, K_MAP_32BIT = 0x40 };

/* A system call of the program on its way: common numbers and layouts, until a fix-up replaces an argument. */
struct popcorn_call {
	struct popcorn_thread *thread;
	long n;
	volatile int *cancel; /* of a cancellation point, or an int that stays 0 */
	long a[6];
};
typedef long popcorn_fixup(struct popcorn_call *);

hidden long popcorn_call(struct popcorn_thread *, volatile int *cancel, long n, const long a[6]); /* for that thread, which is this one or its guest */
hidden int popcorn_futex_is_pi(const struct popcorn_call *); /* pi.c */
hidden long popcorn_futex_pi(struct popcorn_call *);
hidden long popcorn_issue(struct popcorn_call *); /* hands it to the kernel; AGAIN when a request comes first */

/* calls the runtime answers itself or changes before they go on; by file */
hidden popcorn_fixup popcorn_do_mmap, popcorn_do_munmap, popcorn_do_mprotect, popcorn_do_mremap, popcorn_do_brk,
	popcorn_do_madvise, popcorn_do_mlock, popcorn_do_shmat, popcorn_do_shmdt, popcorn_do_pkey_mprotect;
hidden popcorn_fixup popcorn_do_rt_sigaction, popcorn_do_rt_sigprocmask, popcorn_do_sigaltstack;
hidden popcorn_fixup popcorn_do_clone, popcorn_do_exit, popcorn_do_set_tid_address, popcorn_do_set_robust_list,
	popcorn_do_get_robust_list, popcorn_do_gettid, popcorn_do_getpid, popcorn_do_kill, popcorn_do_tkill, popcorn_do_tgkill, popcorn_do_tid_argument,
	popcorn_do_pid_argument, popcorn_do_rt_sigqueueinfo, popcorn_do_rt_tgsigqueueinfo;
hidden popcorn_fixup popcorn_do_timer_create, popcorn_do_timer_settime, popcorn_do_timer_gettime, popcorn_do_timer_getoverrun,
	popcorn_do_timer_delete;
hidden popcorn_fixup popcorn_do_openat, popcorn_do_openat2, popcorn_do_renameat, popcorn_do_fcntl, popcorn_do_pipe2, popcorn_do_fstat,
	popcorn_do_newfstatat, popcorn_do_epoll_ctl, popcorn_do_epoll_pwait, popcorn_do_semctl, popcorn_do_ppoll,
	popcorn_do_pselect6, popcorn_do_mask0, popcorn_do_signalfd4, popcorn_do_open_by_handle_at, popcorn_do_refuse;

/* a futex lock with every signal blocked, so that no handler finds it taken by its own thread */
hidden void popcorn_lock(struct popcorn_lock *);
hidden void popcorn_unlock(struct popcorn_lock *);
extern hidden struct popcorn_lock popcorn_memory_lock;

hidden long popcorn_map(uint64_t hint, size_t n, int prot, int flags, int fd, uint64_t offset); /* in the arena; -errno */
hidden long popcorn_unmap(uint64_t at, size_t n);

extern hidden int popcorn_kernel_pid; /* getpid() as the kernel has it */
hidden long popcorn_tid_to_kernel(long tid);
enum { POPCORN_THREAD_PATH = 64 };
hidden const char *popcorn_thread_path(const char *path, char *room); /* of /proc, with the kernel's number of a thread */
hidden struct popcorn_thread *popcorn_thread_sized(size_t machine);
hidden void popcorn_thread_signal_stack(const struct popcorn_thread *);
hidden void popcorn_inherit_handlers(void);
hidden void popcorn_thread_attach(struct popcorn_thread *, void *tp, uint64_t csp);

hidden void popcorn_configure(char **environment); /* takes POPCORN_* out of it */
hidden void popcorn_name_process(void); /* after the program's file, not the emulator's or a descriptor */
hidden void popcorn_give_back_faults(void); /* the process is on one node again: its handlers are as it set them */
hidden void popcorn_end_by(int sig, int sent); /* the default action of a fault, or of its signal that somebody sent */
hidden void popcorn_deliver(int sig, const struct popcorn_handler *, const void *siginfo, struct popcorn_context *);
hidden void popcorn_copy(void *to, const void *from, size_t);
hidden void popcorn_clear(void *, size_t);

/* assembly */
extern hidden const char popcorn_window_begin[], popcorn_window_end[], popcorn_window_abort[];
hidden long popcorn_window(long n, long, long, long, long, long, long, volatile int *cancel, volatile int *interrupt);
hidden long popcorn_clone(unsigned long flags, void *stack, int *ptid, int *ctid, void *tls, void *fn, void *arg);
hidden _Noreturn void popcorn_enter(void *fn, void *arg, void *machine_top);
hidden void popcorn_sigreturn(void);

/* called by compiled code */
long __popcorn_syscall_raw(long, long, long, long, long, long, long);
long __popcorn_syscall_cp_raw(volatile int *, long, long, long, long, long, long, long);
long __popcorn_time_left(void);
long __popcorn_want(long node);
long __popcorn_here(void);
long __popcorn_machine_nodes(void);
int __set_thread_area(void *tp);
int __clone(void *fn, void *stack, long flags, void *arg, long *rest);
_Noreturn void __unmapself(void *base, size_t size);
_Noreturn void __popcorn_start(long *p);
#endif
