/* SPDX-License-Identifier: MIT */
/*
 * test_runtime.c - the ways into a runtime from outside: run, create, block_on, submit, and what
 * they refuse.
 */
#define _GNU_SOURCE /* pthread_getname_np */
#include <dirent.h>
#include <sched.h>

#include "base/assert.h"
#include "base/os.h"
#include "run.h"
#include "sched/task.h"

START_TEST(the_version_is_the_header_s)
{
	char want[40];

	snprintf(want, sizeof(want), "%d.%d.%d", THRUM_VERSION_MAJOR, THRUM_VERSION_MINOR,
		 THRUM_VERSION_PATCH);
	is_text(thrum_version(), want);
}
END_TEST

START_TEST(run_returns_the_main_task_s_result)
{
	struct thrum_config c = config_of(2, THRUM_CLOCK_REAL);

	is_int(thrum_run(task_return, as_arg(6)), 6);
	is_int(thrum_run_with(&c, task_return, as_arg(-EIO)), -EIO);
	is_int(thrum_run_with(NULL, task_return, as_arg(-100000)), -100000);
	is_int((thrum_run)(task_return, as_arg(1)), 1);
	is_int((thrum_run_with)(&c, task_return, as_arg(2)), 2);
}
END_TEST

static void is_refused(const struct thrum_config *c, int err)
{
	struct thrum_runtime *rt = (void *)8;

	is_int(thrum_runtime_create(&rt, c), err);
	must(!rt);
	is_int(thrum_run_with(c, task_return, NULL), err);
}

START_TEST(a_bad_configuration_starts_nothing)
{
	struct {
		struct thrum_config c;
		uint64_t tail[2];
	} larger = {.c = config_of(1, THRUM_CLOCK_VIRTUAL)};

	larger.c.workers = 257;
	is_refused(&larger.c, -EINVAL);
	larger.c.workers = 1;
	larger.c.size = 0;
	is_refused(&larger.c, -EINVAL);
	larger.c.size = sizeof(larger);
	larger.tail[1] = 1;
	is_refused(&larger.c, -E2BIG);
	larger.tail[1] = 0; /* a later version's fields, all at their defaults */
	is_int(thrum_run_with(&larger.c, task_return, as_arg(3)), 3);
}
END_TEST

static intptr_t task_workers(void *unused)
{
	(void)unused;
	return thrum_runtime_workers(NULL);
}

START_TEST(an_older_program_s_configuration_is_enough)
{
	struct thrum_config c = config_of(3, 99);

	c.size = offsetof(struct thrum_config, clock); /* what lies behind is not looked at */
	is_int(thrum_run_with(&c, task_workers, NULL), 3);
}
END_TEST

static intptr_t task_starts_others(void *runtime)
{
	struct thrum_runtime *rt = runtime, *own;
	struct thrum_config c = config_of(1, THRUM_CLOCK_REAL);
	struct thrum_future *f;

	is_int(thrum_run(task_return, NULL), -EDEADLK);
	is_int(thrum_run_with(&c, task_return, NULL), -EDEADLK);
	is_int(thrum_runtime_block_on(rt, task_return, NULL), -EDEADLK);
	is_int(thrum_runtime_destroy(rt), -EDEADLK);
	/* These are allowed. */
	is_int(thrum_runtime_create(&own, &c), 0);
	f = thrum_runtime_submit(rt, task_return, as_arg(5));
	is_int(thrum_join(f), 5);
	f = thrum_runtime_submit(own, task_return, as_arg(6));
	is_int(thrum_join(f), 6); /* a task of another runtime */
	is_int(thrum_runtime_destroy(own), -EDEADLK);
	return (intptr_t)own;
}

START_TEST(a_task_may_not_drive_a_runtime)
{
	struct thrum_runtime *rt = runtime_of(2, THRUM_CLOCK_REAL), *other;

	other = (void *)thrum_runtime_block_on(rt, task_starts_others, rt);
	is_int(thrum_runtime_block_on(other, task_return, as_arg(4)), 4);
	is_int(thrum_runtime_destroy(other), 0);
	is_int(thrum_runtime_destroy(rt), 0);
}
END_TEST

START_TEST(without_a_runtime)
{
	struct thrum_future *f = (void *)8;
	char text[10];

	is_int(thrum_runtime_block_on(NULL, task_return, NULL), -EINVAL);
	is_int(thrum_runtime_try_submit(NULL, task_return, NULL, &f), -EINVAL);
	must(!f);
	must(!thrum_runtime_submit(NULL, task_return, NULL));
	is_int(thrum_runtime_destroy(NULL), 0);
	is_int(thrum_runtime_workers(NULL), 0);
	is_int(thrum_runtime_describe(NULL, text, sizeof(text)), 0);
}
END_TEST

