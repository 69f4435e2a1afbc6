/* SPDX-License-Identifier: MIT */
/*
 * test_spawn_with.c - tasks with a name, a drop, a token, a stack or a worker of their own.
 *
 * THRUM_TEST_DIV divides the large counts.
 */
#include "base/atomic.h"
#include "base/os.h"
#include "child.h"
#include "run.h"
#include "sched/task.h"
#include "sched/worker.h"

#include <thrum/fork.h>
#include <thrum/scope.h>
#include <thrum/token.h>

#define WORKERS 3

static struct thrum_spawn_options options(void)
{
	struct thrum_spawn_options o = THRUM_SPAWN_OPTIONS_INIT;

	return o;
}

static int drops;

static void drop_counts(void *arg)
{
	(void)arg;
	drops++;
}

static intptr_t task_says_name(void *name)
{
	is_text(thrum_name(thrum_self()), name);
	return 5;
}

TASK_TEST(it_has_its_name_from_the_start, 1)
{
	struct thrum_spawn_options o = options();
	struct thrum_future *f;
	char name[] = "north";

	o.name = name;
	f = thrum_spawn_with(&o, task_says_name, "north");
	name[0] = 's'; /* it is copied */
	is_text(thrum_name(f), "north");
	has_text(thrum_place(f), "test_spawn_with.c");
	is_int(thrum_await(f), 5);
	is_text(thrum_name(f), "north");
	is_int(thrum_join(f), 5);
	o.name = NULL;
	f = thrum_spawn_with(&o, task_says_name, "task_says_name");
	is_int(thrum_join(f), 5);
	f = thrum_spawn_with(NULL, task_says_name, "task_says_name");
	is_int(thrum_join(f), 5);
	f = (thrum_spawn_with)(NULL, task_says_name, "task");
	is_int(thrum_join(f), 5);
}

TASK_TEST(cancelled_before_it_ran_it_is_dropped, 1)
{
	struct thrum_spawn_options o = options();
	struct thrum_future *f;

	drops = 0;
	o.drop = drop_counts;
	for (unsigned worker = 0; worker < 2; worker++)
		for (size_t bytes = 0; bytes <= 65536; bytes += 65536) {
			o.worker = worker;
			o.stack_bytes = bytes;
			f = thrum_spawn_with(&o, task_return, as_arg(3));
			is_int(thrum_cancel(f), 0);
			is_int(thrum_join(f), -ECANCELED);
			f = thrum_spawn_with(&o, task_return, as_arg(3));
			is_int(thrum_join(f), 3);
		}
	is_int(drops, 4);
}

TASK_TEST(it_hears_of_its_token, 1)
{
	struct thrum_spawn_options o = options();
	struct thrum_future *f[4];

	drops = 0;
	o.token = thrum_token_create(NULL);
	f[0] = thrum_spawn_with(&o, task_sleep, as_arg(THRUM_SEC(9)));
	o.stack_bytes = 32768;
	f[1] = thrum_spawn_with(&o, task_sleep, as_arg(THRUM_SEC(9)));
	o.worker = 1;
	f[2] = thrum_spawn_with(&o, task_sleep, as_arg(THRUM_SEC(9)));
	settle();
	o.drop = drop_counts;
	f[3] = thrum_spawn_with(&o, task_sleep, as_arg(THRUM_SEC(9)));
	is_int(thrum_token_cancel(o.token, THRUM_HARD, 1), 0);
	for (int i = 0; i < 4; i++)
		is_int(thrum_join(f[i]), -ECANCELED);
	is_int(drops, 1);
	thrum_token_release(o.token);
}

TASK_TEST(what_is_out_of_range_starts_nothing, 2)
{
	struct thrum_spawn_options good = options(), o;
	struct {
		struct thrum_spawn_options o;
		uint64_t later;
	} longer = {.o = options(), .later = 0};

	o = good;
	o.size = 0;
	must(!thrum_spawn_with(&o, task_return, NULL));
	o = good;
	o.worker = 3;
	must(!thrum_spawn_with(&o, task_return, NULL));
	o.worker = UINT32_MAX;
	must(!thrum_spawn_with(&o, task_return, NULL));
	o = good;
	o.stack_bytes = 16383;
	must(!thrum_spawn_with(&o, task_return, NULL));
	o.stack_bytes = ((size_t)1 << 30) + 1;
	must(!thrum_spawn_with(&o, task_return, NULL));
	longer.o.size = sizeof(longer);
	is_int(thrum_join(thrum_spawn_with(&longer.o, task_return, as_arg(1))), 1);
	longer.later = 1;
	must(!thrum_spawn_with(&longer.o, task_return, NULL));
}

