/* Kernel entry. Numbers and layouts are x86_64's: rax number, rdi rsi rdx r10 r8 r9 arguments, rcx and r11 lost. */
	.cfi_sections .debug_frame
	.section .text.popcorn_syscall,"ax",@progbits

/* popcorn_kernel(n, six arguments) */
	.globl popcorn_kernel
	.type popcorn_kernel,@function
popcorn_kernel:
	.cfi_startproc
	mov %rdi,%rax
	mov %rsi,%rdi
	mov %rdx,%rsi
	mov %rcx,%rdx
	mov %r8,%r10
	mov %r9,%r8
	mov 8(%rsp),%r9
	syscall
	ret
	.cfi_endproc
	.size popcorn_kernel,.-popcorn_kernel

/* popcorn_window(n, six arguments, int *cancel, int *interrupt): -512 if either is set before the kernel has begun
 * the call. A signal whose handler finds the thread between begin and end tests them again and goes to abort: the
 * call has not begun, or is about to be begun again by the kernel. */
	.globl popcorn_window
	.hidden popcorn_window
	.type popcorn_window,@function
popcorn_window:
	.cfi_startproc
	push %rbx
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset rbx,0
	push %rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset rbp,0
	mov %rdi,%rax
	mov %rsi,%rdi
	mov %rdx,%rsi
	mov %rcx,%rdx
	mov %r8,%r10
	mov %r9,%r8
	mov 24(%rsp),%r9
	mov 32(%rsp),%rbx
	mov 40(%rsp),%rbp
	.globl popcorn_window_begin
	.hidden popcorn_window_begin
popcorn_window_begin:
	cmpl $0,(%rbx)
	jne popcorn_window_abort
	cmpl $0,(%rbp)
	jne popcorn_window_abort
	syscall
	.globl popcorn_window_end
	.hidden popcorn_window_end
popcorn_window_end:
	.cfi_remember_state
	pop %rbp
	.cfi_adjust_cfa_offset -8
	pop %rbx
	.cfi_adjust_cfa_offset -8
	ret
	.cfi_restore_state
	.globl popcorn_window_abort
	.hidden popcorn_window_abort
popcorn_window_abort:
	mov $-512,%rax
	pop %rbp
	.cfi_adjust_cfa_offset -8
	pop %rbx
	.cfi_adjust_cfa_offset -8
	ret
	.cfi_endproc
	.size popcorn_window,.-popcorn_window

	.globl popcorn_self
	.type popcorn_self,@function
popcorn_self:
	.cfi_startproc
	mov %fs:40,%rax
	ret
	.cfi_endproc
	.size popcorn_self,.-popcorn_self

/* What a signal handler returns to: rt_sigreturn. The stack pointer is at the kernel's struct ucontext; debuggers learn
 * here where that holds the interrupted code's registers: DW_CFA_expression (0x10), register, length, DW_OP_breg7
 * (0x77), offset; the CFA is the interrupted code's stack pointer, read (DW_OP_deref, 0x06) by
 * DW_CFA_def_cfa_expression (0x0f). */
	.macro at register, offset
	.cfi_escape 0x10, \register, 3, 0x77, (\offset & 0x7f) | 0x80, \offset >> 7
	.endm
	.globl popcorn_sigreturn
	.hidden popcorn_sigreturn
	.type popcorn_sigreturn,@function
	.cfi_startproc
	.cfi_signal_frame
	.cfi_escape 0x0f, 4, 0x77, (160 & 0x7f) | 0x80, 160 >> 7, 0x06 /* rsp */
	at 8, 40 /* r8 */
	at 9, 48 /* r9 */
	at 10, 56 /* r10 */
	at 11, 64 /* r11 */
	at 12, 72 /* r12 */
	at 13, 80 /* r13 */
	at 14, 88 /* r14 */
	at 15, 96 /* r15 */
	at 5, 104 /* rdi */
	at 4, 112 /* rsi */
	at 6, 120 /* rbp */
	at 3, 128 /* rbx */
	at 1, 136 /* rdx */
	at 0, 144 /* rax */
	at 2, 152 /* rcx */
	at 16, 168 /* rip */
__restore_rt: /* what a debugger calls it, looking one byte before the return address */
	nop
popcorn_sigreturn:
	mov $15,%eax
	syscall
	.cfi_endproc
	.size popcorn_sigreturn,.-popcorn_sigreturn

/* popcorn_clone(flags, stack, ptid, ctid, tls, fn, arg): the child calls fn(arg) on the stack, and its
 * return address is the bottom. x86_64's order: flags, stack, ptid, ctid, tls. */
	.globl popcorn_clone
	.hidden popcorn_clone
	.type popcorn_clone,@function
popcorn_clone:
	.cfi_startproc
	mov 8(%rsp),%rax
	sub $16,%rsi
	mov %r9,(%rsi)
	mov %rax,8(%rsi)
	mov %rcx,%r10
	mov $56,%eax
	syscall
	test %eax,%eax
	jz 1f
	ret
1:	xor %ebp,%ebp
	pop %rax
	pop %rdi
	lea __popcorn_bottom(%rip),%rcx
	push %rcx
	jmp *%rax
	.cfi_endproc
	.size popcorn_clone,.-popcorn_clone

	.globl popcorn_set_tp
	.hidden popcorn_set_tp
	.type popcorn_set_tp,@function
popcorn_set_tp:
	.cfi_startproc
	mov %rdi,%rsi
	mov $0x1002,%edi /* ARCH_SET_FS */
	mov $158,%eax /* arch_prctl */
	syscall
	ret
	.cfi_endproc
	.size popcorn_set_tp,.-popcorn_set_tp

	.section .note.GNU-stack,"",@progbits
