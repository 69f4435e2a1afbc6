/* SPDX-License-Identifier: MIT */
/*
 * tokens.c - tokens: soft requests, then hard ones, heard by linked tasks, scopes, futures of
 * levels and callbacks, in trees and in one that is deep.
 *
 * Whatever is cut short: who is linked hears of a request; what was spawned runs or is dropped,
 * once; each callback comes once or is taken back.
 */
#include "ledger.h"

#define DEEP 20 /* deeper than one call goes */
#define REASON 7

/* Works until it is asked to stop, and a moment longer.  Its argument was taken. */
static intptr_t polite(void *arg)
{
	int err = 0;

	(void)arg;
	while (!err && !thrum_cancel_requested())
		err = thrum_sleep(THRUM_MS(1));
	if (!err)
		err = thrum_sleep(THRUM_MS(1));
	give();
	return err;
}

/* Must be told twice. */
static intptr_t stubborn(void *arg)
{
	int err = thrum_sleep(THRUM_FOREVER);

	(void)arg;
	EXPECT(was_cut(err));
	give();
	return err;
}

static struct thrum_future *start(struct thrum_token *t, thrum_fn fn, void (*drop)(void *))
{
	struct thrum_future *f;

	take();
	f = drop ? thrum_spawn_token_drop(t, fn, NULL, drop) : thrum_spawn_token(t, fn, NULL);
	if (!f)
		give();
	return f;
}

/* Both levels, with a pause before each; cut short, without. */
static int ask(struct thrum_token *t)
{
	int err = thrum_sleep(THRUM_MS(3)), more;

	EXPECT(thrum_token_cancel(t, THRUM_SOFT, REASON) == 0);
	EXPECT(thrum_token_level(t) == THRUM_SOFT);
	more = thrum_sleep(THRUM_MS(3));
	EXPECT(thrum_token_cancel(t, THRUM_HARD, REASON) == 0);
	EXPECT(thrum_token_cancel(t, THRUM_SOFT, 1) == -EALREADY);
	EXPECT(thrum_token_reason(t) == REASON);
	return err ? err : more;
}

static int linked(void)
{
	struct thrum_token *root = thrum_token_create(NULL), *child = thrum_token_create(root);
	struct thrum_future *fs[] = {start(root, polite, NULL), start(child, polite, NULL),
				     start(child, stubborn, NULL), NULL};
	int err = ask(root);
	intptr_t r[4];

	fs[3] = start(child, stubborn, dropped);
	for (int i = 0; i < 4; i++) {
		r[i] = thrum_join(fs[i]);
		say("linked", r[i]);
	}
	EXPECT(r[2] == -ECANCELED || r[2] == -ETIMEDOUT);
	EXPECT(r[3] == -ECANCELED);
	EXPECT(taken() == 0);
	EXPECT(thrum_token_cancelled(child));
	thrum_token_release(child);
	thrum_token_release(root);
	return err ? err : r[0] ? (int)r[0] : (int)r[1];
}

/* ---- Futures of levels ---- */

static intptr_t told(void *future)
{
	intptr_t r = thrum_await(future);

	EXPECT(r == REASON || was_cut(r));
	thrum_release(future);
	return r == REASON ? 0 : r;
}

/* Has not the patience: its future goes, and leaves the token as it was. */
static intptr_t told_in_time(void *future)
{
	intptr_t r = thrum_wait_for(future, THRUM_MS(1));

	EXPECT(r == REASON || was_cut(r));
	thrum_release(future);
	return r == REASON || r == -ETIMEDOUT ? 0 : r;
}

static int futures(void)
{
	struct thrum_token *root = thrum_token_create(NULL), *child = thrum_token_create(root);
	thrum_fn fns[] = {told, told_in_time, told};
	struct thrum_future *fs[3];
	int err, more = 0;

	for (int i = 0; i < 3; i++) {
		struct thrum_future *f = thrum_token_future(child, i ? THRUM_HARD : THRUM_SOFT);

		fs[i] = thrum_spawn(fns[i], f);
		if (!fs[i])
			thrum_release(f);
	}
	err = ask(root);
	for (int i = 0; i < 3; i++) {
		intptr_t r = thrum_join(fs[i]);

		say("told", r);
		more = more ? more : (int)r;
	}
	thrum_token_release(child);
	thrum_token_release(root);
	return err ? err : more;
}