/* ---- A stack of its own ---- */

static intptr_t task_uses(void *bytes)
{
	size_t n = (size_t)bytes;
	volatile char *a = __builtin_alloca(n);

	for (size_t i = 0; i < n; i += 1024)
		a[n - 1 - i] = 1;
	is_int(thrum_yield(), 0);
	return a[n - 1];
}

static intptr_t task_is_elsewhere(void *fiber)
{
	const struct thrum__fiber *f = thrum__tls_worker()->fiber;

	must(f != fiber);
	is_int(thrum_sleep(1), 0);
	return f->high - f->low;
}

TASK_TEST(a_stack_of_its_own_is_as_large_as_asked, 2)
{
	static const size_t sizes[] = {1 << 14, 1 << 16, 1 << 20, 64 << 20};
	struct thrum_spawn_options o = options();

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		o.stack_bytes = sizes[i];
		is_int(thrum_join(thrum_spawn_with(&o, task_uses, (void *)(sizes[i] / 2))), 1);
	}
	/* The join does not run it on the joiner's. */
	is_int(thrum_join(thrum_spawn_with(&o, task_is_elsewhere, thrum__tls_worker()->fiber)),
	       64 << 20);
}

TASK_TEST(its_stack_goes_with_it, 1)
{
	struct thrum_spawn_options o = options();
	struct thrum_future *f[10];

	o.stack_bytes = 256 << 10; /* there are fewer memory maps than tasks */
	for (unsigned i = 0; i < scaled(20000) + 100; i++) {
		for (int k = 0; k < 10; k++)
			must(f[k] = thrum_spawn_with(&o, task_return, as_arg(k)));
		for (int k = 0; k < 10; k++)
			is_int(thrum_join(f[k]), k);
	}
}

/* A sanitizer has a handler of its own. */
#if !defined(THRUM_ASAN) && !defined(THRUM_TSAN)
static intptr_t task_overflows(void *unused)
{
	volatile char *a = __builtin_alloca(150000);

	(void)unused;
	for (size_t i = 0; i < 150000; i += 512)
		a[150000 - 1 - i] = 1;
	return a[0];
}

static intptr_t main_overflows(void *unused)
{
	struct thrum_spawn_options o = options();

	(void)unused;
	o.name = "deep";
	o.stack_bytes = 128 << 10;
	return thrum_join(thrum_spawn_with(&o, task_overflows, NULL));
}

static void child_overflows(void)
{
	(void)!thrum_run(main_overflows, NULL);
}

START_TEST(an_overflow_names_the_task_and_its_size)
{
	char err[4096];

	must(child_run(child_overflows, err, sizeof(err)) != 0);
	has_text(err, "deep");
	has_text(err, "131072");
}
END_TEST
#endif

/* ---- A worker of its own ---- */

static pthread_t thread_of_worker[WORKERS + 1];
static struct atomic64 steps;

static void is_at_home(unsigned worker)
{
	is_int(thrum__tls_worker()->index, worker - 1);
	must(pthread_equal(pthread_self(), thread_of_worker[worker]));
	fetch_add_relaxed(&steps, 1);
}

static intptr_t task_tells_thread(void *worker)
{
	thread_of_worker[(intptr_t)worker] = pthread_self();
	return 0;
}

static void learn_threads(unsigned workers)
{
	struct thrum_spawn_options o = options();

	for (unsigned i = 1; i <= workers; i++) {
		o.worker = i;
		is_int(thrum_join(thrum_spawn_with(&o, task_tells_thread, as_arg(i))), 0);
	}
	for (unsigned i = 2; i <= workers; i++)
		must(!pthread_equal(thread_of_worker[1], thread_of_worker[i]));
}

static void *set_it(void *future)
{
	thrum_future_set(future, 8);
	return NULL;
}

static intptr_t twice(void *value)
{
	is_int(thrum_yield(), 0);
	return 2 * (intptr_t)value;
}

