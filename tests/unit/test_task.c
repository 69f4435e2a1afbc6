/* SPDX-License-Identifier: MIT */
/*
 * test_task.c - descriptors: references, what completes and cancels each kind, walking the live
 * tasks of a runtime.
 */
#include <signal.h>

#include "base/assert.h"
#include "child.h"
#include "run.h"
#include "sched/task.h"
#include "sched/worker.h"

START_TEST(a_bare_future_is_set_once)
{
	struct thrum_future *f = (thrum_future_create)();

	is_text(thrum_place(f), "? future");
	is_int(load_relaxed(&f->refs), 1);
	must(!thrum_done(f));
	must(!thrum_cancelled(f));
	is_int(thrum_result(f), -EINPROGRESS);
	is_int(thrum_future_set(f, 8), 0);
	is_int(thrum_future_set(f, 9), -EALREADY);
	is_int(thrum_cancel(f), -EALREADY);
	must(thrum_done(f));
	must(!thrum_cancelled(f));
	is_int(thrum_result(f), 8);
	thrum_release(f);
	is_int(thrum_future_set(NULL, 1), -EINVAL);
}
END_TEST

START_TEST(a_cancel_completes_a_bare_future)
{
	struct thrum_future *f = future_new();

	is_int(thrum_cancel(f), 0);
	must(thrum_cancelled(f));
	is_int(thrum_result(f), -ECANCELED);
	is_int(thrum_future_set(f, 8), -EALREADY);
	is_int(thrum_cancel(f), -EALREADY);
	thrum_release(f);
	f = future_new();
	thrum_future_set(f, -ECANCELED); /* the same to whoever looks */
	must(thrum_cancelled(f));
	future_drop(f);
}
END_TEST

TASK_TEST(only_bare_futures_are_set, 1)
{
	struct thrum_future *gate = future_new(), *task = thrum_spawn(task_await, gate);
	struct thrum_future *shield = thrum_shield(gate);
	struct thrum_future *job = thrum_spawn_blocking(task_await, gate);

	is_int(thrum_future_set(task, 1), -EINVAL);
	is_int(thrum_future_set(shield, 1), -EINVAL);
	is_int(thrum_future_set(job, 1), -EINVAL);
	is_int(thrum_future_set(thrum_self(), 1), -EINVAL);
	thrum_future_set(gate, 2);
	is_int(thrum_join(task), 2);
	is_int(thrum_join(shield), 2);
	is_int(thrum_join(job), 2);
	thrum_release(gate);
}

TASK_TEST(references_are_counted, 1)
{
	struct thrum_future *f = spawn_sleeper(5);

	is_int(load_relaxed(&f->refs), 2); /* ours and the runtime's */
	thrum_retain(f);
	thrum_retain(f);
	is_int(load_relaxed(&f->refs), 4);
	must(thrum__future_try_retain(f));
	is_int(load_relaxed(&f->refs), 5);
	for (int i = 0; i < 3; i++)
		thrum_release(f);
	is_int(thrum_await(f), 0);
	settle();
	is_int(load_relaxed(&f->refs), 1);
	thrum_release(f);
	is_int(load_relaxed(&f->refs), 0); /* the block stays a block */
	must(!thrum__future_try_retain(f));
	is_int(load_relaxed(&f->refs), 0);
}

TASK_TEST(blocks_are_used_again, 1)
{
	uint64_t tasks = 0, futures = 0;

	for (int i = 0; i < 2000; i++) {
		if (i == 1000) {
			tasks = load_relaxed(&thrum__task_pool.carved);
			futures = load_relaxed(&thrum__future_pool.carved);
		}
		is_int(thrum_join(thrum_spawn(task_return, as_arg(i))), i);
		future_drop(future_new());
		is_int(thrum_join(spawn_sleeper(1)), 0);
	}
	is_int(load_relaxed(&thrum__task_pool.carved), tasks);
	is_int(load_relaxed(&thrum__future_pool.carved), futures);
}

/* A block's last life leaves nothing in its next one. */
TASK_TEST(a_new_life_is_blank, 1)
{
	for (int i = 0; i < 300; i++) {
		struct thrum_future *f = spawn_sleeper(THRUM_FOREVER);

		is_int(thrum_set_name("x"), 0);
		settle();
		is_text(thrum_name(f), "task_sleep");
		thrum_cancel(f);
		is_int(thrum_join(f), -ECANCELED);
		f = thrum_spawn(task_sleep, as_arg(1));
		is_int(thrum__parker_requested(&thrum__task_of(f)->parker), 0);
		is_int(thrum__task_of(f)->deadline_ns, THRUM_FOREVER);
		is_int(thrum_join(f), 0);
	}
}

static void child_releases_too_often(void)
{
	struct thrum_future *f = future_new();

	thrum_future_set(f, 0);
	thrum_release(f);
	thrum_release(f);
}

START_TEST(a_release_too_many_ends_the_process)
{
	char err[2000];
	int status = child_run(child_releases_too_often, err, sizeof(err));

	must(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	has_text(err, "it was released more often than retained");
}
END_TEST

struct visited {
	int count, most;
	bool self;
};

static bool visit(struct thrum__task *t, void *visited)
{
	struct visited *v = visited;

	must(load_relaxed(&t->future.refs) >= 2);
	must(!thrum_done(&t->future));
	v->self |= &t->future == thrum_self();
	return ++v->count < v->most;
}

/* How many it found before it was told to stop, at the @most-th. */
static int walk(int most)
{
	struct visited v = {.most = most};

	thrum__tasks_walk(thrum__tls_worker()->runtime, visit, &v);
	must(v.self || v.count == most);
	return v.count;
}

static intptr_t task_walks(void *unused)
{
	(void)unused;
	return walk(1000);
}

static intptr_t main_walks(void *other)
{
	struct thrum_future *fs[30], *bare = future_new();

	for (int i = 0; i < 30; i++)
		fs[i] = thrum_spawn(task_await, bare);
	is_int(walk(1000), 31); /* not started yet */
	settle();
	is_int(walk(1000), 31);
	is_int(walk(31), 31);
	is_int(walk(7), 7);
	is_int(thrum_join(thrum_runtime_submit(other, task_walks, NULL)), 1);
	for (int i = 0; i < 10; i++)
		thrum_cancel(fs[i]);
	settle();
	is_int(walk(1000), 21); /* done, though held */
	for (int i = 10; i < 30; i++)
		thrum_release(fs[i]);
	is_int(walk(1000), 21); /* alive, though nobody holds them */
	thrum_future_set(bare, 1);
	settle();
	is_int(walk(1000), 1);
	for (int i = 0; i < 10; i++)
		thrum_release(fs[i]);
	thrum_release(bare);
	return 5;
}

START_TEST(a_walk_finds_the_live_tasks_of_a_runtime)
{
	struct thrum_runtime *other = runtime_of(1, THRUM_CLOCK_VIRTUAL);

	is_int(run_virtual(1, main_walks, other), 5);
	is_int(thrum_runtime_destroy(other), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    a_bare_future_is_set_once,
	    a_cancel_completes_a_bare_future,
	    only_bare_futures_are_set,
	    references_are_counted,
	    blocks_are_used_again,
	    a_new_life_is_blank,
	    a_release_too_many_ends_the_process,
	    a_walk_finds_the_live_tasks_of_a_runtime,
	};

	return RUN_TESTS("task", tests);
}
