/* SPDX-License-Identifier: MIT */
/*
 * test_spawn_with.c - tasks with a name, a drop, a token, a stack of their own; those with a worker
 * of their own are in test_pinned.c.
 *
 * THRUM_TEST_DIV divides the large counts.
 */
#include "base/atomic.h"
#include "base/os.h"
#include "child.h"
#include "run.h"
#include "sched/task.h"
#include "sched/worker.h"

#include <thrum/token.h>

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

#ifdef THRUM_FAULTS
static intptr_t main_without_memory(void *unused)
{
	struct thrum_spawn_options o = options();
	struct thrum_future *f;
	bool fired = true;
	int n;

	(void)unused;
	o.name = "one";
	o.stack_bytes = 256 << 10;
	o.worker = 2;
	o.token = thrum_token_create(NULL);
	for (n = 1; fired; n++) {
		thrum__fault_set(n, false);
		f = thrum_spawn_with(&o, task_return, as_arg(4));
		fired = thrum__fault_fired();
		thrum__fault_set(0, false);
		if (f) /* another thread may have had the fault */
			is_int(thrum_join(f), 4);
	}
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
#ifdef THRUM_FAULTS
		no_memory,
#endif
		not_outside_a_task,
	};

	return RUN_TESTS_FOR("spawn_with", 120, tests);
}
