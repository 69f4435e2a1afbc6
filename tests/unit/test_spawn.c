/* SPDX-License-Identifier: MIT */
/*
 * test_spawn.c - making tasks: with an argument, a copy, a drop; cancelled before their first run;
 * the limit on live tasks.
 */
#include "base/assert.h"
#include "base/atomic.h"
#include "base/os.h"
#include "run.h"
#include "sched/task.h"

static int runs, drops;

static intptr_t task_counts(void *arg)
{
	runs++;
	return (intptr_t)arg;
}

static void drop_counts(void *arg)
{
	is_int((intptr_t)arg, 17);
	drops++;
}

static void counts_reset(void)
{
	runs = drops = 0;
}

TASK_TEST(spawn_starts_later, 1)
{
	struct thrum_future *f;

	counts_reset();
	f = thrum_spawn(task_counts, as_arg(4));
	is_int(runs, 0); /* never inside the call */
	is_text(thrum_state_name(f), "waiting to start");
	is_int(thrum_await(f), 4);
	is_int(runs, 1);
	is_int(thrum_join(f), 4);
	f = (thrum_spawn)(task_counts, as_arg(5));
	is_int(thrum_join(f), 5);
	f = (thrum_spawn_drop)(task_counts, as_arg(6), drop_counts);
	is_int(thrum_join(f), 6);
	is_int(drops, 0);
	is_int((thrum_go)(task_counts, NULL), 0);
	settle();
	is_int(runs, 4);
}

TASK_TEST(a_task_runs_with_no_handle_left, 1)
{
	counts_reset();
	for (int i = 0; i < 100; i++)
		thrum_release(thrum_spawn(task_counts, NULL));
	for (int i = 0; i < 100; i++)
		is_int(thrum_go(task_counts, NULL), 0);
	settle();
	is_int(runs, 200);
}

struct args {
	char bytes[70];
	int n;
};

static intptr_t task_sums(void *args)
{
	struct args *a = args;
	intptr_t sum = 0;

	is_int((uintptr_t)args % 16, 0);
	is_int(thrum_sleep(5), 0);
	for (int i = 0; i < a->n; i++)
		sum += a->bytes[i];
	memset(a, 0, sizeof(*a)); /* its own */
	return sum;
}

TASK_TEST(a_copy_is_the_task_s_own, 1)
{
	struct args args = {.bytes = {1, 2, 3, 4}, .n = 4};
	struct thrum_future *a = thrum_spawn_copy(task_sums, &args, sizeof(args));
	struct thrum_future *b = (thrum_spawn_copy)(task_sums, &args, sizeof(args));

	memset(&args, 99, sizeof(args));
	is_int(thrum_join(a), 10);
	is_int(thrum_join(b), 10);
}

static intptr_t task_first_byte(void *arg)
{
	must(arg);
	is_int((uintptr_t)arg % 16, 0);
	return *(unsigned char *)arg;
}

static intptr_t task_not_null(void *arg)
{
	return arg != NULL && (uintptr_t)arg % 16 == 0;
}

TASK_TEST(copies_of_any_size, 1)
{
	static unsigned char bytes[100000] = {77};

	is_int(thrum_join(thrum_spawn_copy(task_not_null, NULL, 0)), 1);
	for (size_t size = 1; size <= sizeof(bytes); size = size * 3 + 1)
		is_int(thrum_join(thrum_spawn_copy(task_first_byte, bytes, size)), 77);
	must(!thrum_spawn_copy(task_first_byte, bytes, ((size_t)1 << 30) + 1));
	must(!thrum_spawn_copy(task_first_byte, bytes, SIZE_MAX));
}

static intptr_t task_first_wait(void *unused)
{
	(void)unused;
	runs++;
	is_int(thrum_cancel_requested(), THRUM_HARD);
	is_int(thrum_sleep(1), -ECANCELED);
	return 6;
}

static struct thrum_future *watched;

static void drop_before_the_end(void *arg)
{
	is_int((intptr_t)arg, 17);
	must(!thrum_done(watched));
	drops++;
}

static void cancelled_before_its_first_run(bool joined)
{
	struct thrum_future *f;
	int word = 3;

	counts_reset();
	f = thrum_spawn(task_first_wait, NULL);
	is_int(thrum_cancel(f), 0);
	if (!joined)
		settle();
	is_int(thrum_join(f), 6);
	is_int(runs, 1);

	watched = f = thrum_spawn_drop(task_counts, as_arg(17), drop_before_the_end);
	is_int(thrum_cancel(f), 0);
	is_int(drops, 0); /* not inside the call */
	if (!joined)
		settle();
	is_int(thrum_await(f), -ECANCELED);
	must(thrum_cancelled(f));
	is_int(drops, 1);
	is_int(thrum_join(f), -ECANCELED);

	f = thrum_spawn_copy(task_counts, &word, sizeof(word));
	is_int(thrum_cancel(f), 0);
	if (!joined)
		settle();
	is_int(thrum_join(f), -ECANCELED);
	is_int(runs, 1);
	is_int(drops, 1);
}

TASK_TEST(a_task_cancelled_before_it_ran, 1)
{
	cancelled_before_its_first_run(true);
	cancelled_before_its_first_run(false);
}

