/* SPDX-License-Identifier: MIT */
/*
 * scen_descriptor.c - the table of descriptors (runtime/poll/descriptor.c): calls, lives, closing.
 */
#include "descriptor_world.h"

static bool is_dropped; /* a late event had to be */

static void old_gets_ready(void)
{
	kernel_make_ready(OLD_FILE);
}

/* T8: nobody sleeps through an event, whenever it comes; and it is looked for. */
static void check_watching(void)
{
	model_assert(load_relaxed(&table.watching) == (kernel.tag != 0));
	check();
}
SCENARIO(descriptor_read, .setup = setup, .thread = {reader, old_gets_ready, dispatcher},
	 .check = check_watching, .stale = 1, .may_sleep = 1u << 2, .covers = "T1 T2 T3 T8");

/* T1: the chunk is made by two, and one of the two stays. */
static void enter_leave(void)
{
	struct thrum__descriptor *d;

	model_assert(thrum__descriptor_enter(&table, FD, &d) == 0);
	thrum__descriptor_leave(d);
}

static void make(void)
{
	thrum__descriptor_made(&table, FD);
}

static void check_chunk(void)
{
	struct thrum__descriptor *d;

	model_assert(model_live() == 1);
	model_assert(thrum__descriptor_close_begin(&table, FD, &d) == 0);
	model_assert(load_relaxed(&d->watch) == 18); /* generation 1, TRUSTED */
	model_assert(thrum__descriptor_is_drained(d));
	check();
}
SCENARIO(descriptor_chunk, .setup = setup, .thread = {enter_leave, make, enter_leave},
	 .check = check_chunk, .stale = 1, .min_executions = 1600, .covers = "T1 T2 T3 T7");

/* Calls beside a close: who is refused and comes again is in the next life. */

static void call_twice(void)
{
	unsigned *mine = &inside[model_thread()];
	struct thrum__descriptor *d;
	bool refused = false;

	for (int i = 0; i < 2; i++) {
		if (thrum__descriptor_enter(&table, FD, &d)) {
			refused = true;
			continue;
		}
		if (refused) {
			model_assert(load_relaxed(&d->kind) == THRUM__FD_UNKNOWN);
			model_assert(load_relaxed(&d->watch) == 16); /* generation 1 */
		} else {
			plain_write(mine, 0);
		}
		thrum__descriptor_leave(d);
	}
}

/* T2, T3, T4, T5, T6. */
SCENARIO(descriptor_call_close, .setup = setup_known, .thread = {call_twice, closer},
	 .check = check, .bound = 6, .min_executions = 10000, .covers = "T2 T3 T4 T5 T6");

static void call_once(void)
{
	struct thrum__descriptor *d;

	if (thrum__descriptor_enter(&table, FD, &d))
		return;
	thrum__descriptor_leave(d);
}
SCENARIO(descriptor_calls_close, .setup = setup_known, .thread = {call_twice, call_once, closer},
	 .check = check, .stale = 1, .min_executions = 10000, .covers = "T2 T3 T4 T5 T6");

/* T4: who waits comes back, who comes too late is refused, and who comes between the end of the old
 * life and that of the file hears of it. */
static void reader_ended_by_close(void)
{
	model_assert(read_fd() == -EBADF);
}

SCENARIO(descriptor_wait_close, .setup = setup_trusted, .thread = {reader_ended_by_close, closer},
	 .check = check, .covers = "T2 T3 T4 T5 T6 T8");

static void leave_known(void)
{
	thrum__descriptor_leave(known);
}

static void setup_inside(void)
{
	setup_known();
	model_assert(thrum__descriptor_enter(&table, FD, &known) == 0);
}

/* T4: two close, a call is inside: one of them does, or the other closes the next life. */
static void closer_or_late(void)
{
	int err = close_fd();

	model_assert(err == 0 || err == -EBADF);
}

static void check_closed(void)
{
	model_assert(closed >= 1);
	model_assert(load_relaxed(&known->watch) == closed * 16);
	model_assert(load_relaxed(&known->users) == 0);
	check();
}
SCENARIO(descriptor_two_closers, .setup = setup_inside,
	 .thread = {closer_or_late, closer_or_late, leave_known}, .check = check_closed, .stale = 1,
	 .min_executions = 10000, .covers = "T3 T4 T5 T6");

