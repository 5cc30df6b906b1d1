// State: x0 to x30 and sp at 0, v0 to v31 at 256, flags at 768, number of the case at 776, whether it jumped at
// 784, its address at 792; the stack pointer of the bench at STATE + 0x8000. x28 is the bench's own.
.text
.globl _start, bench_call, bench_run, fallen, landed
_start:
	mov x29, #0
	bl bench_main
	brk #0
bench_call:
	mov x8, x0
	mov x0, x1
	mov x1, x2
	mov x2, x3
	mov x3, x4
	mov x4, x5
	mov x5, x6
	svc #0
	ret
bench_run:
	stp x19, x20, [sp, #-160]!
	stp x21, x22, [sp, #16]
	stp x23, x24, [sp, #32]
	stp x25, x26, [sp, #48]
	stp x27, x28, [sp, #64]
	stp x29, x30, [sp, #80]
	stp d8, d9, [sp, #96]
	stp d10, d11, [sp, #112]
	stp d12, d13, [sp, #128]
	stp d14, d15, [sp, #144]
	mov x28, #STATE
	mov x0, sp
	add x1, x28, #8, lsl #12
	str x0, [x1]
	ldr x0, [x28, #768]
	msr nzcv, x0
.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	ldr q\n, [x28, #(256 + 16 * \n)]
.endr
	ldr x0, [x28, #248]
	mov sp, x0
.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 29, 30
	ldr x\n, [x28, #(8 * \n)]
.endr
	ldr x28, [x28, #792]
	br x28
fallen:
	mov x28, #STATE
	str xzr, [x28, #784]
	b save
landed:
	mov x28, #STATE
	str x28, [x28, #784]
save:
.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 29, 30
	str x\n, [x28, #(8 * \n)]
.endr
.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	str q\n, [x28, #(256 + 16 * \n)]
.endr
	mov x0, sp
	str x0, [x28, #248]
	mrs x0, nzcv
	str x0, [x28, #768]
	add x1, x28, #8, lsl #12
	ldr x0, [x1]
	mov sp, x0
	ldp d14, d15, [sp, #144]
	ldp d12, d13, [sp, #128]
	ldp d10, d11, [sp, #112]
	ldp d8, d9, [sp, #96]
	ldp x29, x30, [sp, #80]
	ldp x27, x28, [sp, #64]
	ldp x25, x26, [sp, #48]
	ldp x23, x24, [sp, #32]
	ldp x21, x22, [sp, #16]
	ldp x19, x20, [sp], #160
	ret
.section .rodata
.balign 8
.globl bench_read, bench_write, bench_mmap, bench_exit
bench_read: .quad 63
bench_write: .quad 64
bench_mmap: .quad 222
bench_exit: .quad 93
