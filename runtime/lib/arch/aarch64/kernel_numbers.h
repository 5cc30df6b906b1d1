/* Kernel calls that the runtime makes for itself, in aarch64's numbers (Linux, include/uapi/asm-generic/unistd.h). */
#ifndef POPCORN_KERNEL_NUMBERS_H
#define POPCORN_KERNEL_NUMBERS_H

#define K_chdir 49
#define K_clock_gettime 113
#define K_close 57
#define K_connect 203
#define K_dup3 24
#define K_execve 221
#define K_exit_group 94
#define K_fcntl 25
#define K_fstat 80
#define K_ftruncate 46
#define K_futex 98
#define K_getcwd 17
#define K_getdents64 61
#define K_geteuid 175
#define K_getitimer 102
#define K_getpid 172
#define K_getsockopt 209
#define K_gettid 178
#define K_getuid 174
#define K_ioctl 29
#define K_kcmp 272
#define K_kill 129
#define K_lseek 62
#define K_memfd_create 279
#define K_mmap 222
#define K_mprotect 226
#define K_munmap 215
#define K_nanosleep 101
#define K_newfstatat 79
#define K_openat 56
#define K_ppoll 73
#define K_prctl 167
#define K_pread64 67
#define K_prlimit64 261
#define K_pwrite64 68
#define K_read 63
#define K_readlinkat 78
#define K_recvfrom 207
#define K_recvmsg 212
#define K_rt_sigaction 134
#define K_rt_sigprocmask 135
#define K_sched_yield 124
#define K_sendfile 71
#define K_sendto 206
#define K_set_robust_list 99
#define K_set_tid_address 96
#define K_setitimer 103
#define K_setsockopt 208
#define K_shutdown 210
#define K_socket 198
#define K_statx 291
#define K_tgkill 131
#define K_umask 166
#define K_write 64

#endif
