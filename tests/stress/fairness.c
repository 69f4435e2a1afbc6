/* SPDX-License-Identifier: MIT */
/*
 * fairness.c - on one worker: two tasks that wake each other for ever, and two chains that spawn themselves anew, starve
 * neither an injected task, a timer, a spawned task nor a woken one.  Each must come again and again within the run.
 */
#include "support.h"

#include <stdatomic.h>

#define ROUNDS 200

static atomic_bool over;
static atomic_uint injected, timed, spawned_runs, woken;
static struct thrum_future *ball[2];

/* Sets the other's future and waits for its own, for ever. */
static intptr_t player(void *arg)
{
	intptr_t me = (intptr_t)arg;

	while (!atomic_load(&over)) {
		struct thrum_future *mine = thrum_future_create();
		struct thrum_future *theirs;

		CHECK(mine);
		theirs = ball[1 - me];
		ball[me] = mine;
		if (theirs)
			(void)thrum_future_set(theirs, 0);
		if (thrum_wait_for(mine, THRUM_SEC(1)) < 0)
			CHECK(atomic_load(&over));
		if (ball[me] == mine)
			ball[me] = NULL;
		thrum_release(mine);
	}
	return 0;
}

static intptr_t yielder(void *arg)
{
	(void)arg;
	while (!atomic_load(&over))
		CHECK(thrum_yield() == 0);
	return 0;
}

static intptr_t breeder(void *arg)
{
	if (!atomic_load(&over))
		CHECK(thrum_go(breeder, arg) == 0);
	return 0;
}

static intptr_t count_injected(void *arg)
{
	(void)arg;
	atomic_fetch_add(&injected, 1);
	return 0;
}

static intptr_t ticker(void *arg)
{
	(void)arg;
	while (!atomic_load(&over)) {
		CHECK(thrum_sleep(THRUM_US(100)) == 0);
		atomic_fetch_add(&timed, 1);
	}
	return 0;
}

static intptr_t count_spawned(void *arg)
{
	(void)arg;
	atomic_fetch_add(&spawned_runs, 1);
	return 0;
}

/* Spawned first, so it lies below all that the breeders add. */
static intptr_t old_task(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned before = atomic_load(&spawned_runs);
		struct thrum_future *f = thrum_spawn(count_spawned, NULL);

		CHECK(f);
		CHECK(thrum_await(f) == 0);
		CHECK(atomic_load(&spawned_runs) == before + 1);
		thrum_release(f);
		atomic_fetch_add(&woken, 1);
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
	while (atomic_load(&injected) < ROUNDS || atomic_load(&timed) < ROUNDS)
		CHECK(thrum_sleep(THRUM_US(50)) == 0);
	atomic_store(&over, true);
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
	printf("injected %u, timers %u, spawned %u, woken %u\n", injected, timed, spawned_runs, woken);
	return 0;
}
