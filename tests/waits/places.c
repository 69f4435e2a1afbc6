/* SPDX-License-Identifier: MIT */
/*
 * places.c - tasks that run in the place of their joiner, and forks: a cancel or a deadline of
 * whoever lies below must reach who runs.
 *
 * Whatever is cut short: each function is called once and its result comes back through all the
 * joins; what is forked ends before its maker does.
 */
#include "ledger.h"

#include <thrum/fork.h>

struct level {
	int depth;
	bool scoped, timed;
};

static intptr_t deeper(void *arg);

static intptr_t descend(const struct level *here)
{
	struct level next = *here;
	struct thrum_future *f;
	intptr_t r;

	next.depth--;
	take();
	f = thrum_spawn(deeper, &next);
	if (!f)
		give();
	r = thrum_join(f);
	return r == next.depth ? r + 1 : r;
}

/* The deepest naps; all return their depth, or what cut them short. */
static intptr_t deeper(void *arg)
{
	const struct level *here = arg;
	struct thrum_timeout t;
	struct thrum_scope s;
	intptr_t r;
	int err = 0;

	if (here->depth == 0) {
		r = thrum_sleep(THRUM_MS(2));
		if (!r)
			r = thrum_yield();
		give();
		return r;
	}
	if (here->timed)
		thrum_timeout_begin(&t, THRUM_SEC(1));
	if (here->scoped)
		err = thrum_scope_open(&s);
	r = descend(here);
	if (here->scoped) {
		err = thrum_scope_close(&s);
		EXPECT(!err || was_cut(err));
	}
	if (here->timed)
		(void)thrum_timeout_end(&t);
	give();
	return thrum_failed(r) ? r : err ? err : r;
}

static int joins(bool scoped, bool timed)
{
	struct level top = {5, scoped, timed};
	intptr_t r = descend(&top);

	EXPECT(r == top.depth || was_cut(r));
	EXPECT(taken() == 0);
	say("joins", r);
	return r == top.depth ? 0 : (int)r;
}

static intptr_t fork_nap(void *arg)
{
	int err = thrum_sleep((intptr_t)arg);

	give();
	return err ? err : 1;
}

/* Leaves that nap, two levels of forks, a wait between fork and join. */
static intptr_t branch(void *arg)
{
	intptr_t depth = (intptr_t)arg;
	thrum_fn fn = depth ? branch : fork_nap;
	void *next = depth ? (void *)(depth - 1) : (void *)(intptr_t)THRUM_MS(1);
	struct thrum_fork left, right;
	intptr_t a, b;
	int err = 0;

	take();
	thrum_fork(&left, fn, next);
	take();
	thrum_fork(&right, fn, next);
	if (depth == 1)
		err = thrum_sleep(THRUM_MS(1));
	b = thrum_fork_join(&right);
	a = thrum_fork_join(&left);
	give();
	return err ? err : thrum_failed(a) ? a : thrum_failed(b) ? b : a + b;
}

static int forks(void)
{
	intptr_t r;

	take();
	r = branch((void *)2);
	EXPECT(r == 8 || was_cut(r));
	EXPECT(taken() == 0);
	say("forks", r);
	return r == 8 ? 0 : (int)r;
}

/* The same inside a scope and a timeout, whose deadline passes meanwhile. */
static int forks_timed(void)
{
	struct thrum_timeout t;
	struct thrum_scope s;
	intptr_t r;
	int err;
	bool mine;

	thrum_timeout_begin(&t, THRUM_US(1500));
	err = thrum_scope_open(&s);
	take();
	r = branch((void *)2);
	err = thrum_scope_close(&s);
	EXPECT(!err || was_cut(err));
	mine = thrum_timeout_end(&t);
	EXPECT(r == 8 || was_cut(r));
	EXPECT(taken() == 0);
	say("forks in time", mine);
	return mine ? 0 : err;
}

static intptr_t main_task(void *arg)
{
	int err = joins(false, false), more;

	(void)arg;
	more = joins(true, false);
	err = err ? err : more;
	more = joins(true, true);
	err = err ? err : more;
	more = forks();
	err = err ? err : more;
	more = forks_timed();
	return err ? err : more;
}

int main(void)
{
	return ledger_run(main_task);
}
