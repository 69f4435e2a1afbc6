/* SPDX-License-Identifier: MIT */
/*
 * brackets.c - timeouts and shields around waits, inside one another and around joins.
 *
 * Whatever is cut short: clean-up in a shield comes to its end unless the shield's own deadline
 * passed, which it tells; of two nested timeouts at most one says that a wait was its.
 */
#include "ledger.h"

/* Something to be done when all else was cut short. */
static void clean_up(void)
{
	struct thrum_shield shield;
	int err;

	thrum_shield_begin_until(&shield, thrum_now() + THRUM_SEC(10));
	err = thrum_sleep(THRUM_MS(1));
	if (!err)
		err = thrum_yield();
	if (!err)
		err = thrum_sleep(THRUM_MS(1));
	if (thrum_shield_end(&shield))
		EXPECT(err == -ETIMEDOUT);
	else
		EXPECT(err == 0);
	give();
}

static intptr_t user(void *arg)
{
	int err;

	take();
	err = thrum_sleep_until(thrum_now() + (intptr_t)arg);
	clean_up();
	EXPECT(!err || was_cut(thrum_yield())); /* after the shield as before it */
	return err;
}

static int nested(void)
{
	struct thrum_timeout outer, inner;
	bool inners, outers;
	int err;

	thrum_timeout_begin(&outer, THRUM_MS(10));
	thrum_timeout_begin_until(&inner, thrum_now() + THRUM_MS(5));
	err = thrum_sleep(THRUM_MS(20));
	EXPECT(was_cut(err));
	inners = thrum_timeout_end(&inner);
	EXPECT(!inners || err == -ETIMEDOUT);
	say("inner", inners);
	if (!inners && err == -ECANCELED)
		EXPECT(thrum_sleep(THRUM_MS(1)) == -ECANCELED);
	err = inners ? thrum_sleep(THRUM_MS(20)) : err;
	EXPECT(was_cut(err));
	outers = thrum_timeout_end(&outer);
	EXPECT(!outers || err == -ETIMEDOUT);
	say("outer", outers);
	return inners && outers ? 0 : err;
}

/* The deadline cancels who is joined; the join goes on. */
static int around_join(void)
{
	struct thrum_timeout t;
	struct thrum_future *f;
	intptr_t r;
	bool mine;

	thrum_timeout_begin(&t, THRUM_MS(5));
	f = thrum_spawn(user, (void *)(intptr_t)THRUM_SEC(100));
	r = thrum_join(f);
	mine = thrum_timeout_end(&t);
	EXPECT(was_cut(r));
	EXPECT(taken() == 0);
	say("join", mine);
	return mine ? 0 : (int)r;
}

static int around_wait_until(void)
{
	struct thrum_future *f = thrum_spawn(user, (void *)(intptr_t)THRUM_MS(8));
	struct thrum_timeout t;
	bool mine;
	intptr_t r;

	thrum_timeout_begin(&t, THRUM_MS(5));
	r = f ? thrum_wait_until(f, thrum_now() + THRUM_MS(6)) : -ENOMEM;
	mine = thrum_timeout_end(&t);
	say("wait_until", r);
	EXPECT(!mine || r == -ETIMEDOUT);
	EXPECT(!f || thrum_done(f));
	EXPECT(taken() == 0);
	thrum_release(f);
	return mine ? 0 : (int)r;
}

/* In a shield in a shield; and a scope in one. */
static int sheltered(void)
{
	struct thrum_shield outer, inner;
	struct thrum_scope s;
	bool inners;
	int err, slept;

	thrum_shield_begin(&outer, THRUM_SEC(1));
	take();
	if (!thrum_scope_open(&s))
		(void)thrum_scope_spawn(&s, user, (void *)(intptr_t)THRUM_MS(1));
	err = thrum_scope_close(&s);
	thrum_shield_begin(&inner, THRUM_SEC(2));
	slept = thrum_sleep(THRUM_MS(1));
	inners = thrum_shield_end(&inner);
	EXPECT(slept == (inners ? -ETIMEDOUT : 0));
	clean_up();
	(void)thrum_shield_end(&outer);
	EXPECT(!err || was_cut(err));
	EXPECT(taken() == 0);
	say("sheltered", err);
	return err;
}

/* A retry loop: each attempt has its own time, all of them another. */
static int retried(void)
{
	struct thrum_timeout all, one;
	int err = -ETIMEDOUT, tries = 0;
	bool mine = true;

	thrum_timeout_begin(&all, THRUM_MS(25));
	while (mine && err == -ETIMEDOUT) {
		thrum_timeout_begin(&one, THRUM_MS(10));
		take();
		err = thrum_sleep(THRUM_MS(11));
		clean_up();
		mine = thrum_timeout_end(&one);
		tries++;
	}
	EXPECT(tries <= 4);
	mine = thrum_timeout_end(&all);
	EXPECT(!mine || err == -ETIMEDOUT);
	say("tries", tries);
	return mine ? 0 : err;
}

static intptr_t main_task(void *arg)
{
	int (*const all[])(void) = {nested, around_join, around_wait_until, sheltered, retried};

	(void)arg;
	return all_of(all, sizeof(all) / sizeof(all[0]));
}

int main(void)
{
	return ledger_run(main_task);
}
