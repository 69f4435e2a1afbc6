/* SPDX-License-Identifier: MIT */
/*
 * switch_x86_64.S - the switch between two stacks, and the first frame of a new one (System V ABI).
 *
 * A parked stack, from sp up:  r15 r14 r13 r12 rbx rbp, the address to go on at.
 *
 * The way out is a jump and not a ret: the return predictor would expect the place that the last
 * call on this thread came from.  `notrack`, as that place is no branch target for indirect branch
 * tracking.  mxcsr and the x87 control word are inherited (fiber.h).  Shadow stacks are not
 * switched, so no note claims support for them.
 */
	.text

/* void thrum__fiber_swap(void **from_sp, void *to_sp) */
	.globl	thrum__fiber_swap
	.hidden	thrum__fiber_swap
	.type	thrum__fiber_swap, @function
	.globl	thrum__fiber_parked
	.hidden	thrum__fiber_parked
	.type	thrum__fiber_parked, @function
	.p2align 5
thrum__fiber_swap:
	.cfi_startproc
	endbr64
	pushq	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbp, 0
	pushq	%rbx
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbx, 0
	pushq	%r12
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r12, 0
	pushq	%r13
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r13, 0
	pushq	%r14
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r14, 0
	pushq	%r15
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r15, 0
	movq	%rsp, (%rdi)
	movq	%rsi, %rsp
thrum__fiber_parked:
	/* From here on the other stack, of the same shape: the unwind rules hold on. */
	popq	%r15
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r15
	popq	%r14
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r14
	popq	%r13
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r13
	popq	%r12
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r12
	popq	%rbx
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbx
	popq	%rbp
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbp
	popq	%rcx
	.cfi_adjust_cfa_offset -8
	.cfi_register %rip, %rcx
	notrack jmp *%rcx
	.cfi_endproc
	.size	thrum__fiber_swap, . - thrum__fiber_swap

/* The first instruction of a fiber; it comes here from a swap, with its struct in r12. */
	.globl	thrum__fiber_entry
	.hidden	thrum__fiber_entry
	.type	thrum__fiber_entry, @function
	.p2align 4
thrum__fiber_entry:
	.cfi_startproc
	.cfi_undefined %rip
	endbr64
	xorl	%ebp, %ebp
	movq	%r12, %rdi
	call	thrum__fiber_main
	ud2
	.cfi_endproc
	.size	thrum__fiber_entry, . - thrum__fiber_entry

	.section .note.GNU-stack, "", @progbits

#if defined(__CET__) && (__CET__ & 1)
/* Branch targets are marked (IBT); shadow stacks are not supported. */
	.section .note.gnu.property, "a"
	.p2align 3
	.long	4, 16, 5
	.asciz	"GNU"
	.long	0xc0000002, 4, 1, 0
#endif
