/* SPDX-License-Identifier: MIT */
/*
 * held.c - which OS locks a thread holds: mutexes, reader-writer and spin locks of pthreads, in a
 * debug build.
 *
 * A lock that a task holds while it waits is held by a thread that goes on with other tasks: they
 * block it, or lock it again, and it is given back on another thread.  So the scheduler asks here
 * before a fiber leaves its thread.
 *
 * HOW     The calls that take and give locks are defined here: they call the next definition
 *         (libc's, or a sanitizer's) and put down, for their thread, what was taken and where.  A
 *         program linked with the static library calls these, and so does what it loads; the
 *         shared library keeps them to itself, as a version of its own of libc's names would be
 *         asked for by every program that was linked with it.  Calls of pthreads are seen,
 *         std::mutex's among them, and not what libc locks by itself (stdio, mtx_lock).
 *         Rejected: --wrap at the user's link (nobody would), macros in a header (code that was
 *         compiled without them is what one wants to hear of).  Under ThreadSanitizer, whose
 *         definitions must be called and can't be found, nothing is seen.
 *
 * OWNERS  Each thread has its list, and no other touches it.  A lock that is given back on another
 *         thread, or was forgotten, is in no list, and that is no matter.  The library's own locks
 *         are put down like others: none is held where a fiber leaves.
 *
 * What can fail: the next definition may not be there (in a program linked with -static some have
 * no other name): the process ends.  Of more than MOST locks at a time the later are not put down.
 */
#include "base/held.h"

#ifdef THRUM__SEES_LOCKS

#include "base/assert.h"
#include "base/atomic.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <time.h>

#define MOST 16

struct locks {
	unsigned count;
	struct thrum__held held[MOST]; /* the newest last */
};

/* No memory is to be found for it at its first use, which may be inside malloc. */
static _Thread_local struct locks own __attribute__((tls_model("initial-exec")));

/* Not to be kept by a compiler across a switch to another thread (base/tls.h). */
static NOINLINE struct locks *locks_here(void)
{
	struct locks *l = &own;

	__asm__ volatile("" : "+r"(l)::"memory");
	return l;
}

static void take(const volatile void *lock, const void *return_address)
{
	struct locks *l = locks_here();

	if (l->count < MOST)
		l->held[l->count++] =
		    (struct thrum__held){(const void *)lock, (const char *)return_address - 1};
}

static void give(const volatile void *lock)
{
	struct locks *l = locks_here();
	unsigned i = l->count;

	while (i && l->held[i - 1].lock != lock)
		i--;
	if (!i)
		return;
	for (l->count--; i <= l->count; i++)
		l->held[i - 1] = l->held[i];
}

unsigned thrum__held_forget(struct thrum__held *newest)
{
	struct locks *l = locks_here();
	unsigned n = l->count;

	if (n && newest)
		*newest = l->held[n - 1];
	l->count = 0;
	return n;
}

/* ---- The calls ---- */

/* The next definition of @name; @other: by its other name, where nothing is bound at run time. */
static void *find(struct atomicptr *known, const char *name, void *other)
{
	void *f = load_relaxed(known);

	if (!f) {
		f = dlsym(RTLD_NEXT, name);
		if (!f)
			f = other;
		ENSURE(f, "a debug build of thrum needs libc as a shared library here");
		store_relaxed(known, f);
	}
	return f;
}

#define VISIBLE __attribute__((visibility("default")))

/* Calls the next definition of @name. */
#define NEXT(name, result, arguments)                                                         \
	do {                                                                                  \
		static struct atomicptr known;                                                \
                                                                                              \
		result = ((__typeof__(&name))find(&known, #name, (void *)__##name))arguments; \
	} while (0)

#define TAKES(name, parameters, arguments)                      \
	extern __typeof__(name) __##name __attribute__((weak)); \
	VISIBLE int name parameters                             \
	{                                                       \
		int err;                                        \
                                                                \
		NEXT(name, err, arguments);                     \
		if (!err || err == EOWNERDEAD)                  \
			take(l, __builtin_return_address(0));   \
		return err;                                     \
	}

#define GIVES(name, parameters)                                 \
	extern __typeof__(name) __##name __attribute__((weak)); \
	VISIBLE int name parameters                             \
	{                                                       \
		int err;                                        \
                                                                \
		NEXT(name, err, (l));                           \
		if (!err)                                       \
			give(l);                                \
		return err;                                     \
	}

TAKES(pthread_mutex_lock, (pthread_mutex_t * l), (l))
TAKES(pthread_mutex_trylock, (pthread_mutex_t * l), (l))
TAKES(pthread_mutex_timedlock, (pthread_mutex_t * l, const struct timespec *until), (l, until))
TAKES(pthread_mutex_clocklock, (pthread_mutex_t * l, clockid_t c, const struct timespec *until),
      (l, c, until))
GIVES(pthread_mutex_unlock, (pthread_mutex_t * l))

TAKES(pthread_rwlock_rdlock, (pthread_rwlock_t * l), (l))
TAKES(pthread_rwlock_wrlock, (pthread_rwlock_t * l), (l))
TAKES(pthread_rwlock_tryrdlock, (pthread_rwlock_t * l), (l))
TAKES(pthread_rwlock_trywrlock, (pthread_rwlock_t * l), (l))
TAKES(pthread_rwlock_timedrdlock, (pthread_rwlock_t * l, const struct timespec *until), (l, until))
TAKES(pthread_rwlock_timedwrlock, (pthread_rwlock_t * l, const struct timespec *until), (l, until))
TAKES(pthread_rwlock_clockrdlock, (pthread_rwlock_t * l, clockid_t c, const struct timespec *until),
      (l, c, until))
TAKES(pthread_rwlock_clockwrlock, (pthread_rwlock_t * l, clockid_t c, const struct timespec *until),
      (l, c, until))
GIVES(pthread_rwlock_unlock, (pthread_rwlock_t * l))

TAKES(pthread_spin_lock, (pthread_spinlock_t * l), (l))
TAKES(pthread_spin_trylock, (pthread_spinlock_t * l), (l))
GIVES(pthread_spin_unlock, (pthread_spinlock_t * l))

#endif
