/* __popcorn_setjmp(x0: jb): what this ISA needs to come back; popcorn_setjmp_note adds what every ISA needs. */
#include "popcorn_offsets.h"

#define JB(n) [x0,#8*(n)]
#define SAVED POPCORN_JB_SAVED

	.cfi_sections .debug_frame
	.section .text.popcorn_setjmp,"ax",%progbits
	.globl __popcorn_setjmp
	.type __popcorn_setjmp,%function
__popcorn_setjmp:
	.cfi_startproc
	stp x19,x20,JB(SAVED)
	stp x21,x22,JB(SAVED+2)
	stp x23,x24,JB(SAVED+4)
	stp x25,x26,JB(SAVED+6)
	stp x27,x28,JB(SAVED+8)
	str x29,JB(SAVED+10)
	stp d8,d9,JB(SAVED+11)
	stp d10,d11,JB(SAVED+13)
	stp d12,d13,JB(SAVED+15)
	stp d14,d15,JB(SAVED+17)
	mov x9,sp
	str x9,JB(POPCORN_JB_SP)
	str x30,JB(POPCORN_JB_RA)
	b popcorn_setjmp_note
	.cfi_endproc
	.size __popcorn_setjmp,.-__popcorn_setjmp

/* popcorn_jump(x0: regs): popcorn_resume that leaves the floating-point environment as it is, as longjmp does. */
	.globl popcorn_jump
	.hidden popcorn_jump
	.type popcorn_jump,%function
popcorn_jump:
	mrs x9,fpcr
	str x9,[x0,#784]
	mrs x9,fpsr
	str x9,[x0,#792]
	b popcorn_resume
	.size popcorn_jump,.-popcorn_jump

	.section .note.GNU-stack,"",%progbits
