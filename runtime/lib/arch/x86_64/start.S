/* The kernel's entry, and the bottom of every machine stack. psABI 3.4.1: rsp points to argc, everything else is
 * unspecified. */
	.cfi_sections .debug_frame
	.section .text.popcorn_start,"ax",@progbits
	.globl _start
	.type _start,@function
_start:
	.cfi_startproc
	.cfi_undefined rip /* unwinding ends here */
	xor %ebp,%ebp
	mov %rsp,%rdi
	and $-16,%rsp
	call popcorn_start
	hlt
	.cfi_endproc
	.size _start,.-_start

/* popcorn_enter(rdi: function, rsi: its argument, rdx: machine stack): the stack's outermost frame */
	.globl popcorn_enter
	.hidden popcorn_enter
	.type popcorn_enter,@function
popcorn_enter:
	.cfi_startproc
	.cfi_undefined rip /* unwinding ends here */
	mov %rdx,%rsp
	mov %rdi,%rax
	mov %rsi,%rdi
	xor %ebp,%ebp
	lea __popcorn_bottom(%rip),%rcx
	push %rcx
	jmp *%rax
	.globl __popcorn_bottom
__popcorn_bottom:
	mov %eax,%edi
	jmp popcorn_returned
	.cfi_endproc
	.size popcorn_enter,.-popcorn_enter

	.section .note.GNU-stack,"",@progbits
