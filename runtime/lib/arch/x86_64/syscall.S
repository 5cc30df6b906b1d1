/* Kernel entry. Numbers and layouts are x86_64's: rax number, rdi rsi rdx r10 r8 r9 arguments, rcx and r11 lost. */
	.section .text.popcorn_syscall,"ax",@progbits

/* popcorn_kernel(n, six arguments) */
	.globl popcorn_kernel
	.type popcorn_kernel,@function
popcorn_kernel:
	mov %rdi,%rax
	mov %rsi,%rdi
	mov %rdx,%rsi
	mov %rcx,%rdx
	mov %r8,%r10
	mov %r9,%r8
	mov 8(%rsp),%r9
	syscall
	ret
	.size popcorn_kernel,.-popcorn_kernel

/* popcorn_window(n, six arguments, int *cancel, int *interrupt): -512 if either is set before the kernel has begun
 * the call. A signal whose handler finds the thread between begin and end tests them again and goes to abort: the
 * call has not begun, or is about to be begun again by the kernel. */
	.globl popcorn_window
	.hidden popcorn_window
	.type popcorn_window,@function
popcorn_window:
	push %rbx
	push %rbp
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
	pop %rbp
	pop %rbx
	ret
	.globl popcorn_window_abort
	.hidden popcorn_window_abort
popcorn_window_abort:
	mov $-512,%rax
	pop %rbp
	pop %rbx
	ret
	.size popcorn_window,.-popcorn_window

	.globl popcorn_self
	.type popcorn_self,@function
popcorn_self:
	mov %fs:40,%rax
	ret
	.size popcorn_self,.-popcorn_self

/* what a signal handler returns to: rt_sigreturn */
	.globl popcorn_sigreturn
	.hidden popcorn_sigreturn
	.type popcorn_sigreturn,@function
	nop /* unwinders look one byte before a return address */
popcorn_sigreturn:
	mov $15,%eax
	syscall
	.size popcorn_sigreturn,.-popcorn_sigreturn

/* popcorn_clone(flags, stack, ptid, ctid, tls, fn, arg): the child calls fn(arg) on the stack, and its
 * return address is the bottom. x86_64's order: flags, stack, ptid, ctid, tls. */
	.globl popcorn_clone
	.hidden popcorn_clone
	.type popcorn_clone,@function
popcorn_clone:
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
	.size popcorn_clone,.-popcorn_clone

	.globl popcorn_set_tp
	.hidden popcorn_set_tp
	.type popcorn_set_tp,@function
popcorn_set_tp:
	mov %rdi,%rsi
	mov $0x1002,%edi /* ARCH_SET_FS */
	mov $158,%eax /* arch_prctl */
	syscall
	ret
	.size popcorn_set_tp,.-popcorn_set_tp

	.section .note.GNU-stack,"",@progbits
