/* SPDX-License-Identifier: MIT */
/*
 * cancel_storm.c - cancels race completions, deadlines, starts and in-place joins.  Every task has
 * one known outcome per step, every drop and every copy is accounted for, and at the end spawned =
 * ended and nothing is held.
 *
 * THRUM_SEED chooses; THRUM_TEST_DIV divides the rounds.
 */
#include "base/atomic.h"
#include "support.h"

#define BATCH 64

static struct atomic64 ran, dropped, cancelled, finished;

/* Waits in one of the ways there are until it is cancelled or done. */
static intptr_t victim(void *arg)
{
	uint64_t how = (uintptr_t)arg;
	intptr_t r = 0;

	fetch_add_acq_rel(&ran, 1);
	switch (how % 4) {
	case 0:
		r = thrum_sleep(THRUM_US((int64_t)(how % 97)));
		break;
	case 1:
		r = thrum_yield();
		break;
	case 2: {
		struct thrum_future *f = thrum_future_create();

		CHECK(f);
		r = thrum_wait_for(f, THRUM_US((int64_t)(how % 53)));
		CHECK(r == -ETIMEDOUT || r == -ECANCELED);
		thrum_release(f);
		r = r == -ETIMEDOUT && thrum_cancel_requested() != THRUM_HARD ? 0 : r;
		break;
	}
	case 3:
		/* The joiner's cancel must reach the child that runs in its place. */
		r = thrum_join(thrum_spawn(victim, (void *)(uintptr_t)(how / 4)));
		break;
	}
	CHECK(r == 0 || r == -ECANCELED || r == -ETIMEDOUT);
	fetch_add_acq_rel(r ? &cancelled : &finished, 1);
	return r;
}

static void drop(void *arg)
{
	(void)arg;
	fetch_add_acq_rel(&dropped, 1);
}

static intptr_t storm(void *arg)
{
	uint64_t random = (uintptr_t)arg;
	struct thrum_future *fs[BATCH];

	for (uint64_t round = 0; round < scaled(20000); round++) {
		uint64_t n = 1 + random_below(&random, BATCH);

		for (uint64_t i = 0; i < n; i++) {
			void *how = (void *)(uintptr_t)random_below(&random, 100000);

			fs[i] =
			    i % 2 ? thrum_spawn(victim, how) : thrum_spawn_drop(victim, how, drop);
			CHECK(fs[i]);
		}
		if (random_below(&random, 2))
			CHECK(thrum_yield() == 0);
		for (uint64_t i = 0; i < n; i++)
			if (random_below(&random, 3)) {
				int r = thrum_cancel(fs[i]);

				CHECK(r == 0 || r == -EALREADY);
			}
		for (uint64_t i = 0; i < n; i++) {
			intptr_t r;

			if (random_below(&random, 2)) {
				r = thrum_join(fs[i]);
			} else {
				r = thrum_await(fs[i]);
				thrum_release(fs[i]);
			}
			CHECK(r == 0 || r == -ECANCELED || r == -ETIMEDOUT);
		}
	}
	return 0;
}

static intptr_t all(void *arg)
{
	uint64_t random = seed();
	struct thrum_future *fs[4];

	(void)arg;
	for (int i = 0; i < 4; i++) {
		fs[i] = thrum_spawn(storm, (void *)(uintptr_t)(random + (uint64_t)i * 7919));
		CHECK(fs[i]);
	}
	for (int i = 0; i < 4; i++)
		CHECK(thrum_join(fs[i]) == 0);
	return 0;
}

int main(void)
{
	struct thrum_stats stats = run_to_the_end(all);

	printf("spawned %llu = ran %llu + dropped %llu + 5; finished %llu, cut short %llu, in "
	       "place %llu\n",
	       (unsigned long long)stats.spawned, (unsigned long long)load_relaxed(&ran),
	       (unsigned long long)load_relaxed(&dropped),
	       (unsigned long long)load_relaxed(&finished),
	       (unsigned long long)load_relaxed(&cancelled), (unsigned long long)stats.in_place);
	/* all and the four storms */
	CHECK(stats.spawned == load_relaxed(&ran) + load_relaxed(&dropped) + 5);
	CHECK(load_relaxed(&finished) + load_relaxed(&cancelled) == load_relaxed(&ran));
	return 0;
}
