/* frames_x86_64.S for riscv64: same sites, other registers and slots; middle's value is in fs0, to have one. */
	.text
	.globl _start
_start:	mv a0,sp
	call popcorn_main

	.globl popcorn_kernel
popcorn_kernel:
	mv a7,a0
	mv a0,a1
	mv a1,a2
	mv a2,a3
	mv a3,a4
	mv a4,a5
	mv a5,a6
	ecall
	ret
	.globl popcorn_arch_tp
popcorn_arch_tp:
	mv tp,a0
	li a0,0
	ret
	.globl popcorn_arch_get_tp
popcorn_arch_get_tp:
	mv a0,tp
	ret
	.globl popcorn_first_frame
popcorn_first_frame:
	mv sp,a0
	lla ra,__popcorn_bottom
	j outer
	.globl __popcorn_bottom
__popcorn_bottom:
	unimp

	.globl outer, site_outer_setjmp, site_outer_middle, outer_end
outer:	addi sp,sp,-64                  /* CFA = sp + 64 */
	sd ra,56(sp)
	sd s1,48(sp)
	sd s2,40(sp)
	li s1,0x1111
	li s2,0x2222
	li a1,0x1000100000              /* value 0, CFA-56: the common frame pointer, here simply csp */
	sd a1,8(sp)
	lla a0,jump_buffer
	call __popcorn_setjmp
site_outer_setjmp:
	beqz a0,1f
	li s1,0x1111
	li s2,0x2222
	li a1,0x1000100000
	sd a1,8(sp)
	lla a1,bits
	ld a2,0(a1)
	addi a2,a2,1
	sd a2,0(a1)
1:	lla a1,counter
	ld a1,0(a1)
	lla a2,limit
	ld a2,0(a2)
	bgeu a1,a2,2f
	call middle
site_outer_middle:
	li a1,0x1111
	bne s1,a1,3f
	li a1,0x2222
	bne s2,a1,4f
	li a1,0x333c
	bne a0,a1,5f
	j 1b
2:	li a0,0
	call popcorn_end
3:	li a0,3
	call popcorn_end
4:	li a0,4
	call popcorn_end
5:	li a0,5
	call popcorn_end
outer_end:

	.globl middle, site_middle_inner, middle_end
middle:	addi sp,sp,-80                  /* CFA = sp + 80 */
	sd ra,16(sp)
	fsd fs0,24(sp)
	sd s1,32(sp)
	sd s2,40(sp)
	li s1,7
	li a0,0x3333
	fmv.d.x fs0,a0
	li a0,9
	sw a0,8(sp)
	call inner
site_middle_inner:
	li a1,7
	bne s1,a1,3b
	lw a0,8(sp)
	fmv.x.d a1,fs0
	add a0,a0,a1
	ld s2,40(sp)
	ld s1,32(sp)
	fld fs0,24(sp)
	ld ra,16(sp)
	addi sp,sp,80
	ret
middle_end:

	.globl inner, site_inner_point, inner_end
inner:	addi sp,sp,-16                  /* CFA = sp + 16 */
	sd ra,0(sp)
	lla a1,counter
	ld a0,0(a1)
	addi a0,a0,1
	sd a0,0(a1)
	lla a1,__popcorn_flag
	lw a1,0(a1)
	beqz a1,1f
	call __popcorn_point
site_inner_point:
1:	lla a1,counter
	ld a0,0(a1)
	li a1,5
	remu a2,a0,a1
	bnez a2,2f
	lla a0,jump_buffer
	li a1,1
	call longjmp
2:	ld ra,0(sp)
	addi sp,sp,16
	ret
inner_end:
	.section .note.GNU-stack,"",@progbits
