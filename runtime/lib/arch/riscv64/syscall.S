/* Kernel entry: a7 number, a0 to a5 arguments, all other registers kept. */
	.cfi_sections .debug_frame
	.section .text.popcorn_syscall,"ax",@progbits

/* popcorn_kernel(n, six arguments) */
	.globl popcorn_kernel
	.type popcorn_kernel,@function
popcorn_kernel:
	.cfi_startproc
	mv a7,a0
	mv a0,a1
	mv a1,a2
	mv a2,a3
	mv a3,a4
	mv a4,a5
	mv a5,a6
	ecall
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
	addi sp,sp,-16
	.cfi_def_cfa_offset 16
	sd s1,0(sp)
	.cfi_rel_offset s1,0
	sd s2,8(sp)
	.cfi_rel_offset s2,8
	mv s1,a7
	ld s2,16(sp)
	mv a7,a0
	mv a0,a1
	mv a1,a2
	mv a2,a3
	mv a3,a4
	mv a4,a5
	mv a5,a6
	.globl popcorn_window_begin
	.hidden popcorn_window_begin
popcorn_window_begin:
	lw t0,0(s1)
	bnez t0,popcorn_window_abort
	lw t0,0(s2)
	bnez t0,popcorn_window_abort
	ecall
	.globl popcorn_window_end
	.hidden popcorn_window_end
popcorn_window_end:
	.cfi_remember_state
	ld s1,0(sp)
	.cfi_restore s1
	ld s2,8(sp)
	.cfi_restore s2
	addi sp,sp,16
	.cfi_def_cfa_offset 0
	ret
	.cfi_restore_state
	.globl popcorn_window_abort
	.hidden popcorn_window_abort
popcorn_window_abort:
	li a0,-512
	ld s1,0(sp)
	.cfi_restore s1
	ld s2,8(sp)
	.cfi_restore s2
	addi sp,sp,16
	.cfi_def_cfa_offset 0
	ret
	.cfi_endproc
	.size popcorn_window,.-popcorn_window

	.globl popcorn_self
	.type popcorn_self,@function
popcorn_self:
	.cfi_startproc
	ld a0,40(tp)
	ret
	.cfi_endproc
	.size popcorn_self,.-popcorn_self

/* popcorn_clone(flags, stack, ptid, ctid, tls, fn, arg): the child calls fn(arg) on the stack, and its
 * return address is the bottom. riscv64's order: flags, stack, ptid, tls, ctid. */
	.globl popcorn_clone
	.hidden popcorn_clone
	.type popcorn_clone,@function
popcorn_clone:
	.cfi_startproc
	addi a1,a1,-16
	sd a5,0(a1)
	sd a6,8(a1)
	mv t0,a3
	mv a3,a4
	mv a4,t0
	li a7,220
	ecall
	beqz a0,1f
	ret
1:	ld t0,0(sp)
	ld a0,8(sp)
	addi sp,sp,16
	lla ra,__popcorn_bottom
	jr t0
	.cfi_endproc
	.size popcorn_clone,.-popcorn_clone

	.globl popcorn_set_tp
	.hidden popcorn_set_tp
	.type popcorn_set_tp,@function
popcorn_set_tp:
	.cfi_startproc
	mv tp,a0
	ret
	.cfi_endproc
	.size popcorn_set_tp,.-popcorn_set_tp

	.section .note.GNU-stack,"",@progbits
