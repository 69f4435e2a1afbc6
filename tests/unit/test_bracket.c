/* SPDX-License-Identifier: MIT */
/*
 * test_bracket.c - timeouts: they end every kind of wait, nest, and know whose deadline it was; and
 * shields, which keep requests and deadlines out.
 */
#include "base/assert.h"
#include "child.h"
#include "run.h"
#include "sched/await.h"

/* Calls that wait for ever, each in its way: */

static struct thrum_future *gate;
static struct thrum__edge edge;

static intptr_t do_sleep(void)
{
	return thrum_sleep(THRUM_FOREVER);
}

static intptr_t do_await(void)
{
	return thrum_await(gate);
}

static intptr_t do_wait_any(void)
{
	struct thrum_future *fs[2] = {gate, gate};

	return thrum_wait_any(fs, 2);
}

static intptr_t do_gather(void)
{
	struct thrum_future *fs[2] = {gate, gate};

	return thrum_gather(fs, 2, NULL);
}

static intptr_t do_wait_for(void)
{
	struct thrum_future *f = spawn_sleeper(THRUM_FOREVER);
	intptr_t r = thrum_wait_for(f, THRUM_SEC(100));

	is_int(thrum_join(f), -ECANCELED);
	return r;
}

static intptr_t do_join(void)
{
	is_int(thrum_join(spawn_sleeper(THRUM_FOREVER)), -ECANCELED);
	return -ETIMEDOUT;
}

static intptr_t do_edge(void)
{
	return thrum__wait_edge(&edge, thrum__edge_tick(&edge), THRUM_FOREVER, false);
}

static intptr_t do_edges(void)
{
	struct thrum__edge *es[1] = {&edge};
	uint64_t ticks[1] = {thrum__edge_tick(&edge)};

	return thrum__wait_edges(es, ticks, 1, THRUM_FOREVER);
}

static intptr_t do_yields(void)
{
	int err;

	do
		err = thrum_yield();
	while (!err && thrum_sleep(1) != -ETIMEDOUT);
	return -ETIMEDOUT;
}

static intptr_t (*const waits[])(void) = {
    do_sleep, do_await, do_wait_any, do_gather, do_wait_for, do_join, do_edge, do_edges, do_yields,
};
#define WAITS (sizeof(waits) / sizeof(waits[0]))

static void each_wait_ends(void)
{
	gate = future_new();
	for (size_t i = 0; i < WAITS; i++) {
		int64_t start = thrum_now();
		struct thrum_timeout t;

		thrum_timeout_begin(&t, 25);
		is_int(waits[i](), -ETIMEDOUT);
		is_int(thrum_now(), start + 25);
		is_int(waits[i](), -ETIMEDOUT); /* checked on entry */
		is_int(thrum_now(), start + 25);
		must(thrum_timeout_end(&t));
		is_int(thrum_sleep(1), 0);
		thrum_timeout_begin(&t, 0); /* has passed: on entry alone */
		is_int(waits[i](), -ETIMEDOUT);
		is_int(thrum_now(), start + 26);
		must(thrum_timeout_end(&t));
	}
	is_int(load_relaxed(&gate->word), 0);
	must(!thrum__edge_is_awaited(&edge));
	future_drop(gate);
}

TASK_TEST(it_ends_every_kind_of_wait, 1)
{
	each_wait_ends();
}

TASK_TEST(it_ends_every_kind_of_wait_on_two_workers, 2)
{
	each_wait_ends();
}

TASK_TEST(in_time_it_does_nothing, 1)
{
	struct thrum_timeout t;

	gate = future_new();
	thrum_timeout_begin(&t, 25);
	is_int(thrum_sleep(25), 0); /* its own end, together with the deadline */
	must(!thrum_timeout_end(&t));
	thrum_timeout_begin(&t, 25);
	is_int(thrum_join(spawn_sleeper(24)), 0);
	thrum_future_set(gate, 7);
	must(!thrum_timeout_end(&t));
	thrum_timeout_begin(&t, -1);
	is_int(thrum_await(gate), 7); /* is done: not a wait */
	is_int(thrum_join(gate), 7);
	must(!thrum_timeout_end(&t)); /* passed, and nobody saw it */
	thrum_timeout_begin(&t, THRUM_FOREVER);
	is_int(thrum_sleep(THRUM_SEC(1)), 0);
	must(!thrum_timeout_end(&t));
	thrum_timeout_begin(&t, INT64_MIN);
	is_int(thrum_yield(), -ETIMEDOUT);
	must(thrum_timeout_end(&t));
}