START_TEST(submit_hands_in_a_task)
{
	struct thrum_runtime *rt = runtime_of(2, THRUM_CLOCK_REAL);
	struct thrum_future *f;

	f = thrum_runtime_submit(rt, task_return, as_arg(5));
	is_int(thrum_join(f), 5);
	f = (thrum_runtime_submit)(rt, task_return, as_arg(6));
	is_int(thrum_join(f), 6);
	is_int(thrum_runtime_try_submit(rt, task_return, as_arg(7), &f), 0);
	is_int(thrum_join(f), 7);
	is_int((thrum_runtime_try_submit)(rt, task_return, as_arg(8), &f), 0);
	is_int(thrum_join(f), 8);
	is_int((thrum_runtime_block_on)(rt, task_return, as_arg(9)), 9);
	is_int(thrum_runtime_destroy(rt), 0);
}
END_TEST

static intptr_t task_set(void *future)
{
	return thrum_future_set(future, 3);
}

START_TEST(a_submission_nobody_holds_runs)
{
	struct thrum_runtime *rt = runtime_of(1, THRUM_CLOCK_REAL);
	struct thrum_future *ran = future_new();

	is_int(thrum_runtime_try_submit(rt, task_set, ran, NULL), 0);
	is_int(thrum_await(ran), 3);
	is_int(thrum_runtime_destroy(rt), 0);
	thrum_release(ran);
}
END_TEST

START_TEST(the_injection_queue_has_a_limit)
{
	struct thrum_config c = config_of(1, THRUM_CLOCK_REAL);
	struct thrum_future *held, *fs[4], *extra = (void *)8;
	struct thrum_runtime *rt;
	struct hold h;

	c.inject_max = 4;
	hold_init(&h, 1);
	is_int(thrum_runtime_create(&rt, &c), 0);
	held = thrum_runtime_submit(rt, job_hold, &h); /* as a task: it holds the worker */
	is_int(thrum_await(h.started), 0);
	for (int i = 0; i < 4; i++)
		is_int(thrum_runtime_try_submit(rt, task_return, as_arg(i), &fs[i]), 0);
	is_int(thrum_runtime_try_submit(rt, task_return, NULL, &extra), -EAGAIN);
	must(!extra);
	must(!thrum_runtime_submit(rt, task_return, NULL));
	is_int(thrum_runtime_try_submit(rt, task_return, NULL, NULL), -EAGAIN);
	is_int(thrum_runtime_block_on(rt, task_return, NULL), -EAGAIN);
	sem_post(&h.go);
	is_int(thrum_join(held), 1);
	for (int i = 0; i < 4; i++)
		is_int(thrum_join(fs[i]), i);
	is_int(thrum_runtime_block_on(rt, task_return, as_arg(8)), 8);
	is_int(thrum_runtime_destroy(rt), 0);
	hold_end(&h);
}
END_TEST

static void *thread_blocks_on(void *rt)
{
	for (intptr_t i = 0; i < 50; i++)
		is_int(thrum_runtime_block_on(rt, task_return, as_arg(i)), i);
	return NULL;
}

START_TEST(several_threads_block_on_one)
{
	struct thrum_runtime *rt = runtime_of(2, THRUM_CLOCK_REAL);
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		threads[i] = thread_of(thread_blocks_on, rt);
	for (int i = 0; i < 4; i++)
		thread_end(threads[i]);
	is_int(thrum_runtime_destroy(rt), 0);
}
END_TEST

/* Others go on during and between the calls. */
START_TEST(block_on_leaves_others_running)
{
	struct thrum_runtime *rt = runtime_of(1, THRUM_CLOCK_VIRTUAL);
	struct thrum_future *gate = future_new();
	struct thrum_future *f = thrum_runtime_submit(rt, task_await, gate);

	is_int(thrum_runtime_block_on(rt, task_return, as_arg(1)), 1);
	must(!thrum_done(f));
	thrum_future_set(gate, 20);
	is_int(thrum_join(f), 20);
	is_int(thrum_runtime_destroy(rt), 0);
	thrum_release(gate);
}
END_TEST

static intptr_t task_spawn_sleeper(void *ns)
{
	return (intptr_t)thrum_spawn(task_sleep, ns);
}

static intptr_t task_now(void *unused)
{
	(void)unused;
	return thrum_now();
}

START_TEST(a_virtual_clock_stands_between_calls)
{
	struct thrum_runtime *rt = runtime_of(2, THRUM_CLOCK_VIRTUAL);
	struct thrum_future *f;

	is_int(thrum_runtime_block_on(rt, task_now, NULL), 0);
	f = (void *)thrum_runtime_block_on(rt, task_spawn_sleeper, as_arg(1000));
	for (int i = 0; i < 50; i++)
		is_int(thrum_runtime_block_on(rt, task_now, NULL), 0);
	is_int(thrum_runtime_block_on(rt, task_sleep, as_arg(999)), 0);
	must(!thrum_done(f));
	is_int(thrum_runtime_block_on(rt, task_sleep, as_arg(2)), 0);
	is_int(thrum_runtime_block_on(rt, task_now, NULL), 1001);
	is_int(thrum_join(f), 0);
	is_int(thrum_runtime_destroy(rt), 0);
}
END_TEST

