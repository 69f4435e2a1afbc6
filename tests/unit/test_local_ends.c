/* SPDX-License-Identifier: MIT */
/*
 * test_local_ends.c - task-locals: tasks that never ran, forks, many tasks on several workers,
 * mistakes, no memory: each value is dropped once.
 */
#include <signal.h>
#include <unistd.h>

#include "base/os.h"
#include "child.h"
#include "values.h"

/* ---- Tasks that never run ---- */

static intptr_t never_runs(void *unused)
{
	(void)unused;
	must(false);
	return 0;
}

static struct atomic32 dropped;

static void drop_arg(void *value)
{
	must(get() == value); /* it is still its task */
	fetch_add_relaxed(&dropped, 1);
}

TASK_TEST(cancelled_before_they_ran, 1)
{
	struct value a = {};
	struct thrum_future *f[4];
	int ends[2];

	must(pipe(ends) == 0);
	store_relaxed(&dropped, 0);
	set(&a);
	f[0] = thrum_spawn_drop(never_runs, &a, drop_arg);
	f[1] = thrum_spawn_copy(never_runs, &a, sizeof(a));
	f[2] = thrum_spawn_after_drop(THRUM_SEC(1), never_runs, &a, drop_arg);
	f[3] = thrum_spawn_when_readable_drop(ends[0], never_runs, &a, drop_arg);
	set(NULL);
	is_int(DROPS(a), 0);
	for (int i = 0; i < 4; i++)
		is_int(thrum_cancel(f[i]), 0);
	is_int(DROPS(a), 0);
	settle();
	is_int(DROPS(a), 1); /* they have ended, all four */
	is_int(load_relaxed(&dropped), 3);
	for (int i = 0; i < 4; i++)
		is_int(thrum_join(f[i]), -ECANCELED);
	is_int(DROPS(a), 1);
	close(ends[0]);
	close(ends[1]);
}

static intptr_t main_spawns_late(void *unused)
{
	(void)unused;
	is_int(thrum_sleep(THRUM_FOREVER), -ECANCELED);
	must(!thrum_spawn(never_runs, NULL));
	must(!thrum_spawn_after(5, never_runs, NULL));
	is_int(thrum_go(never_runs, NULL), -ESHUTDOWN);
	must(get() == &ones);
	is_int(DROPS(ones), 0);
	return 0;
}

static intptr_t main_stops(void *unused)
{
	(void)unused;
	set(&ones);
	is_int(thrum_go(main_spawns_late, NULL), 0);
	settle();
	return 0;
}

START_TEST(a_spawn_that_fails_keeps_nothing)
{
	values_reset();
	is_int(run_virtual(1, main_stops, NULL), 0);
	is_int(DROPS(ones), 1);
}
END_TEST

static intptr_t main_cancels_a_job(void *hold)
{
	struct hold *h = hold;
	struct thrum_future *running, *queued;

	set(&ones);
	running = thrum_spawn_blocking(job_hold, h);
	queued = thrum_spawn_blocking(task_return, NULL);
	set(NULL);
	is_int(thrum_await(h->started), 0);
	thrum_cancel(queued);
	is_int(thrum_join(queued), -ECANCELED);
	is_int(DROPS(ones), 0);
	sem_post(&h->go);
	is_int(thrum_join(running), 1);
	is_int(DROPS(ones), 1);
	return 0;
}

START_TEST(jobs_let_go)
{
	struct thrum_config c = config_of(1, THRUM_CLOCK_REAL);
	struct hold h;

	c.blocking_max = 1;
	values_reset();
	hold_init(&h, 1);
	is_int(thrum_run_with(&c, main_cancels_a_job, &h), 0);
	hold_end(&h);
}
END_TEST

/* ---- Forks ---- */

/* What a maker sets after it has forked is not its forks', wherever they run. */
TASK_TEST(forks_have_what_their_maker_had, 1)
{
	struct value v[4] = {};
	struct thrum_fork j[4];

	for (int i = 0; i < 4; i++) {
		is_int(thrum_local_set(&plain, as_arg(i + 1)), 0);
		set(&v[i]);
		thrum_fork(&j[i], task_has, as_arg(i + 1));
	}
	is_int(thrum_local_set(&plain, NULL), 0);
	set(NULL);
	is_int(DROPS(v[0]) + DROPS(v[1]) + DROPS(v[2]), 0);
	is_int(DROPS(v[3]), 0);
	for (int i = 3; i >= 0; i--) {
		is_int(thrum_fork_join(&j[i]), 1);
		is_int(DROPS(v[i]), 1);
	}
}