TASK_TEST(it_may_be_a_point_in_time, 1)
{
	struct thrum_future *f = spawn_sleeper(THRUM_FOREVER);
	struct thrum_timeout t;

	is_int(thrum_sleep_until(10), 0);
	is_int(thrum_sleep_until(5), 0);
	is_int(thrum_sleep_until(-5), 0);
	is_int(thrum_now(), 10);
	is_int(thrum_wait_until(f, 15), -ETIMEDOUT);
	is_int(thrum_join(f), -ECANCELED);
	is_int(thrum_sleep_until(15), 0);
	is_int(thrum_now(), 15);
	thrum_timeout_begin_until(&t, 30);
	is_int(thrum_sleep(100), -ETIMEDOUT);
	is_int(thrum_now(), 30);
	must(thrum_timeout_end(&t));
	thrum_timeout_begin_until(&t, 29);
	is_int(thrum_sleep(1), -ETIMEDOUT);
	must(thrum_timeout_end(&t));
	thrum_timeout_begin_until(&t, THRUM_FOREVER);
	is_int(thrum_sleep(1), 0);
	must(!thrum_timeout_end(&t));
}

/* Three around one wait, the outermost first: whose was it? */
static void whose(int64_t a_ns, int64_t b_ns, int64_t c_ns, int want)
{
	struct thrum_timeout a, b, c;
	int64_t start = thrum_now();
	int got = 0;

	thrum_timeout_begin_until(&a, a_ns == THRUM_FOREVER ? a_ns : start + a_ns);
	thrum_timeout_begin_until(&b, b_ns == THRUM_FOREVER ? b_ns : start + b_ns);
	thrum_timeout_begin_until(&c, c_ns == THRUM_FOREVER ? c_ns : start + c_ns);
	is_int(thrum_sleep(1000), want ? -ETIMEDOUT : 0);
	got |= thrum_timeout_end(&c) ? 4 : 0;
	got |= thrum_timeout_end(&b) ? 2 : 0;
	got |= thrum_timeout_end(&a) ? 1 : 0;
	is_int(got, want);
}

TASK_TEST(the_nearest_deadline_is_whose_it_was, 1)
{
	const int64_t ever = THRUM_FOREVER;

	whose(10, 20, 30, 1);
	whose(20, 10, 30, 2);
	whose(30, 20, 10, 4);
	whose(10, 30, 20, 1);
	whose(10, 10, 10, 1); /* of equal ones the outer */
	whose(20, 10, 10, 2);
	whose(10, 20, 10, 1);
	whose(ever, 10, ever, 2);
	whose(ever, ever, 10, 4);
	whose(2000, ever, 3000, 0);
	whose(ever, ever, ever, 0);
	whose(-5, 10, -5, 1);
	whose(-5, 10, -6, 4);
}

TASK_TEST(each_is_told_of_its_own, 1)
{
	struct thrum_timeout outer, inner;

	thrum_timeout_begin(&outer, 100);
	thrum_timeout_begin(&inner, 10);
	is_int(thrum_sleep(500), -ETIMEDOUT);
	must(thrum_timeout_end(&inner));
	is_int(thrum_now(), 10);
	is_int(thrum_sleep(50), 0); /* the outer one goes on */
	thrum_timeout_begin(&inner, 10);
	is_int(thrum_sleep(5), 0);
	must(!thrum_timeout_end(&inner));
	is_int(thrum_sleep(500), -ETIMEDOUT);
	is_int(thrum_now(), 100);
	thrum_timeout_begin(&inner, 10); /* begun when the outer one has passed */
	is_int(thrum_sleep(1), -ETIMEDOUT);
	must(!thrum_timeout_end(&inner));
	must(thrum_timeout_end(&outer));
	is_int(thrum_sleep(1), 0);
}

