/* The thread pointer points to struct pthread on every ISA: thread-locals lie below it (no TLS_ABOVE_TP). */
static inline uintptr_t __get_tp(void)
{
	return (uintptr_t)__builtin_thread_pointer();
}

#define MC_PC gregs[REG_RIP]
