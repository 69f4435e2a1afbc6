/* SPDX-License-Identifier: MIT */
/*
 * test_worker.c - the loop of a worker: each task once, on one worker at a time, on a stack of its
 * own; nobody starves.
 *
 * Where somebody would starve the test does not end.
 */
#include "base/atomic.h"
#include "base/tls.h"
#include "run.h"
#include "sched/worker.h"

#define TASKS 200

static struct {
	struct atomic32 inside, runs;
} seen[TASKS];

static intptr_t task_runs_once(void *number)
{
	intptr_t n = (intptr_t)number;
	unsigned char mine[1500];

	is_int(fetch_add_relaxed(&seen[n].runs, 1), 0);
	memset(mine, (int)n, sizeof(mine));
	for (int i = 0; i < 20; i++) {
		is_int(exchange_relaxed(&seen[n].inside, 1), 0);
		for (size_t k = 0; k < sizeof(mine); k++)
			must(mine[k] == (unsigned char)n);
		store_relaxed(&seen[n].inside, 0);
		is_int(i % 2 ? thrum_yield() : thrum_sleep(1 + n % 5), 0);
	}
	return n;
}

static void each_once(void)
{
	static struct thrum_future *fs[TASKS];

	memset(seen, 0, sizeof(seen));
	for (intptr_t i = 0; i < TASKS; i++)
		must(fs[i] = thrum_spawn(task_runs_once, as_arg(i)));
	for (intptr_t i = 0; i < TASKS; i++)
		is_int(thrum_join(fs[i]), i);
	for (int i = 0; i < TASKS; i++)
		is_int(load_relaxed(&seen[i].runs), 1);
}

TASK_TEST(each_task_runs_once, 1)
{
	each_once();
}

TASK_TEST(each_task_runs_once_on_three_workers, 3)
{
	each_once();
}

/* Only a call that suspends may change the worker. */
TASK_TEST(other_calls_keep_the_worker, 3)
{
	struct thrum_stats s = {.size = sizeof(s)};

	for (int i = 0; i < 300; i++) {
		struct thrum__worker *w = thrum__tls_worker();
		struct thrum_future *f = thrum_spawn(task_return, NULL), *bare = future_new();
		struct thrum_future *shield = thrum_shield(bare);

		thrum_cancel(f);
		thrum_retain(f);
		thrum_release(f);
		thrum_cancel(shield);
		thrum_future_set(bare, 1);
		(void)thrum_done(f);
		(void)thrum_now();
		(void)thrum_runtime_stats(NULL, -1, &s);
		must(thrum__tls_worker() == w);
		thrum_release(shield);
		thrum_release(bare);
		is_int(thrum_join(f), 0);
	}
}

/* Two tasks that wake each other for ever, until a third has run. */
struct rally {
	struct thrum_future *ball[2];
	bool stop;
	intptr_t strokes;
};

static intptr_t task_serves(void *rally)
{
	struct rally *r = rally;

	while (!r->stop) {
		struct thrum_future *back = r->ball[1];

		thrum_future_set(r->ball[0], 0);
		is_int(thrum_await(back), 0);
		thrum_release(back);
		r->ball[1] = future_new();
		r->strokes++;
	}
	thrum_future_set(r->ball[0], 1);
	return r->strokes;
}

static intptr_t task_returns_the_ball(void *rally)
{
	struct rally *r = rally;

	for (;;) {
		struct thrum_future *ball = r->ball[0];
		intptr_t last = thrum_await(ball);

		thrum_release(ball);
		r->ball[0] = future_new();
		if (last)
			return 0;
		thrum_future_set(r->ball[1], 0);
	}
}

static intptr_t task_stops(void *stop)
{
	*(bool *)stop = true;
	return 0;
}

static void rally_begin(struct rally *r, struct thrum_future *players[2])
{
	*r = (struct rally){.ball = {future_new(), future_new()}};
	players[0] = thrum_spawn(task_returns_the_ball, r);
	players[1] = thrum_spawn(task_serves, r);
}

static intptr_t rally_end(struct rally *r, struct thrum_future *players[2])
{
	intptr_t strokes = thrum_join(players[1]);

	is_int(thrum_join(players[0]), 0);
	future_drop(r->ball[0]);
	future_drop(r->ball[1]);
	return strokes;
}

TASK_TEST(a_spawned_task_runs_beside_a_rally, 1)
{
	struct thrum_future *players[2];
	struct rally r;

	rally_begin(&r, players);
	is_int(thrum_go(task_stops, &r.stop), 0);
	must(rally_end(&r, players) < 1000);
}

static intptr_t main_submits_beside_a_rally(void *runtime)
{
	struct thrum_future *players[2];
	struct rally r;

	rally_begin(&r, players);
	is_int(thrum_runtime_try_submit(runtime, task_stops, &r.stop, NULL), 0);
	must(rally_end(&r, players) < 1000);
	return 0;
}