TASK_TEST(a_limit_of_the_call_itself_is_not_its, 1)
{
	struct thrum_future *f = spawn_sleeper(THRUM_FOREVER);
	struct thrum_timeout t;

	thrum_timeout_begin(&t, 100);
	is_int(thrum_wait_for(f, 10), -ETIMEDOUT);
	is_int(thrum__wait_edge(&edge, thrum__edge_tick(&edge), 20, false), -ETIMEDOUT);
	is_int(thrum_now(), 20);
	must(!thrum_timeout_end(&t));
	thrum_release(f);
	f = future_new();
	thrum_timeout_begin(&t, 100);
	is_int(thrum_wait_for(f, 0), -ETIMEDOUT);
	must(!thrum_timeout_end(&t));
	thrum_release(f);
	f = spawn_sleeper(THRUM_FOREVER);
	thrum_timeout_begin(&t, 10);
	is_int(thrum_wait_for(f, 100), -ETIMEDOUT);
	must(thrum_timeout_end(&t));
	thrum_release(f);
}

static intptr_t task_own_result(void *unused)
{
	(void)unused;
	is_int(thrum_sleep(THRUM_FOREVER), -ECANCELED);
	return 31;
}

TASK_TEST(what_was_not_returned_is_not_counted, 1)
{
	struct thrum_future *f = thrum_spawn(task_own_result, NULL);
	struct thrum_timeout t;

	thrum_timeout_begin(&t, 10);
	is_int(thrum_wait_for(f, 100), 31); /* no -ETIMEDOUT, and no join */
	must(!thrum_timeout_end(&t));
	thrum_release(f);
	f = thrum_spawn(task_own_result, NULL);
	thrum_timeout_begin(&t, 10);
	is_int(thrum_join(f), 31); /* but a join that cancelled counts */
	must(thrum_timeout_end(&t));
}

static intptr_t task_job(void *hold)
{
	struct thrum_timeout t;
	intptr_t r;

	do { /* until it starts in time */
		thrum_timeout_begin(&t, THRUM_MS(2));
		r = thrum_blocking(job_hold, hold);
		is_int(thrum_timeout_end(&t), r == -ETIMEDOUT);
	} while (r == -ETIMEDOUT);
	return r;
}

static intptr_t task_started_job(void *unused)
{
	struct thrum_future *f;
	struct hold h;
	int64_t end;

	(void)unused;
	hold_init(&h, 42);
	f = thrum_spawn(task_job, &h);
	is_int(thrum_await(h.started), 0);
	for (end = thrum_now() + THRUM_MS(4); thrum_now() < end;)
		is_int(thrum_yield(), 0);
	sem_post(&h.go);
	is_int(thrum_join(f), 42);
	hold_end(&h);
	return 1;
}

START_TEST(a_started_job_is_not_cut_short)
{
	is_int(run_real(2, task_started_job, NULL), 1);
}
END_TEST

static intptr_t task_inside(void *gate_)
{
	struct thrum_timeout t;
	intptr_t r;

	thrum_timeout_begin(&t, 50);
	r = thrum_await(gate_);
	must(!thrum_timeout_end(&t));
	return r;
}

TASK_TEST(a_cancel_beats_it, 1)
{
	struct thrum_timeout t;
	struct thrum_future *f;

	gate = future_new();
	f = thrum_spawn(task_inside, gate);
	is_int(thrum_sleep(50), 0); /* our timer is the older: we run before it goes on */
	thrum_cancel(f);
	is_int(thrum_join(f), -ECANCELED);
	thrum_cancel(thrum_self());
	thrum_timeout_begin(&t, 0);
	is_int(thrum_await(gate), -ECANCELED);
	is_int(thrum_join(spawn_sleeper(9)), -ECANCELED);
	must(!thrum_timeout_end(&t));
	future_drop(gate);
}

TASK_TEST(it_is_not_inherited, 1)
{
	struct thrum_timeout t;
	struct thrum_future *f, *later;

	thrum_timeout_begin(&t, 10);
	f = spawn_sleeper(50);
	later = thrum_spawn_after(20, task_sleep, as_arg(50));
	is_int(thrum_await(f), -ETIMEDOUT);
	must(thrum_timeout_end(&t));
	is_int(thrum_join(f), 0);
	is_int(thrum_now(), 50);
	is_int(thrum_join(later), 0);
	is_int(thrum_now(), 70);
}

