/* SPDX-License-Identifier: MIT */
/*
 * scen_descriptor_trust.c - the table of descriptors (runtime/poll/descriptor.c): distrust, and
 * trust that was misplaced.
 */
#include "descriptor_world.h"

static void distruster(void)
{
	thrum__descriptors_distrust(&table);
}

/* T10: beside a wait that relied on the watch. */
SCENARIO(descriptor_distrust, .setup = setup_trusted,
	 .thread = {reader, distruster, ready_old_then_dispatch}, .check = check, .stale = 1,
	 .may_sleep = 1u << 2, .min_executions = 10000, .covers = "T2 T3 T8 T10");

static void distrust_reopen_and_read(void)
{
	struct thrum__descriptor *d;

	model_assert(thrum__descriptor_enter(&table, FD, &d) == 0);
	model_assert(thrum__descriptor_watch(&table, d, FD) == 0);
	thrum__descriptor_leave(d);
	distruster();
	kernel_close();
	kernel_open();
	reader();
}

/* T10: what was closed by others is watched anew under its old number. */
SCENARIO(descriptor_distrust_reuse, .setup = setup_trusted,
	 .thread = {distrust_reopen_and_read, ready_then_dispatch}, .check = check, .bound = 4,
	 .min_executions = 10000, .may_sleep = 1u << 1, .covers = "T8 T10");

/* Trust that is misplaced: what the library made is closed by somebody else, and the number used
 * again.  Who waits then is found, once all wait (or, by two looks, when it lasts). */

static void watch_and_reopen(void)
{
	struct thrum__descriptor *d;

	model_assert(thrum__descriptor_enter(&table, FD, &d) == 0);
	model_assert(thrum__descriptor_watch(&table, d, FD) == 0);
	thrum__descriptor_leave(d);
	kernel_close();
	kernel_open();
}

static void setup_misplaced(void)
{
	setup_trusted();
	model_name(&known->watch, "watch");
	model_name(&known->in.word, "in");
	model_name(&known->in.tick, "in.tick");
	watch_and_reopen();
}

static void verify_all_asleep(void)
{
	thrum__descriptors_verify(&table, false);
	model_event_wait(&asleep);
	thrum__descriptors_verify(&table, true);
}

/* T14. */
SCENARIO(descriptor_misplaced, .setup = setup_misplaced,
	 .thread = {reader, verify_all_asleep, ready_then_dispatch}, .check = check, .stale = 1,
	 .may_sleep = 1u << 1 | 1u << 2, .min_executions = 1000, .covers = "T11 T12 T14 T15 T16");

/* T13: it was looked at while nobody waited: a wait that begins is noted again. */
static void setup_misplaced_later(void)
{
	setup_trusted();
	model_assert(thrum__descriptor_watch(&table, known, FD) == 0);
	thrum__descriptors_verify(&table, false);
}

static void reopen_then_read(void)
{
	kernel_close();
	kernel_open();
	reader();
}

static void verify_twice_asleep(void)
{
	thrum__descriptors_verify(&table, false);
	model_event_wait(&asleep);
	thrum__descriptors_verify(&table, false);
	thrum__descriptors_verify(&table, false);
}
SCENARIO(descriptor_misplaced_later, .setup = setup_misplaced_later,
	 .thread = {reopen_then_read, verify_twice_asleep, ready_then_dispatch}, .check = check,
	 .stale = 1, .may_sleep = 1u << 1 | 1u << 2, .min_executions = 1000,
	 .covers = "T11 T12 T13 T14 T15 T16");

/* T15, T16: it is quiet when the wait begins; who takes the note of it finds it. */
static void setup_misplaced_quiet(void)
{
	setup_trusted();
	model_assert(thrum__descriptor_watch(&table, known, FD) == 0);
	thrum__descriptors_verify(&table, true);
}

static void verify_and_asleep(void)
{
	thrum__descriptors_verify(&table, true);
	model_event_wait(&asleep);
	thrum__descriptors_verify(&table, true);
}
SCENARIO(descriptor_misplaced_quiet, .setup = setup_misplaced_quiet,
	 .thread = {reopen_then_read, verify_and_asleep, ready_then_dispatch}, .check = check,
	 .stale = 1, .may_sleep = 1u << 1 | 1u << 2, .min_executions = 1000,
	 .covers = "T12 T13 T14 T15 T16");

/* T14 beside a life that the library begins: neither is its watch spoilt, nor trust lost. */
static void close_and_read_new(void)
{
	closer();
	read_new();
	model_assert(load_relaxed(&known->watch) & THRUM__FD_TRUSTED);
}

static void verifier(void)
{
	thrum__descriptors_verify(&table, true);
}

static void check_trust(void)
{
	model_assert(load_relaxed(&table.trusts));
	check();
}
SCENARIO(descriptor_verify_close, .setup = setup_misplaced_later,
	 .thread = {close_and_read_new, verifier, ready_then_dispatch}, .check = check_trust,
	 .stale = 1, .may_sleep = 1u << 2, .min_executions = 1000,
	 .covers = "T4 T5 T6 T7 T8 T12 T14");
