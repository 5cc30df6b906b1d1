/* __popcorn_point: the cold call of a migration point. Callee-saved registers go to a struct popcorn_registers on
 * the machine stack, C runs on the thread's runtime stack, so that it may lay the machine stack out anew.
 * In a signal handler of the program the thread stays where it is (the handler may have interrupted
 * the runtime stack), and C only hears of it. */
#include "popcorn_offsets.h"

#define SP 136
#define RA 144
#define MXCSR 152
#define POISON 168
#define RESULT 176
#define SIZE 184 /* with the return address a multiple of 16 */

	.cfi_sections .debug_frame
	.section .text.popcorn_point,"ax",@progbits
	.globl __popcorn_point
	.type __popcorn_point,@function
__popcorn_point:
	.cfi_startproc
	xor %edi,%edi /* it takes no arguments: this is how the verifier sees it */
	xor %esi,%esi
	xor %edx,%edx
	xor %ecx,%ecx
	xor %r8d,%r8d
	xor %r9d,%r9d
	sub $SIZE,%rsp
	.cfi_adjust_cfa_offset SIZE
	mov %rbx,24(%rsp)
	.cfi_rel_offset rbx,24
	mov %rbp,48(%rsp)
	.cfi_rel_offset rbp,48
	mov %r12,96(%rsp)
	.cfi_rel_offset r12,96
	mov %r13,104(%rsp)
	.cfi_rel_offset r13,104
	mov %r14,112(%rsp)
	.cfi_rel_offset r14,112
	mov %r15,120(%rsp)
	.cfi_rel_offset r15,120
	lea SIZE+8(%rsp),%rax
	mov %rax,SP(%rsp)
	mov SIZE(%rsp),%rax
	mov %rax,RA(%rsp)
	stmxcsr MXCSR(%rsp)
	movl $0,MXCSR+4(%rsp)
	movq $0,POISON(%rsp)
	movq $0,RESULT(%rsp)
	mov %rsp,%rdi
	mov %fs:40,%rsi
	cmpl $0,POPCORN_T_IN_HANDLER(%rsi)
	jne 1f
	.cfi_remember_state
	mov %rsp,%rbx /* for unwinders: the frame stays on the machine stack */
	.cfi_def_cfa_register rbx
	mov POPCORN_T_RUNTIME_TOP(%rsi),%rsp
	call popcorn_point
	mov %rax,%rdi
	jmp popcorn_resume
	.cfi_restore_state
1:	call popcorn_point_in_handler
	mov %rsp,%rdi
	jmp popcorn_resume
	.cfi_endproc
	.size __popcorn_point,.-__popcorn_point

/* popcorn_resume(rdi: regs). Everything is read before the stack pointer moves: a signal that comes after may
 * overwrite what lies below it. */
	.globl popcorn_resume
	.hidden popcorn_resume
	.type popcorn_resume,@function
popcorn_resume:
	ldmxcsr MXCSR(%rdi)
	mov 24(%rdi),%rbx
	mov 48(%rdi),%rbp
	mov 96(%rdi),%r12
	mov 104(%rdi),%r13
	mov 112(%rdi),%r14
	mov 120(%rdi),%r15
	mov RA(%rdi),%r11
	mov RESULT(%rdi),%rax
	cmpq $0,POISON(%rdi)
	mov SP(%rdi),%rsp
	je 1f
	mov $0xdeadbeefdeadbeef,%rcx
	mov %rcx,%rdx
	mov %rcx,%rsi
	mov %rcx,%rdi
	mov %rcx,%r8
	mov %rcx,%r9
	mov %rcx,%r10
	movq %rcx,%xmm0
	punpcklqdq %xmm0,%xmm0
	movdqa %xmm0,%xmm1
	movdqa %xmm0,%xmm2
	movdqa %xmm0,%xmm3
	movdqa %xmm0,%xmm4
	movdqa %xmm0,%xmm5
	movdqa %xmm0,%xmm6
	movdqa %xmm0,%xmm7
	movdqa %xmm0,%xmm8
	movdqa %xmm0,%xmm9
	movdqa %xmm0,%xmm10
	movdqa %xmm0,%xmm11
	movdqa %xmm0,%xmm12
	movdqa %xmm0,%xmm13
	movdqa %xmm0,%xmm14
	movdqa %xmm0,%xmm15
1:	jmp *%r11
	.size popcorn_resume,.-popcorn_resume

	.section .note.GNU-stack,"",@progbits
