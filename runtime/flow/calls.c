/* SPDX-License-Identifier: MIT */
/*
 * calls.c - calls in tasks of their own: many with a limit, or one that is started again where it
 * is late.
 *
 * Each task's future is in a drain (drain.c), which has the only reference to it.
 *
 * CUT SHORT  By a cancel, a deadline around the call, or because there is no timer for one.  No
 * more tasks are started, those that live are cancelled and waited for, deaf; one that has not run
 * yet is dropped.
 *
 * OWNERS  The caller's task has all but what the tasks themselves use, which is the caller's own.
 *
 * What can fail: a node for more than eight tasks, a task (either is the result of that call); a
 * timer.
 */
#include "flow/drain.h"
#include "sched/await.h"
#include "sched/spawn.h"
#include "sched/worker.h"

#include <errno.h>

/* ---- Tasks in a drain ---- */

/* For a task that was cancelled before it ran: its function never does. */
static void drop_nothing(void *arg)
{
	(void)arg;
}

/* Starts a task whose end comes out of @d with @tag: 0; else why not. */
static int start(struct thrum__drain *d, const char *place, thrum_fn fn, void *arg, size_t tag)
{
	struct thrum__spawn how = {.place = place, .fn = fn, .arg = arg, .drop = drop_nothing};
	struct thrum__drain_node *node = thrum__drain_get(d);
	struct thrum_future *f;
	int err;

	if (!node)
		return -ENOMEM;
	err = thrum__spawn(&how, &f);
	if (err)
		thrum__drain_put(d, node);
	else
		thrum__drain_hang(d, node, f, tag);
	return err;
}

/* The result of the next one that has ended. */
static bool take_result(struct thrum__drain *d, intptr_t *result, size_t *tag)
{
	struct thrum_future *f;

	if (!thrum__drain_take(d, &f, tag))
		return false;
	*result = thrum__future_look(f);
	thrum_release(f);
	return true;
}

/* ---- Calls with a limit ---- */

struct calls {
	struct thrum__drain drain;
	intptr_t *results;
	size_t failed; /* the lowest index that has; SIZE_MAX: none */
	intptr_t failure;
};

static void note_result(struct calls *c, size_t i, intptr_t result)
{
	if (c->results)
		c->results[i] = result;
	if (thrum_failed(result) && i < c->failed) {
		c->failed = i;
		c->failure = result;
	}
}

/* Takes what has ended: false: nothing. */
static bool note_next(struct calls *c)
{
	intptr_t result;
	size_t i;

	if (!take_result(&c->drain, &result, &i))
		return false;
	note_result(c, i, result);
	return true;
}

/* Waits for one end. */
static int wait_next(struct calls *c)
{
	int err = thrum__drain_wait(&c->drain, THRUM_FOREVER);

	if (!err)
		note_next(c);
	return err;
}

int thrum_gather_calls_at(const char *place, thrum_fn fn, void *const args[], size_t n,
			  size_t limit, intptr_t results[])
{
	struct thrum__task *t = thrum__current_task();
	struct calls c = {.results = results, .failed = SIZE_MAX};
	int err = 0;

	if (!t)
		return thrum__no_task();
	if (!fn)
		return -EINVAL;
	thrum__wants_call("thrum_gather_calls");
	for (size_t i = 0; results && i < n; i++)
		results[i] = -ECANCELED;
	if (n)
		err = thrum__wait_entry(t);
	thrum__drain_init(&c.drain, t);
	for (size_t i = 0; i < n && !err; i++) {
		int not_started;

		if (limit && c.drain.count == limit)
			err = wait_next(&c);
		if (err)
			break;
		not_started = start(&c.drain, place, fn, args ? args[i] : NULL, i);
		if (not_started)
			note_result(&c, i, not_started);
	}
	while (!err)
		err = wait_next(&c);
	thrum__drain_stop(&c.drain);
	while (note_next(&c))
		;
	thrum__drain_fini(&c.drain);
	return err == -ENODATA ? (int)c.failure : err;
}

int(thrum_gather_calls)(thrum_fn fn, void *const args[], size_t n, size_t limit, intptr_t results[])
{
	return thrum_gather_calls_at("? task", fn, args, n, limit, results);
}

/* ---- Hedged calls ---- */

struct hedge {
	struct thrum__drain drain;
	const char *place;
	thrum_fn fn;
	void *arg;
	int64_t delay_ns;
	int64_t next_ns; /* when the next copy is due */
	unsigned left;   /* copies that have not been started */
	intptr_t last;   /* the last failure */
};

static void start_copy(struct hedge *h)
{
	int err = start(&h->drain, h->place, h->fn, h->arg, 0);

	if (err)
		h->last = err;
	h->left--;
	h->next_ns = h->left ? thrum__deadline_after(thrum_now(), h->delay_ns) : THRUM_FOREVER;
}

/* 0, with the first success in *@result; -ENODATA: all have failed; or why it was cut short. */
static int await_copies(struct hedge *h, const struct thrum__task *t, intptr_t *result)
{
	for (;;) {
		int err = thrum__drain_wait(&h->drain, h->next_ns);
		size_t tag;

		if (!err && take_result(&h->drain, result, &tag)) {
			if (!thrum_failed(*result))
				return 0;
			h->last = *result;
		} else if (err != -ENODATA && !thrum__wait_is_own(t, err, h->next_ns)) {
			return err;
		}
		if (h->left)
			start_copy(h);
		else if (err == -ENODATA)
			return err;
	}
}

intptr_t thrum_hedge_at(const char *place, thrum_fn fn, void *arg, int64_t delay_ns,
			unsigned copies, void (*discard)(intptr_t result))
{
	struct thrum__task *t = thrum__current_task();
	struct hedge h = {
	    .place = place, .fn = fn, .arg = arg, .delay_ns = delay_ns, .left = copies};
	intptr_t result = 0, other;
	size_t tag;
	int err;

	if (!t)
		return thrum__no_task();
	if (!fn || !copies)
		return -EINVAL;
	thrum__wants_call("thrum_hedge");
	err = thrum__wait_entry(t);
	if (err)
		return err;
	thrum__drain_init(&h.drain, t);
	start_copy(&h);
	err = await_copies(&h, t, &result);
	thrum__drain_stop(&h.drain);
	while (take_result(&h.drain, &other, &tag))
		if (discard && !thrum_failed(other))
			discard(other);
	thrum__drain_fini(&h.drain);
	if (err == -ENODATA)
		return h.last;
	return err ? err : result;
}

intptr_t(thrum_hedge)(thrum_fn fn, void *arg, int64_t delay_ns, unsigned copies,
		      void (*discard)(intptr_t result))
{
	return thrum_hedge_at("? task", fn, arg, delay_ns, copies, discard);
}
