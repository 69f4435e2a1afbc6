/* SPDX-License-Identifier: MIT */
/*
 * sanitize.h - tells AddressSanitizer, ThreadSanitizer and Valgrind about fibers.
 *
 * All are always inlined, so that no frame of theirs lies across a switch, and called from
 * functions marked UNINSTRUMENTED.  In a plain build nothing remains but a test of whether Valgrind
 * runs us, which the pool asked at its start: a request costs 2 ns outside Valgrind too.
 *
 *   create    a fiber's stack is set up
 *   leave     before the switch away
 *   arrive    first thing after the switch to it, or at its entry
 *   destroy   it is given back and does not run
 *   free      a stack's contents are of no use any more
 */
#ifndef THRUM_FIBER_SANITIZE_H
#define THRUM_FIBER_SANITIZE_H

#include <stdbool.h>
#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
#define THRUM_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define THRUM_ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define THRUM_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define THRUM_TSAN 1
#endif
#endif

#if !defined(THRUM_ASAN) && !defined(THRUM_TSAN) && !defined(NVALGRIND) && defined(__has_include)
#if __has_include(<valgrind/memcheck.h>)
#define THRUM_VALGRIND 1
#include <valgrind/memcheck.h>
#endif
#endif

#ifdef THRUM_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef THRUM_TSAN
#include <sanitizer/tsan_interface.h>
#endif

#define SANITIZE_INLINE static inline __attribute__((always_inline))

#if defined(__clang__)
#define UNINSTRUMENTED __attribute__((disable_sanitizer_instrumentation))
#else
#define UNINSTRUMENTED __attribute__((no_sanitize_address, no_sanitize_thread))
#endif

#if defined(THRUM_ASAN) || defined(THRUM_TSAN)
#define THRUM_SANITIZED 1
#endif

/* The part of a fiber that belongs to the tools. */
struct thrum__sanitize {
#ifdef THRUM_ASAN
	void *fake_stack; /* kept while the fiber does not run */
#endif
#ifdef THRUM_TSAN
	void *tsan_fiber;
#endif
#ifdef THRUM_VALGRIND
	unsigned valgrind_id;
#endif
	char unused[0];
};

/* Are the requests below to be made? */
SANITIZE_INLINE bool thrum__sanitize_valgrind(void)
{
#ifdef THRUM_VALGRIND
	return RUNNING_ON_VALGRIND;
#else
	return false;
#endif
}

SANITIZE_INLINE void thrum__sanitize_create(struct thrum__sanitize *s, char *low, char *high,
					    bool valgrind)
{
	(void)s, (void)low, (void)high, (void)valgrind;
#ifdef THRUM_ASAN
	s->fake_stack = NULL;
#endif
#ifdef THRUM_TSAN
	s->tsan_fiber = __tsan_create_fiber(0);
#endif
#ifdef THRUM_VALGRIND
	if (__builtin_expect(valgrind, 0))
		s->valgrind_id = VALGRIND_STACK_REGISTER(low, high);
#endif
}

/* The same for a thread's own stack. */
SANITIZE_INLINE void thrum__sanitize_thread(struct thrum__sanitize *s)
{
	(void)s;
#ifdef THRUM_ASAN
	s->fake_stack = NULL;
#endif
#ifdef THRUM_TSAN
	s->tsan_fiber = __tsan_get_current_fiber();
#endif
}

SANITIZE_INLINE void thrum__sanitize_destroy(struct thrum__sanitize *s, bool valgrind)
{
	(void)s, (void)valgrind;
#ifdef THRUM_TSAN
	__tsan_destroy_fiber(s->tsan_fiber);
#endif
#ifdef THRUM_VALGRIND
	if (__builtin_expect(valgrind, 0))
		VALGRIND_STACK_DEREGISTER(s->valgrind_id);
#endif
}

/* Going from @from to @to, whose stack is @low to @high; @last: @from never runs again. */
SANITIZE_INLINE void thrum__sanitize_leave(struct thrum__sanitize *from, struct thrum__sanitize *to,
					   char *low, char *high, bool last)
{
	(void)from, (void)to, (void)low, (void)high, (void)last;
#ifdef THRUM_ASAN
	__sanitizer_start_switch_fiber(last ? NULL : &from->fake_stack, low, high - low);
#endif
#ifdef THRUM_TSAN
	__tsan_switch_to_fiber(to->tsan_fiber, 0);
#endif
}

SANITIZE_INLINE void thrum__sanitize_arrive(struct thrum__sanitize *self)
{
	(void)self;
#ifdef THRUM_ASAN
	__sanitizer_finish_switch_fiber(self->fake_stack, NULL, NULL);
#endif
}

SANITIZE_INLINE void thrum__sanitize_free(char *low, size_t size, bool valgrind)
{
	(void)low, (void)size, (void)valgrind;
#ifdef THRUM_ASAN
	__asan_unpoison_memory_region(low, size);
#endif
#ifdef THRUM_VALGRIND
	if (__builtin_expect(valgrind, 0))
		(void)VALGRIND_MAKE_MEM_UNDEFINED(low, size);
#endif
}

#endif
