/* __popcorn_setjmp(rdi: jb): what this ISA needs to come back; popcorn_setjmp_note adds what every ISA needs. */
#include "popcorn_offsets.h"

#define JB(n) 8*(n)(%rdi)

	.cfi_sections .debug_frame
	.section .text.popcorn_setjmp,"ax",@progbits
	.globl __popcorn_setjmp
	.type __popcorn_setjmp,@function
__popcorn_setjmp:
	.cfi_startproc
	mov %rbx,JB(POPCORN_JB_SAVED)
	mov %rbp,JB(POPCORN_JB_SAVED+1)
	mov %r12,JB(POPCORN_JB_SAVED+2)
	mov %r13,JB(POPCORN_JB_SAVED+3)
	mov %r14,JB(POPCORN_JB_SAVED+4)
	mov %r15,JB(POPCORN_JB_SAVED+5)
	lea 8(%rsp),%rdx
	mov %rdx,JB(POPCORN_JB_SP)
	mov (%rsp),%rdx
	mov %rdx,JB(POPCORN_JB_RA)
	jmp popcorn_setjmp_note
	.cfi_endproc
	.size __popcorn_setjmp,.-__popcorn_setjmp

/* popcorn_jump(rdi: regs): popcorn_resume that leaves the floating-point environment as it is, as longjmp does. */
	.globl popcorn_jump
	.hidden popcorn_jump
	.type popcorn_jump,@function
popcorn_jump:
	stmxcsr 152(%rdi)
	jmp popcorn_resume
	.size popcorn_jump,.-popcorn_jump

	.section .note.GNU-stack,"",@progbits