TASK_TEST(let_go_before_a_wait, 1)
{
	struct thrum_fork j, k;

	is_int(thrum_local_set(&plain, as_arg(8)), 0);
	thrum_fork(&j, task_has, as_arg(8));
	settle();
	thrum_fork(&k, task_has, as_arg(8));
	is_int(thrum_fork_join(&k), 1);
	is_int(thrum_fork_join(&j), 1);
}

enum { FORKS = 16 };

static intptr_t forks_beside_sets(void *rounds)
{
	struct value v[FORKS] = {};
	struct thrum_fork j[FORKS];
	uint32_t drops = 0;

	for (intptr_t n = 0; n < (intptr_t)rounds; n++) {
		for (intptr_t i = 0; i < FORKS; i++) {
			is_int(thrum_local_set(&plain, as_arg(i + 1)), 0);
			set(&v[i]);
			for (volatile int k = 0; k < 300; k++)
				;
			thrum_fork(&j[i], task_has, as_arg(i + 1));
		}
		for (int i = FORKS; i-- > 0;)
			is_int(thrum_fork_join(&j[i]), 1);
		set(NULL);
	}
	for (int i = 0; i < FORKS; i++)
		drops += DROPS(v[i]);
	return (intptr_t)drops;
}

/* Thieves take forks while their maker exchanges its locals. */
START_TEST(thieves_beside_sets)
{
	is_int(run_real(4, forks_beside_sets, as_arg(300)), 300 * FORKS);
}
END_TEST

static intptr_t forks_without_sets(void *arg)
{
	intptr_t n = (intptr_t)arg, x;
	struct thrum_fork j;

	must(get() == &ones);
	if (n < 2)
		return n;
	thrum_fork(&j, forks_without_sets, as_arg(n - 1));
	x = forks_without_sets(as_arg(n - 2));
	return x + thrum_fork_join(&j);
}

static intptr_t main_forks(void *n)
{
	intptr_t r;

	set(&ones);
	r = forks_without_sets(n);
	is_int(DROPS(ones), 0);
	return r;
}

START_TEST(stolen_forks_share)
{
	values_reset();
	is_int(run_real(4, main_forks, as_arg(22)), 17711);
	is_int(DROPS(ones), 1);
}
END_TEST

/* ---- Many ---- */

enum { MANY = 100000 };

static intptr_t task_of_many(void *i)
{
	must(get() == &ones);
	if ((intptr_t)i % 64 == 0)
		is_int(thrum_yield(), 0);
	if ((intptr_t)i % 16 == 0) {
		set(&twos);
		must(get() == &twos);
	}
	return 0;
}

static intptr_t main_has_many(void *unused)
{
	struct thrum_scope s;

	(void)unused;
	set(&ones);
	is_int(thrum_scope_open(&s), 0);
	for (int i = 0; i < MANY; i++)
		is_int(thrum_scope_spawn(&s, task_of_many, as_arg(i)), 0);
	set(NULL);
	is_int(thrum_scope_close(&s), 0);
	is_int(DROPS(ones), 1);
	return 0;
}

START_TEST(many_share_one_set)
{
	values_reset();
	is_int(run_real(4, main_has_many, NULL), 0);
	is_int(DROPS(ones), 1);
	is_int(DROPS(twos), MANY / 16); /* each was its own giving */
}
END_TEST

/* ---- Mistakes, and no memory ---- */

static void drop_that_sets(void *value)
{
	(void)value;
	is_int(thrum_local_set(&plain, as_arg(1)), 0);
}

static struct thrum_local bad = THRUM_LOCAL_INIT(drop_that_sets);

static intptr_t task_with_bad_drop(void *unused)
{
	(void)unused;
	return thrum_local_set(&bad, as_arg(1));
}

static void run_bad_drop(void)
{
	(void)run_virtual(1, task_with_bad_drop, NULL);
}