TASK_TEST(a_soft_request_before_it_ran_is_no_cancel, 1)
{
	struct thrum_future *f;

	counts_reset();
	f = thrum_spawn_drop(task_counts, as_arg(17), drop_counts);
	thrum__task_cancel(thrum__task_of(f), THRUM__PARKER_SOFT);
	is_int(thrum_join(f), 17);
	is_int(drops, 0);
}

TASK_TEST(drop_is_not_called_once_it_ran, 1)
{
	struct thrum_future *f;

	counts_reset();
	f = thrum_spawn_drop(task_sleep, as_arg(17), drop_counts);
	settle();
	thrum_cancel(f);
	is_int(thrum_join(f), -ECANCELED);
	is_int(drops, 0);
}

/* The limit on live tasks: */

static intptr_t task_fills_up(void *limit)
{
	intptr_t n = (intptr_t)limit, live = 1;
	struct thrum_future *fs[64], *gate = future_new();

	for (; live < n; live++)
		must(fs[live] = thrum_spawn(task_await, gate));
	for (int i = 0; i < 2; i++) {
		must(!thrum_spawn(task_await, gate));
		must(!thrum_spawn_copy(task_await, gate, 1));
		must(!thrum_spawn_drop(task_await, gate, free));
		is_int(thrum_go(task_await, gate), -EAGAIN);
		settle();
	}
	thrum_future_set(gate, 1);
	while (--live)
		is_int(thrum_join(fs[live]), 1);
	thrum_release(gate);
	return 1;
}

static struct thrum_config limited(unsigned workers, size_t tasks_max)
{
	struct thrum_config c = config_of(workers, THRUM_CLOCK_VIRTUAL);

	c.tasks_max = tasks_max;
	return c;
}

START_TEST(live_tasks_have_a_limit)
{
	for (size_t n = 1; n <= 64; n += 21) {
		struct thrum_config c = limited(1, n);

		is_int(thrum_run_with(&c, task_fills_up, as_arg((intptr_t)n)), 1);
	}
}
END_TEST

static intptr_t task_one_after_the_other(void *unused)
{
	(void)unused;
	for (int i = 0; i < 20; i++)
		is_int(thrum_join(spawn_sleeper(1)), 0);
	return 2;
}

START_TEST(the_limit_counts_live_tasks_only)
{
	for (unsigned workers = 1; workers <= 3; workers++) {
		struct thrum_config c = limited(workers, 2);
		struct thrum_runtime *rt;

		is_int(thrum_runtime_create(&rt, &c), 0);
		for (int i = 0; i < 20; i++)
			is_int(thrum_runtime_block_on(rt, task_one_after_the_other, NULL), 2);
		is_int(thrum_runtime_destroy(rt), 0);
	}
}
END_TEST

START_TEST(submissions_count_too)
{
	struct thrum_config c = limited(1, 2);
	struct thrum_future *gate = future_new(), *a, *b, *extra = (void *)8;
	struct thrum_runtime *rt;

	is_int(thrum_runtime_create(&rt, &c), 0);
	a = thrum_runtime_submit(rt, task_await, gate);
	b = thrum_runtime_submit(rt, task_await, gate);
	is_int(thrum_runtime_try_submit(rt, task_await, gate, &extra), -EAGAIN);
	must(!extra);
	must(!thrum_runtime_submit(rt, task_await, gate));
	thrum_future_set(gate, 3);
	is_int(thrum_join(a), 3);
	is_int(thrum_join(b), 3);
	is_int(thrum_runtime_destroy(rt), 0);
	thrum_release(gate);
}
END_TEST

#ifdef THRUM_FAULTS
/* A worker's first block of a kind needs memory, its copy always does. */
TASK_TEST(without_memory_nothing_is_started, 1)
{
	struct thrum_future *f;
	int word = 0;

	counts_reset();
	thrum__fault_set(1, true);
	f = thrum_spawn_copy(task_counts, &word, sizeof(word));
	thrum__fault_set(0, false);
	must(!f);
	settle();
	is_int(runs, 0);
}

/* A task that finds no stack ends with -ENOMEM; drop is called, the copy is freed. */
TASK_TEST(a_task_without_a_stack, 1)
{
	enum { TASKS = 400 };
	static struct thrum_future *fs[TASKS];
	int failed = 0;

	counts_reset();
	for (int i = 0; i < TASKS; i++)
		fs[i] = thrum_spawn_drop(task_sleep, as_arg(17), drop_counts);
	thrum__fault_set(1, true);
	for (int i = 0; i < TASKS; i++)
		is_int(thrum_yield(), 0);
	thrum__fault_set(0, false);
	for (int i = 0; i < TASKS; i++) {
		intptr_t r = thrum_join(fs[i]);

		must(r == 0 || r == -ENOMEM);
		failed += r == -ENOMEM;
	}
	must(failed > 0);
	must(drops > 0 && drops <= failed); /* some found a stack, but no timer */
}
#endif

int main(void)
{
	const TTest *const tests[] = {
	    spawn_starts_later,
	    a_task_runs_with_no_handle_left,
	    a_copy_is_the_task_s_own,
	    copies_of_any_size,
	    a_task_cancelled_before_it_ran,
	    a_soft_request_before_it_ran_is_no_cancel,
	    drop_is_not_called_once_it_ran,
	    live_tasks_have_a_limit,
	    the_limit_counts_live_tasks_only,
	    submissions_count_too,
#ifdef THRUM_FAULTS
	    without_memory_nothing_is_started,
	    a_task_without_a_stack,
#endif
	};

	return RUN_TESTS("spawn", tests);
}
