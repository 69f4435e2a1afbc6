/* SPDX-License-Identifier: MIT */
/*
 * fiber.h - a stack with registers that wait on it, and the switch from one to another.
 *
 * STATES   running (on exactly one thread), parked (its registers lie at sp), over (its stack may
 *          go).
 * OWNERS   sp: written by the switch away, read by the switch to it; whoever publishes a fiber to
 *          others does so after the switch away from it, from code on the next stack, with a
 *          release.  The rest is constant from create on, but for task and next, which are the
 *          scheduler's.
 *
 * A switch saves what the ABI makes the callee save (on AArch64 d8 to d15 too).  The floating-point
 * control state (mxcsr, the x87 word, FPCR) is not touched: a fiber inherits what the thread has
 * and what it changes goes on to the next one.  A switch is a call that the compiler cannot see
 * through; nothing of a thread may be kept across it, as the fiber may come back on another
 * (tls.h).
 *
 * To see a parked fiber f in gdb: `set $sp = f->sp`, `set $pc = thrum__fiber_parked`, `bt`.  The
 * walk ends at thrum__fiber_entry.
 */
#ifndef THRUM_FIBER_FIBER_H
#define THRUM_FIBER_FIBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/atomic.h"
#include "fiber/sanitize.h"
#include "fiber/stack.h"

/* A wait parks five to ten lines below the top of a task's stack, its fiber included. */
#define THRUM__FIBER_PREFETCH 8

/* Lies at the top of its own stack (a thread's: where the caller put it).  One cache line in a
 * plain build. */
struct thrum__fiber {
	void *sp;                     /* while parked */
	char *low;                    /* of the usable stack; NULL: a thread's, not asked for */
	char *high;
	void *task;                   /* the scheduler's */
	struct thrum__fiber *next;    /* the scheduler's: a list that this fiber is in */
	void (*entry)(void *arg);
	void *arg;
	struct thrum__sanitize sanitize;
	bool mapped;                  /* its stack is its own mapping, not the pool's */
} __attribute__((aligned(CACHE_LINE)));

/*
 * thrum__fiber_create - a parked fiber on a stack from @cache that will call entry(@arg), which
 * must not return.
 *
 * Returns: the fiber; NULL: no memory, the pool's limit or no guard.
 */
struct thrum__fiber *thrum__fiber_create(struct thrum__stack_cache *cache, void (*entry)(void *arg),
					 void *arg);
/* The same with a stack of @stack_bytes of its own; a slower birth and end. */
struct thrum__fiber *thrum__fiber_create_sized(struct thrum__stack_cache *cache, size_t stack_bytes,
					       void (*entry)(void *arg), void *arg);
/* Give the stack back, to the cache of whoever calls.  Not from the fiber itself. */
void thrum__fiber_destroy(struct thrum__stack_cache *cache, struct thrum__fiber *f);

/* Make @f stand for the calling thread's own stack, so that fibers can be switched to and back.
 * Needs no end. */
void thrum__fiber_init_thread(struct thrum__fiber *f);

/* Fetches what a switch to @f, which is parked, will read: the struct, and below it the frames that
 * it returns through, of which each line would be waited for by itself.  @f may have gone. */
static inline void thrum__fiber_prefetch(const struct thrum__fiber *f)
{
#pragma GCC unroll 8
	for (int i = 0; i < THRUM__FIBER_PREFETCH; i++)
		__builtin_prefetch((const char *)f - (ptrdiff_t)i * CACHE_LINE);
}

/* Bytes of @f's stack below this call; for the running fiber, not a thread's. */
static inline size_t thrum__fiber_stack_left(const struct thrum__fiber *f)
{
	return (size_t)((char *)__builtin_frame_address(0) - f->low);
}

/* In switch_*.S: park at *@from_sp what runs, go on with what is parked at @to_sp. */
void thrum__fiber_swap(void **from_sp, void *to_sp);
/* In switch_*.S: where a parked fiber's program counter is, for debuggers; and a new fiber's first
 * instruction. */
void thrum__fiber_parked(void);
void thrum__fiber_entry(void);

/*
 * thrum__fiber_switch - park @from, which runs, and go on with @to.  Returns when somebody switches
 * to @from.
 * thrum__fiber_switch_exit - the same from a fiber that never runs again: @to may destroy it.
 *
 * @from == @to is not allowed.
 */
#ifdef THRUM_SANITIZED
void thrum__fiber_switch(struct thrum__fiber *from, struct thrum__fiber *to);
#else
static inline void thrum__fiber_switch(struct thrum__fiber *from, struct thrum__fiber *to)
{
	thrum__fiber_swap(&from->sp, to->sp);
}
#endif
_Noreturn void thrum__fiber_switch_exit(struct thrum__fiber *from, struct thrum__fiber *to);

#endif
