/* SPDX-License-Identifier: MIT */
/*
 * test_registry.c - which runtimes live and can be visited, and fork: in a child of a process with
 * a live runtime what starts or waits says so, queries and releases do no harm, exec works; the
 * parent goes on.
 */
#define _GNU_SOURCE
#include "base/assert.h"
#include "child.h"
#include "run.h"
#include "sched/registry.h"
#include "sched/task.h"
#include "sched/worker.h"

START_TEST(only_live_runtimes_are_entered)
{
	struct thrum_runtime *a = runtime_of(1, THRUM_CLOCK_REAL);
	struct thrum_runtime *b = runtime_of(1, THRUM_CLOCK_REAL);

	must(thrum__registry_enter(a));
	is_int(load_relaxed(&a->gate.visitors.n), 1);
	is_int(load_relaxed(&b->gate.visitors.n), 0);
	thrum__registry_enter_live(a);
	is_int(load_relaxed(&a->gate.visitors.n), 2);
	thrum__registry_leave(a);
	thrum__registry_leave(a);
	is_int(load_relaxed(&a->gate.visitors.n), 0);
	is_int(thrum_runtime_destroy(a), 0);
	must(!thrum__registry_enter(a));
	must(!thrum__registry_enter(NULL));
	must(thrum__registry_enter(b));
	thrum__registry_leave(b);
	is_int(thrum_runtime_destroy(b), 0);
	must(!thrum__registry_enter(b));
}
END_TEST

struct destroyer {
	struct thrum_runtime *rt;
	struct atomic32 returned;
};

static void *thread_destroys(void *destroyer)
{
	struct destroyer *d = destroyer;

	is_int(thrum_runtime_destroy(d->rt), 0);
	store_release(&d->returned, 1);
	return NULL;
}

static void destroy_beside_a_visit(void)
{
	struct destroyer d = {.rt = runtime_of(2, THRUM_CLOCK_REAL)};
	pthread_t thread;

	must(thrum__registry_enter(d.rt));
	is_int(pthread_create(&thread, NULL, thread_destroys, &d), 0);
	while (thrum__registry_enter(d.rt)) {
		thrum__registry_leave(d.rt);
		thread_yield();
	}
	for (int i = 0; i < 200; i++) { /* off the list: only this visit holds it */
		must(!load_acquire(&d.returned));
		is_int(load_relaxed(&d.rt->gate.visitors.n), 1);
		thread_yield();
	}
	thrum__registry_leave(d.rt);
	is_int(pthread_join(thread, NULL), 0);
	must(load_relaxed(&d.returned));
}

/* Several times: a destroy that did not wait might be slow. */
START_TEST(destroy_waits_for_visitors)
{
	for (int i = 0; i < 5; i++)
		destroy_beside_a_visit();
}
END_TEST

static struct thrum_runtime *runtime;
static struct thrum_future *pending, *done;

static void call_never(struct thrum_future *f, void *unused)
{
	(void)f;
	(void)unused;
	abort();
}

static void nothing_starts(void)
{
	struct thrum_runtime *rt = (void *)8;
	struct thrum_future *f = (void *)8;
	struct thrum_config c = THRUM_CONFIG_INIT;

	is_int(thrum_run(task_return, NULL), -ENOTSUP);
	is_int(thrum_run_with(&c, task_return, NULL), -ENOTSUP);
	is_int(thrum_runtime_create(&rt, &c), -ENOTSUP);
	must(!rt);
	is_int(thrum_runtime_block_on(runtime, task_return, NULL), -ENOTSUP);
	is_int(thrum_runtime_try_submit(runtime, task_return, NULL, &f), -ENOTSUP);
	must(!f);
	must(!thrum_runtime_submit(runtime, task_return, NULL));
	is_int(thrum_runtime_destroy(runtime), -ENOTSUP);
	must(!thrum_spawn(task_return, NULL));
	must(!thrum_spawn_copy(task_return, "", 1));
	must(!thrum_spawn_drop(task_return, NULL, free));
	is_int(thrum_go(task_return, NULL), -ENOTSUP);
	must(!thrum_spawn_blocking(task_return, NULL));
	must(!thrum_spawn_blocking_copy(task_return, "", 1));
	must(!thrum_future_create());
	must(!thrum_shield(pending));
	is_int(thrum_future_on_done(pending, call_never, NULL), -ENOTSUP);
	is_int(thrum_future_on_done(done, call_never, NULL), -ENOTSUP);
}

