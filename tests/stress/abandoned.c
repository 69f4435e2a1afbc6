/* SPDX-License-Identifier: MIT */
/*
 * abandoned.c - a million waits on one future that never completes, each given up: by a deadline,
 * by a cancel, as the loser of wait_any, through a released shield.  Memory stays flat; then the
 * future completes and the last waiters see it.
 */
#include "support.h"

#define AT_A_TIME 100

static struct thrum_future *never;

static intptr_t awaits(void *arg)
{
	(void)arg;
	return thrum_await(never);
}

/* A wait on never by a child, ended by the child's deadline (the shield's own, so that never lives
 * on). */
static void give_up_by_deadline(void)
{
	struct thrum_future *shield = thrum_shield(never);

	CHECK(shield);
	CHECK(thrum_wait_for(shield, THRUM_NS(1)) == -ETIMEDOUT);
	thrum_release(shield);
}

static void give_up_by_cancel(void)
{
	struct thrum_future *fs[AT_A_TIME];

	for (int i = 0; i < AT_A_TIME; i++) {
		fs[i] = thrum_spawn(awaits, NULL);
		CHECK(fs[i]);
	}
	CHECK(thrum_yield() == 0);
	for (int i = 0; i < AT_A_TIME; i++)
		CHECK(thrum_cancel(fs[i]) == 0);
	for (int i = 0; i < AT_A_TIME; i++)
		CHECK(thrum_join(fs[i]) == -ECANCELED);
}

static intptr_t set_it(void *f)
{
	return thrum_future_set(f, 3);
}

static void lose_wait_any(void)
{
	struct thrum_future *fs[2] = {never, thrum_future_create()};

	CHECK(fs[1]);
	CHECK(thrum_go(set_it, fs[1]) == 0);
	CHECK(thrum_wait_any(fs, 2) == 1);
	thrum_release(fs[1]);
}

static void release_shield(void)
{
	struct thrum_future *shield = thrum_shield(never);

	CHECK(shield);
	thrum_release(shield);
}

static intptr_t all(void *arg)
{
	uint64_t rounds = scaled(1000000) / 4;
	struct thrum_future *last[AT_A_TIME];
	long before = 0, after;

	(void)arg;
	never = thrum_future_create();
	CHECK(never);
	for (uint64_t i = 0; i < rounds; i++) {
		give_up_by_deadline();
		lose_wait_any();
		release_shield();
		if (i % AT_A_TIME == 0)
			give_up_by_cancel();
		if (i == rounds / 10)
			before = status_of("VmRSS");
	}
	after = status_of("VmRSS");
	printf("%llu waits given up: RSS %ld to %ld KiB\n", (unsigned long long)rounds * 4, before,
	       after);
	CHECK(INSTRUMENTED || rounds < 1000 || after <= before + 1024);
	for (int i = 0; i < AT_A_TIME; i++) {
		last[i] = thrum_spawn(awaits, NULL);
		CHECK(last[i]);
	}
	CHECK(thrum_yield() == 0);
	CHECK(thrum_future_set(never, 9) == 0);
	for (int i = 0; i < AT_A_TIME; i++)
		CHECK(thrum_join(last[i]) == 9);
	thrum_release(never);
	return 0;
}

int main(void)
{
	CHECK(thrum_run(all, NULL) == 0);
	return 0;
}
