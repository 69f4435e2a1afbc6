/* SPDX-License-Identifier: MIT */
/*
 * assert.h - assertions that say what, where, in which task, and what to do.
 *
 * ENSURE stays on in release builds: a caller's bug or a broken invariant ends the process.
 * DEBUG_ENSURE costs more and is for -DTHRUM_DEBUG=ON.
 */
#ifndef THRUM_BASE_ASSERT_H
#define THRUM_BASE_ASSERT_H

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define NOINLINE __attribute__((noinline))
#define ALWAYS_INLINE inline __attribute__((always_inline))
#define COLD __attribute__((cold, noinline))

/* Names the current task in the message; set by the scheduler, NULL before. */
extern const char *(*thrum__assert_task)(void);

_Noreturn COLD void thrum__assert_fail(const char *file, int line, const char *what,
				       const char *advice);

#define ENSURE(cond, advice)                                                   \
	do {                                                                   \
		if (UNLIKELY(!(cond)))                                         \
			thrum__assert_fail(__FILE__, __LINE__, #cond, advice); \
	} while (0)

#ifdef THRUM_DEBUG
#define DEBUG_ENSURE(cond, advice) ENSURE(cond, advice)
#else
#define DEBUG_ENSURE(cond, advice) ((void)sizeof(!(cond)))
#endif

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#endif