START_TEST(a_drop_sets_no_locals)
{
	char err[4096];
	int status = child_run(run_bad_drop, err, sizeof(err));

	must(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	has_text(err, "the drop of a task-local sets no locals");
}
END_TEST

static void run_in_child(void)
{
	must(!get());
	_exit(thrum_local_set(&key, &ones) == -ENOTSUP ? 7 : 1);
}

TASK_TEST(in_a_forked_child, 1)
{
	char err[4096];
	int status;

	values_reset();
	set(&ones);
	status = child_run(run_in_child, err, sizeof(err));
	must(WIFEXITED(status));
	is_int(WEXITSTATUS(status), 7);
	must(get() == &ones);
}

#ifdef THRUM_FAULTS
static struct thrum_local other = THRUM_LOCAL_INIT(drop_value);

/* At each point where memory may fail: all of it or nothing. */
TASK_TEST(a_set_without_memory_changes_nothing, 1)
{
	int failed = 0;

	for (int with_forks = 0; with_forks < 2; with_forks++)
		for (uint64_t n = 1; n < 8; n++) {
			struct value a = {}, b = {}, c = {};
			struct thrum_fork j;
			int err;

			set(&a);
			is_int(thrum_local_set(&other, &b), 0);
			if (with_forks)
				thrum_fork(&j, task_return, as_arg(3));
			thrum__fault_set(n, false);
			err = thrum_local_set(&key, &c);
			thrum__fault_set(0, false);
			must(err == 0 || err == -ENOMEM);
			failed += err == -ENOMEM;
			must(get() == (err ? &a : &c) && thrum_local_get(&other) == &b);
			if (with_forks)
				is_int(thrum_fork_join(&j), 3);
			is_int(DROPS(a), !err);
			is_int(DROPS(c), 0);
			set(NULL);
			is_int(DROPS(a), 1);
			is_int(DROPS(c), !err);
			is_int(thrum_local_set(&other, NULL), 0);
			is_int(DROPS(b), 1);
		}
	must(failed >= 4); /* a set and a binding, with and without */
}

TASK_TEST(a_child_without_a_stack_lets_go, 1)
{
	enum { TASKS = 400 };
	static struct thrum_future *fs[TASKS];
	struct value a = {};
	int failed = 0;

	set(&a);
	for (int i = 0; i < TASKS; i++)
		fs[i] = thrum_spawn(task_sleep, as_arg(17));
	set(NULL);
	thrum__fault_set(1, true);
	for (int i = 0; i < TASKS; i++)
		is_int(thrum_yield(), 0);
	thrum__fault_set(0, false);
	for (int i = 0; i < TASKS; i++)
		failed += thrum_join(fs[i]) == -ENOMEM;
	must(failed > 0);
	is_int(DROPS(a), 1);
}

/* The deque's growth, the copy, the timer and the block itself may fail, one after the other. */
TASK_TEST(a_spawn_without_memory_keeps_nothing, 1)
{
	int failed = 0;

	for (uint64_t n = 1; n < 20; n++) {
		struct value a = {};
		struct thrum_future *f[3];

		set(&a);
		thrum__fault_set(n, false);
		f[0] = thrum_spawn_after(10, task_return, NULL);
		f[1] = thrum_spawn_copy(task_return, &a, sizeof(a));
		f[2] = thrum_spawn_blocking(task_return, NULL);
		thrum__fault_set(0, false);
		set(NULL);
		for (int i = 0; i < 3; i++) {
			failed += !f[i];
			must(!f[i] || thrum_join(f[i]) != -EPERM);
		}
		is_int(DROPS(a), 1);
	}
	must(failed > 0);
}
#endif

int main(void)
{
	const TTest *const tests[] = {
	    cancelled_before_they_ran,
	    a_spawn_that_fails_keeps_nothing,
	    jobs_let_go,
	    forks_have_what_their_maker_had,
	    let_go_before_a_wait,
	    thieves_beside_sets,
	    stolen_forks_share,
	    many_share_one_set,
	    a_drop_sets_no_locals,
	    in_a_forked_child,
#ifdef THRUM_FAULTS
	    a_set_without_memory_changes_nothing,
	    a_child_without_a_stack_lets_go,
	    a_spawn_without_memory_keeps_nothing,
#endif
	};

	return RUN_TESTS("local_ends", tests);
}
