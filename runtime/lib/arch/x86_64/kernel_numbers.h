/* Kernel calls that the runtime makes for itself, in x86_64's numbers (Linux, arch/x86/entry/syscalls/syscall_64.tbl). */
#ifndef POPCORN_KERNEL_NUMBERS_H
#define POPCORN_KERNEL_NUMBERS_H

#define K_chdir 80
#define K_clock_gettime 228
#define K_close 3
#define K_connect 42
#define K_dup3 292
#define K_execve 59
#define K_exit_group 231
#define K_fcntl 72
#define K_fstat 5
#define K_ftruncate 77
#define K_futex 202
#define K_getcwd 79
#define K_getdents64 217
#define K_geteuid 107
#define K_getitimer 36
#define K_getpid 39
#define K_getsockopt 55
#define K_gettid 186
#define K_getuid 102
#define K_ioctl 16
#define K_kcmp 312
#define K_kill 62
#define K_lseek 8
#define K_memfd_create 319
#define K_mmap 9
#define K_mprotect 10
#define K_munmap 11
#define K_nanosleep 35
#define K_newfstatat 262
#define K_openat 257
#define K_ppoll 271
#define K_prctl 157
#define K_pread64 17
#define K_prlimit64 302
#define K_pwrite64 18
#define K_read 0
#define K_readlinkat 267
#define K_recvfrom 45
#define K_recvmsg 47
#define K_rt_sigaction 13
#define K_rt_sigprocmask 14
#define K_sched_yield 24
#define K_sendfile 40
#define K_sendto 44
#define K_set_robust_list 273
#define K_set_tid_address 218
#define K_setitimer 38
#define K_setsockopt 54
#define K_shutdown 48
#define K_socket 41
#define K_statx 332
#define K_tgkill 234
#define K_umask 95
#define K_write 1

#endif