START_TEST(a_submitted_task_runs_beside_a_rally)
{
	struct thrum_runtime *rt = runtime_of(1, THRUM_CLOCK_REAL);

	is_int(thrum_runtime_block_on(rt, main_submits_beside_a_rally, rt), 0);
	is_int(thrum_runtime_destroy(rt), 0);
}
END_TEST

static intptr_t task_stops_later(void *stop)
{
	is_int(thrum_sleep(THRUM_US(100)), 0);
	*(bool *)stop = true;
	return 0;
}

static intptr_t main_times_a_rally(void *unused)
{
	struct thrum_future *players[2];
	struct rally r;

	(void)unused;
	rally_begin(&r, players);
	is_int(thrum_go(task_stops_later, &r.stop), 0);
	(void)rally_end(&r, players);
	return 0;
}

START_TEST(a_timer_fires_beside_a_rally)
{
	is_int(run_real(1, main_times_a_rally, NULL), 0);
}
END_TEST

static void call_stops(struct thrum_future *f, void *stop)
{
	(void)f;
	*(bool *)stop = true;
}

TASK_TEST(a_callback_is_called_beside_a_rally, 1)
{
	struct thrum_future *players[2], *f = thrum_spawn(task_return, NULL);
	struct rally r;

	rally_begin(&r, players);
	is_int(thrum_future_on_done(f, call_stops, &r.stop), 0);
	must(rally_end(&r, players) < 1000);
	thrum_release(f);
}

static intptr_t task_respawns(void *stop)
{
	if (*(bool *)stop)
		return 0;
	is_int(thrum_go(task_respawns, stop), 0);
	return 1;
}

static intptr_t task_stops_after_turns(void *stop)
{
	for (int i = 0; i < 50; i++)
		is_int(thrum_yield(), 0);
	*(bool *)stop = true;
	return 0;
}

/* Tasks that spawn their successor for ever, the newest being taken first. */
TASK_TEST(woken_and_old_tasks_run_beside_new_ones, 1)
{
	struct thrum_future *f, *old;
	bool stop = false;

	old = thrum_spawn(task_return, as_arg(1));
	f = thrum_spawn(task_stops_after_turns, &stop);
	is_int(thrum_go(task_respawns, &stop), 0);
	is_int(thrum_join(f), 0);
	is_int(thrum_join(old), 1);
	settle(); /* the last successor has seen it */
}

/* One task after the other in the joiner's place: others have their turn all the same. */
TASK_TEST(joins_in_place_starve_nobody, 1)
{
	bool stop = false;
	int joins = 0;

	is_int(thrum_go(task_stops, &stop), 0);
	while (!stop && joins < 10000) {
		is_int(thrum_join(thrum_spawn(task_return, NULL)), 0);
		joins++;
	}
	must(joins < 10000);
}

static intptr_t task_nests(void *depth)
{
	intptr_t n = (intptr_t)depth;
	volatile char frame[2000];

	memset((char *)frame, 1, sizeof(frame));
	return n == 0 ? 0 : frame[n % 2000] + thrum_join(thrum_spawn(task_nests, as_arg(n - 1)));
}

/* Far more frames than one stack has room for: joins go to stacks of their own in time. */
TASK_TEST(deep_joins_need_no_deep_stack, 1)
{
	is_int(thrum_join(thrum_spawn(task_nests, as_arg(2000))), 2000);
}

static intptr_t task_tree(void *depth)
{
	intptr_t n = (intptr_t)depth;
	struct thrum_future *left;

	if (n == 0)
		return 1;
	left = thrum_spawn(task_tree, as_arg(n - 1));
	return task_tree(as_arg(n - 1)) + thrum_join(left);
}

TASK_TEST(trees_of_joins, 3)
{
	is_int(task_tree(as_arg(12)), 1 << 12);
}

/* More than one queue holds at first, woken at once. */
static void crowd(void)
{
	enum { CROWD = 3000 };
	static struct thrum_future *fs[CROWD];
	struct thrum_future *gate = future_new();

	for (int i = 0; i < CROWD; i++)
		must(fs[i] = thrum_spawn(task_await, gate));
	settle();
	thrum_future_set(gate, 6);
	for (int i = 0; i < CROWD; i++)
		is_int(thrum_join(fs[i]), 6);
	thrum_release(gate);
}

TASK_TEST(a_crowd_is_woken_at_once, 1)
{
	crowd();
}

TASK_TEST(a_crowd_is_woken_at_once_on_two_workers, 2)
{
	crowd();
}

int main(void)
{
	const TTest *const tests[] = {
	    each_task_runs_once,
	    each_task_runs_once_on_three_workers,
	    other_calls_keep_the_worker,
	    a_spawned_task_runs_beside_a_rally,
	    a_submitted_task_runs_beside_a_rally,
	    a_timer_fires_beside_a_rally,
	    a_callback_is_called_beside_a_rally,
	    woken_and_old_tasks_run_beside_new_ones,
	    joins_in_place_starve_nobody,
	    deep_joins_need_no_deep_stack,
	    trees_of_joins,
	    a_crowd_is_woken_at_once,
	    a_crowd_is_woken_at_once_on_two_workers,
	};

	return RUN_TESTS("worker", tests);
}
