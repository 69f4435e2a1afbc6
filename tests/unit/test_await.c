/* SPDX-License-Identifier: MIT */
/*
 * test_await.c - waiting for one thing: await, sleep, yield, edges, and what a cancel, a deadline
 * or the end of the other does to them; inside tasks and from threads that are no workers.
 */
#include "base/assert.h"
#include "meanwhile.h"
#include "sched/await.h"

TASK_TEST(await_gives_every_result, 1)
{
	const intptr_t results[] = {0, 1, -1, -EIO, -4095, -4096, -100000, INTPTR_MIN, INTPTR_MAX};

	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
		struct thrum_future *bare = future_new();
		struct thrum_future *task = thrum_spawn(task_return, as_arg(results[i]));

		is_int(thrum_result(bare), -EINPROGRESS);
		is_int(thrum_future_set(bare, results[i]), 0);
		is_int(thrum_await(bare), results[i]);
		is_int(thrum_await(bare), results[i]);
		is_int(thrum_await(task), results[i]);
		is_int(thrum_result(task), results[i]);
		is_int(thrum_failed(results[i]), results[i] < 0 && results[i] >= -4095);
		thrum_release(bare);
		is_int(thrum_join(task), results[i]);
	}
}

TASK_TEST(nothing_is_no_memory, 1)
{
	is_int(thrum_await(NULL), -ENOMEM);
	is_int(thrum_join(NULL), -ENOMEM);
	is_int(thrum_wait_for(NULL, 0), -ENOMEM);
	is_int(thrum_result(NULL), -ENOMEM);
	is_int(thrum_cancel(NULL), -EINVAL);
	must(thrum_done(NULL));
	must(!thrum_cancelled(NULL));
	thrum_retain(NULL);
	thrum_release(NULL);
}

#define AWAITERS 100

static void many_awaiters(void)
{
	struct thrum_future *gate = future_new(), *fs[AWAITERS];

	for (int i = 0; i < AWAITERS; i++)
		fs[i] = thrum_spawn(task_await, gate);
	settle();
	for (int i = 0; i < AWAITERS; i++) {
		is_int(thrum_done(fs[i]), false);
		is_text(thrum_state_name(fs[i]), "waiting");
	}
	thrum_future_set(gate, 5);
	is_int(thrum_future_set(gate, 6), -EALREADY);
	for (int i = 0; i < AWAITERS; i++)
		is_int(thrum_join(fs[i]), 5);
	thrum_release(gate);
}

TASK_TEST(many_await_one, 1)
{
	many_awaiters();
}

TASK_TEST(many_await_one_on_three_workers, 3)
{
	many_awaiters();
}

static intptr_t all_waits_say_cancelled(void *gate)
{
	struct thrum_future *never = gate, *fs[1] = {gate};
	char c;

	is_int(thrum_await(never), -ECANCELED);
	is_int(thrum_cancel_requested(), THRUM_HARD);
	for (int again = 0; again < 2; again++) {
		is_int(thrum_await(never), -ECANCELED);
		is_int(thrum_sleep(5), -ECANCELED);
		is_int(thrum_sleep(0), -ECANCELED);
		is_int(thrum_sleep(THRUM_FOREVER), -ECANCELED);
		is_int(thrum_yield(), -ECANCELED);
		is_int(thrum_wait_any(fs, 1), -ECANCELED);
		is_int(thrum_gather(fs, 1, NULL), -ECANCELED);
		is_int(thrum_blocking(task_return, NULL), -ECANCELED);
		is_int(thrum_read(0, &c, 1), -ECANCELED);
		is_int(thrum_fsync(0), -ECANCELED);
		is_int(thrum_waitpid(-1, NULL, 0), -ECANCELED);
	}
	must(!thrum_done(never));
	return 123;
}