/* The number's next life, made by the library: closed and opened again. */

static void setup_late(void)
{
	setup_known();
	is_dropped = false;
}

static void close_then_read_new(void)
{
	closer();
	read_new();
}

static void new_gets_ready(void)
{
	kernel_make_ready(NEW_FILE);
}

/* An event of the old life has been taken from the kernel and is dispatched late.  Who has the new
 * life is not told; but for that the look and the raise are two steps. */
static void dispatch_old_then_new(void)
{
	struct thrum__poll_event e = {.tag = FD, .ready = THRUM__READY_OUT};
	bool is_old = load_relaxed(&known->watch) != 9; /* WATCHED, CHECKED, generation 0 */

	thrum__descriptors_dispatch(&table, &e, 1);
	is_dropped |= is_old;
	dispatcher();
}

/* Closing raises it twice; the late event once more, or not. */
static void check_dropped(void)
{
	uint64_t raised = thrum__edge_tick(&known->out);

	model_assert(raised == 2 || (raised == 3 && !is_dropped));
	check();
}

/* T6, T7, T8: the late event, the next life's wait, its event. */
SCENARIO(descriptor_late_event, .setup = setup_late,
	 .thread = {close_then_read_new, dispatch_old_then_new, new_gets_ready},
	 .check = check_dropped, .stale = 1, .may_sleep = 1u << 1, .min_executions = 10000,
	 .covers = "T4 T5 T6 T7 T8");

/* T7 beside T8: a call of the old life is slow to tell the poller, after the number has changed
 * hands behind the library's back; it must not spoil the new watch.  Its own life has been watched
 * before, or not. */
static void setup_slow(void)
{
	setup_known();
	kernel.watched = 0;
	model_assert(thrum__descriptor_enter(&table, FD, &known) == 0);
}

static void setup_slow_first(void)
{
	setup_slow();
	store_relaxed(&known->watch, 0);
}

static void watch_slowly(void)
{
	int err = thrum__descriptor_watch(&table, known, FD);

	model_assert(err == 0 || err == -EBADF || err == -ENOMEM);
	thrum__descriptor_leave(known);
}

static void reopen_and_read(void)
{
	kernel_close();
	read_new();
}

SCENARIO(descriptor_slow_watch, .setup = setup_slow,
	 .thread = {watch_slowly, reopen_and_read, ready_then_dispatch}, .check = check, .stale = 1,
	 .may_sleep = 1u << 2, .min_executions = 10000, .covers = "T7 T8");
SCENARIO(descriptor_slow_first_watch, .setup = setup_slow_first,
	 .thread = {watch_slowly, reopen_and_read, ready_then_dispatch}, .check = check, .stale = 1,
	 .may_sleep = 1u << 2, .min_executions = 10000, .covers = "T7 T8");

/* T9: and the poller has no memory when it is asked to put in again; who waits hears of it. */
static void setup_slow_and_fails(void)
{
	setup_slow_first();
	kernel.fails = true;
}

static void reopen_and_try(void)
{
	int err;

	kernel_close();
	kernel_open();
	thrum__descriptor_made(&table, FD);
	err = read_fd();
	model_assert(err == 0 || err == -ENOMEM);
}
SCENARIO(descriptor_watch_fails, .setup = setup_slow_and_fails,
	 .thread = {watch_slowly, reopen_and_try, ready_then_dispatch}, .check = check, .stale = 1,
	 .may_sleep = 1u << 2, .min_executions = 10000, .covers = "T7 T8 T9");

/* T8 by two, of one life. */
static void watcher(void)
{
	struct thrum__descriptor *d;

	model_assert(thrum__descriptor_enter(&table, FD, &d) == 0);
	model_assert(thrum__descriptor_watch(&table, d, FD) == 0);
	thrum__descriptor_leave(d);
}
SCENARIO(descriptor_two_watch, .setup = setup_trusted,
	 .thread = {reader, watcher, ready_old_then_dispatch}, .check = check, .stale = 1,
	 .may_sleep = 1u << 2, .min_executions = 10000, .covers = "T2 T3 T8");
