/* SPDX-License-Identifier: MIT */
/*
 * scen_queue_join.c - sync/queue.c: who joins goes on when all that was put has been dealt with,
 * and sees what was done before; each item that a shutdown finds is dropped, or got, and counts
 * once.  Whoever has done its part gives its reference back, the last one with the queue.
 */
#include "sync_world.h"

#include "core/waitqueue.h"

#include <errno.h>
#include <thrum/queue.h>
#include <thrum/time.h>

enum { ITEMS = 2 };

static struct thrum_queue *q;
static int made[ITEMS];  /* before it is put */
static int dealt[ITEMS]; /* before its task_done */
static unsigned had[ITEMS], dropped[ITEMS];
static unsigned put, joined, cut, ended;

static void drop(void *item)
{
	dropped[*(intptr_t *)item]++;
}

static bool try_put(intptr_t item)
{
	plain_write(&made[item], 1);
	put++;
	return thrum_queue_try_put(q, &item) == 0;
}

static intptr_t note_had(intptr_t item)
{
	model_assert(item >= 0 && item < ITEMS && plain_read(&made[item]) == 1);
	model_assert(had[item]++ == 0);
	return item;
}

static void start(unsigned threads, unsigned calls, size_t capacity)
{
	world_start(threads, calls);
	q = thrum_queue_create_drop(THRUM_QUEUE_FIFO, sizeof(intptr_t), capacity, NULL, drop);
	model_assert(q);
	for (unsigned i = 1; i < threads; i++)
		thrum_queue_retain(q);
	for (unsigned i = 0; i < ITEMS; i++) {
		plain_write(&made[i], 0);
		plain_write(&dealt[i], 0);
		had[i] = dropped[i] = 0;
	}
	put = joined = cut = ended = 0;
	model_name(q, "queue");
}

/* Each item that was put went one way. */
static void check(void)
{
	unsigned n = 0;

	world_check();
	for (unsigned i = 0; i < ITEMS; i++) {
		model_assert(had[i] + dropped[i] <= 1);
		n += had[i] + dropped[i];
	}
	model_assert(n == put);
	world_check_memory();
}

/* ---- All was got at first; it is dealt with while others join ---- */

static void start_got(unsigned threads, unsigned calls)
{
	start(threads, calls, ITEMS);
	for (intptr_t i = 0; i < ITEMS; i++) {
		intptr_t item;

		model_assert(try_put(i));
		model_assert(thrum_queue_try_get(q, &item) == 0 && item == i);
		note_had(item);
	}
}

static intptr_t join(intptr_t deadline_ns)
{
	return thrum_queue_join_until(q, deadline_ns);
}

static bool joins_by(int64_t deadline_ns)
{
	intptr_t err = in_frame(join, deadline_ns);

	if (err) {
		model_assert(err == -ECANCELED || err == -ETIMEDOUT);
		cut++;
		return false;
	}
	for (unsigned i = 0; i < ITEMS; i++)
		model_assert(!had[i] || plain_read(&dealt[i]) == 1);
	joined++;
	return true;
}

static void joins(void)
{
	joins_by(THRUM_FOREVER);
	thrum_queue_release(q);
}

static void joins_in_time(void)
{
	if (!joins_by(1))
		model_assert(joins_by(THRUM_FOREVER));
	thrum_queue_release(q);
}

static void deal_with(intptr_t item)
{
	plain_write(&dealt[item], 1);
	thrum_queue_task_done(q);
}

static void deals_with_first(void)
{
	deal_with(0);
	thrum_queue_release(q);
}

static void deals_with_second(void)
{
	deal_with(1);
	thrum_queue_release(q);
}

static void deals_with_both(void)
{
	deal_with(0);
	deals_with_second();
}

static void cancels_0(void)
{
	cancel(0);
	thrum_queue_release(q);
}

static void start_three(void)
{
	start_got(3, 2);
	thrum__at_a_time = 1;
}