static intptr_t task_with_timeout(void *unused)
{
	struct thrum_timeout t;

	(void)unused;
	thrum_timeout_begin(&t, 5);
	is_int(thrum_sleep(100), -ETIMEDOUT);
	return thrum_timeout_end(&t);
}

TASK_TEST(a_child_in_place_has_its_own, 1)
{
	struct thrum_timeout t;

	is_int(thrum_join(thrum_spawn(task_with_timeout, NULL)), true);
	thrum_timeout_begin(&t, 100);
	is_int(thrum_join(thrum_spawn(task_with_timeout, NULL)), true);
	is_int(thrum_sleep(1), 0);
	must(!thrum_timeout_end(&t));
}

START_TEST(outside_tasks_nothing_happens)
{
	struct thrum_timeout t;

	thrum_timeout_begin(&t, 0);
	must(!thrum_timeout_end(&t));
	thrum_timeout_begin_until(&t, 0);
	must(!thrum_timeout_end(&t));
}
END_TEST

static intptr_t task_real(void *unused)
{
	struct thrum_timeout t;
	int64_t start = thrum_now();

	(void)unused;
	thrum_timeout_begin(&t, THRUM_MS(2));
	is_int(thrum_sleep(THRUM_FOREVER), -ETIMEDOUT);
	must(thrum_now() >= start + THRUM_MS(2));
	must(thrum_timeout_end(&t));
	thrum_timeout_begin_until(&t, start);
	is_int(thrum_yield(), -ETIMEDOUT);
	must(thrum_timeout_end(&t));
	return 1;
}

START_TEST(by_the_real_clock)
{
	is_int(run_real(2, task_real, NULL), 1);
}
END_TEST

/* ---- Shields ---- */

TASK_TEST(a_shield_keeps_out_what_is_around, 1)
{
	struct thrum_timeout t, inner;
	struct thrum_shield s;

	thrum_timeout_begin(&t, 10);
	thrum_cancel(thrum_self());
	is_int(thrum_yield(), -ECANCELED);
	thrum_shield_begin(&s, 100);
	is_int(thrum_cancel_requested(), THRUM_SOFT);
	is_int(thrum_sleep(50), 0); /* past the deadline around it */
	is_int(thrum_join(spawn_sleeper(10)), 0);
	thrum_timeout_begin(&inner, 5); /* what begins inside counts */
	is_int(thrum_sleep(20), -ETIMEDOUT);
	must(thrum_timeout_end(&inner));
	is_int(thrum_sleep(THRUM_FOREVER), -ETIMEDOUT); /* its own */
	is_int(thrum_now(), 100);
	must(thrum_shield_end(&s));
	is_int(thrum_cancel_requested(), THRUM_HARD);
	is_int(thrum_yield(), -ECANCELED);
	must(!thrum_timeout_end(&t));
	thrum_shield_begin_until(&s, 300);
	is_int(thrum_sleep(100), 0);
	must(!thrum_shield_end(&s));
}

static intptr_t task_cleans_up(void *inner)
{
	struct thrum_shield s, deeper;
	int err = thrum_sleep(THRUM_FOREVER);

	thrum_shield_begin(&s, THRUM_FOREVER);
	if (inner) {
		thrum_shield_begin(&deeper, 30);
		is_int(thrum_sleep(20), 0);
		must(!thrum_shield_end(&deeper));
	}
	is_int(thrum_sleep(20), 0); /* parked, and cancelled again */
	is_int(thrum_join(spawn_sleeper(20)), 0);
	must(!thrum_shield_end(&s));
	is_int(thrum_sleep(1), -ECANCELED);
	return err;
}

TASK_TEST(a_cancel_waits_outside, 1)
{
	for (intptr_t inner = 0; inner < 2; inner++) {
		struct thrum_future *f = thrum_spawn(task_cleans_up, as_arg(inner));
		int64_t start = thrum_now();

		is_int(thrum_sleep(5), 0);
		is_int(thrum_cancel(f), 0);
		for (int i = 0; i < 30; i++) {
			is_int(thrum_sleep(1), 0);
			is_int(thrum_cancel(f), 0);
		}
		is_int(thrum_join(f), -ECANCELED);
		is_int(thrum_now(), start + 45 + 20 * inner);
	}
}