TASK_TEST(a_cancel_is_level_triggered, 1)
{
	struct thrum_future *gate = future_new();
	struct thrum_future *f = thrum_spawn(all_waits_say_cancelled, gate);

	settle();
	is_int(thrum_cancel(f), 0);
	is_int(thrum_cancel(f), 0);
	is_int(thrum_await(f), 123);
	must(!thrum_cancelled(f));
	is_int(thrum_cancel(f), -EALREADY);
	is_int(thrum_join(f), 123);
	future_drop(gate);
}

TASK_TEST(a_done_future_gives_its_result_to_a_cancelled_task, 1)
{
	struct thrum_future *done = future_new(), *pending = future_new(), *fs[1] = {done};
	intptr_t result;

	thrum_future_set(done, 9);
	is_int(thrum_cancel_requested(), 0);
	is_int(thrum_cancel(thrum_self()), 0);
	is_int(thrum_await(done), 9);
	is_int(thrum_wait_any(fs, 1), 0);
	is_int(thrum_gather(fs, 1, &result), 0);
	is_int(result, 9);
	is_int(thrum_wait_for(done, 0), 9);
	is_int(thrum_await(pending), -ECANCELED);
	is_int(thrum_join(done), 9);
	future_drop(pending);
}

static intptr_t task_await_cancelled_other(void *f)
{
	is_int(thrum_await(f), -ECANCELED);
	is_int(thrum_cancel_requested(), 0);
	is_int(thrum_sleep(1), 0);
	return 1;
}

TASK_TEST(a_cancelled_other_is_told_from_a_cancelled_self, 1)
{
	struct thrum_future *gate = future_new();
	struct thrum_future *f = thrum_spawn(task_await_cancelled_other, gate);

	settle();
	is_int(thrum_cancel(gate), 0);
	must(thrum_cancelled(gate));
	is_int(thrum_future_set(gate, 1), -EALREADY);
	is_int(thrum_cancel(gate), -EALREADY);
	is_int(thrum_join(f), 1);
	thrum_release(gate);
}

TASK_TEST(cancelling_an_awaiter_leaves_the_awaited, 1)
{
	struct thrum_future *sleeper = spawn_sleeper(1000);
	struct thrum_future *f = thrum_spawn(task_await, sleeper);

	settle();
	thrum_cancel(f);
	is_int(thrum_join(f), -ECANCELED);
	must(!thrum_done(sleeper));
	is_int(thrum_join(sleeper), 0);
	is_int(thrum_now(), 1000);
}

static intptr_t task_soft(void *seen)
{
	while (thrum_cancel_requested() == 0)
		is_int(thrum_sleep(1), 0);
	*(int *)seen = thrum_cancel_requested();
	return thrum_sleep(1); /* a soft request ends no wait */
}

TASK_TEST(a_soft_request_can_be_asked_for, 1)
{
	int seen = 0;
	struct thrum_future *f = thrum_spawn(task_soft, &seen);

	settle();
	thrum__task_cancel(thrum__task_of(f), THRUM__PARKER_SOFT);
	is_int(thrum_join(f), 0);
	is_int(seen, THRUM_SOFT);
}

/* Deadlines around a call: */

TASK_TEST(a_deadline_ends_waits_and_stays, 1)
{
	struct thrum_future *gate = future_new(), *fs[2] = {gate, gate};

	deadline_set(thrum_now() + 50);
	is_int(thrum_sleep(20), 0);
	is_int(thrum_await(gate), -ETIMEDOUT);
	is_int(thrum_now(), 50);
	is_int(thrum_await(gate), -ETIMEDOUT);
	is_int(thrum_sleep(1), -ETIMEDOUT);
	is_int(thrum_yield(), -ETIMEDOUT);
	is_int(thrum_wait_any(fs, 2), -ETIMEDOUT);
	is_int(thrum_gather(fs, 2, NULL), -ETIMEDOUT);
	is_int(thrum_blocking(task_return, NULL), -ETIMEDOUT);
	is_int(thrum_now(), 50);
	deadline_set(60);
	is_int(thrum_sleep(THRUM_FOREVER), -ETIMEDOUT);
	deadline_set(70);
	is_int(thrum_wait_any(fs, 2), -ETIMEDOUT);
	is_int(thrum_now(), 70);
	deadline_set(80);
	is_int(thrum_sleep(10), 0); /* its own end comes first, or together */
	deadline_set(90);
	is_int(thrum_sleep(11), -ETIMEDOUT);
	deadline_set(THRUM_FOREVER);
	is_int(thrum_sleep(1), 0);
	future_drop(gate);
}

