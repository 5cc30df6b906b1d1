/* __popcorn_point: the cold call of a migration point. Callee-saved registers go to a struct popcorn_registers on
 * the machine stack, C runs on the thread's runtime stack, so that it may lay the machine stack out anew.
 * In a signal handler of the program the thread stays where it is (the handler may have interrupted
 * the runtime stack), and C only hears of it. */
#include "popcorn_offsets.h"

#define X(n) 8*(n)
#define F(n) 8*(32+(n))
#define SP 512
#define RA 520
#define FCSR 528
#define STATUS 536
#define POISON 544
#define RESULT 552
#define SIZE 560

	.cfi_sections .debug_frame
	.section .text.popcorn_point,"ax",@progbits
	.globl __popcorn_point
	.type __popcorn_point,@function
__popcorn_point:
	.cfi_startproc
	li a0,0 /* it takes no arguments: this is how the verifier sees it */
	li a1,0
	li a2,0
	li a3,0
	li a4,0
	li a5,0
	li a6,0
	li a7,0
	mv t0,sp
	addi sp,sp,-SIZE
	.cfi_def_cfa_offset SIZE
	sd s0,X(8)(sp)
	.cfi_rel_offset s0,X(8)
	sd s1,X(9)(sp)
	.cfi_rel_offset s1,X(9)
	sd s2,X(18)(sp)
	.cfi_rel_offset s2,X(18)
	sd s3,X(19)(sp)
	.cfi_rel_offset s3,X(19)
	sd s4,X(20)(sp)
	.cfi_rel_offset s4,X(20)
	sd s5,X(21)(sp)
	.cfi_rel_offset s5,X(21)
	sd s6,X(22)(sp)
	.cfi_rel_offset s6,X(22)
	sd s7,X(23)(sp)
	.cfi_rel_offset s7,X(23)
	sd s8,X(24)(sp)
	.cfi_rel_offset s8,X(24)
	sd s9,X(25)(sp)
	.cfi_rel_offset s9,X(25)
	sd s10,X(26)(sp)
	.cfi_rel_offset s10,X(26)
	sd s11,X(27)(sp)
	.cfi_rel_offset s11,X(27)
	fsd fs0,F(8)(sp)
	.cfi_rel_offset fs0,F(8)
	fsd fs1,F(9)(sp)
	.cfi_rel_offset fs1,F(9)
	fsd fs2,F(18)(sp)
	.cfi_rel_offset fs2,F(18)
	fsd fs3,F(19)(sp)
	.cfi_rel_offset fs3,F(19)
	fsd fs4,F(20)(sp)
	.cfi_rel_offset fs4,F(20)
	fsd fs5,F(21)(sp)
	.cfi_rel_offset fs5,F(21)
	fsd fs6,F(22)(sp)
	.cfi_rel_offset fs6,F(22)
	fsd fs7,F(23)(sp)
	.cfi_rel_offset fs7,F(23)
	fsd fs8,F(24)(sp)
	.cfi_rel_offset fs8,F(24)
	fsd fs9,F(25)(sp)
	.cfi_rel_offset fs9,F(25)
	fsd fs10,F(26)(sp)
	.cfi_rel_offset fs10,F(26)
	fsd fs11,F(27)(sp)
	.cfi_rel_offset fs11,F(27)
	sd t0,SP(sp)
	sd ra,RA(sp)
	.cfi_rel_offset ra,RA
	frcsr t0
	sd t0,FCSR(sp)
	sd zero,STATUS(sp)
	sd zero,POISON(sp)
	sd zero,RESULT(sp)
	mv a0,sp
	ld a1,40(tp)
	lw t0,POPCORN_T_IN_HANDLER(a1)
	bnez t0,1f
	.cfi_remember_state
	mv s1,sp /* for unwinders: the frame stays on the machine stack */
	.cfi_def_cfa_register s1
	ld sp,POPCORN_T_RUNTIME_TOP(a1)
	call popcorn_point
	j popcorn_resume
	.cfi_restore_state
1:	call popcorn_point_in_handler
	mv a0,sp
	j popcorn_resume
	.cfi_endproc
	.size __popcorn_point,.-__popcorn_point

/* popcorn_resume(a0: regs). Everything is read before the stack pointer moves: a signal that comes after may
 * overwrite what lies below it. */
	.globl popcorn_resume
	.hidden popcorn_resume
	.type popcorn_resume,@function
popcorn_resume:
	ld t0,FCSR(a0)
	fscsr t0
	ld s0,X(8)(a0)
	ld s1,X(9)(a0)
	ld s2,X(18)(a0)
	ld s3,X(19)(a0)
	ld s4,X(20)(a0)
	ld s5,X(21)(a0)
	ld s6,X(22)(a0)
	ld s7,X(23)(a0)
	ld s8,X(24)(a0)
	ld s9,X(25)(a0)
	ld s10,X(26)(a0)
	ld s11,X(27)(a0)
	fld fs0,F(8)(a0)
	fld fs1,F(9)(a0)
	fld fs2,F(18)(a0)
	fld fs3,F(19)(a0)
	fld fs4,F(20)(a0)
	fld fs5,F(21)(a0)
	fld fs6,F(22)(a0)
	fld fs7,F(23)(a0)
	fld fs8,F(24)(a0)
	fld fs9,F(25)(a0)
	fld fs10,F(26)(a0)
	fld fs11,F(27)(a0)
	ld ra,RA(a0)
	ld t0,SP(a0)
	ld t1,POISON(a0)
	ld a0,RESULT(a0)
	mv sp,t0
	beqz t1,1f
	li a1,0xdeadbeefdeadbeef
	mv a2,a1
	mv a3,a1
	mv a4,a1
	mv a5,a1
	mv a6,a1
	mv a7,a1
	mv t0,a1
	mv t1,a1
	mv t2,a1
	mv t3,a1
	mv t4,a1
	mv t5,a1
	mv t6,a1
	fmv.d.x ft0,a1
	fmv.d.x ft1,a1
	fmv.d.x ft2,a1
	fmv.d.x ft3,a1
	fmv.d.x ft4,a1
	fmv.d.x ft5,a1
	fmv.d.x ft6,a1
	fmv.d.x ft7,a1
	fmv.d.x ft8,a1
	fmv.d.x ft9,a1
	fmv.d.x ft10,a1
	fmv.d.x ft11,a1
	fmv.d.x fa0,a1
	fmv.d.x fa1,a1
	fmv.d.x fa2,a1
	fmv.d.x fa3,a1
	fmv.d.x fa4,a1
	fmv.d.x fa5,a1
	fmv.d.x fa6,a1
	fmv.d.x fa7,a1
1:	ret
	.size popcorn_resume,.-popcorn_resume

	.section .note.GNU-stack,"",@progbits
