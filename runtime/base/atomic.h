/* SPDX-License-Identifier: MIT */
/*
 * atomic.h - the only way to an atomic in this library.
 *
 * The memory order stands in each operation's name.  There is no sequentially consistent access,
 * only sequentially consistent fences, and they order a store before a later load (Dekker's
 * pattern), nothing else: data goes from thread to thread through acquire and release operations,
 * which ThreadSanitizer understands (it does not see fences).
 *
 *   load_{relaxed,acquire}(p)                      -> value
 *   store_{relaxed,release}(p, value)
 *   exchange_{relaxed,acquire,release,acq_rel}(p, value)  -> old value
 *   cas_{relaxed,acquire,release,acq_rel}(p, &expected, desired) -> bool; strong; on failure
 *       expected takes the value read, with acquire for cas_acquire and cas_acq_rel, relaxed
 *       otherwise
 *   fetch_{add,sub,and,or}_{relaxed,acquire,release,acq_rel}(p, value) -> old value
 *   fence_seq_cst()
 *   fence_light(), fence_heavy()   a pair: light on the hot side (a compiler barrier), heavy on the
 *       cold side (membarrier); where membarrier could not be registered both are sequentially
 *       consistent fences
 *   spin_hint(), thread_yield()    inside a waiting loop; the second gives the CPU away;
 *       spin_hints(n) are n pauses, spin_or_yield(&tries) is now some pauses, now a yield
 *   plain_read(p), plain_write(p, value)  accesses that another operation orders; checked for races
 *   by the explorer
 *
 * Under THRUM_MODEL each is a scheduling point of the interleaving explorer (tests/model), at a
 * site that a mutant may weaken.
 */
#ifndef THRUM_BASE_ATOMIC_H
#define THRUM_BASE_ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

struct atomic32 {
	uint32_t v;
};

struct atomic64 {
	uint64_t v;
};

struct atomicptr {
	void *v;
};

#define CACHE_LINE 64

#ifdef THRUM_MODEL
#include "model_atomic.h"
#define thread_yield() spin_hint()
#define thread_nap() spin_hint()
#define spin_hints(n) ((void)(n), spin_hint())
#else

#include <sched.h>

#define load_relaxed(p) __atomic_load_n(&(p)->v, __ATOMIC_RELAXED)
#define load_acquire(p) __atomic_load_n(&(p)->v, __ATOMIC_ACQUIRE)
#define store_relaxed(p, x) __atomic_store_n(&(p)->v, (x), __ATOMIC_RELAXED)
#define store_release(p, x) __atomic_store_n(&(p)->v, (x), __ATOMIC_RELEASE)

#define exchange_relaxed(p, x) __atomic_exchange_n(&(p)->v, (x), __ATOMIC_RELAXED)
#define exchange_acquire(p, x) __atomic_exchange_n(&(p)->v, (x), __ATOMIC_ACQUIRE)
#define exchange_release(p, x) __atomic_exchange_n(&(p)->v, (x), __ATOMIC_RELEASE)
#define exchange_acq_rel(p, x) __atomic_exchange_n(&(p)->v, (x), __ATOMIC_ACQ_REL)

#define THRUM__CAS(p, e, d, ok, bad) __atomic_compare_exchange_n(&(p)->v, (e), (d), false, ok, bad)
#define cas_relaxed(p, e, d) THRUM__CAS(p, e, d, __ATOMIC_RELAXED, __ATOMIC_RELAXED)
#define cas_acquire(p, e, d) THRUM__CAS(p, e, d, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE)
#define cas_release(p, e, d) THRUM__CAS(p, e, d, __ATOMIC_RELEASE, __ATOMIC_RELAXED)
#define cas_acq_rel(p, e, d) THRUM__CAS(p, e, d, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)

