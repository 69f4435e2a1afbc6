/* SPDX-License-Identifier: MIT */
/*
 * combine.c - several futures as one: wait, race.
 *
 * All but the wait for all of them, which awaits one after the other and needs no memory, stand on
 * a drain (drain.c), so each takes O(n).
 *
 * CUT SHORT  By a cancel or a deadline around the call.  A wait leaves its futures alone; a race
 * cancels them and waits, deaf, for their ends.
 *
 * OWNERS  The futures are the caller's, who has references; the drain has its own.
 *
 * What can fail: a node for more than eight futures, a timer.  Then nothing was cancelled.
 */
#include "flow/drain.h"
#include "sched/await.h"
#include "sched/worker.h"

#include <errno.h>

/* ---- Wait ---- */

/* Of a future that is done, or NULL.  It does not count as looked at. */
static bool has_failed(const struct thrum_future *f)
{
	return !f || (thrum_failed(f->result) &&
		      !(f->result == -ECANCELED && load_relaxed(&f->requested)));
}

static size_t count_done(struct thrum_future *const fs[], size_t n)
{
	size_t done = 0;

	for (size_t i = 0; i < n; i++)
		done += !fs[i] || thrum__future_is_done(fs[i]);
	return done;
}

/* Is what is waited for there, so that nothing need be waited for? */
static bool is_there(struct thrum_future *const fs[], size_t n, int until)
{
	size_t done = 0;

	for (size_t i = 0; i < n; i++) {
		if (fs[i] && !thrum__future_is_done(fs[i]))
			continue;
		if (until == THRUM_FIRST_COMPLETED ||
		    (until == THRUM_FIRST_FAILED && has_failed(fs[i])))
			return true;
		done++;
	}
	return done == n;
}

static int wait_for_all(struct thrum_future *const fs[], size_t n, int64_t deadline_ns)
{
	int err = 0;

	for (size_t i = 0; i < n && !err; i++)
		if (fs[i])
			err = thrum__await(fs[i], deadline_ns, false);
	return err;
}

/* Adds all; those that are done, too: they may have completed since they were looked at. */
static int add_all(struct thrum__drain *d, struct thrum_future *const fs[], size_t n)
{
	int err = 0;

	for (size_t i = 0; i < n && !err; i++)
		err = thrum__drain_add(d, fs[i], i);
	return err;
}

static bool is_any(const struct thrum_future *f)
{
	(void)f;
	return true;
}

/* The first to complete that @fits: 0, with *@which its index, which stays as it was if none does;
 * or why the wait ended. */
static int wait_for_first(struct thrum__task *t, struct thrum_future *const fs[], size_t n,
			  bool (*fits)(const struct thrum_future *f), int64_t deadline_ns,
			  size_t *which)
{
	struct thrum__drain d;
	bool found = false;
	int err;

	thrum__drain_init(&d, t);
	err = add_all(&d, fs, n);
	while (!err && !found) {
		struct thrum_future *f;
		size_t i;

		err = thrum__drain_wait(&d, deadline_ns);
		if (err || !thrum__drain_take(&d, &f, &i))
			break;
		found = fits(f);
		if (found)
			*which = i;
		thrum_release(f);
	}
	thrum__drain_fini(&d);
	return err == -ENODATA ? 0 : err;
}

ssize_t thrum_wait(struct thrum_future *const fs[], size_t n, int until, int64_t timeout_ns)
{
	struct thrum__task *t = thrum__current_task();
	int64_t deadline_ns;
	size_t which;
	int err = 0;

	if (!t)
		return thrum__no_task();
	if (until < THRUM_ALL || until > THRUM_FIRST_FAILED || (n && !fs) ||
	    (!n && until == THRUM_FIRST_COMPLETED))
		return -EINVAL;
	deadline_ns = thrum__deadline_after(thrum_now(), timeout_ns);
	thrum__wants_call("thrum_wait");
	if (!is_there(fs, n, until)) {
		if (timeout_ns <= 0)
			err = thrum__wait_entry(t);
		else if (until == THRUM_ALL)
			err = wait_for_all(fs, n, deadline_ns);
		else
			err = wait_for_first(t, fs, n,
					     until == THRUM_FIRST_FAILED ? has_failed : is_any,
					     deadline_ns, &which);
	}
	if (err && !(timeout_ns > 0 && thrum__wait_is_own(t, err, deadline_ns)))
		return err;
	return (ssize_t)count_done(fs, n);
}

/* ---- Race ---- */

/* Of a future that is done, or NULL. */
static bool has_succeeded(const struct thrum_future *f)
{
	return f && !thrum_failed(f->result);
}

/* The lowest index that has succeeded; @n: none. */
static size_t first_success(struct thrum_future *const fs[], size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (fs[i] && thrum__future_is_done(fs[i]) && has_succeeded(fs[i]))
			break;
	return i;
}

/* Cancels what is not done, waits for all, has looked at all; the first failure, or 0. */
static intptr_t end_all(struct thrum_future *const fs[], size_t n)
{
	intptr_t first = 0;

	for (size_t i = 0; i < n; i++)
		thrum_cancel(fs[i]);
	for (size_t i = 0; i < n; i++) {
		intptr_t r;

		if (fs[i])
			thrum__await_end(fs[i]);
		r = thrum_result(fs[i]);
		if (!first && thrum_failed(r))
			first = r;
	}
	return first;
}

ssize_t thrum_race(struct thrum_future *const fs[], size_t n, intptr_t *result)
{
	struct thrum__task *t = thrum__current_task();
	size_t winner;
	intptr_t failure;
	int err = 0;

	if (!t)
		return thrum__no_task();
	if (!n || !fs)
		return -EINVAL;
	thrum__wants_call("thrum_race");
	winner = first_success(fs, n);
	if (winner == n)
		err = wait_for_first(t, fs, n, has_succeeded, THRUM_FOREVER, &winner);
	if (err == -ENOMEM)
		return err;
	failure = end_all(fs, n);
	if (err)
		return err;
	if (winner == n)
		return failure;
	if (result)
		*result = fs[winner]->result;
	return (ssize_t)winner;
}