START_TEST(a_clock_of_one_is_none_of_the_other_s)
{
	struct thrum_runtime *a = runtime_of(1, THRUM_CLOCK_VIRTUAL);
	struct thrum_runtime *b = runtime_of(1, THRUM_CLOCK_VIRTUAL);

	is_int(thrum_runtime_block_on(a, task_sleep, as_arg(500)), 0);
	is_int(thrum_runtime_block_on(a, task_now, NULL), 500);
	is_int(thrum_runtime_block_on(b, task_now, NULL), 0);
	is_int(thrum_runtime_destroy(a), 0);
	is_int(thrum_runtime_block_on(b, task_sleep, as_arg(5)), 0);
	is_int(thrum_runtime_destroy(b), 0);
}
END_TEST

/* A task of one awaits a task of the other, to and fro. */
START_TEST(runtimes_await_each_other)
{
	struct thrum_runtime *a = runtime_of(1, THRUM_CLOCK_REAL);
	struct thrum_runtime *b = runtime_of(2, THRUM_CLOCK_REAL);
	struct thrum_future *gate = future_new(), *chain[50];

	chain[0] = thrum_runtime_submit(a, task_await, gate);
	for (int i = 1; i < 50; i++)
		chain[i] = thrum_runtime_submit(i % 2 ? b : a, task_await, chain[i - 1]);
	thrum_future_set(gate, 4);
	for (int i = 49; i >= 0; i--)
		is_int(thrum_join(chain[i]), 4);
	is_int(thrum_runtime_destroy(a), 0);
	is_int(thrum_runtime_destroy(b), 0);
	thrum_release(gate);
}
END_TEST

static int entries(const char *path)
{
	DIR *dir = opendir(path);
	int n = 0;

	must(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* An ended thread shows for a moment after it was joined. */
static void threads_go(int left)
{
	while (entries("/proc/self/task") > left)
		sched_yield();
}

static intptr_t task_blocks(void *value)
{
	return thrum_blocking(task_return, value);
}

START_TEST(runtimes_come_and_go)
{
	int threads, descriptors;

	is_int(run_real(2, task_blocks, as_arg(1)), 1);
	threads = entries("/proc/self/task");
	descriptors = entries("/proc/self/fd");
	for (int i = 0; i < 50; i++)
		is_int(run_real(2, task_blocks, as_arg(i)), i);
	is_int(entries("/proc/self/fd"), descriptors);
	threads_go(threads);
}
END_TEST

static intptr_t task_thread_name(void *name)
{
	return pthread_getname_np(pthread_self(), name, 16);
}

static intptr_t task_names(void *prefix)
{
	char name[16], want[16];

	is_int(task_thread_name(name), 0);
	snprintf(want, sizeof(want), "%s-w0", (char *)prefix);
	is_text(name, want);
	is_int(thrum_blocking(task_thread_name, name), 0);
	snprintf(want, sizeof(want), "%s-b0", (char *)prefix);
	is_text(name, want);
	return 0;
}

START_TEST(threads_are_named)
{
	struct thrum_config c = config_of(1, THRUM_CLOCK_REAL);

	is_int(thrum_run_with(&c, task_names, "thrum"), 0);
	c.name = "abcdefghij";
	is_int(thrum_run_with(&c, task_names, "abcdefghij"), 0);
}
END_TEST

#ifdef THRUM_FAULTS
/* Whatever its making lacks, the next try is as good as the first. */
START_TEST(a_runtime_that_cannot_be_made)
{
	struct thrum_config c = config_of(2, THRUM_CLOCK_REAL);
	int threads, failed = 0;
	bool fired = true;

	is_int(run_real(2, task_return, as_arg(1)), 1);
	threads = entries("/proc/self/task");
	for (uint64_t n = 1; fired; n++) {
		struct thrum_runtime *rt = (void *)8;
		int err;

		thrum__fault_set(n, false);
		err = thrum_runtime_create(&rt, &c);
		fired = thrum__fault_fired();
		thrum__fault_set(0, false);
		must(err == 0 || err == -ENOMEM || err == -EAGAIN || err == -EMFILE);
		must(fired || err == 0);
		must(!rt == (err != 0));
		failed += err != 0;
		if (!err) {
			is_int(thrum_runtime_block_on(rt, task_return, as_arg(2)), 2);
			is_int(thrum_runtime_destroy(rt), 0);
		}
		threads_go(threads);
	}
	must(failed > 5);
}
END_TEST
#endif

int main(void)
{
	const TTest *const tests[] = {
	    the_version_is_the_header_s,
	    run_returns_the_main_task_s_result,
	    a_bad_configuration_starts_nothing,
	    an_older_program_s_configuration_is_enough,
	    a_task_may_not_drive_a_runtime,
	    without_a_runtime,
	    submit_hands_in_a_task,
	    a_submission_nobody_holds_runs,
	    the_injection_queue_has_a_limit,
	    several_threads_block_on_one,
	    block_on_leaves_others_running,
	    a_virtual_clock_stands_between_calls,
	    a_clock_of_one_is_none_of_the_other_s,
	    runtimes_await_each_other,
	    runtimes_come_and_go,
	    threads_are_named,
#ifdef THRUM_FAULTS
	    a_runtime_that_cannot_be_made,
#endif
	};

	return RUN_TESTS("runtime", tests);
}
