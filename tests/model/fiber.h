/* SPDX-License-Identifier: MIT */
/*
 * fiber.h - the explorer's own smallest context switch.  Not the library's: what is under test must
 * not carry its own test.
 */
#ifndef MODEL_FIBER_H
#define MODEL_FIBER_H

#include <stddef.h>
#ifndef __x86_64__
#include <ucontext.h>
#endif

struct fiber {
	void *sp;
	char *stack; /* NULL: the real thread's */
#ifndef __x86_64__
	ucontext_t context;
#endif
};

/* A stack with a guard page below it; ends the process if there is no memory. */
void fiber_create(struct fiber *f);
/* The next switch to @f calls @entry, which must not return.  What ran on it is forgotten. */
void fiber_prepare(struct fiber *f, void (*entry)(void));
void fiber_switch(struct fiber *from, struct fiber *to);
/* Calls @fn(@arg) on another stack, without being another fiber. */
void fiber_call(void *stack, size_t size, void (*fn)(void *arg), void *arg);

#endif