static intptr_t nap(void *value)
{
	is_int(thrum_sleep(THRUM_US(50)), 0);
	return (intptr_t)value;
}

static void fork_some(unsigned worker)
{
	struct thrum_fork j[3];

	for (intptr_t i = 0; i < 3; i++)
		thrum_fork(&j[i], twice, as_arg(i));
	for (intptr_t i = 2; i >= 0; i--) {
		is_int(thrum_fork_join(&j[i]), 2 * i);
		is_at_home(worker);
	}
}

static void in_a_scope(unsigned worker)
{
	struct thrum_scope s;

	is_int(thrum_scope_open(&s), 0);
	for (int i = 0; i < 3; i++)
		is_int(thrum_scope_spawn(&s, task_sleep, as_arg(THRUM_US(10))), 0);
	is_int(thrum_scope_close(&s), 0);
	is_at_home(worker);
}

/* All ways to wait; after each it is where it was. */
static intptr_t task_stays(void *worker_)
{
	unsigned worker = (unsigned)(uintptr_t)worker_;
	struct thrum_future *f;
	struct thrum_timeout t;

	is_at_home(worker);
	is_int(thrum_yield(), 0);
	is_at_home(worker);
	is_int(thrum_sleep(THRUM_US(20)), 0);
	is_at_home(worker);
	/* In place it might come back elsewhere. */
	is_int(thrum_join(thrum_spawn(nap, as_arg(6))), 6);
	is_at_home(worker);
	f = thrum_spawn(nap, as_arg(7));
	is_int(thrum_await(f), 7);
	thrum_release(f);
	is_at_home(worker);
	is_int(thrum_blocking(task_return, as_arg(9)), 9);
	is_at_home(worker);
	f = future_new();
	thrum_timeout_begin(&t, THRUM_US(30));
	is_int(thrum_await(f), -ETIMEDOUT);
	must(thrum_timeout_end(&t));
	future_drop(f);
	is_at_home(worker);
	fork_some(worker);
	in_a_scope(worker);
	return worker;
}

static intptr_t task_woken_from_outside(void *worker)
{
	struct thrum_future *f = future_new();
	pthread_t t = thread_of(set_it, f);

	is_int(thrum_await(f), 8);
	is_at_home((unsigned)(uintptr_t)worker);
	thread_end(t);
	thrum_release(f);
	return (intptr_t)worker;
}

#define EACH 8

static void all_stay(thrum_fn fn, unsigned workers, unsigned rounds)
{
	struct thrum_spawn_options o = options();
	struct thrum_future *f[EACH * WORKERS];

	learn_threads(workers);
	for (unsigned round = 0; round < rounds; round++) {
		for (unsigned i = 0; i < EACH * workers; i++) {
			o.worker = 1 + i % workers;
			o.stack_bytes = i % 2 ? 128 << 10 : 0;
			must(f[i] = thrum_spawn_with(&o, fn, as_arg(o.worker)));
		}
		for (unsigned i = 0; i < EACH * workers; i++)
			is_int(thrum_join(f[i]), 1 + i % workers);
	}
}

static intptr_t main_all_stay(void *workers)
{
	all_stay(task_stays, (unsigned)(uintptr_t)workers, scaled(200) + 5);
	return 0;
}

static intptr_t main_all_woken(void *workers)
{
	all_stay(task_woken_from_outside, (unsigned)(uintptr_t)workers, scaled(20) + 2);
	return 0;
}

START_TEST(it_stays_on_its_worker_through_every_wait)
{
	for (uintptr_t workers = 1; workers <= WORKERS; workers++) {
		is_int(run_virtual((unsigned)workers, main_all_stay, (void *)workers), 0);
		is_int(run_real((unsigned)workers, main_all_stay, (void *)workers), 0);
	}
}
END_TEST

START_TEST(it_is_woken_on_its_worker_from_outside)
{
	for (uintptr_t workers = 1; workers <= WORKERS; workers++)
		is_int(run_real((unsigned)workers, main_all_woken, (void *)workers), 0);
}
END_TEST

