/* SPDX-License-Identifier: MIT */
/*
 * fiber.c - contexts for simulated threads: saved registers on their own stacks on x86-64, ucontext
 * elsewhere.
 *
 * Signal masks and floating-point control are not saved: all fibers belong to one thread of one
 * process.
 */
#include "fiber.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { STACK = 256 * 1024, GUARD = 4096 };

void fiber_create(struct fiber *f)
{
	char *m = mmap(NULL, GUARD + STACK, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (m == MAP_FAILED || mprotect(m, GUARD, PROT_NONE)) {
		perror("model: no memory for a stack");
		exit(2);
	}
	f->stack = m + GUARD;
}

#ifdef __x86_64__

void fiber_swap(void **save, void *load);
__asm__(".text\n"
	".p2align 4\n"
	".type fiber_swap, @function\n"
	"fiber_swap:\n"
	"	pushq %rbp\n"
	"	pushq %rbx\n"
	"	pushq %r12\n"
	"	pushq %r13\n"
	"	pushq %r14\n"
	"	pushq %r15\n"
	"	movq %rsp, (%rdi)\n"
	"	movq %rsi, %rsp\n"
	"	popq %r15\n"
	"	popq %r14\n"
	"	popq %r13\n"
	"	popq %r12\n"
	"	popq %rbx\n"
	"	popq %rbp\n"
	"	ret\n"
	".size fiber_swap, .-fiber_swap\n");

void fiber_call_at(void *top, void (*fn)(void *arg), void *arg);
__asm__(".text\n"
	".p2align 4\n"
	".type fiber_call_at, @function\n"
	"fiber_call_at:\n"
	"	pushq %rbp\n"
	"	movq %rsp, %rbp\n"
	"	movq %rdi, %rsp\n"
	"	movq %rdx, %rdi\n"
	"	call *%rsi\n"
	"	movq %rbp, %rsp\n"
	"	popq %rbp\n"
	"	ret\n"
	".size fiber_call_at, .-fiber_call_at\n");

void fiber_call(void *stack, size_t size, void (*fn)(void *arg), void *arg)
{
	uintptr_t top = (uintptr_t)stack + size;

	fiber_call_at((void *)(top & ~(uintptr_t)15), fn, arg);
}

void fiber_prepare(struct fiber *f, void (*entry)(void))
{
	uint64_t *top = (uint64_t *)(f->stack + STACK);

	top[-1] = 0; /* where entry would return to; keeps the alignment of a call */
	top[-2] = (uint64_t)(uintptr_t)entry;
	for (int i = 3; i <= 8; i++)
		top[-i] = 0;
	f->sp = top - 8;
}

void fiber_switch(struct fiber *from, struct fiber *to)
{
	fiber_swap(&from->sp, to->sp);
}

#else

void fiber_prepare(struct fiber *f, void (*entry)(void))
{
	getcontext(&f->context);
	f->context.uc_stack.ss_sp = f->stack;
	f->context.uc_stack.ss_size = STACK;
	f->context.uc_link = NULL;
	makecontext(&f->context, entry, 0);
}

void fiber_switch(struct fiber *from, struct fiber *to)
{
	swapcontext(&from->context, &to->context);
}

struct call {
	void (*fn)(void *arg);
	void *arg;
};

/* makecontext passes ints. */
static void call_main(unsigned high, unsigned low)
{
	struct call *c = (struct call *)(uintptr_t)((uint64_t)high << 32 | low);

	c->fn(c->arg);
}

void fiber_call(void *stack, size_t size, void (*fn)(void *arg), void *arg)
{
	struct call c = {fn, arg};
	uint64_t p = (uintptr_t)&c;
	ucontext_t here, there;

	getcontext(&there);
	there.uc_stack.ss_sp = stack;
	there.uc_stack.ss_size = size;
	there.uc_link = &here;
	makecontext(&there, (void (*)(void))call_main, 2, (unsigned)(p >> 32), (unsigned)p);
	swapcontext(&here, &there);
}

#endif
