/* SPDX-License-Identifier: MIT */
/*
 * test_blocking.c - jobs as futures: results, limits, and what a cancel does before and after the
 * function has started.
 */
#include "base/assert.h"
#include "base/atomic.h"
#include "run.h"
#include "sched/task.h"

static struct atomic32 runs;

static intptr_t job_counts(void *value)
{
	fetch_add_relaxed(&runs, 1);
	return (intptr_t)value;
}

static intptr_t job_outside(void *future)
{
	must(!thrum_self());
	is_int(thrum_cancel_requested(), 0);
	is_int(thrum_sleep(1), -EPERM);
	is_int(thrum_yield(), -EPERM);
	must(!thrum_spawn(task_return, NULL));
	must(!thrum_spawn_blocking(task_return, NULL));
	is_int(thrum_blocking(task_return, NULL), -EPERM);
	return thrum_await(future); /* as any thread may */
}

TASK_TEST(a_job_s_result, 1)
{
	const intptr_t results[] = {0, 5, -EIO, -ECANCELED, -100000};
	struct thrum_future *gate = future_new(), *f;

	for (int i = 0; i < 5; i++) {
		is_int(thrum_blocking(task_return, as_arg(results[i])), results[i]);
		is_int((thrum_blocking)(task_return, as_arg(results[i])), results[i]);
		f = thrum_spawn_blocking(task_return, as_arg(results[i]));
		is_int(thrum_await(f), results[i]);
		is_int(thrum_cancel(f), -EALREADY);
		is_int(thrum_join(f), results[i]);
		f = (thrum_spawn_blocking)(task_return, as_arg(results[i]));
		is_int(thrum_join(f), results[i]);
	}
	f = thrum_spawn_blocking(job_outside, gate);
	is_text(thrum_name(f), "job_outside");
	has_text(thrum_place(f), "test_blocking.c:");
	thrum_future_set(gate, 8);
	is_int(thrum_join(f), 8);
	thrum_release(gate);
}

static intptr_t job_sums(void *arg)
{
	unsigned char *bytes = arg;

	is_int((uintptr_t)arg % 16, 0);
	return bytes[0] + bytes[1] + bytes[2];
}

TASK_TEST(a_job_s_copy_is_its_own, 1)
{
	unsigned char bytes[3] = {1, 2, 3};
	struct thrum_future *a = thrum_spawn_blocking_copy(job_sums, bytes, 3);
	struct thrum_future *b = (thrum_spawn_blocking_copy)(job_sums, bytes, 3);

	memset(bytes, 0, 3);
	is_int(thrum_join(a), 6);
	is_int(thrum_join(b), 6);
	must(!thrum_spawn_blocking_copy(job_sums, bytes, ((size_t)1 << 30) + 1));
}

TASK_TEST(a_job_runs_with_no_handle_left, 1)
{
	struct thrum_future *f[20];

	store_relaxed(&runs, 0);
	for (int i = 0; i < 20; i++)
		f[i] = thrum_spawn_blocking(job_counts, NULL);
	for (int i = 0; i < 20; i++)
		thrum_release(f[i]);
	settle(); /* a job in flight holds the virtual clock */
	is_int(load_relaxed(&runs), 20);
}

/* One thread, a queue of two. */
static intptr_t main_fills_the_queue(void *hold)
{
	struct hold *h = hold;
	struct thrum_future *running = thrum_spawn_blocking(job_hold, h), *queued[2];

	is_int(thrum_await(h->started), 0);
	for (int i = 0; i < 2; i++)
		must(queued[i] = thrum_spawn_blocking(job_counts, as_arg(i)));
	must(!thrum_spawn_blocking(job_counts, NULL));
	must(!thrum_spawn_blocking_copy(job_counts, "x", 1));
	is_int(thrum_blocking(job_counts, NULL), -EAGAIN);
	is_int(thrum_cancel(queued[0]), 0); /* makes room */
	must(thrum_cancelled(queued[0]));
	is_int(thrum_join(queued[0]), -ECANCELED);
	must(queued[0] = thrum_spawn_blocking(job_counts, as_arg(7)));
	sem_post(&h->go);
	is_int(thrum_join(running), 30);
	is_int(thrum_join(queued[0]), 7);
	is_int(thrum_join(queued[1]), 1);
	is_int(load_relaxed(&runs), 2);
	return 0;
}

static struct thrum_config one_thread(struct hold *h)
{
	struct thrum_config c = config_of(1, THRUM_CLOCK_REAL);

	c.blocking_max = 1;
	c.blocking_queue = 2;
	hold_init(h, 30);
	store_relaxed(&runs, 0);
	return c;
}

START_TEST(the_queue_has_a_limit)
{
	struct hold h;
	struct thrum_config c = one_thread(&h);

	is_int(thrum_run_with(&c, main_fills_the_queue, &h), 0);
	hold_end(&h);
}
END_TEST

static intptr_t task_job_counts(void *unused)
{
	(void)unused;
	return thrum_blocking(job_counts, as_arg(9));
}

