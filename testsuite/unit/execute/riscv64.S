# State: ra, sp, t0 to t6 without gp and tp at 0 (the order of x1 to x31), f0 to f31 at 232, a word without meaning at
# 488, number of the case at 496, whether it jumped at 504, its address at 512; the stack pointer of the bench at
# STATE + 0x8000. t6 is the bench's own.
.macro each_general what
	\what x1, 0
	\what x5, 16
.irp n, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
	\what x\n, 16 + 8 * (\n - 5)
.endr
.endm
.macro load register, at
	ld \register, \at(t6)
.endm
.macro store register, at
	sd \register, \at(t6)
.endm
.text
.globl _start, bench_call, bench_run, fallen, landed
_start:
	call bench_main
	ebreak
bench_call:
	mv a7, a0
	mv a0, a1
	mv a1, a2
	mv a2, a3
	mv a3, a4
	mv a4, a5
	mv a5, a6
	ecall
	ret
bench_run:
	addi sp, sp, -208
	sd ra, 0(sp)
	sd s0, 8(sp)
	sd s1, 16(sp)
.irp n, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
	sd s\n, 8 * \n + 8(sp)
.endr
.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
	fsd fs\n, 8 * \n + 104(sp)
.endr
	li t6, STATE
	li t5, 0x8000
	add t5, t5, t6
	sd sp, 0(t5)
.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	fld f\n, 232 + 8 * \n(t6)
.endr
	ld sp, 8(t6)
	each_general load
	ld t6, 512(t6)
	jr t6
fallen:
	li t6, STATE
	sd zero, 504(t6)
	j save
landed:
	li t6, STATE
	sd t6, 504(t6)
save:
	each_general store
	sd sp, 8(t6)
.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	fsd f\n, 232 + 8 * \n(t6)
.endr
	li t5, 0x8000
	add t5, t5, t6
	ld sp, 0(t5)
	ld ra, 0(sp)
	ld s0, 8(sp)
	ld s1, 16(sp)
.irp n, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
	ld s\n, 8 * \n + 8(sp)
.endr
.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
	fld fs\n, 8 * \n + 104(sp)
.endr
	addi sp, sp, 208
	ret
.section .rodata
.balign 8
.globl bench_read, bench_write, bench_mmap, bench_exit
bench_read: .quad 63
bench_write: .quad 64
bench_mmap: .quad 222
bench_exit: .quad 93
