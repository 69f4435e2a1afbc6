/* SPDX-License-Identifier: MIT */
/*
 * explorer.h - what a scenario may use.
 *
 * A scenario is a few simulated threads over a structure of the library; the explorer runs it again
 * and again, each time with another interleaving and other answers of its weak loads, until all
 * have been seen.  README.md tells how to write one.
 *
 *	static struct stack s;
 *	static void setup(void) { stack_init(&s); }
 *	static void pusher(void) { stack_push(&s, model_alloc(sizeof(struct node))); }
 *	static void taker(void) { struct node *n = stack_take_all(&s); ... model_assert(...); }
 *	static void check(void) { model_assert(taken == 1); }
 *
 *	SCENARIO(stack_push_take, .bound = 3, .setup = setup, .thread = {pusher, taker},
 *		 .check = check, .min_executions = 10000, .covers = "T1 T2");
 */
#ifndef MODEL_EXPLORER_H
#define MODEL_EXPLORER_H

#include "base/atomic.h"

#define MODEL_MAX_THREADS 7

struct scenario {
	const char *name;
	void (*setup)(void);                     /* before the threads, seen by all of them */
	void (*thread[MODEL_MAX_THREADS])(void); /* the first NULL ends the list */
	void (*check)(void);                     /* after all threads, sees everything */
	unsigned bound;          /* preemptions; 0 means 3.  Waiting and ending cost none */
	unsigned full_bound;     /* the same without --time; 0: bound */
	unsigned max_steps;      /* operations in one execution; 0: 5000; at most 20000 */
	unsigned stale;          /* reads of older stores in one execution; 0: any number */
	uint64_t min_executions; /* fewer: the scenario is too small and fails */
	unsigned may_sleep;      /* bit i: thread i may still be blocked at the end */
	bool bounded_spin;       /* its waiting loops give up: explore that, too */
	bool insert_stores;      /* stores may also land before ones already made (2+2W); dear */
	bool observes_order;     /* threads look at each other's plain variables: see README.md */
	const char *covers;      /* the structure's MOVES that it goes through */
	const char *expect;      /* explorer's own tests: it must fail with these words */
};

#define SCENARIO(name_, ...)                                                                 \
	static const struct scenario model_scenario_##name_ = {.name = #name_, __VA_ARGS__}; \
	static const struct scenario *const model_scenario_ref_##name_                       \
	    __attribute__((section("model_scenarios"), used)) = &model_scenario_##name_

#define model_assert(cond)                                              \
	do {                                                            \
		if (!(cond))                                            \
			model_assert_failed(#cond, __FILE__, __LINE__); \
	} while (0)

/* Ends the execution as failed. */
_Noreturn void model_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

_Noreturn void model_assert_failed(const char *what, const char *file, int line);

/* 0, 1, ...: the calling thread's place in .thread; -1 in setup and check. */
int model_thread(void);

/*
 * A choice from 0 .. n - 1, explored like the schedule (say, which of two operations a thread
 * does).
 */
unsigned model_choose(unsigned n);

/* A scheduling point that costs no preemption. */
void model_yield(void);

/* Shows @name for the atomic or plain variable at @p in printed interleavings. */
void model_name(const volatile void *p, const char *name);

/*
 * Memory.  Filled with 0xA5, never handed out again within an execution, taken back at its end.  An
 * operation of atomic.h on freed memory, on memory whose allocation does not happen before it, a
 * second free, and a free that an earlier access does not happen before, fail.  The library's
 * thrum__os_alloc and thrum__os_free lead here.
 */
void *model_alloc(size_t size);
void model_free(void *p);
unsigned model_live(void); /* pieces not freed */
/* Fails if @p is in a freed piece; for accesses that atomic.h does not see. */
void model_check_live(const void *p);
/*
 * Calls @fn(@arg) with its frames in the @size bytes at @stack, of model_alloc and not used before:
 * once they are freed, who still touches what lay in a frame is caught.  4096 bytes are for the
 * explorer itself.
 */
void model_call_on(void *stack, size_t size, void (*fn)(void *arg), void *arg);

/*
 * Sleep.  All threads asleep (but for .may_sleep) is a failure: a lost wake-up.  A futex orders
 * nothing but its own look at the word; an event is like an eventfd: set releases, wait acquires
 * and takes the count; block_until looks at @pred each time the scheduler runs, and orders
 * nothing.  @pred may read memory but not use atomic.h (write p->v).
 */
bool model_futex_wait(struct atomic32 *p,
		      uint32_t expected); /* false: the word was not @expected */
void model_futex_wake(struct atomic32 *p, unsigned n);
void model_block_until(bool (*pred)(void *), void *arg);

struct model_event {
	struct atomic32 count;
};
void model_event_init(struct model_event *e);
void model_event_set(struct model_event *e);
void model_event_wait(struct model_event *e);
/*
 * As a wait with a deadline that may have passed: false (at an explored choice, or with nothing
 * set): no event.
 */
bool model_event_poll(struct model_event *e);

#endif
