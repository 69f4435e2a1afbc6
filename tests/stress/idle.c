/* SPDX-License-Identifier: MIT */
/*
 * idle.c - a runtime that has worked (tasks, timers, blocking jobs, callbacks, abandoned deadlines)
 * and is idle: from one second after the last work on, no thread of the process wakes.
 * THRUM_IDLE_S: for how long it is watched (60; divided by THRUM_TEST_DIV, 2 at least).
 *
 * The watching thread sleeps in one clock_nanosleep, which is its own one switch.
 */
#include "support.h"

#include <time.h>

static intptr_t nap(void *arg)
{
	(void)arg;
	return thrum_sleep(THRUM_MS(2));
}

static intptr_t job(void *arg)
{
	return (intptr_t)arg;
}

static void on_done(struct thrum_future *f, void *arg)
{
	(void)f;
	(void)arg;
}

static intptr_t some_work(void *arg)
{
	struct thrum_future *bare = thrum_future_create();
	struct thrum_future *fs[50];

	(void)arg;
	CHECK(bare && thrum_future_on_done(bare, on_done, NULL) == 0);
	for (int i = 0; i < 50; i++) {
		fs[i] = thrum_spawn(nap, NULL);
		CHECK(fs[i]);
	}
	/* Deadlines that are long over when they would be due. */
	for (int i = 0; i < 50; i++)
		CHECK(thrum_wait_for(fs[i], THRUM_SEC(3)) == 0);
	for (int i = 0; i < 50; i++)
		thrum_release(fs[i]);
	CHECK(thrum_blocking(job, (void *)1) == 1);
	CHECK(thrum_future_set(bare, 0) == 0);
	thrum_release(bare);
	return 0;
}

static void pause_s(int64_t s)
{
	struct timespec t = {.tv_sec = s};

	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &t,
			       &t)) /* the time that is watched, not a wait for an event */
		;
}

int main(void)
{
	const char *text = getenv("THRUM_IDLE_S");
	int64_t watch_s = text ? atoll(text) : (int64_t)scaled(60);
	struct thrum_runtime *rt;
	int threads[2];
	long switches[2];

	CHECK(thrum_runtime_create(&rt, NULL) == 0);
	CHECK(thrum_runtime_block_on(rt, some_work, NULL) == 0);
	pause_s(1);
	switches[0] = voluntary_switches(&threads[0]);
	pause_s(watch_s < 4 ? 4 : watch_s);
	switches[1] = voluntary_switches(&threads[1]);
	printf("%d threads, %ld switches in the watched time, 1 of them the watcher's\n",
	       threads[1], switches[1] - switches[0]);
	CHECK(threads[0] == threads[1]);
	CHECK(INSTRUMENTED || switches[1] - switches[0] <= 1);
	CHECK(thrum_runtime_destroy(rt) == 0);
	return 0;
}
