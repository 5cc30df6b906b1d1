/* __popcorn_point: the cold call of a migration point. Callee-saved registers go to a struct popcorn_registers on
 * the machine stack, C runs on the thread's runtime stack, so that it may lay the machine stack out anew.
 * In a signal handler of the program the thread stays where it is (the handler may have interrupted
 * the runtime stack), and C only hears of it. */
#include "popcorn_offsets.h"

#define X(n) (8*(n))
#define D(n) (8*(64+(n)))
#define SP 768
#define RA 776
#define FPCR 784
#define FPSR 792
#define POISON 800
#define RESULT 808
#define SIZE 816

	.cfi_sections .debug_frame
	.section .text.popcorn_point,"ax",%progbits
	.globl __popcorn_point
	.type __popcorn_point,%function
__popcorn_point:
	.cfi_startproc
	mov x0,xzr /* it takes no arguments: this is how the verifier sees it */
	mov x1,xzr
	mov x2,xzr
	mov x3,xzr
	mov x4,xzr
	mov x5,xzr
	mov x6,xzr
	mov x7,xzr
	mov x9,sp
	sub sp,sp,#SIZE
	.cfi_def_cfa_offset SIZE
	stp x19,x20,[sp,#X(19)]
	.cfi_rel_offset x19,X(19)
	.cfi_rel_offset x20,X(20)
	stp x21,x22,[sp,#X(21)]
	.cfi_rel_offset x21,X(21)
	.cfi_rel_offset x22,X(22)
	stp x23,x24,[sp,#X(23)]
	.cfi_rel_offset x23,X(23)
	.cfi_rel_offset x24,X(24)
	stp x25,x26,[sp,#X(25)]
	.cfi_rel_offset x25,X(25)
	.cfi_rel_offset x26,X(26)
	stp x27,x28,[sp,#X(27)]
	.cfi_rel_offset x27,X(27)
	.cfi_rel_offset x28,X(28)
	stp x29,x30,[sp,#X(29)]
	.cfi_rel_offset x29,X(29)
	.cfi_rel_offset x30,X(30)
	str d8,[sp,#D(8)]
	.cfi_rel_offset d8,D(8)
	str d9,[sp,#D(9)]
	.cfi_rel_offset d9,D(9)
	str d10,[sp,#D(10)]
	.cfi_rel_offset d10,D(10)
	str d11,[sp,#D(11)]
	.cfi_rel_offset d11,D(11)
	str d12,[sp,#D(12)]
	.cfi_rel_offset d12,D(12)
	str d13,[sp,#D(13)]
	.cfi_rel_offset d13,D(13)
	str d14,[sp,#D(14)]
	.cfi_rel_offset d14,D(14)
	str d15,[sp,#D(15)]
	.cfi_rel_offset d15,D(15)
	str x9,[sp,#SP]
	str x30,[sp,#RA]
	mrs x9,fpcr
	str x9,[sp,#FPCR]
	mrs x9,fpsr
	str x9,[sp,#FPSR]
	str xzr,[sp,#POISON]
	str xzr,[sp,#RESULT]
	mov x0,sp
	mrs x1,tpidr_el0
	ldr x1,[x1,#40]
	ldr w9,[x1,#POPCORN_T_IN_HANDLER]
	cbnz w9,1f
	.cfi_remember_state
	mov x19,sp /* for unwinders: the frame stays on the machine stack */
	.cfi_def_cfa_register x19
	ldr x9,[x1,#POPCORN_T_RUNTIME_TOP]
	mov sp,x9
	bl popcorn_point
	b popcorn_resume
	.cfi_restore_state
1:	bl popcorn_point_in_handler
	mov x0,sp
	b popcorn_resume
	.cfi_endproc
	.size __popcorn_point,.-__popcorn_point

/* popcorn_resume(x0: regs). Everything is read before the stack pointer moves: a signal that comes after may
 * overwrite what lies below it. */
	.globl popcorn_resume
	.hidden popcorn_resume
	.type popcorn_resume,%function
popcorn_resume:
	ldr x9,[x0,#FPCR]
	msr fpcr,x9
	ldr x9,[x0,#FPSR]
	msr fpsr,x9
	ldp x19,x20,[x0,#X(19)]
	ldp x21,x22,[x0,#X(21)]
	ldp x23,x24,[x0,#X(23)]
	ldp x25,x26,[x0,#X(25)]
	ldp x27,x28,[x0,#X(27)]
	ldr x29,[x0,#X(29)]
	ldr x30,[x0,#RA]
	ldr x10,[x0,#SP]
	ldr x11,[x0,#POISON]
	ldr d8,[x0,#D(8)]
	ldr d9,[x0,#D(9)]
	ldr d10,[x0,#D(10)]
	ldr d11,[x0,#D(11)]
	ldr d12,[x0,#D(12)]
	ldr d13,[x0,#D(13)]
	ldr d14,[x0,#D(14)]
	ldr d15,[x0,#D(15)]
	ldr x0,[x0,#RESULT]
	mov sp,x10
	cbz x11,1f
	mov x1,#0xbeef
	movk x1,#0xdead,lsl #16
	movk x1,#0xbeef,lsl #32
	movk x1,#0xdead,lsl #48
	mov x2,x1
	mov x3,x1
	mov x4,x1
	mov x5,x1
	mov x6,x1
	mov x7,x1
	mov x8,x1
	mov x9,x1
	mov x10,x1
	mov x11,x1
	mov x12,x1
	mov x13,x1
	mov x14,x1
	mov x15,x1
	mov x16,x1
	mov x17,x1
	mov v8.d[1],x1
	mov v9.d[1],x1
	mov v10.d[1],x1
	mov v11.d[1],x1
	mov v12.d[1],x1
	mov v13.d[1],x1
	mov v14.d[1],x1
	mov v15.d[1],x1
	dup v0.2d,x1
	dup v1.2d,x1
	dup v2.2d,x1
	dup v3.2d,x1
	dup v4.2d,x1
	dup v5.2d,x1
	dup v6.2d,x1
	dup v7.2d,x1
	dup v16.2d,x1
	dup v17.2d,x1
	dup v18.2d,x1
	dup v19.2d,x1
	dup v20.2d,x1
	dup v21.2d,x1
	dup v22.2d,x1
	dup v23.2d,x1
	dup v24.2d,x1
	dup v25.2d,x1
	dup v26.2d,x1
	dup v27.2d,x1
	dup v28.2d,x1
	dup v29.2d,x1
	dup v30.2d,x1
	dup v31.2d,x1
1:	br x30
	.size popcorn_resume,.-popcorn_resume

	.section .note.GNU-stack,"",%progbits
