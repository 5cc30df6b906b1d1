/* The kernel's entry, and the bottom of every machine stack. On entry sp points to argc and is 16-aligned. gp stays
 * what it is: no code here uses it. */
	.cfi_sections .debug_frame
	.section .text.popcorn_start,"ax",@progbits
	.globl _start
	.type _start,@function
_start:
	.cfi_startproc
	.cfi_undefined ra /* unwinding ends here */
	mv a0,sp
	call popcorn_start
	unimp
	.cfi_endproc
	.size _start,.-_start

/* popcorn_enter(a0: function, a1: its argument, a2: machine stack): the stack's outermost frame */
	.globl popcorn_enter
	.hidden popcorn_enter
	.type popcorn_enter,@function
popcorn_enter:
	.cfi_startproc
	.cfi_undefined ra /* unwinding ends here */
	mv sp,a2
	mv t0,a0
	mv a0,a1
	lla ra,__popcorn_bottom
	jr t0
	.globl __popcorn_bottom
__popcorn_bottom:
	sext.w a0,a0 /* main's int, whose upper half compiled code leaves open */
	tail popcorn_returned
	.cfi_endproc
	.size popcorn_enter,.-popcorn_enter

	.section .note.GNU-stack,"",@progbits
