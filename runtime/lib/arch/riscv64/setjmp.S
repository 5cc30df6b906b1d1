/* __popcorn_setjmp(a0: jb): what this ISA needs to come back; popcorn_setjmp_note adds what every ISA needs. */
#include "popcorn_offsets.h"

#define JB(n) 8*(n)(a0)

	.cfi_sections .debug_frame
	.section .text.popcorn_setjmp,"ax",@progbits
	.globl __popcorn_setjmp
	.type __popcorn_setjmp,@function
__popcorn_setjmp:
	.cfi_startproc
	sd s0,JB(POPCORN_JB_SAVED+0)
	sd s1,JB(POPCORN_JB_SAVED+1)
	sd s2,JB(POPCORN_JB_SAVED+2)
	sd s3,JB(POPCORN_JB_SAVED+3)
	sd s4,JB(POPCORN_JB_SAVED+4)
	sd s5,JB(POPCORN_JB_SAVED+5)
	sd s6,JB(POPCORN_JB_SAVED+6)
	sd s7,JB(POPCORN_JB_SAVED+7)
	sd s8,JB(POPCORN_JB_SAVED+8)
	sd s9,JB(POPCORN_JB_SAVED+9)
	sd s10,JB(POPCORN_JB_SAVED+10)
	sd s11,JB(POPCORN_JB_SAVED+11)
	fsd fs0,JB(POPCORN_JB_SAVED+12)
	fsd fs1,JB(POPCORN_JB_SAVED+13)
	fsd fs2,JB(POPCORN_JB_SAVED+14)
	fsd fs3,JB(POPCORN_JB_SAVED+15)
	fsd fs4,JB(POPCORN_JB_SAVED+16)
	fsd fs5,JB(POPCORN_JB_SAVED+17)
	fsd fs6,JB(POPCORN_JB_SAVED+18)
	fsd fs7,JB(POPCORN_JB_SAVED+19)
	fsd fs8,JB(POPCORN_JB_SAVED+20)
	fsd fs9,JB(POPCORN_JB_SAVED+21)
	fsd fs10,JB(POPCORN_JB_SAVED+22)
	fsd fs11,JB(POPCORN_JB_SAVED+23)
	sd sp,JB(POPCORN_JB_SP)
	sd ra,JB(POPCORN_JB_RA)
	tail popcorn_setjmp_note
	.cfi_endproc
	.size __popcorn_setjmp,.-__popcorn_setjmp

/* popcorn_jump(a0: regs): popcorn_resume that leaves the floating-point environment as it is, as longjmp does. */
	.globl popcorn_jump
	.hidden popcorn_jump
	.type popcorn_jump,@function
popcorn_jump:
	frcsr t0
	sd t0,528(a0)
	tail popcorn_resume
	.size popcorn_jump,.-popcorn_jump

	.section .note.GNU-stack,"",@progbits
