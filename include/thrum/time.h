/* SPDX-License-Identifier: MIT */
/*
 * time.h - time: nanoseconds in an int64_t, on a clock that never goes back.
 *
 * Outside a runtime and with the real clock it is CLOCK_MONOTONIC; a runtime with the virtual clock
 * (config.clock, THRUM_CLOCK=virtual) starts at 0 and jumps to the next deadline whenever nothing
 * can run and no blocking job is in flight.
 */
#ifndef THRUM_TIME_H
#define THRUM_TIME_H

#include <thrum/result.h>

#ifdef __cplusplus
extern "C" {
#endif

#define THRUM_NS(n) ((int64_t)(n))
#define THRUM_US(n) ((int64_t)(n)*1000)
#define THRUM_MS(n) ((int64_t)(n)*1000000)
#define THRUM_SEC(n) ((int64_t)(n)*1000000000)
/* As a duration or a deadline: never. */
#define THRUM_FOREVER INT64_MAX

/*
 * thrum_now - the time of the current task's runtime in ns; CLOCK_MONOTONIC outside tasks.
 *
 * Called from: anywhere.  Suspends: no.
 * Returns: ns, 0 or more; never less than an earlier call on the same clock returned.
 * asyncio: loop.time.
 */
int64_t thrum_now(void);

/*
 * thrum_sleep - suspend the current task for at least @ns.
 * thrum_sleep_until - until thrum_now() is @deadline_ns, at least.
 *
 * @ns: 0 or less, and a @deadline_ns that has passed, yield once; THRUM_FOREVER waits for
 * cancellation or the task's deadline.
 * Called from: a task.  Suspends: yes.  Cancellation point: yes.
 * Returns: 0; -ECANCELED; -ETIMEDOUT (a deadline around the call passed first); -ENOMEM; -EPERM
 * outside a task; -ENOTSUP in a forked child.
 * asyncio: sleep.
 */
int thrum_sleep(int64_t ns);
int thrum_sleep_until(int64_t deadline_ns);

/*
 * thrum_yield - let the other runnable tasks of this worker go first (up to 256 that it spawned).
 *
 * Called from: a task.  Suspends: yes.  Cancellation point: yes.
 * Returns: 0; -ECANCELED; -ETIMEDOUT; -EPERM outside a task; -ENOTSUP in a forked child.
 * asyncio: sleep(0).
 */
int thrum_yield(void);

/* In the frame of whoever begins it; its fields are the library's. */
struct thrum_timeout {
	uint64_t reserved[6];
};

/*
 * thrum_timeout_begin - from now on the current task's waits return -ETIMEDOUT once @ns have
 * passed. thrum_timeout_begin_until - the same with a deadline on thrum_now's clock.
 * thrum_timeout_end - until here.
 *
 * They nest like brackets, the nearest deadline wins; ended before the frame is left (asserted).
 * Tasks that are spawned inside do not inherit it.  @ns: 0 or less: has passed; THRUM_FOREVER:
 * none. A join inside goes on past the deadline, but cancels what it joins.
 * Called from: a task (begin elsewhere: nothing happens, end returns false).  Suspends: no.
 * Returns: true only if a wait inside was ended by this one and not by one around it, or a join
 * inside cancelled its task, or a scope its children, because of it.  A call whose wait was ended
 * returns -ETIMEDOUT, but a call of io.h that had moved bytes before returns their number: then end
 * tells of the deadline, as does the next call inside (-ETIMEDOUT, nothing done).
 */
void thrum_timeout_begin(struct thrum_timeout *t, int64_t ns);
void thrum_timeout_begin_until(struct thrum_timeout *t, int64_t deadline_ns);
bool thrum_timeout_end(struct thrum_timeout *t);

/* In the frame of whoever begins it; its fields are the library's. */
struct thrum_shield {
	uint64_t reserved[6];
};

/*
 * thrum_shield_begin - clean up undisturbed: until end the current task hears neither what is
 * requested of it nor the deadlines around it; its waits return -ETIMEDOUT once @ns have passed.
 * thrum_shield_begin_until - the same with a deadline on thrum_now's clock.
 * thrum_shield_end - until here; then the next call that waits returns -ECANCELED again.
 *
 * Timeouts and scopes that begin inside count inside.  Of a cancel request thrum_cancel_requested
 * tells no more than THRUM_SOFT.  In a shield inside a shield a scope's failure cancels its
 * children, but does not cut its opener's waits short.
 * Called from: a task (begin elsewhere: nothing happens, end returns false).  Suspends: no.
 * @ns: as for thrum_timeout_begin.
 * Returns: as thrum_timeout_end.
 * asyncio: shield, for what is inside.  Trio: CancelScope(shield=True).
 */
void thrum_shield_begin(struct thrum_shield *s, int64_t ns);
void thrum_shield_begin_until(struct thrum_shield *s, int64_t deadline_ns);
bool thrum_shield_end(struct thrum_shield *s);

#ifdef __cplusplus
}
#endif
#endif
