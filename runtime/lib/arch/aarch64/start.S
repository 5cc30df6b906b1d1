/* The kernel's entry, and the bottom of every machine stack. On entry sp points to argc and is 16-aligned. */
	.cfi_sections .debug_frame
	.section .text.popcorn_start,"ax",%progbits
	.globl _start
	.type _start,%function
_start:
	.cfi_startproc
	.cfi_undefined x30 /* unwinding ends here */
	mov x29,#0
	mov x30,#0
	mov x0,sp
	bl popcorn_start
	brk #0
	.cfi_endproc
	.size _start,.-_start

/* popcorn_enter(x0: function, x1: its argument, x2: machine stack): the stack's outermost frame */
	.globl popcorn_enter
	.hidden popcorn_enter
	.type popcorn_enter,%function
popcorn_enter:
	.cfi_startproc
	.cfi_undefined x30 /* unwinding ends here */
	mov sp,x2
	mov x9,x0
	mov x0,x1
	mov x29,#0
	adr x30,__popcorn_bottom
	br x9
	.globl __popcorn_bottom
__popcorn_bottom:
	b popcorn_returned
	.cfi_endproc
	.size popcorn_enter,.-popcorn_enter

	.section .note.GNU-stack,"",%progbits
