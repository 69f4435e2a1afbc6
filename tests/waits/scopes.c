/* SPDX-License-Identifier: MIT */
/*
 * scopes.c - scopes in every shape: plain, with a limit, one that keeps going, inside one another,
 * with a deadline, spawned into by a child, cancelled before its children ran.
 *
 * Whatever is cut short: who was spawned runs, or is dropped, once; when close has returned no
 * child lives; who was not spawned is the spawner's to give back.
 */
#include "ledger.h"

static struct atomic64 living;

struct child {
	int64_t naps, nap_ns;
	intptr_t result;
};

static intptr_t live(struct child how)
{
	int err = 0;

	fetch_add_relaxed(&living, 1);
	for (int64_t i = 0; i < how.naps && !err; i++)
		err = thrum_sleep(how.nap_ns);
	fetch_sub_relaxed(&living, 1);
	return err ? err : how.result;
}

/* Its argument was taken by whoever spawned it. */
static intptr_t child(void *arg)
{
	intptr_t result = live(*(struct child *)arg);

	give();
	return result;
}

static int spawn(struct thrum_scope *s, struct child *how)
{
	int err;

	take();
	err = thrum_scope_spawn(s, child, how);
	if (err)
		give();
	return err;
}

/* Nobody who was told of success is left. */
static int closed(const char *name, struct thrum_scope *s, uint64_t taken_before)
{
	int err = thrum_scope_close(s);

	say(name, err);
	EXPECT(load_relaxed(&living) == 0);
	EXPECT(taken() == taken_before);
	return err;
}

static int plain(void)
{
	struct child quick = {1, THRUM_MS(1), 0}, slow = {3, THRUM_MS(2), 0}, none = {0, 0, 0};
	struct thrum_scope s;
	int err;

	err = thrum_scope_open(&s);
	if (!err)
		err = spawn(&s, &quick);
	if (!err)
		err = spawn(&s, &slow);
	if (!err)
		err = thrum_sleep(THRUM_MS(1));
	if (!err)
		err = spawn(&s, &none);
	say("spawned", err);
	return closed("plain", &s, 0);
}

static int limited(void)
{
	struct thrum_scope_options options = THRUM_SCOPE_OPTIONS_INIT;
	struct child how = {2, THRUM_MS(1), 0};
	struct thrum_scope s;
	int err;

	options.limit = 2;
	options.drop = dropped;
	err = thrum_scope_open_with(&s, &options);
	for (int i = 0; i < 5 && !err; i++)
		err = spawn(&s, &how);
	say("limit", err);
	return closed("limited", &s, 0);
}

/* Its argument is its own. */
static intptr_t child_of_copy(void *arg)
{
	return live(*(struct child *)arg);
}

/* What is copied may change at once; who was spawned last is cancelled before it ran. */
static int copied(void)
{
	struct thrum_scope_options options = THRUM_SCOPE_OPTIONS_INIT;
	struct thrum_scope s;
	struct child how[5];
	int err;

	options.limit = 3;
	err = thrum_scope_open_with(&s, &options);
	for (int i = 0; i < 5 && !err; i++) {
		how[i] = (struct child){2, THRUM_MS(1 + i), 0};
		err = thrum_scope_spawn_copy(&s, child_of_copy, &how[i], sizeof(how[i]));
		how[i] = (struct child){9, THRUM_SEC(1), -EIO};
		EXPECT(!err || was_cut(err));
	}
	say("copied", err);
	if (!err)
		thrum_scope_cancel(&s);
	return closed("all copied", &s, 0);
}

static int keeps_going(void)
{
	struct thrum_scope_options options = THRUM_SCOPE_OPTIONS_INIT;
	struct child good = {2, THRUM_MS(2), 0}, bad = {1, THRUM_MS(1), -EIO};
	struct thrum_scope s;
	int err;

	options.keep_going = true;
	err = thrum_scope_open_with(&s, &options);
	if (!err)
		err = spawn(&s, &good);
	if (!err)
		err = spawn(&s, &bad);
	if (!err)
		err = spawn(&s, &bad);
	err = closed("keeps going", &s, 0);
	EXPECT(thrum_scope_failures(&s) <= 3);
	return err == -EIO ? 0 : err;
}