#define fetch_add_relaxed(p, x) __atomic_fetch_add(&(p)->v, (x), __ATOMIC_RELAXED)
#define fetch_add_acquire(p, x) __atomic_fetch_add(&(p)->v, (x), __ATOMIC_ACQUIRE)
#define fetch_add_release(p, x) __atomic_fetch_add(&(p)->v, (x), __ATOMIC_RELEASE)
#define fetch_add_acq_rel(p, x) __atomic_fetch_add(&(p)->v, (x), __ATOMIC_ACQ_REL)
#define fetch_sub_relaxed(p, x) __atomic_fetch_sub(&(p)->v, (x), __ATOMIC_RELAXED)
#define fetch_sub_acquire(p, x) __atomic_fetch_sub(&(p)->v, (x), __ATOMIC_ACQUIRE)
#define fetch_sub_release(p, x) __atomic_fetch_sub(&(p)->v, (x), __ATOMIC_RELEASE)
#define fetch_sub_acq_rel(p, x) __atomic_fetch_sub(&(p)->v, (x), __ATOMIC_ACQ_REL)
#define fetch_and_relaxed(p, x) __atomic_fetch_and(&(p)->v, (x), __ATOMIC_RELAXED)
#define fetch_and_acquire(p, x) __atomic_fetch_and(&(p)->v, (x), __ATOMIC_ACQUIRE)
#define fetch_and_release(p, x) __atomic_fetch_and(&(p)->v, (x), __ATOMIC_RELEASE)
#define fetch_and_acq_rel(p, x) __atomic_fetch_and(&(p)->v, (x), __ATOMIC_ACQ_REL)
#define fetch_or_relaxed(p, x) __atomic_fetch_or(&(p)->v, (x), __ATOMIC_RELAXED)
#define fetch_or_acquire(p, x) __atomic_fetch_or(&(p)->v, (x), __ATOMIC_ACQUIRE)
#define fetch_or_release(p, x) __atomic_fetch_or(&(p)->v, (x), __ATOMIC_RELEASE)
#define fetch_or_acq_rel(p, x) __atomic_fetch_or(&(p)->v, (x), __ATOMIC_ACQ_REL)

#define fence_seq_cst() __atomic_thread_fence(__ATOMIC_SEQ_CST)

/* The same behind a read-modify-write, with no store between: on x86-64 that is one itself. */
static inline void fence_after_rmw(void)
{
#ifdef __x86_64__
	__asm__ volatile("" ::: "memory");
#else
	fence_seq_cst();
#endif
}

/* Set once, before the first worker starts, when membarrier could be registered (os.c). */
extern bool thrum__membarrier_ready;
void thrum__membarrier(void);

static inline void fence_light(void)
{
	if (__builtin_expect(thrum__membarrier_ready, 1))
		__asm__ volatile("" ::: "memory");
	else
		fence_seq_cst();
}

static inline void fence_heavy(void)
{
	if (thrum__membarrier_ready)
		thrum__membarrier();
	else
		fence_seq_cst();
}

static inline void spin_hint(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#else
	__asm__ volatile("yield" ::: "memory");
#endif
}

static inline void spin_hints(unsigned n)
{
	for (; n; n--)
		spin_hint();
}

static inline void thread_yield(void)
{
	sched_yield();
}

/* Some ten microseconds (os_wait.c). */
void thrum__thread_nap(void);
#define thread_nap() thrum__thread_nap()

#define plain_read(p) (*(p))
#define plain_write(p, x) ((void)(*(p) = (x)))

#endif /* THRUM_MODEL */

/* Inside a loop that waits for what another thread does in a few instructions, unless it was put
 * off its CPU: 1, 2, 4 ... pauses (each look takes the cache line away from the one that works on
 * it), and now and then the CPU for others; after many, a short sleep: a thread of real-time
 * priority gives its CPU to no other by yielding. */
static inline void spin_or_yield(unsigned *tries)
{
	unsigned n = (*tries)++ % 8;

	if (n < 7)
		spin_hints(n < 4 ? 1u << n : 16);
	else if (*tries % 2048)
		thread_yield();
	else
		thread_nap();
}

#endif
