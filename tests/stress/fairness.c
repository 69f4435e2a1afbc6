/* SPDX-License-Identifier: MIT */
/*
 * fairness.c - on one worker: two tasks that wake each other for ever, and two chains that spawn
 * themselves anew, starve neither an injected task, a timer, a spawned task nor a woken one.  Each
 * must come again and again within the run.
 */
#include "base/atomic.h"
#include "support.h"

#define ROUNDS 200

static struct atomic32 over;
static struct atomic32 injected, timed, spawned_runs, woken;
static struct thrum_future *ball[2];

/* Sets the other's future and waits for its own, for ever. */
static intptr_t player(void *arg)
{
	intptr_t me = (intptr_t)arg;

	while (!load_acquire(&over)) {
		struct thrum_future *mine = thrum_future_create();
		struct thrum_future *theirs;

		CHECK(mine);
		theirs = ball[1 - me];
		ball[me] = mine;
		if (theirs)
			(void)thrum_future_set(theirs, 0);
		if (thrum_wait_for(mine, THRUM_SEC(1)) < 0)
			CHECK(load_acquire(&over));
		if (ball[me] == mine)
			ball[me] = NULL;
		thrum_release(mine);
	}
	return 0;
}

static intptr_t yielder(void *arg)
{
	(void)arg;
	while (!load_acquire(&over))
		CHECK(thrum_yield() == 0);
	return 0;
}

static intptr_t breeder(void *arg)
{
	if (!load_acquire(&over))
		CHECK(thrum_go(breeder, arg) == 0);
	return 0;
}

static intptr_t count_injected(void *arg)
{
	(void)arg;
	fetch_add_acq_rel(&injected, 1);
	return 0;
}

static intptr_t ticker(void *arg)
{
	(void)arg;
	while (!load_acquire(&over)) {
		CHECK(thrum_sleep(THRUM_US(100)) == 0);
		fetch_add_acq_rel(&timed, 1);
	}
	return 0;
}

static intptr_t count_spawned(void *arg)
{
	(void)arg;
	fetch_add_acq_rel(&spawned_runs, 1);
	return 0;
}

/* Spawned first, so it lies below all that the breeders add. */
static intptr_t old_task(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned before = load_acquire(&spawned_runs);
		struct thrum_future *f = thrum_spawn(count_spawned, NULL);

		CHECK(f);
		CHECK(thrum_await(f) == 0);
		CHECK(load_acquire(&spawned_runs) == before + 1);
		thrum_release(f);
		fetch_add_acq_rel(&woken, 1);
	}
	return 0;
}

static intptr_t all(void *arg)
{
	struct thrum_future *fs[6];
	struct thrum_future *old;

	(void)arg;
	old = thrum_spawn(old_task, NULL);
	fs[0] = thrum_spawn(player, (void *)0);
	fs[1] = thrum_spawn(player, (void *)1);
	fs[2] = thrum_spawn(ticker, NULL);
	fs[3] = thrum_spawn(yielder, NULL);
	fs[4] = thrum_spawn(yielder, NULL);
	fs[5] = thrum_spawn(breeder, NULL);
	CHECK(old && fs[0] && fs[1] && fs[2] && fs[3] && fs[4] && fs[5]);
	CHECK(thrum_join(old) == 0);
	while (load_acquire(&injected) < ROUNDS || load_acquire(&timed) < ROUNDS)
		CHECK(thrum_sleep(THRUM_US(50)) == 0);
	store_release(&over, true);
	for (int i = 0; i < 6; i++)
		CHECK(thrum_join(fs[i]) == 0);
	return 0;
}

int main(void)
{
	struct thrum_config config = THRUM_CONFIG_INIT;
	struct thrum_future *done;
	struct thrum_runtime *rt;

	config.workers = 1;
	CHECK(thrum_runtime_create(&rt, &config) == 0);
	done = thrum_runtime_submit(rt, all, NULL);
	CHECK(done);
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct thrum_future *f = thrum_runtime_submit(rt, count_injected, NULL);

		CHECK(f);
		CHECK(thrum_await(f) == 0);
		thrum_release(f);
	}
	CHECK(thrum_join(done) == 0);
	CHECK(thrum_runtime_destroy(rt) == 0);
	printf("injected %u, timers %u, spawned %u, woken %u\n", load_relaxed(&injected),
	       load_relaxed(&timed), load_relaxed(&spawned_runs), load_relaxed(&woken));
	return 0;
}
