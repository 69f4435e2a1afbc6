/* SPDX-License-Identifier: MIT */
/*
 * switch_aarch64.S - the switch between two stacks, and the first frame of a new one (AAPCS64).
 *
 * A parked stack, from sp up:  d8 to d15, x19 to x28, x29, x30 (the address to go on at); 160
 * bytes.
 *
 * The way out is a ret: with branch target identification any other branch would want a landing pad
 * at the place it goes to.  FPCR is inherited (fiber.h).
 */
	.text

/* void thrum__fiber_swap(void **from_sp, void *to_sp) */
	.globl	thrum__fiber_swap
	.hidden	thrum__fiber_swap
	.type	thrum__fiber_swap, %function
	.globl	thrum__fiber_parked
	.hidden	thrum__fiber_parked
	.type	thrum__fiber_parked, %function
	.p2align 5
thrum__fiber_swap:
	.cfi_startproc
	hint	#34		/* bti c */
	sub	sp, sp, #160
	.cfi_adjust_cfa_offset 160
	stp	d8, d9, [sp]
	stp	d10, d11, [sp, #16]
	stp	d12, d13, [sp, #32]
	stp	d14, d15, [sp, #48]
	stp	x19, x20, [sp, #64]
	stp	x21, x22, [sp, #80]
	stp	x23, x24, [sp, #96]
	stp	x25, x26, [sp, #112]
	stp	x27, x28, [sp, #128]
	stp	x29, x30, [sp, #144]
	.cfi_rel_offset d8, 0
	.cfi_rel_offset d9, 8
	.cfi_rel_offset d10, 16
	.cfi_rel_offset d11, 24
	.cfi_rel_offset d12, 32
	.cfi_rel_offset d13, 40
	.cfi_rel_offset d14, 48
	.cfi_rel_offset d15, 56
	.cfi_rel_offset x19, 64
	.cfi_rel_offset x20, 72
	.cfi_rel_offset x21, 80
	.cfi_rel_offset x22, 88
	.cfi_rel_offset x23, 96
	.cfi_rel_offset x24, 104
	.cfi_rel_offset x25, 112
	.cfi_rel_offset x26, 120
	.cfi_rel_offset x27, 128
	.cfi_rel_offset x28, 136
	.cfi_rel_offset x29, 144
	.cfi_rel_offset x30, 152
	mov	x9, sp
	str	x9, [x0]
	mov	sp, x1
thrum__fiber_parked:
	/* From here on the other stack, of the same shape: the unwind rules hold on. */
	ldp	x29, x30, [sp, #144]
	ldp	d8, d9, [sp]
	ldp	d10, d11, [sp, #16]
	ldp	d12, d13, [sp, #32]
	ldp	d14, d15, [sp, #48]
	ldp	x19, x20, [sp, #64]
	ldp	x21, x22, [sp, #80]
	ldp	x23, x24, [sp, #96]
	ldp	x25, x26, [sp, #112]
	ldp	x27, x28, [sp, #128]
	add	sp, sp, #160
	.cfi_adjust_cfa_offset -160
	.cfi_restore d8
	.cfi_restore d9
	.cfi_restore d10
	.cfi_restore d11
	.cfi_restore d12
	.cfi_restore d13
	.cfi_restore d14
	.cfi_restore d15
	.cfi_restore x19
	.cfi_restore x20
	.cfi_restore x21
	.cfi_restore x22
	.cfi_restore x23
	.cfi_restore x24
	.cfi_restore x25
	.cfi_restore x26
	.cfi_restore x27
	.cfi_restore x28
	.cfi_restore x29
	.cfi_restore x30
	ret
	.cfi_endproc
	.size	thrum__fiber_swap, . - thrum__fiber_swap

/* The first instruction of a fiber; it comes here from a swap, with its struct in x19. */
	.globl	thrum__fiber_entry
	.hidden	thrum__fiber_entry
	.type	thrum__fiber_entry, %function
	.p2align 4
thrum__fiber_entry:
	.cfi_startproc
	.cfi_undefined x30
	hint	#36		/* bti j */
	mov	x29, #0
	mov	x0, x19
	bl	thrum__fiber_main
	brk	#1
	.cfi_endproc
	.size	thrum__fiber_entry, . - thrum__fiber_entry

	.section .note.GNU-stack, "", %progbits

#if defined(__ARM_FEATURE_BTI_DEFAULT)
/* Branch targets are marked (BTI). */
	.section .note.gnu.property, "a"
	.p2align 3
	.long	4, 16, 5
	.asciz	"GNU"
	.long	0xc0000000, 4, 1, 0
#endif