TASK_TEST(cancel_beats_deadline_on_entry, 1)
{
	struct thrum_future *gate = future_new();

	deadline_set(thrum_now());
	is_int(thrum_await(gate), -ETIMEDOUT);
	thrum_cancel(thrum_self());
	is_int(thrum_await(gate), -ECANCELED);
	is_int(thrum_sleep(1), -ECANCELED);
	deadline_set(THRUM_FOREVER);
	future_drop(gate);
}

static intptr_t task_deadline_await(void *gate)
{
	intptr_t result;

	deadline_set(100);
	result = thrum_await(gate);
	deadline_set(THRUM_FOREVER);
	return result;
}

TASK_TEST(cancel_beats_a_deadline_that_passes_with_it, 1)
{
	struct thrum_future *gate = future_new();
	struct thrum_future *f;

	f = thrum_spawn(task_deadline_await, gate);
	is_int(thrum_sleep(100), 0); /* our timer is the older: we run before the awaiter goes on */
	thrum_cancel(f);
	is_int(thrum_join(f), -ECANCELED);
	f = thrum_spawn(task_deadline_await, gate);
	is_int(thrum_join(f), -ETIMEDOUT);
	future_drop(gate);
}

TASK_TEST(abandoned_waits_leave_nothing, 1)
{
	struct thrum_future *gate = future_new();

	for (int i = 0; i < 2000; i++) {
		deadline_set(thrum_now() + 1);
		is_int(thrum_await(gate), -ETIMEDOUT);
		is_int(load_relaxed(&gate->word), 0);
	}
	deadline_set(THRUM_FOREVER);
	is_int(load_relaxed(&gate->refs), 1);
	future_drop(gate);
}

/* Sleep and yield: */

TASK_TEST(sleep_lasts_exactly, 1)
{
	is_int(thrum_now(), 0);
	is_int(thrum_sleep(THRUM_MS(5)), 0);
	is_int(thrum_now(), THRUM_MS(5));
	is_int(thrum_sleep(0), 0);
	is_int(thrum_sleep(-7), 0);
	is_int(thrum_sleep(INT64_MIN), 0);
	is_int(thrum_now(), THRUM_MS(5));
	is_int(thrum_sleep(THRUM_SEC(86400)), 0);
	is_int(thrum_now(), THRUM_MS(5) + THRUM_SEC(86400));
}

static void cancel_reaches(struct thrum_future *f, intptr_t result)
{
	settle();
	must(!thrum_done(f));
	is_int(thrum_cancel(f), 0);
	is_int(thrum_join(f), result);
}

TASK_TEST(sleep_for_ever_ends_by_cancel, 1)
{
	const int64_t long_ns[] = {THRUM_FOREVER, THRUM_FOREVER - 1};

	is_int(thrum_sleep(10), 0);
	for (int i = 0; i < 2; i++)
		cancel_reaches(spawn_sleeper(long_ns[i]), -ECANCELED);
	is_int(thrum_now(), 12);
}

struct turns {
	int next;
	bool stop;
};

static intptr_t task_takes_turns(void *turns)
{
	struct turns *t = turns;

	while (!t->stop) {
		t->next++;
		is_int(thrum_yield(), 0);
	}
	return t->next;
}

TASK_TEST(yield_lets_others_go, 1)
{
	struct turns t = {0};
	struct thrum_future *f = thrum_spawn(task_takes_turns, &t);

	for (int i = 1; i <= 100; i++) {
		is_int(thrum_yield(), 0);
		is_int(t.next, i);
	}
	t.stop = true;
	is_int(thrum_join(f), 100);
	for (int i = 0; i < 1000; i++) /* alone */
		is_int(thrum_yield(), 0);
}