/* ---- Callbacks ---- */

/* The virtual clock moves when the thread that makes calls has made them, and holds nothing. */
static void settle(void)
{
	struct thrum_shield shield;
	int err;

	do {
		thrum_shield_begin(&shield, THRUM_FOREVER);
		err = thrum_sleep(THRUM_MS(1));
		(void)thrum_shield_end(&shield);
	} while (err);
}

static void called(struct thrum_future *f, void *event)
{
	EXPECT(thrum_done(f));
	give();
	EXPECT(thrum_future_set(event, thrum_result(f)) == 0);
	thrum_release(event);
}

/* One comes before the end of all; one is for a level that nobody asks for. */
static int callbacks(void)
{
	struct thrum_token *t = thrum_token_create(NULL);
	struct thrum_future *soft = thrum_token_future(t, THRUM_SOFT), *event;
	struct thrum_future *hard = thrum_token_future(t, THRUM_HARD);
	int err;

	event = thrum_future_create();
	thrum_retain(event), take();
	EXPECT(thrum_future_on_done(soft, called, event) == 0);
	EXPECT(thrum_future_on_done(hard, called, event) == 0);
	err = thrum_sleep(THRUM_MS(1));
	thrum_token_cancel(t, THRUM_SOFT, REASON);
	EXPECT(thrum_future_off_done(hard, called, event) == 0);
	settle();
	say("called", thrum_result(event));
	EXPECT(thrum_result(event) == REASON);
	thrum_cancel(hard);
	thrum_release(hard);
	thrum_release(soft);
	thrum_release(event);
	thrum_token_release(t);
	return err;
}

/* ---- Scopes ---- */

static intptr_t asker(void *token)
{
	int err = ask(token);

	thrum_token_release(token);
	return err;
}

static int spawn(struct thrum_scope *s, thrum_fn fn)
{
	int err;

	take();
	err = thrum_scope_spawn(s, fn, NULL);
	if (err)
		give();
	return err;
}

/* Its opener sleeps, and hears of the hard request as its children do. */
static int scope(void)
{
	struct thrum_scope_options options = THRUM_SCOPE_OPTIONS_INIT;
	struct thrum_token *root = thrum_token_create(NULL);
	struct thrum_future *f;
	struct thrum_scope s;
	int err, slept = 0, closed;

	options.token = thrum_token_create(root);
	options.drop = dropped;
	err = thrum_scope_open_with(&s, &options);
	thrum_token_release(options.token);
	thrum_token_retain(root);
	f = thrum_spawn(asker, root);
	if (!f)
		thrum_token_release(root);
	if (!err)
		err = spawn(&s, polite);
	if (!err)
		err = spawn(&s, stubborn);
	if (!err)
		slept = thrum_sleep(THRUM_FOREVER);
	say("slept", slept);
	EXPECT(err || was_cut(slept));
	closed = thrum_scope_close(&s);
	EXPECT(taken() == 0);
	say("scope", closed);
	err = (int)thrum_join(f);
	thrum_token_release(root);
	return closed ? closed : err;
}

/* ---- A deep tree ---- */

static int deep(void)
{
	struct thrum_token *root = thrum_token_create(NULL), *t = root;
	struct thrum_future *f;
	intptr_t r;
	int err;

	thrum_token_retain(t);
	for (int i = 0; i < DEEP; i++) {
		struct thrum_token *child = thrum_token_create(t);

		EXPECT(child);
		thrum_token_release(t);
		t = child;
	}
	f = start(t, stubborn, NULL);
	thrum_token_release(t);
	err = ask(root);
	r = thrum_join(f);
	settle();
	say("deep", r);
	EXPECT(taken() == 0);
	thrum_token_release(root);
	return err ? err : r == -ECANCELED ? 0 : (int)r;
}

static intptr_t main_task(void *arg)
{
	int err = linked();

	(void)arg;
	err = first(err, futures());
	err = first(err, callbacks());
	err = first(err, scope());
	return first(err, deep());
}

int main(void)
{
	return ledger_run(main_task);
}
