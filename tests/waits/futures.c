/* SPDX-License-Identifier: MIT */
/*
 * futures.c - gather, wait_any, wait_for, shields, callbacks, and tasks that start later or own
 * what they were given.
 *
 * Whatever is cut short: each argument is used, dropped or freed once; each callback comes once; a
 * result that a task had is not lost.
 */
#include <unistd.h>

#include "ledger.h"

/* Given a place that was taken. */
static intptr_t nap(void *arg)
{
	int err = thrum_sleep((intptr_t)arg);

	give();
	return err;
}

static struct thrum_future *start(int64_t ns)
{
	return spawn_taken(nap, (void *)(intptr_t)ns);
}

static int end_all(struct thrum_future **fs, int n)
{
	int err = 0;

	for (int i = 0; i < n; i++) {
		intptr_t r = thrum_join(fs[i]);

		err = err ? err : (int)r;
	}
	EXPECT(taken() == 0);
	return err;
}

static int gathered(void)
{
	struct thrum_future *fs[] = {start(THRUM_MS(2)), start(THRUM_MS(1)), start(THRUM_MS(3))};
	intptr_t results[3];
	int err = thrum_gather(fs, 3, results);

	for (int i = 0; i < 3; i++)
		EXPECT(err || results[i] == 0);
	say("gathered", err);
	end_all(fs, 3);
	return err;
}

static int any(void)
{
	struct thrum_future *fs[10];
	ssize_t first;

	for (int i = 0; i < 10; i++)
		fs[i] = start(THRUM_MS(10 - i));
	first = thrum_wait_any(fs, 10);
	say("any", first);
	EXPECT(first < 0 ? was_cut(first) : thrum_done(fs[first]));
	for (int i = 0; i < 10; i++)
		if (fs[i])
			(void)thrum_cancel(fs[i]);
	end_all(fs, 10);
	return first < 0 ? (int)first : 0;
}

static int waited_for(void)
{
	struct thrum_future *f = start(THRUM_MS(5)), *g = start(THRUM_MS(1)), *shield = NULL;
	intptr_t r, s, t;

	if (f)
		shield = thrum_shield(f);
	r = thrum_wait_for(shield, THRUM_MS(2));
	EXPECT(!shield || thrum_done(shield));
	s = thrum_wait_for(g, THRUM_MS(2));
	EXPECT(!g || thrum_done(g));
	t = thrum_wait_for(f, THRUM_MS(1));
	EXPECT(!f || thrum_done(f));
	say("shield", r);
	say("in time", s);
	say("too late", t);
	thrum_release(shield);
	thrum_release(f);
	thrum_release(g);
	EXPECT(taken() == 0);
	return was_cut(s) ? (int)s : r == -ECANCELED || t == -ECANCELED ? -ECANCELED : 0;
}

static void called(struct thrum_future *f, void *event)
{
	EXPECT(thrum_done(f));
	give();
	EXPECT(thrum_future_set(event, 7) == 0);
	thrum_release(event);
}

static int called_back(void)
{
	struct thrum_future *f = start(THRUM_MS(1)), *event = thrum_future_create();
	intptr_t r;

	take();
	thrum_retain(event);
	if (thrum_future_on_done(f, called, event)) {
		give();
		thrum_release(event);
	}
	r = thrum_await(event);
	say("event", r);
	EXPECT(r == 7 || was_cut(r));
	if (r != 7 && thrum_future_off_done(f, called, event) == 0) {
		give();
		thrum_release(event);
	}
	r = r == 7 ? 0 : r;
	thrum_release(event);
	(void)!thrum_join(f);
	return (int)r;
}

static int later(void)
{
	void *ms = (void *)(intptr_t)THRUM_MS(1);
	struct thrum_future *fs[3];
	int ends[2];
	int err;

	if (pipe(ends))
		return -EIO;
	take(), take(), take();
	fs[0] = thrum_spawn_after_drop(THRUM_MS(3), nap, ms, dropped);
	fs[1] = thrum_spawn_when_readable_drop(ends[0], nap, ms, dropped);
	fs[2] = thrum_spawn_after_drop(THRUM_FOREVER, nap, NULL, dropped);
	for (int i = 0; i < 3; i++)
		if (!fs[i])
			give();
	err = thrum_sleep(THRUM_MS(1));
	EXPECT(write(ends[1], "x", 1) == 1);
	if (!err)
		err = thrum_gather(fs, 2, NULL);
	say("later", err);
	(void)thrum_cancel(fs[2]);
	end_all(fs, 3);
	EXPECT(thrum_close(ends[0]) == 0);
	EXPECT(thrum_close(ends[1]) == 0);
	return err;
}

struct copy {
	int64_t ns;
	char more[100];
};

static intptr_t copy_nap(void *arg)
{
	const struct copy *c = arg;

	return thrum_sleep(c->ns);
}

static int copied(void)
{
	struct copy c = {THRUM_MS(1), "copied"};
	struct thrum_future *fs[4];
	int err;

	for (int i = 0; i < 4; i++)
		fs[i] = thrum_spawn_copy(copy_nap, &c, sizeof(c));
	if (fs[3])
		(void)thrum_cancel(fs[3]);
	err = thrum_yield();
	if (!err)
		err = thrum_gather(fs, 3, NULL);
	say("copied", err);
	end_all(fs, 4);
	return err;
}

static intptr_t setter(void *event)
{
	int err = thrum_sleep(THRUM_MS(1));

	EXPECT(thrum_future_set(event, err ? err : 9) == 0);
	thrum_release(event);
	return err;
}

static intptr_t waiter(void *event)
{
	intptr_t r = thrum_await(event);

	EXPECT(r == 9 || was_cut(r));
	thrum_release(event);
	return was_cut(r) ? r : 0;
}

/* Several tasks, one of them within a timeout, await one event. */
static int event(void)
{
	struct thrum_future *e = thrum_future_create(), *fs[4];
	thrum_fn fns[] = {waiter, waiter, waiter, setter};
	struct thrum_timeout t;
	intptr_t r;

	for (int i = 0; i < 4; i++) {
		thrum_retain(e);
		fs[i] = thrum_spawn(fns[i], e);
		if (!fs[i])
			thrum_release(e);
	}
	thrum_timeout_begin(&t, THRUM_US(500));
	r = thrum_await(e);
	EXPECT(!thrum_timeout_end(&t) || r == -ETIMEDOUT);
	EXPECT(r == 9 || was_cut(r));
	say("event", r);
	r = end_all(fs, 4);
	EXPECT(thrum_done(e) || !fs[3]);
	thrum_release(e);
	return (int)r;
}

static intptr_t main_task(void *arg)
{
	int (*const all[])(void) = {gathered, any, waited_for, called_back, later, copied, event};

	(void)arg;
	return all_of(all, sizeof(all) / sizeof(all[0]));
}

int main(void)
{
	return ledger_run(main_task);
}
