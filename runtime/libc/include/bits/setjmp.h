/* As large as the runtime's jmp_buf needs on the ISA with the most callee-saved registers. */
typedef unsigned long long __jmp_buf[32];