static void nothing_waits(void)
{
	struct thrum_future *fs[1] = {pending};
	struct stat st;
	char c;

	is_int(thrum_await(pending), -ENOTSUP);
	is_int(thrum_join(pending), -ENOTSUP);
	is_int(thrum_wait_for(pending, 5), -ENOTSUP);
	is_int(thrum_wait_for(pending, 0), -ENOTSUP);
	is_int(thrum_gather(fs, 1, NULL), -ENOTSUP);
	is_int(thrum_wait_any(fs, 1), -ENOTSUP);
	is_int(thrum_sleep(1), -ENOTSUP);
	is_int(thrum_sleep(0), -ENOTSUP);
	is_int(thrum_yield(), -ENOTSUP);
	is_int(thrum_blocking(task_return, NULL), -ENOTSUP);
	is_int(thrum_read(0, &c, 1), -ENOTSUP);
	is_int(thrum_pread(0, &c, 1, 0), -ENOTSUP);
	is_int(thrum_write(1, &c, 1), -ENOTSUP);
	is_int(thrum_pwrite(1, &c, 1, 0), -ENOTSUP);
	is_int(thrum_open("/", O_RDONLY, 0), -ENOTSUP);
	is_int(thrum_stat("/", &st), -ENOTSUP);
	is_int(thrum_lstat("/", &st), -ENOTSUP);
	is_int(thrum_fstat(0, &st), -ENOTSUP);
	is_int(thrum_fsync(0), -ENOTSUP);
	is_int(thrum_waitpid(-1, NULL, 0), -ENOTSUP);
	is_int(thrum_waitpid(-1, NULL, WNOHANG), -ENOTSUP);
}

static void the_rest_does_no_harm(void)
{
	uint32_t refs = load_relaxed(&pending->refs);

	thrum_retain(pending);
	thrum_release(pending);
	thrum_release(pending);
	thrum_release(pending);
	is_int(load_relaxed(&pending->refs), refs);
	must(!thrum_done(pending));
	must(!thrum_cancelled(pending));
	is_int(thrum_result(pending), -EINPROGRESS);
	must(thrum_done(done));
	is_int(thrum_result(done), 6);
	is_text(thrum_name(pending), "task_sleep");
	must(thrum_state_name(pending));
	must(!thrum_self());
	is_int(thrum_cancel_requested(), 0);
	is_int(thrum_runtime_workers(NULL), 0);
	must(thrum_now() > 0);
	must(thrum_version());
}

static void child_tries_all(void)
{
	nothing_starts();
	nothing_waits();
	the_rest_does_no_harm();
}

static void child_closes(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	is_int(thrum_close(fd), 0); /* it always does its work */
	is_int(fcntl(fd, F_GETFD), -1);
}

static void child_execs(void)
{
	execl("/bin/sh", "sh", "-c", "echo from a shell >&2; exit 3", (char *)NULL);
}

static void forks_well(void)
{
	char err[4000];
	int status = child_run(child_tries_all, err, sizeof(err));

	is_text(err, "");
	is_int(status, 0);
	status = child_run(child_execs, err, sizeof(err));
	must(WIFEXITED(status));
	is_int(WEXITSTATUS(status), 3);
	is_text(err, "from a shell\n");
}

static void runtime_make(void)
{
	runtime = runtime_of(2, THRUM_CLOCK_REAL);
	pending = thrum_runtime_submit(runtime, task_sleep, as_arg(INTPTR_MAX));
	done = thrum_runtime_submit(runtime, task_return, as_arg(6));
	is_int(thrum_await(done), 6);
}

static void runtime_end(void)
{
	is_int(thrum_runtime_block_on(runtime, task_return, as_arg(3)), 3); /* it goes on */
	is_int(thrum_runtime_destroy(runtime), 0);
	is_int(thrum_join(pending), -ECANCELED);
	is_int(thrum_join(done), 6);
}

START_TEST(a_child_beside_a_live_runtime)
{
	runtime_make();
	forks_well();
	runtime_end();
}
END_TEST

static intptr_t task_forks(void *fn)
{
	((void (*)(void))fn)();
	return 0;
}

START_TEST(a_child_of_a_task)
{
	runtime_make();
	is_int(thrum_runtime_block_on(runtime, task_forks, (void *)forks_well), 0);
	runtime_end();
}
END_TEST

START_TEST(a_child_closes_descriptors)
{
	char err[1000];

	runtime_make();
	is_int(child_run(child_closes, err, sizeof(err)), 0);
	runtime_end();
}
END_TEST

static void child_runs(void)
{
	is_int(run_real(2, task_return, as_arg(4)), 4);
	is_int(thrum_await(done), 6);
	thrum_release(done);
}

/* While no runtime lives a child is a process like any other. */
START_TEST(a_child_of_a_process_without_runtime)
{
	char err[1000];

	is_int(run_real(1, task_return, NULL), 0);
	done = future_new();
	thrum_future_set(done, 6);
	is_int(child_run(child_runs, err, sizeof(err)), 0);
	thrum_release(done);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    only_live_runtimes_are_entered, destroy_waits_for_visitors,
	    a_child_beside_a_live_runtime,  a_child_of_a_task,
	    a_child_closes_descriptors,     a_child_of_a_process_without_runtime,
	};

	return RUN_TESTS("registry", tests);
}
