/* SPDX-License-Identifier: MIT */
/*
 * guard.h - says which task overflowed its stack before the process ends with SIGSEGV.
 *
 * A handler for SIGSEGV and SIGBUS, installed once for the life of the process.  A fault in the
 * guard of the fiber that runs on this thread is reported in one line on standard error and ends
 * the process by the signal; any other goes on to the handler that was there before, or to the
 * default.  The handler runs on a stack of its own, which each worker's thread sets up.
 */
#ifndef THRUM_FIBER_GUARD_H
#define THRUM_FIBER_GUARD_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

/* What runs on this thread. */
struct thrum__guard_info {
	const char *low; /* of the usable stack; the guard is below it */
	size_t guard_bytes;
	size_t stack_bytes;
	const char *name;  /* of the task; NULL: none */
	const char *place; /* FILE:LINE where it was spawned; NULL: unknown */
};

/* One thread's signal stack. */
struct thrum__guard_thread {
	void *map;   /* NULL: none */
	stack_t old; /* what the thread had before */
};

/*
 * thrum__guard_install - install the handler; only the first call does, or sets @current.
 *
 * @current: fills in *out and returns true, or false where no fiber runs.  Called in the signal
 * handler.  Returns: 0 or -errno: the next call tries again.
 */
int thrum__guard_install(bool (*current)(struct thrum__guard_info *out));

/* Give the calling thread a signal stack of 64 KiB with a guard page.  Returns: 0; -ENOMEM. */
int thrum__guard_thread_init(struct thrum__guard_thread *t);
/* Take it away again, on the same thread.  After a failed init, or on a zeroed struct, it does
 * nothing. */
void thrum__guard_thread_fini(struct thrum__guard_thread *t);

#endif