static void start_three_outside(void)
{
	start_three();
	world_put_outside(0);
}

static void check_joined(void)
{
	check();
	model_assert(joined == 1);
}

static void check_both_joined(void)
{
	check();
	model_assert(joined == 2);
}

SCENARIO(queue_join, .setup = start_three, .thread = {joins, deals_with_first, deals_with_second},
	 .check = check_joined, .bound = 1, .full_bound = 2, .stale = 1, .min_executions = 1000,
	 .covers = "T6 T7");
SCENARIO(queue_join_cancelled, .setup = start_three, .thread = {joins, deals_with_both, cancels_0},
	 .check = check, .bound = 2, .stale = 1, .min_executions = 1000, .covers = "T6 T7 T8");
/* Two are let go on one by one; one was cut short before, and comes again. */
SCENARIO(queue_join_two, .setup = start_three_outside,
	 .thread = {joins_in_time, joins, deals_with_both}, .check = check_both_joined, .bound = 1,
	 .stale = 1, .min_executions = 1000, .covers = "T6 T7 T8");

/* Another one is put and got while they are let go on. */
static void deals_and_puts(void)
{
	intptr_t item;

	deal_with(0);
	await_waits(2);
	deal_with(1);
	had[0] = 0;
	put--;
	plain_write(&dealt[0], 0);
	model_assert(try_put(0) && thrum_queue_try_get(q, &item) == 0);
	note_had(item);
	deals_with_first();
}

static intptr_t join_only(intptr_t unused)
{
	(void)unused;
	return thrum_queue_join(q);
}

static void joins_early(void)
{
	model_assert(in_frame(join_only, 0) == 0);
	joined++;
	thrum_queue_release(q);
}

SCENARIO(queue_join_put, .setup = start_three, .thread = {joins_early, joins_early, deals_and_puts},
	 .check = check_both_joined, .bound = 1, .stale = 1, .min_executions = 500,
	 .covers = "T6 T7");

/* ---- A shutdown of what is in it ---- */

static intptr_t get(intptr_t unused)
{
	intptr_t item = 0;
	int err = thrum_queue_get(q, &item);

	(void)unused;
	model_assert(!err || err == -EPIPE);
	return err ? err : note_had(item);
}

static void gets(void)
{
	intptr_t item = in_frame(get, 0);

	if (item < 0)
		ended++;
	else
		deal_with(item);
	thrum_queue_release(q);
}

static intptr_t put_second(intptr_t item)
{
	intptr_t it = item;

	return thrum_queue_put(q, &it);
}

static void puts_second(void)
{
	intptr_t err;

	plain_write(&made[1], 1);
	err = in_frame(put_second, 1);
	model_assert(!err || err == -EPIPE);
	put += !err;
	thrum_queue_release(q);
}

static void shuts_now(void)
{
	thrum_queue_shutdown(q, true);
	thrum_queue_release(q);
}

static void start_full(void)
{
	start(3, 1, 1);
	model_assert(try_put(0));
}

static void check_one_way(void)
{
	check_joined();
	model_assert(ended == dropped[0]);
}

SCENARIO(queue_shutdown_get, .setup = start_full, .thread = {gets, shuts_now, joins},
	 .check = check_one_way, .bound = 1, .full_bound = 2, .stale = 1, .min_executions = 1000,
	 .covers = "T6 T7 T9");
SCENARIO(queue_shutdown_twice, .setup = start_full, .thread = {gets, shuts_now, shuts_now},
	 .check = check, .bound = 1, .full_bound = 2, .stale = 1, .min_executions = 1000,
	 .covers = "T6 T9");
/* Beside one that waits for room. */
SCENARIO(queue_shutdown_put, .setup = start_full, .thread = {puts_second, gets, shuts_now},
	 .check = check, .bound = 1, .stale = 1, .min_executions = 1000, .covers = "T6 T9");