static intptr_t main_cancels_queued(void *hold)
{
	struct hold *h = hold;
	struct thrum_future *running = thrum_spawn_blocking(job_hold, h), *f, *spawned;

	is_int(thrum_await(h->started), 0);
	f = thrum_spawn(task_job_counts, NULL);
	yield_often();
	thrum_cancel(f);
	is_int(thrum_join(f), -ECANCELED); /* though the thread is held still */
	spawned = thrum_spawn_blocking_copy(job_counts, "abc", 3);
	is_int(thrum_wait_for(spawned, THRUM_US(10)), -ETIMEDOUT);
	must(thrum_cancelled(spawned));
	thrum_release(spawned);
	thrum__task_of(thrum_self())->deadline_ns = thrum_now() + THRUM_US(10);
	is_int(thrum_blocking(job_counts, NULL), -ETIMEDOUT);
	thrum__task_of(thrum_self())->deadline_ns = THRUM_FOREVER;
	sem_post(&h->go);
	is_int(thrum_join(running), 30);
	is_int(thrum_blocking(task_return, as_arg(1)), 1); /* behind all others */
	is_int(load_relaxed(&runs), 0);
	return 0;
}

START_TEST(a_queued_job_is_taken_back)
{
	struct hold h;
	struct thrum_config c = one_thread(&h);

	is_int(thrum_run_with(&c, main_cancels_queued, &h), 0);
	hold_end(&h);
}
END_TEST

static intptr_t main_cancels_started(void *hold)
{
	struct hold *h = hold;
	struct thrum_future *job = thrum_spawn_blocking(job_hold, h);

	is_int(thrum_await(h->started), 0);
	is_int(thrum_cancel(job), 0); /* it goes on */
	must(!thrum_done(job));
	sem_post(&h->go);
	is_int(thrum_join(job), 30);
	return 0;
}

START_TEST(a_started_job_goes_on)
{
	struct hold h;
	struct thrum_config c = one_thread(&h);

	is_int(thrum_run_with(&c, main_cancels_started, &h), 0);
	hold_end(&h);
}
END_TEST

static intptr_t main_cancels_caller(void *hold)
{
	struct hold *h = hold;
	struct thrum_future *f = thrum_spawn(task_hold, h);

	is_int(thrum_await(h->started), 0);
	is_int(thrum_cancel(f), 0);
	yield_often();
	must(!thrum_done(f)); /* never cut short once it has started */
	sem_post(&h->go);
	is_int(thrum_join(f), 30);
	return 0;
}

START_TEST(a_cancelled_caller_waits_for_its_job)
{
	struct hold h;
	struct thrum_config c = one_thread(&h);

	is_int(thrum_run_with(&c, main_cancels_caller, &h), 0);
	hold_end(&h);
}
END_TEST

static struct thrum_future *contended;
static pthread_barrier_t start;

static void *thread_cancels(void *unused)
{
	(void)unused;
	pthread_barrier_wait(&start);
	(void)thrum_cancel(contended);
	return NULL;
}

/* Cancels from two threads beside the job's start: it ran or was taken back, once. */
TASK_TEST(cancels_beside_the_start, 1)
{
	int taken_back = 0;

	store_relaxed(&runs, 0);
	for (int i = 0; i < 50; i++) {
		pthread_t threads[2];
		intptr_t r;

		pthread_barrier_init(&start, NULL, 3);
		for (int k = 0; k < 2; k++)
			threads[k] = thread_of(thread_cancels, NULL);
		contended = thrum_spawn_blocking(job_counts, as_arg(i));
		pthread_barrier_wait(&start);
		r = thrum_await(contended);
		for (int k = 0; k < 2; k++)
			thread_end(threads[k]);
		must(r == i || r == -ECANCELED);
		taken_back += r == -ECANCELED;
		is_int(thrum_join(contended), r);
		pthread_barrier_destroy(&start);
	}
	is_int(load_relaxed(&runs) + taken_back, 50);
}

static intptr_t task_spawns_job(void *unused)
{
	(void)unused;
	return (intptr_t)thrum_spawn_blocking(job_counts, as_arg(5));
}

/* A future may outlive its runtime, and a cancel come while that ends. */
START_TEST(a_cancel_beside_the_end_of_the_runtime)
{
	for (int i = 0; i < 50; i++) {
		struct thrum_runtime *rt = runtime_of(1, THRUM_CLOCK_REAL);
		pthread_t canceller;
		intptr_t r;

		pthread_barrier_init(&start, NULL, 2);
		contended = (void *)thrum_runtime_block_on(rt, task_spawns_job, NULL);
		must(contended);
		canceller = thread_of(thread_cancels, NULL);
		pthread_barrier_wait(&start);
		is_int(thrum_runtime_destroy(rt), 0);
		thread_end(canceller);
		r = thrum_join(contended);
		must(r == 5 || r == -ECANCELED);
		pthread_barrier_destroy(&start);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    a_job_s_result,
	    a_job_s_copy_is_its_own,
	    a_job_runs_with_no_handle_left,
	    the_queue_has_a_limit,
	    a_queued_job_is_taken_back,
	    a_started_job_goes_on,
	    a_cancelled_caller_waits_for_its_job,
	    cancels_beside_the_start,
	    a_cancel_beside_the_end_of_the_runtime,
	};

	return RUN_TESTS("blocking", tests);
}