static intptr_t task_fails_later(void *ns)
{
	(void)!thrum_sleep((intptr_t)ns);
	return -EIO;
}

/* A scope inside a shield is heard, one around it is not, before or after. */
TASK_TEST(scopes_in_and_around_a_shield, 1)
{
	struct thrum_scope outer, inner;
	struct thrum_shield s;

	is_int(thrum_scope_open(&outer), 0);
	is_int(thrum_scope_spawn(&outer, task_fails_later, as_arg(10)), 0);
	thrum_shield_begin(&s, THRUM_FOREVER);
	is_int(thrum_sleep(20), 0);
	is_int(thrum_scope_open(&inner), 0);
	is_int(thrum_scope_spawn(&inner, task_fails_later, as_arg(10)), 0);
	is_int(thrum_sleep(20), -ECANCELED);
	is_int(thrum_now(), 30);
	is_int(thrum_scope_close(&inner), -EIO);
	is_int(thrum_sleep(20), 0);
	must(!thrum_shield_end(&s));
	is_int(thrum_sleep(20), -ECANCELED);
	is_int(thrum_scope_close(&outer), -EIO);
	is_int(thrum_sleep(20), 0);
}

START_TEST(a_shield_outside_tasks_is_nothing)
{
	struct thrum_shield s;

	thrum_shield_begin(&s, 0);
	must(!thrum_shield_end(&s));
}
END_TEST

/* Misuse ends the process. */

static intptr_t task_leaves_open(void *t)
{
	is_int(thrum_set_name("forgetful"), 0);
	thrum_timeout_begin(t, 10);
	return 0;
}

static void leave_open(void)
{
	struct thrum_timeout t;

	run_virtual(1, task_leaves_open, &t);
}

static intptr_t task_crosses(void *unused)
{
	struct thrum_timeout a, b;

	(void)unused;
	thrum_timeout_begin(&a, 10);
	thrum_timeout_begin(&b, 10);
	thrum_timeout_end(&a);
	return 0;
}

static void cross(void)
{
	run_virtual(1, task_crosses, NULL);
}

static intptr_t task_ends_foreign(void *t)
{
	return thrum_timeout_end(t);
}

static intptr_t task_lends(void *unused)
{
	struct thrum_timeout t;

	(void)unused;
	thrum_timeout_begin(&t, 10);
	return thrum_join(thrum_spawn(task_ends_foreign, &t));
}

static void end_foreign(void)
{
	run_virtual(1, task_lends, NULL);
}

START_TEST(misuse_is_asserted)
{
	char err[4096];

	must(WIFSIGNALED(child_run(leave_open, err, sizeof(err))));
	has_text(err, "ended before its frame is left");
	has_text(err, "in forgetful");
	must(WIFSIGNALED(child_run(cross, err, sizeof(err))));
	has_text(err, "reverse order");
	must(WIFSIGNALED(child_run(end_foreign, err, sizeof(err))));
	has_text(err, "by the task that began it");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    it_ends_every_kind_of_wait,
	    it_ends_every_kind_of_wait_on_two_workers,
	    in_time_it_does_nothing,
	    it_may_be_a_point_in_time,
	    the_nearest_deadline_is_whose_it_was,
	    each_is_told_of_its_own,
	    a_limit_of_the_call_itself_is_not_its,
	    what_was_not_returned_is_not_counted,
	    a_started_job_is_not_cut_short,
	    a_cancel_beats_it,
	    it_is_not_inherited,
	    a_child_in_place_has_its_own,
	    outside_tasks_nothing_happens,
	    by_the_real_clock,
	    a_shield_keeps_out_what_is_around,
	    a_cancel_waits_outside,
	    scopes_in_and_around_a_shield,
	    a_shield_outside_tasks_is_nothing,
	    misuse_is_asserted,
	};

	return RUN_TESTS("bracket", tests);
}
