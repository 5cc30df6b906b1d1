/* Frames as a compiler might lay them out; the labels after calls are the sites that test_state.py maps.
 *
 * outer: values rbx = 0x1111, slot CFA-32 = 0x2222; calls __popcorn_setjmp once, then middle until counter = limit
 * middle: saves rbx and r12; rbx = 0x3333 is a value, r12 = 7 a constant recipe, slot CFA-40 (4 bytes) = 9 another
 * inner: saves nothing, has no values; passes the point; every 5th time longjmps to outer
 */
	.text
	.globl _start
_start:	mov %rsp,%rdi
	and $-16,%rsp
	call popcorn_main

	.globl popcorn_kernel
popcorn_kernel:
	mov %rdi,%rax
	mov %rsi,%rdi
	mov %rdx,%rsi
	mov %rcx,%rdx
	mov %r8,%r10
	mov %r9,%r8
	mov 8(%rsp),%r9
	syscall
	ret
	.globl popcorn_sigreturn
popcorn_sigreturn:
	mov $15,%eax
	syscall
	.globl popcorn_arch_tp
popcorn_arch_tp:
	mov %rdi,%rsi
	mov $0x1002,%edi
	mov $158,%eax
	syscall
	ret
	.globl popcorn_arch_get_tp
popcorn_arch_get_tp:
	mov %fs:0,%rax
	ret
	.globl popcorn_first_frame
popcorn_first_frame:
	mov %rdi,%rsp
	lea __popcorn_bottom(%rip),%rax
	push %rax
	jmp outer
	.globl __popcorn_bottom
__popcorn_bottom:
	ud2

	.globl outer, site_outer_setjmp, site_outer_middle, outer_end
outer:	push %rbx
	sub $32,%rsp                    /* CFA = rsp + 48 */
	mov $0x1111,%ebx
	movq $0x2222,16(%rsp)
	movabs $0x1000100000,%rax       /* value 0, CFA-40: the common frame pointer, here simply csp */
	mov %rax,8(%rsp)
	lea jump_buffer(%rip),%rdi
	call __popcorn_setjmp
site_outer_setjmp:
	test %eax,%eax
	je 1f
	/* memory tier: nothing survives in registers; a constant may */
	mov $0x1111,%ebx
	movq $0x2222,16(%rsp)
	movabs $0x1000100000,%rax
	mov %rax,8(%rsp)
	incl bits(%rip)
1:	mov counter(%rip),%rax
	cmp limit(%rip),%rax
	jae 2f
	call middle
site_outer_middle:
	cmp $0x1111,%rbx
	jne 3f
	cmpq $0x2222,16(%rsp)
	jne 4f
	cmp $0x333c,%rax
	jne 5f
	jmp 1b
2:	xor %edi,%edi
	call popcorn_end
3:	mov $3,%edi
	call popcorn_end
4:	mov $4,%edi
	call popcorn_end
5:	mov $5,%edi
	call popcorn_end
outer_end:

	.globl middle, site_middle_inner, middle_end
middle:	push %rbx
	push %r12
	sub $24,%rsp                    /* CFA = rsp + 48 */
	mov $0x3333,%ebx
	mov $7,%r12d
	movl $9,8(%rsp)
	call inner
site_middle_inner:
	cmp $7,%r12
	jne 3b
	mov 8(%rsp),%eax
	add %rbx,%rax
	add $24,%rsp
	pop %r12
	pop %rbx
	ret
middle_end:

	.globl inner, site_inner_point, inner_end
inner:	sub $8,%rsp                     /* CFA = rsp + 16 */
	incq counter(%rip)
	cmpl $0,__popcorn_flag(%rip)
	je 1f
	call __popcorn_point
site_inner_point:
1:	mov counter(%rip),%rax
	xor %edx,%edx
	mov $5,%ecx
	div %rcx
	test %rdx,%rdx
	jne 2f
	lea jump_buffer(%rip),%rdi
	mov $1,%esi
	call longjmp
2:	add $8,%rsp
	ret
inner_end:
	.section .note.GNU-stack,"",@progbits
