/* SPDX-License-Identifier: MIT */
/*
 * scen_watch.c - sync/watch.c: who waits for another value gets the last one, with what was done
 * before it was set, then is told that it was closed.  Whoever has done its part gives its
 * reference back, the last one with the watch.
 *
 * Each value is its version.
 */
#include "sync_world.h"

#include "core/waitqueue.h"

#include <errno.h>
#include <thrum/broadcast.h>
#include <thrum/time.h>

enum { LAST = 3, READERS = 2 };

static struct thrum_watch *w;
static int made[LAST + 1]; /* before it is set */
static unsigned set;       /* the last one that was */
static uint64_t seen[READERS];
static unsigned cut;

static void start(unsigned threads)
{
	intptr_t first = 1;

	world_start(threads, 4);
	w = thrum_watch_create(sizeof(first), &first);
	model_assert(w);
	for (unsigned i = 1; i < threads; i++)
		thrum_watch_retain(w);
	for (unsigned i = 0; i <= LAST; i++)
		plain_write(&made[i], i == 1);
	for (unsigned i = 0; i < READERS; i++)
		seen[i] = 1;
	set = 1;
	cut = 0;
	model_name(w, "watch");
}

static void check_memory(void)
{
	world_check();
	world_check_memory();
}

static void check_one(void)
{
	check_memory();
	model_assert(seen[0] == set);
}

static void check_two(void)
{
	check_one();
	model_assert(seen[1] == set);
}

static void set_to(intptr_t value)
{
	int err;

	plain_write(&made[value], 1);
	err = thrum_watch_set(w, &value);
	model_assert(!err || err == -EPIPE);
	if (!err)
		set = (unsigned)value;
}

static void sets(void)
{
	set_to(2);
	thrum_watch_release(w);
}

static void sets_twice(void)
{
	set_to(2);
	set_to(3);
	thrum_watch_release(w);
}

static void closes(void)
{
	thrum_watch_close(w);
	thrum_watch_release(w);
}

static void sets_and_closes(void)
{
	set_to(2);
	closes();
}

static void note_seen(uint64_t version, intptr_t value)
{
	model_assert(version == (uint64_t)value && version <= LAST);
	model_assert(plain_read(&made[version]) == 1);
}

static intptr_t next(intptr_t deadline_ns)
{
	int i = model_thread();
	uint64_t before = seen[i];
	intptr_t value = 0;
	int err = thrum_watch_next_until(w, &seen[i], &value, deadline_ns);

	if (err)
		model_assert(seen[i] == before && !value);
	else
		note_seen(seen[i], value);
	model_assert(err || seen[i] > before);
	return err;
}

static intptr_t follow_by(int64_t deadline_ns)
{
	intptr_t err;

	do
		err = in_frame(next, deadline_ns);
	while (!err);
	return err;
}

static void follows(void)
{
	model_assert(follow_by(THRUM_FOREVER) == -EPIPE);
	thrum_watch_release(w);
}

static void follows_in_time(void)
{
	intptr_t err = follow_by(1);

	model_assert(err == -EPIPE || err == -ETIMEDOUT);
	model_assert(err == -EPIPE || follow_by(THRUM_FOREVER) == -EPIPE);
	thrum_watch_release(w);
}

static void looks(void)
{
	intptr_t value;
	uint64_t version = thrum_watch_get(w, &value);

	note_seen(version, value);
	thrum_watch_release(w);
}

static void start_three(void)
{
	start(3);
}

static void start_one_by_one(void)
{
	start_three();
	thrum__at_a_time = 1;
}

static void start_one_by_one_outside(void)
{
	start_one_by_one();
	world_put_outside(0);
}

SCENARIO(watch_close, .setup = start_three, .thread = {follows, sets, closes}, .check = check_one,
	 .bound = 2, .stale = 1, .min_executions = 1000, .covers = "T1 T2 T3 T4");
SCENARIO(watch_two, .setup = start_one_by_one, .thread = {follows, follows, sets_and_closes},
	 .check = check_two, .bound = 1, .stale = 1, .min_executions = 1000,
	 .covers = "T1 T2 T3 T4");
SCENARIO(watch_two_cut, .setup = start_one_by_one_outside,
	 .thread = {follows_in_time, follows, closes}, .check = check_two, .bound = 1, .stale = 1,
	 .min_executions = 1000, .covers = "T2 T4 T5");

/* ---- The last of several values, and a look beside them; a cancel takes nothing along ---- */

static void follows_to_last(void)
{
	while (seen[0] < LAST)
		model_assert(in_frame(next, THRUM_FOREVER) == 0);
	thrum_watch_release(w);
}

SCENARIO(watch_last, .setup = start_three, .thread = {follows_to_last, sets_twice, looks},
	 .check = check_one, .bound = 1, .full_bound = 2, .stale = 1, .min_executions = 1000,
	 .covers = "T1 T3 T4");

static void follows_unless_cancelled(void)
{
	intptr_t err = in_frame(next, THRUM_FOREVER);

	model_assert(!err || err == -ECANCELED);
	cut += err != 0;
	thrum_watch_release(w);
}

static void cancels_0(void)
{
	cancel(0);
	thrum_watch_release(w);
}

static void check_cut(void)
{
	check_memory();
	model_assert(set == 2 && seen[0] == (cut ? 1 : 2));
}

SCENARIO(watch_cancelled, .setup = start_three,
	 .thread = {follows_unless_cancelled, sets, cancels_0}, .check = check_cut, .bound = 2,
	 .stale = 1, .min_executions = 1000, .covers = "T1 T3 T4 T5");
