/* Kernel entry: x8 number, x0 to x5 arguments, all other registers kept. */
	.cfi_sections .debug_frame
	.section .text.popcorn_syscall,"ax",%progbits

/* popcorn_kernel(n, six arguments) */
	.globl popcorn_kernel
	.type popcorn_kernel,%function
popcorn_kernel:
	.cfi_startproc
	mov x8,x0
	mov x0,x1
	mov x1,x2
	mov x2,x3
	mov x3,x4
	mov x4,x5
	mov x5,x6
	svc #0
	ret
	.cfi_endproc
	.size popcorn_kernel,.-popcorn_kernel

/* popcorn_window(n, six arguments, int *cancel, int *interrupt): -512 if either is set before the kernel has begun
 * the call. A signal whose handler finds the thread between begin and end tests them again and goes to abort: the
 * call has not begun, or is about to be begun again by the kernel. */
	.globl popcorn_window
	.hidden popcorn_window
	.type popcorn_window,%function
popcorn_window:
	.cfi_startproc
	stp x19,x20,[sp,#-16]!
	.cfi_def_cfa_offset 16
	.cfi_rel_offset x19,0
	.cfi_rel_offset x20,8
	mov x19,x7
	ldr x20,[sp,#16]
	mov x8,x0
	mov x0,x1
	mov x1,x2
	mov x2,x3
	mov x3,x4
	mov x4,x5
	mov x5,x6
	.globl popcorn_window_begin
	.hidden popcorn_window_begin
popcorn_window_begin:
	ldr w9,[x19]
	cbnz w9,popcorn_window_abort
	ldr w9,[x20]
	cbnz w9,popcorn_window_abort
	svc #0
	.globl popcorn_window_end
	.hidden popcorn_window_end
popcorn_window_end:
	.cfi_remember_state
	ldp x19,x20,[sp],#16
	.cfi_def_cfa_offset 0
	.cfi_restore x19
	.cfi_restore x20
	ret
	.cfi_restore_state
	.globl popcorn_window_abort
	.hidden popcorn_window_abort
popcorn_window_abort:
	mov x0,#-512
	ldp x19,x20,[sp],#16
	.cfi_def_cfa_offset 0
	.cfi_restore x19
	.cfi_restore x20
	ret
	.cfi_endproc
	.size popcorn_window,.-popcorn_window

	.globl popcorn_self
	.type popcorn_self,%function
popcorn_self:
	.cfi_startproc
	mrs x0,tpidr_el0
	ldr x0,[x0,#40]
	ret
	.cfi_endproc
	.size popcorn_self,.-popcorn_self

/* what a signal handler returns to: rt_sigreturn */
	.globl popcorn_sigreturn
	.hidden popcorn_sigreturn
	.type popcorn_sigreturn,%function
	nop /* unwinders look one instruction before a return address */
popcorn_sigreturn:
	mov x8,#139
	svc #0
	.size popcorn_sigreturn,.-popcorn_sigreturn

/* popcorn_clone(flags, stack, ptid, ctid, tls, fn, arg): the child calls fn(arg) on the stack, and its
 * return address is the bottom. aarch64's order: flags, stack, ptid, tls, ctid. */
	.globl popcorn_clone
	.hidden popcorn_clone
	.type popcorn_clone,%function
popcorn_clone:
	.cfi_startproc
	stp x5,x6,[x1,#-16]!
	mov x9,x3
	mov x3,x4
	mov x4,x9
	mov x8,#220
	svc #0
	cbz x0,1f
	ret
1:	ldp x9,x0,[sp],#16
	mov x29,#0
	adrp x30,__popcorn_bottom
	add x30,x30,:lo12:__popcorn_bottom
	br x9
	.cfi_endproc
	.size popcorn_clone,.-popcorn_clone

	.globl popcorn_set_tp
	.hidden popcorn_set_tp
	.type popcorn_set_tp,%function
popcorn_set_tp:
	.cfi_startproc
	msr tpidr_el0,x0
	ret
	.cfi_endproc
	.size popcorn_set_tp,.-popcorn_set_tp

	.section .note.GNU-stack,"",%progbits
