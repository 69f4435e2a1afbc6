/* SPDX-License-Identifier: MIT */
/*
 * inline/fork.h - what thrum_fork and thrum_fork_join do in the caller's own code: the owner's fast
 * way into and out of the lane of its worker.  Included by <thrum/fork.h>.  Nothing here is for
 * users; the argument stands in core/lane.c, and the explorer runs these very lines with the
 * operations of base/atomic.h.
 */
#ifndef THRUM_INLINE_FORK_H
#define THRUM_INLINE_FORK_H

#ifndef THRUM_FORK_H
#error "include <thrum/fork.h>"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The number of what this code and the library agree on: the lane's fields, who writes them when,
 * and the two calls.  Their names carry it, so that a program which was compiled for another one
 * does not link, or is refused when it is loaded. */
#define THRUM_FORK_ABI 1
#define THRUM_FORK_TEXT(x) #x
#define THRUM_FORK_SYMBOL(name, abi) __asm__(name "_abi" THRUM_FORK_TEXT(abi))

struct thrum_fork_word {
	void **v;
};

/* The forks of the task that runs on a worker, as its own thread sees them. */
struct thrum_fork_lane {
	struct thrum_fork_word head;  /* behind the newest */
	struct thrum_fork_word stop;  /* a push that comes here goes the slow way */
	struct thrum_fork_word split; /* below it others take, and a pop goes the slow way */
	char *stack_low;              /* below it nothing runs in place */
	void *task;                   /* the one that runs; NULL: none */
};

/* Both go the slow way where the inline one does not do; the first has pushed @j if it could. */
void thrum_fork_slowly(struct thrum_fork *j) THRUM_FORK_SYMBOL("thrum_fork_slowly", THRUM_FORK_ABI);
intptr_t thrum_fork_join_slowly(struct thrum_fork *j)
    THRUM_FORK_SYMBOL("thrum_fork_join_slowly", THRUM_FORK_ABI);

#ifndef THRUM_FORK_LOAD
#define THRUM_FORK_LOAD(word) __atomic_load_n(&(word)->v, __ATOMIC_RELAXED)
#define THRUM_FORK_PUBLISH(word, x) __atomic_store_n(&(word)->v, (x), __ATOMIC_RELEASE)
#define THRUM_FORK_READ(slot) (*(slot))
#define THRUM_FORK_WRITE(slot, item) ((void)(*(slot) = (item)))
/* Its partner is a membarrier; where there is none, stop and split lead the slow way. */
#define THRUM_FORK_FENCE() __asm__ volatile("" ::: "memory")
#endif

/* False: the slow way; @item was pushed all the same. */
static inline bool thrum_fork_push(struct thrum_fork_lane *l, void *item)
{
	void **p = THRUM_FORK_LOAD(&l->head);

	THRUM_FORK_WRITE(p, item);
	THRUM_FORK_PUBLISH(&l->head, p + 1); /* T1; O1 */
	THRUM_FORK_FENCE();                  /* O2 */
	return p < THRUM_FORK_LOAD(&l->stop);
}

/* True: @item was the newest, and is the caller's again.  False: the slow way. */
static inline bool thrum_fork_pop(struct thrum_fork_lane *l, void *item)
{
	void **p = THRUM_FORK_LOAD(&l->head) - 1;

	if (__builtin_expect(THRUM_FORK_READ(p) != item, 0))
		return false;
	THRUM_FORK_PUBLISH(&l->head, p); /* T2; O1 */
	THRUM_FORK_FENCE();              /* O2 */
	if (__builtin_expect(p >= THRUM_FORK_LOAD(&l->split), 1))
		return true;
	THRUM_FORK_PUBLISH(&l->head, p + 1); /* O1 */
	return false;
}

#if defined(__SANITIZE_THREAD__)
#define THRUM_FORK_CALLS
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define THRUM_FORK_CALLS /* it does not know fences */
#endif
#endif

#ifndef THRUM_FORK_CALLS

/* The lane of this thread; NULL: no worker's.  A task may go on on another thread after any call,
 * so the address of a thread-local must not be kept, as a compiler would. */
static inline struct thrum_fork_lane *thrum_fork_here(void)
{
	struct thrum_fork_lane *l;

#if defined(__x86_64__)
	__asm__ volatile("mov{q thrum_fork_lane@GOTTPOFF(%%rip), %0|\t%0, "
			 "QWORD PTR thrum_fork_lane@GOTTPOFF[rip]}\n\t"
			 "mov{q %%fs:(%0), %0|\t%0, QWORD PTR fs:[%0]}"
			 : "=r"(l));
#elif defined(__aarch64__)
	void *thread;

	__asm__ volatile("adrp %0, :gottprel:thrum_fork_lane\n\t"
			 "ldr %0, [%0, #:gottprel_lo12:thrum_fork_lane]\n\t"
			 "mrs %1, tpidr_el0\n\t"
			 "ldr %0, [%1, %0]"
			 : "=&r"(l), "=&r"(thread));
#else
#error "thrum runs on x86-64 and AArch64"
#endif
	return l;
}

static inline char *thrum_fork_stack(void)
{
	char *sp;

#if defined(__x86_64__)
	__asm__("mov{q %%rsp, %0|\t%0, rsp}" : "=r"(sp));
#else
	__asm__("mov %0, sp" : "=r"(sp));
#endif
	return sp;
}

static inline void thrum_fork_inline(struct thrum_fork *j, thrum_fn fn, void *arg)
{
	struct thrum_fork_lane *l = thrum_fork_here();

	j->reserved_fn = fn;
	j->reserved_arg = arg;
	if (__builtin_expect(l && l->task, 1)) {
		j->reserved_link = l->task;
		if (__builtin_expect(thrum_fork_push(l, j), 1))
			return;
	}
	thrum_fork_slowly(j);
}

static inline intptr_t thrum_fork_join_inline(struct thrum_fork *j)
{
	struct thrum_fork_lane *l = thrum_fork_here();

	if (__builtin_expect(l && thrum_fork_stack() > l->stack_low, 1) &&
	    __builtin_expect(thrum_fork_pop(l, j), 1))
		return j->reserved_fn(j->reserved_arg);
	return thrum_fork_join_slowly(j);
}

#define thrum_fork(j, ...) thrum_fork_inline(j, __VA_ARGS__) /* arg may be a compound literal */
#define thrum_fork_join(j) thrum_fork_join_inline(j)

#endif

#ifdef __cplusplus
}
#endif

#endif
