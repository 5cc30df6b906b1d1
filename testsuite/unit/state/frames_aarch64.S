/* frames_x86_64.S for aarch64: same sites, other registers and slots; middle's value is in d8, to have one. */
	.text
	.globl _start
_start:	mov x0,sp
	bl popcorn_main

	.globl popcorn_kernel
popcorn_kernel:
	mov x8,x0
	mov x0,x1
	mov x1,x2
	mov x2,x3
	mov x3,x4
	mov x4,x5
	mov x5,x6
	svc #0
	ret
	.globl popcorn_sigreturn
popcorn_sigreturn:
	mov x8,#139
	svc #0
	.globl popcorn_arch_tp
popcorn_arch_tp:
	msr tpidr_el0,x0
	mov x0,#0
	ret
	.globl popcorn_arch_get_tp
popcorn_arch_get_tp:
	mrs x0,tpidr_el0
	ret
	.globl popcorn_first_frame
popcorn_first_frame:
	mov sp,x0
	adr x30,__popcorn_bottom
	b outer
	.globl __popcorn_bottom
__popcorn_bottom:
	udf #0

	.globl outer, site_outer_setjmp, site_outer_middle, outer_end
outer:	sub sp,sp,#64                   /* CFA = sp + 64 */
	stp x30,x19,[sp,#48]
	str x20,[sp,#32]
	mov x19,#0x1111
	mov x20,#0x2222
	movz x1,#0x10,lsl #32           /* value 0, CFA-56: the common frame pointer, here simply csp */
	movk x1,#0x10,lsl #16
	str x1,[sp,#8]
	adrp x0,jump_buffer
	add x0,x0,:lo12:jump_buffer
	bl __popcorn_setjmp
site_outer_setjmp:
	cbz w0,1f
	mov x19,#0x1111
	mov x20,#0x2222
	movz x1,#0x10,lsl #32
	movk x1,#0x10,lsl #16
	str x1,[sp,#8]
	adrp x1,bits
	add x1,x1,:lo12:bits
	ldr x2,[x1]
	add x2,x2,#1
	str x2,[x1]
1:	adrp x1,counter
	ldr x1,[x1,:lo12:counter]
	adrp x2,limit
	ldr x2,[x2,:lo12:limit]
	cmp x1,x2
	b.hs 2f
	bl middle
site_outer_middle:
	mov x1,#0x1111
	cmp x19,x1
	b.ne 3f
	mov x1,#0x2222
	cmp x20,x1
	b.ne 4f
	mov x1,#0x333c
	cmp x0,x1
	b.ne 5f
	b 1b
2:	mov x0,#0
	bl popcorn_end
3:	mov x0,#3
	bl popcorn_end
4:	mov x0,#4
	bl popcorn_end
5:	mov x0,#5
	bl popcorn_end
outer_end:

	.globl middle, site_middle_inner, middle_end
middle:	sub sp,sp,#80                   /* CFA = sp + 80 */
	str x30,[sp,#16]
	str d8,[sp,#24]
	stp x19,x20,[sp,#32]
	mov x19,#7
	mov x0,#0x3333
	fmov d8,x0
	mov w0,#9
	str w0,[sp,#8]
	bl inner
site_middle_inner:
	cmp x19,#7
	b.ne 3b
	ldr w0,[sp,#8]
	fmov x1,d8
	add x0,x0,x1
	ldp x19,x20,[sp,#32]
	ldr d8,[sp,#24]
	ldr x30,[sp,#16]
	add sp,sp,#80
	ret
middle_end:

	.globl inner, site_inner_point, inner_end
inner:	str x30,[sp,#-16]!              /* CFA = sp + 16 */
	adrp x1,counter
	add x1,x1,:lo12:counter
	ldr x0,[x1]
	add x0,x0,#1
	str x0,[x1]
	adrp x1,__popcorn_flag
	ldr w1,[x1,:lo12:__popcorn_flag]
	cbz w1,1f
	bl __popcorn_point
site_inner_point:
1:	adrp x1,counter
	ldr x0,[x1,:lo12:counter]
	mov x1,#5
	udiv x2,x0,x1
	msub x2,x2,x1,x0
	cbnz x2,2f
	adrp x0,jump_buffer
	add x0,x0,:lo12:jump_buffer
	mov w1,#1
	bl longjmp
2:	ldr x30,[sp],#16
	ret
inner_end:
	.section .note.GNU-stack,"",%progbits
