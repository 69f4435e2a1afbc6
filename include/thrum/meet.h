/* SPDX-License-Identifier: MIT */
/*
 * meet.h - where tasks meet: event, barrier, wait group, once.
 *
 *	struct thrum_wait_group *pages = &site->pages;
 *
 *	for (i = 0; i < n; i++) {
 *		thrum_wait_group_add(pages, 1);
 *		... each ends with thrum_wait_group_done(pages)
 *	}
 *	err = thrum_wait_group_wait(pages);
 *
 * (A wait that is cancelled returns before the others are done: what they use must outlive them.
 * A scope waits in any case.)
 *
 * One may be freed when all calls that wait at it have returned and no set, done or arrival is
 * still to begin; the last of those may yet be about to return.
 * Where they may lie, who may use them, and what calls that wait return, is as in sync.h.
 */
#ifndef THRUM_MEET_H
#define THRUM_MEET_H

#include <thrum/result.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Event ---- */

/* Its fields are the library's. */
struct thrum_event {
	uint64_t reserved[4];
};

/*
 * thrum_event_init - an event that is not set; all zero is one, too.  thrum_event_fini - it is not
 * used any more.
 *
 * Called from: anywhere.  Suspends: no.
 */
void thrum_event_init(struct thrum_event *e);
void thrum_event_fini(struct thrum_event *e);

/*
 * thrum_event_set - from now on @e is set; all that wait are woken, even if it is cleared at once.
 * thrum_event_clear - from now on it is not.
 * thrum_event_is_set - which of both.
 *
 * Called from: anywhere.  Suspends: no.
 * Returns: is_set: true if so.
 * asyncio: Event.
 */
void thrum_event_set(struct thrum_event *e);
void thrum_event_clear(struct thrum_event *e);
bool thrum_event_is_set(const struct thrum_event *e);

/*
 * thrum_event_wait - wait until @e is set.  thrum_event_wait_until - no longer than @deadline_ns.
 *
 * Called from: a task or an outside thread.  Suspends: yes.  Cancellation point: yes.
 * Sees: all that was done before it was set.
 * Returns: 0, or why not, as in sync.h.
 */
THRUM_MUST_CHECK int thrum_event_wait(struct thrum_event *e);
THRUM_MUST_CHECK int thrum_event_wait_until(struct thrum_event *e, int64_t deadline_ns);

/* ---- Barrier ---- */

/* Its fields are the library's. */
struct thrum_barrier {
	uint64_t reserved[4];
};

/*
 * thrum_barrier_init - a barrier for @parties, 1 or more (asserted).  thrum_barrier_fini - it is
 * not used any more.
 *
 * Called from: anywhere.  Suspends: no.
 */
void thrum_barrier_init(struct thrum_barrier *b, unsigned parties);
void thrum_barrier_fini(struct thrum_barrier *b);

/*
 * thrum_barrier_wait - wait until as many as there are parties have come; then it begins anew.
 * thrum_barrier_wait_until - no longer than @deadline_ns.
 *
 * One that is cut short has not come: another may come in its place.
 * Called from: a task or an outside thread.  Suspends: yes.  Cancellation point: yes.
 * Sees: all that the others did before they came.
 * Returns: 0 ... parties - 1, one for each in the order in which they came; or why not, as in
 * sync.h.
 * asyncio: Barrier.wait, without its broken state.
 */
THRUM_MUST_CHECK int thrum_barrier_wait(struct thrum_barrier *b);
THRUM_MUST_CHECK int thrum_barrier_wait_until(struct thrum_barrier *b, int64_t deadline_ns);

/* ---- Wait group ---- */

/* Its fields are the library's. */
struct thrum_wait_group {
	uint64_t reserved[4];
};

/*
 * thrum_wait_group_init - a group of nothing; all zero is one, too.  thrum_wait_group_fini - it is
 * not used any more.
 *
 * Called from: anywhere.  Suspends: no.
 */
void thrum_wait_group_init(struct thrum_wait_group *g);
void thrum_wait_group_fini(struct thrum_wait_group *g);

/*
 * thrum_wait_group_add - @n more are to be done.  thrum_wait_group_done - one is done.
 *
 * More done than were added is asserted against.  To use a group again, add when those that waited
 * have returned.
 * Called from: anywhere.  Suspends: no.
 * Go: WaitGroup.
 */
void thrum_wait_group_add(struct thrum_wait_group *g, unsigned n);
void thrum_wait_group_done(struct thrum_wait_group *g);

/*
 * thrum_wait_group_wait - wait until all that were added are done.
 * thrum_wait_group_wait_until - no longer than @deadline_ns.
 *
 * Called from: a task or an outside thread.  Suspends: yes.  Cancellation point: yes.
 * Sees: all that was done before each done.
 * Returns: 0, or why not, as in sync.h.
 */
THRUM_MUST_CHECK int thrum_wait_group_wait(struct thrum_wait_group *g);
THRUM_MUST_CHECK int thrum_wait_group_wait_until(struct thrum_wait_group *g, int64_t deadline_ns);

/* ---- Once ---- */

/* Its fields are the library's.  All zero at first. */
struct thrum_once {
	uint64_t reserved[6];
};

#define THRUM_ONCE_INIT   \
	{                 \
		{         \
			0 \
		}         \
	}

/*
 * thrum_once - what @fn(@arg) returned, which is called by the first that comes, while others wait.
 *
 * A failure does not count: it is that caller's alone, and the next one calls again.
 * Called from: a task or an outside thread.  Suspends: yes.  Cancellation point: yes, unless it has
 * been called with success.
 * Sees: all that @fn did.
 * Returns: the first success; @fn's failure, if this call made it; or why not, as in sync.h;
 * -EDEADLK, too, from inside @fn.
 * Go: sync.Once, with a result.  tokio: OnceCell::get_or_try_init.
 */
THRUM_MUST_CHECK intptr_t thrum_once(struct thrum_once *o, thrum_fn fn, void *arg);

/*
 * thrum_once_done - has it been called with success?
 *
 * Called from: anywhere.  Suspends: no.
 * Returns: true if so: thrum_once does not wait then.
 */
bool thrum_once_done(const struct thrum_once *o);

#ifdef __cplusplus
}
#endif
#endif