/* Edges: */

struct edge_wait {
	struct thrum__edge *edge;
	int64_t deadline_ns;
	bool deaf;
};

static intptr_t task_wait_edge(void *wait)
{
	struct edge_wait *w = wait;

	return thrum__wait_edge(w->edge, thrum__edge_tick(w->edge), w->deadline_ns, w->deaf);
}

TASK_TEST(an_edge_ends_a_wait, 1)
{
	struct thrum__edge e = {0};
	uint64_t tick = thrum__edge_tick(&e);

	raise_later(&e);
	is_int(thrum__wait_edge(&e, tick, THRUM_FOREVER, false), 0);
	is_int(thrum_now(), 10);
	is_int(thrum__wait_edge(&e, tick, THRUM_FOREVER, false), 0); /* raised since */
	raise_later(&e);
	is_int(thrum__wait_edge(&e, thrum__edge_tick(&e), 100, false), 0);
	is_int(thrum_now(), 20);
	must(!thrum__edge_is_awaited(&e));
}

TASK_TEST(an_edge_wakes_all, 3)
{
	struct thrum__edge e = {0};
	struct edge_wait w = {&e, THRUM_FOREVER, false};
	struct thrum_future *fs[AWAITERS];

	for (int i = 0; i < AWAITERS; i++)
		fs[i] = thrum_spawn(task_wait_edge, &w);
	settle();
	thrum__edge_raise(&e);
	for (int i = 0; i < AWAITERS; i++)
		is_int(thrum_join(fs[i]), 0);
}

TASK_TEST(a_wait_for_an_edge_is_cut_short, 1)
{
	struct thrum__edge e = {0};
	struct edge_wait w = {&e, THRUM_FOREVER, false};
	struct thrum_future *f = thrum_spawn(task_wait_edge, &w);

	settle();
	must(thrum__edge_is_awaited(&e));
	thrum_cancel(f);
	is_int(thrum_join(f), -ECANCELED);
	must(!thrum__edge_is_awaited(&e));
	is_int(thrum__wait_edge(&e, thrum__edge_tick(&e), 5, false), -ETIMEDOUT);
	is_int(thrum_now(), 5);
	deadline_set(8);
	is_int(thrum__wait_edge(&e, thrum__edge_tick(&e), 50, false), -ETIMEDOUT);
	is_int(thrum_now(), 8);
	is_int(thrum__wait_edge(&e, thrum__edge_tick(&e) - 1, 50, false), -ETIMEDOUT);
	must(!thrum__edge_is_awaited(&e));
	deadline_set(THRUM_FOREVER);
}

TASK_TEST(a_deaf_wait_for_an_edge_is_not, 1)
{
	struct thrum__edge e = {0};
	struct edge_wait w = {&e, THRUM_FOREVER, true};
	struct thrum_future *f = thrum_spawn(task_wait_edge, &w);

	settle();
	thrum_cancel(f);
	settle();
	must(!thrum_done(f));
	thrum__edge_raise(&e);
	is_int(thrum_join(f), 0);
	deadline_set(1);
	raise_later(&e);
	is_int(thrum__wait_edge(&e, thrum__edge_tick(&e), THRUM_FOREVER, true), 0);
	deadline_set(THRUM_FOREVER);
}

static void *thread_raise(void *edge)
{
	thrum__edge_raise(edge);
	return NULL;
}

TASK_TEST(a_thread_may_raise, 2)
{
	for (int i = 0; i < 200; i++) {
		struct thrum__edge e = {0};
		pthread_t t = thread_of(thread_raise, &e);

		is_int(thrum__wait_edge(&e, 0, THRUM_FOREVER, false), 0);
		thread_end(t); /* it may still look at the edge */
	}
}

/* Outside tasks: */

static intptr_t task_never(void *unused)
{
	(void)unused;
	return thrum_sleep(THRUM_FOREVER);
}

