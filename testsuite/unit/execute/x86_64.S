# State: 16 general registers in the order of their encoding at 0, xmm0 to xmm15 at 128, flags at 384, number of
# the case at 392, whether it jumped at 400, its address at 408; the stack pointer of the bench at STATE + 0x8000.
.intel_syntax noprefix
.text
.globl _start, bench_call, bench_run, fallen, landed
_start:
	xor ebp, ebp
	and rsp, -16
	call bench_main
	ud2
bench_call:
	mov rax, rdi
	mov rdi, rsi
	mov rsi, rdx
	mov rdx, rcx
	mov r10, r8
	mov r8, r9
	mov r9, [rsp + 8]
	syscall
	ret
bench_run:
	push rbx
	push rbp
	push r12
	push r13
	push r14
	push r15
	mov [STATE + 0x8000], rsp
	push qword ptr [STATE + 384]
	popfq
.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	movups xmm\n, [STATE + 128 + 16 * \n]
.endr
	mov rax, [STATE]
	mov rcx, [STATE + 8]
	mov rdx, [STATE + 16]
	mov rbx, [STATE + 24]
	mov rsp, [STATE + 32]
	mov rbp, [STATE + 40]
	mov rsi, [STATE + 48]
	mov rdi, [STATE + 56]
.irp n, 8, 9, 10, 11, 12, 13, 14, 15
	mov r\n, [STATE + 8 * \n]
.endr
	jmp [STATE + 408]
fallen:
	mov qword ptr [STATE + 400], 0
	jmp save
landed:
	mov qword ptr [STATE + 400], 1
save:
	mov [STATE], rax
	mov [STATE + 8], rcx
	mov [STATE + 16], rdx
	mov [STATE + 24], rbx
	mov [STATE + 32], rsp
	mov [STATE + 40], rbp
	mov [STATE + 48], rsi
	mov [STATE + 56], rdi
.irp n, 8, 9, 10, 11, 12, 13, 14, 15
	mov [STATE + 8 * \n], r\n
.endr
	mov rsp, [STATE + 0x8000]
	pushfq
	pop qword ptr [STATE + 384]
.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	movups [STATE + 128 + 16 * \n], xmm\n
.endr
	pop r15
	pop r14
	pop r13
	pop r12
	pop rbp
	pop rbx
	ret
.section .rodata
.balign 8
.globl bench_read, bench_write, bench_mmap, bench_exit
bench_read: .quad 0
bench_write: .quad 1
bench_mmap: .quad 9
bench_exit: .quad 60