/* All others sleep, and the one that is to wake, too. */
static intptr_t main_passes_on(void *workers)
{
	struct thrum_spawn_options o = options();

	learn_threads((unsigned)(uintptr_t)workers);
	for (unsigned i = 0; i < scaled(20000) + 100; i++) {
		o.worker = 1 + i % (unsigned)(uintptr_t)workers;
		is_int(thrum_join(thrum_spawn_with(&o, task_return, as_arg(i))), i);
		if (i % 50 == 0)
			is_int(thrum_sleep(THRUM_US(300)), 0);
	}
	return 0;
}

START_TEST(a_worker_that_sleeps_is_woken_for_it)
{
	for (uintptr_t workers = 1; workers <= WORKERS; workers++)
		is_int(run_real((unsigned)workers, main_passes_on, (void *)workers), 0);
}
END_TEST

static intptr_t task_waits_for_ever(void *worker)
{
	is_int(thrum_sleep(THRUM_FOREVER), -ECANCELED);
	is_at_home((unsigned)(uintptr_t)worker);
	return 0;
}

static intptr_t main_leaves_them(void *unused)
{
	struct thrum_spawn_options o = options();

	(void)unused;
	learn_threads(WORKERS);
	store_relaxed(&steps, 0);
	for (unsigned i = 0; i < 30; i++) {
		o.worker = 1 + i % WORKERS;
		thrum_release(thrum_spawn_with(&o, task_waits_for_ever, as_arg(o.worker)));
	}
	settle();
	return 1;
}

START_TEST(the_end_of_the_runtime_ends_them_at_home)
{
	is_int(run_virtual(WORKERS, main_leaves_them, NULL), 1);
	is_int(load_relaxed(&steps), 30);
	is_int(run_real(WORKERS, main_leaves_them, NULL), 1);
	is_int(load_relaxed(&steps), 30);
}
END_TEST

/* A block that a pinned task had is any task's again. */
TASK_TEST(nothing_is_left_of_it, 2)
{
	struct thrum_spawn_options o = options();

	o.worker = 2;
	for (int i = 0; i < 100; i++) {
		struct thrum_future *f = thrum_spawn_with(&o, task_return, as_arg(i));
		struct thrum_future *plain;

		is_int(thrum_await(f), i);
		thrum_release(f);
		plain = spawn_sleeper(10);
		must(thrum__task_of(plain)->parker.unpark == thrum__task_unpark);
		must(!(thrum__task_of(plain)->marks & THRUM__PINNED));
		is_int(thrum_join(plain), 0);
	}
}

#ifdef THRUM_FAULTS
static intptr_t main_without_memory(void *unused)
{
	struct thrum_spawn_options o = options();
	struct thrum_future *f = NULL;
	int n;

	(void)unused;
	o.name = "one";
	o.stack_bytes = 256 << 10;
	o.worker = 2;
	o.token = thrum_token_create(NULL);
	for (n = 1; !f; n++) {
		thrum__fault_set(n, false);
		f = thrum_spawn_with(&o, task_return, as_arg(4));
		thrum__fault_set(0, false);
	}
	is_int(thrum_join(f), 4);
	thrum_token_release(o.token);
	return n;
}

/* Whatever cannot be had: nothing was started, nothing is left. */
START_TEST(no_memory)
{
	intptr_t n = run_virtual(2, main_without_memory, NULL);

	must(n > 4);
	printf("test_spawn_with: no fault at n = %d\n", (int)n - 1);
}
END_TEST
#endif

START_TEST(not_outside_a_task)
{
	must(!thrum_spawn_with(NULL, task_return, NULL));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		it_has_its_name_from_the_start,
		cancelled_before_it_ran_it_is_dropped,
		it_hears_of_its_token,
		what_is_out_of_range_starts_nothing,
		a_stack_of_its_own_is_as_large_as_asked,
		its_stack_goes_with_it,
#if !defined(THRUM_ASAN) && !defined(THRUM_TSAN)
		an_overflow_names_the_task_and_its_size,
#endif
		it_stays_on_its_worker_through_every_wait,
		it_is_woken_on_its_worker_from_outside,
		a_worker_that_sleeps_is_woken_for_it,
		the_end_of_the_runtime_ends_them_at_home,
		nothing_is_left_of_it,
#ifdef THRUM_FAULTS
		no_memory,
#endif
		not_outside_a_task,
	};

	return RUN_TESTS_FOR("spawn_with", 120, tests);
}