START_TEST(outside_threads_wait_too)
{
	struct thrum_runtime *rt = runtime_of(2, THRUM_CLOCK_REAL);
	struct thrum_future *f = thrum_runtime_submit(rt, task_return, as_arg(11));

	is_int(thrum_await(f), 11);
	is_int(thrum_wait_for(f, 0), 11);
	is_int(thrum_join(f), 11);
	is_int(thrum_await(NULL), -ENOMEM);
	is_int(thrum_wait_for(NULL, 0), -ENOMEM);
	f = thrum_runtime_submit(rt, task_never, NULL);
	is_int(thrum_wait_for(f, THRUM_MS(1)), -ETIMEDOUT);
	must(thrum_cancelled(f));
	is_int(thrum_join(f), -ECANCELED);
	f = thrum_runtime_submit(rt, task_return, as_arg(12));
	is_int(thrum_wait_for(f, THRUM_FOREVER), 12);
	is_int(thrum_wait_for(f, -1), 12);
	thrum_release(f);
	is_int(thrum_runtime_destroy(rt), 0);
}
END_TEST

START_TEST(what_needs_a_task_says_so_outside)
{
	struct thrum_future *f = future_new(), *fs[1] = {f};
	char c;
	struct stat st;

	is_int(thrum_gather(fs, 1, NULL), -EPERM);
	is_int(thrum_wait_any(fs, 1), -EPERM);
	is_int(thrum_sleep(1), -EPERM);
	is_int(thrum_sleep(0), -EPERM);
	is_int(thrum_yield(), -EPERM);
	is_int(thrum_go(task_return, NULL), -EPERM);
	is_int(thrum_set_name("x"), -EPERM);
	is_int(thrum_blocking(task_return, NULL), -EPERM);
	is_int(thrum_read(0, &c, 1), -EPERM);
	is_int(thrum_open("/", O_RDONLY, 0), -EPERM);
	is_int(thrum_fstat(0, &st), -EPERM);
	is_int(thrum_waitpid(-1, NULL, 0), -EPERM);
	is_int(thrum_waitpid(-1, NULL, WNOHANG), -EPERM);
	is_int(thrum_cancel_requested(), 0);
	must(!thrum_self());
	must(!thrum_spawn(task_return, NULL));
	must(!thrum_spawn_copy(task_return, "", 1));
	must(!thrum_spawn_drop(task_return, NULL, free));
	must(!thrum_spawn_blocking(task_return, NULL));
	must(!thrum_spawn_blocking_copy(task_return, "", 1));
	must(!thrum_shield(f));
	must(!thrum_spawn_after(1, task_return, NULL));
	must(!thrum_spawn_after_drop(1, task_return, NULL, free));
	must(!thrum_spawn_when_readable(0, task_return, NULL));
	must(!thrum_spawn_when_readable_drop(0, task_return, NULL, free));
	is_int(thrum_runtime_workers(NULL), 0);
	must(thrum_now() > 0);
	future_drop(f);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    await_gives_every_result,
	    nothing_is_no_memory,
	    many_await_one,
	    many_await_one_on_three_workers,
	    a_cancel_is_level_triggered,
	    a_done_future_gives_its_result_to_a_cancelled_task,
	    a_cancelled_other_is_told_from_a_cancelled_self,
	    cancelling_an_awaiter_leaves_the_awaited,
	    a_soft_request_can_be_asked_for,
	    a_deadline_ends_waits_and_stays,
	    cancel_beats_deadline_on_entry,
	    cancel_beats_a_deadline_that_passes_with_it,
	    abandoned_waits_leave_nothing,
	    sleep_lasts_exactly,
	    sleep_for_ever_ends_by_cancel,
	    yield_lets_others_go,
	    an_edge_ends_a_wait,
	    an_edge_wakes_all,
	    a_wait_for_an_edge_is_cut_short,
	    a_deaf_wait_for_an_edge_is_not,
	    a_thread_may_raise,
	    outside_threads_wait_too,
	    what_needs_a_task_says_so_outside,
	};

	return RUN_TESTS("await", tests);
}