/* One fails: the other is cancelled, and so is what the opener waits for. */
static int fails(void)
{
	struct child bad = {1, THRUM_MS(1), -EIO}, slow = {1, THRUM_SEC(100), 0};
	struct thrum_scope s;
	int err, slept = 0;

	err = thrum_scope_open(&s);
	if (!err)
		err = spawn(&s, &slow);
	if (!err)
		err = spawn(&s, &bad);
	if (!err)
		slept = thrum_sleep(THRUM_SEC(100));
	say("slept", slept);
	err = closed("fails", &s, 0);
	EXPECT(err || slept == 0);
	return err == -EIO ? 0 : err;
}

static intptr_t family(void *arg)
{
	struct child quick = {1, THRUM_MS(1), 0}, slow = {2, THRUM_MS(2), 0};
	struct thrum_scope s, inner;
	int err, more = 0;

	(void)arg;
	fetch_add_relaxed(&living, 1);
	err = thrum_scope_open(&s);
	if (!err)
		err = spawn(&s, &slow);
	if (!err) {
		err = thrum_scope_open(&inner);
		if (!err)
			err = spawn(&inner, &quick);
		more = thrum_scope_close(&inner);
	}
	if (!err && !more)
		err = thrum_sleep(THRUM_MS(1));
	more = thrum_scope_close(&s);
	fetch_sub_relaxed(&living, 1);
	give();
	return more ? more : err;
}

static int nested(void)
{
	struct thrum_scope s;
	int err = thrum_scope_open(&s);

	for (int i = 0; i < 2 && !err; i++) {
		take();
		err = thrum_scope_spawn(&s, family, NULL);
		if (err)
			give();
	}
	if (!err)
		err = thrum_yield();
	return closed("nested", &s, 0);
}

static int deadline(void)
{
	struct thrum_scope_options options = THRUM_SCOPE_OPTIONS_INIT;
	struct child slow = {1, THRUM_FOREVER, 0};
	struct thrum_scope s;
	int err;

	options.deadline_ns = thrum_now() + THRUM_MS(3);
	options.drop = dropped;
	err = thrum_scope_open_with(&s, &options);
	if (!err)
		err = spawn(&s, &slow);
	if (!err)
		err = thrum_sleep(THRUM_FOREVER);
	EXPECT(err);
	err = closed("deadline", &s, 0);
	EXPECT(was_cut(err));
	return err == -ETIMEDOUT ? 0 : err;
}

struct helper {
	struct thrum_scope *s;
	struct child *how;
};

static intptr_t helper(void *arg)
{
	struct helper *h = arg;
	int err = thrum_sleep(THRUM_MS(1));

	if (!err)
		err = spawn(h->s, h->how);
	return err;
}

/* A child of one scope spawns into another while that is being closed. */
static int helped(void)
{
	struct child quick = {1, THRUM_MS(1), 0}, slow = {2, THRUM_MS(2), 0};
	struct thrum_scope s, inner;
	struct helper h = {&s, &quick};
	struct thrum_future *f;
	int err = thrum_scope_open(&s);
	intptr_t r = 0;

	if (!err)
		err = spawn(&s, &slow);
	f = err ? NULL : thrum_scope_spawn_future(&s, helper, &h);
	err = thrum_scope_open(&inner);
	h.s = &inner;
	if (!err)
		err = spawn(&inner, &slow);
	if (f)
		r = thrum_await(f);
	say("awaited", r);
	if (f && !thrum_done(f))
		(void)!thrum_wait_for(f, 0); /* the inner scope is not to be spawned into later */
	err = thrum_scope_close(&inner);
	say("inner", err);
	if (f)
		thrum_release(f);
	return closed("helped", &s, 0);
}

static int cancelled(void)
{
	struct thrum_scope_options options = THRUM_SCOPE_OPTIONS_INIT;
	struct child how = {1, THRUM_SEC(100), 0};
	struct thrum_scope s;
	int err;

	options.drop = dropped;
	err = thrum_scope_open_with(&s, &options);
	if (!err)
		err = spawn(&s, &how);
	if (!err)
		err = thrum_yield();
	if (!err)
		err = spawn(&s, &how);
	thrum_scope_cancel(&s);
	EXPECT(spawn(&s, &how) == -ECANCELED);
	return closed("cancelled", &s, 0);
}

static intptr_t main_task(void *arg)
{
	int (*const all[])(void) = {plain,  limited,  copied, keeps_going, fails,
				    nested, deadline, helped, cancelled};

	(void)arg;
	return all_of(all, sizeof(all) / sizeof(all[0]));
}

int main(void)
{
	return ledger_run(main_task);
}
