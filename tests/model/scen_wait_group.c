/* SPDX-License-Identifier: MIT */
/*
 * scen_wait_group.c - sync/wait_group.c: who waits goes on when all are done, sees what was done
 * before each done, and may take the group along.
 */
#include "sync_world.h"

#include "core/waitqueue.h"

#include <errno.h>
#include <thrum/meet.h>
#include <thrum/time.h>

static struct thrum_wait_group *g;
static int done_before[2]; /* each done */
static struct atomic32 users;
static unsigned passed, cut;

static void start(unsigned threads, unsigned n)
{
	world_start(threads, 2);
	g = model_alloc(sizeof(*g));
	thrum_wait_group_init(g);
	thrum_wait_group_add(g, n);
	plain_write(&done_before[0], 0);
	plain_write(&done_before[1], 0);
	store_relaxed(&users, 0);
	passed = cut = 0;
	model_name(g, "group");
}

static void check(void)
{
	world_check();
	thrum_wait_group_fini(g);
}

static intptr_t wait_until(intptr_t deadline_ns)
{
	return thrum_wait_group_wait_until(g, deadline_ns);
}

static void pass(void)
{
	passed++;
	model_assert(plain_read(&done_before[0]) == 1 && plain_read(&done_before[1]) == 1);
}

static void waits(void)
{
	intptr_t err = in_frame(wait_until, THRUM_FOREVER);

	model_assert(!err || err == -ECANCELED || err == -ETIMEDOUT);
	if (err)
		cut++;
	else
		pass();
}

static void done_first(void)
{
	plain_write(&done_before[0], 1);
	thrum_wait_group_done(g);
}

static void done_second(void)
{
	plain_write(&done_before[1], 1);
	thrum_wait_group_done(g);
}

static void both_done(void)
{
	done_first();
	done_second();
}

static void cancel_0(void)
{
	cancel(0);
}

static void time_out_0(void)
{
	time_out(0, 0);
}

static void start_one(void)
{
	start(1, 2);
}

SCENARIO(wait_group_wait, .setup = start_one, .thread = {waits, done_first, done_second},
	 .check = check, .stale = 1, .min_executions = 5000, .covers = "T2 T3 T4 T6");
SCENARIO(wait_group_cancel, .setup = start_one, .thread = {waits, both_done, cancel_0},
	 .check = check, .stale = 1, .min_executions = 5000, .covers = "T2 T3 T4 T5 T6");
SCENARIO(wait_group_timeout, .setup = start_one, .thread = {waits, both_done, time_out_0},
	 .check = check, .stale = 1, .min_executions = 5000, .covers = "T2 T3 T4 T5 T6");

/* One more is added while one waits. */
static void adds_and_done(void)
{
	thrum_wait_group_add(g, 1);
	both_done();
	thrum_wait_group_done(g);
}

SCENARIO(wait_group_add, .setup = start_one, .thread = {waits, adds_and_done}, .check = check,
	 .min_executions = 500, .covers = "T1 T2 T3 T4 T6");

/* Two wait, let go on one by one; the last to return takes it along. */
static void waits_and_leaves_by(int64_t deadline_ns)
{
	if (in_frame(wait_until, deadline_ns))
		model_assert(in_frame(wait_until, THRUM_FOREVER) == 0);
	pass();
	if (fetch_sub_acq_rel(&users, 1) == 1)
		model_free(g);
}

static void waits_and_leaves(void)
{
	waits_and_leaves_by(THRUM_FOREVER);
}

static void waits_in_time_and_leaves(void)
{
	waits_and_leaves_by(1);
}

static void start_two(void)
{
	start(2, 2);
	thrum__at_a_time = 1;
	store_relaxed(&users, 2);
}

static void start_two_outside(void)
{
	start_two();
	world_put_outside(0);
}

static void check_gone(void)
{
	world_check();
	model_assert(passed == 2);
	world_check_memory();
}

SCENARIO(wait_group_gone, .setup = start_two,
	 .thread = {waits_and_leaves, waits_and_leaves, both_done}, .check = check_gone, .bound = 2,
	 .stale = 1, .min_executions = 5000, .covers = "T2 T3 T4 T6");
/* One is cut short before, and comes again. */
SCENARIO(wait_group_gone_cut, .setup = start_two_outside,
	 .thread = {waits_in_time_and_leaves, waits_and_leaves, both_done}, .check = check_gone,
	 .bound = 1, .stale = 1, .min_executions = 5000, .covers = "T2 T3 T4 T5 T6");
