/* SPDX-License-Identifier: MIT */
/* held.h - the OS locks that the calling thread holds, in a debug build; held.c tells how. */
#ifndef THRUM_BASE_HELD_H
#define THRUM_BASE_HELD_H

/* ThreadSanitizer has to see the locks itself. */
#if defined(THRUM_DEBUG) && !defined(__SANITIZE_THREAD__)
#define THRUM__SEES_LOCKS 1
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#undef THRUM__SEES_LOCKS
#endif
#endif
#endif

struct thrum__held {
	const void *lock;
	const void *caller; /* where it was taken: in the call */
};

#ifdef THRUM__SEES_LOCKS

/* How many the thread holds; they are forgotten: until it takes another it holds none.  @newest, if
 * not NULL and there is one: the last that it took. */
unsigned thrum__held_forget(struct thrum__held *newest);

#else

static inline unsigned thrum__held_forget(struct thrum__held *newest)
{
	(void)newest;
	return 0;
}

#endif
#endif
