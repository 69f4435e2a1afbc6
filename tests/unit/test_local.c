/* SPDX-License-Identifier: MIT */
/*
 * test_local.c - task-locals: who inherits what, what others do not see.  When values are dropped,
 * forks and no memory are in test_local_ends.c.
 */
#include <unistd.h>

#include "values.h"

static struct thrum_local other = THRUM_LOCAL_INIT(drop_value);

/* ---- One task ---- */

TASK_TEST(a_task_has_what_it_set, 1)
{
	struct value a = {}, b = {};

	must(!get());
	set(&a);
	must(get() == &a && !thrum_local_get(&other));
	is_int(thrum_local_set(&other, &b), 0);
	must(get() == &a && thrum_local_get(&other) == &b);
	set(NULL);
	must(!get() && thrum_local_get(&other) == &b);
	is_int(DROPS(a), 1);
	is_int(thrum_local_set(&other, NULL), 0);
	is_int(DROPS(b), 1);
	must(!thrum_local_get(&other));
	is_int(thrum_local_set(&other, NULL), 0); /* there is none */
	is_int(DROPS(a), 1);
	is_int(DROPS(b), 1);
}

TASK_TEST(another_value_lets_the_first_go, 1)
{
	struct value v[10] = {};

	for (int i = 0; i < 10; i++) {
		set(&v[i]);
		set(&v[i]); /* the same changes nothing */
		must(get() == &v[i]);
		is_int(DROPS(v[i]), 0);
		if (i)
			is_int(DROPS(v[i - 1]), 1);
	}
	set(NULL);
	for (int i = 0; i < 10; i++)
		is_int(DROPS(v[i]), 1);
}

TASK_TEST(a_key_need_not_have_a_drop, 1)
{
	static struct thrum_local zeroed;

	is_int(thrum_local_set(&plain, as_arg(1)), 0);
	is_int(thrum_local_set(&zeroed, as_arg(2)), 0);
	must(thrum_local_get(&plain) == as_arg(1) && thrum_local_get(&zeroed) == as_arg(2));
	is_int(thrum_local_set(&plain, as_arg(3)), 0);
	must(thrum_local_get(&plain) == as_arg(3));
}

static intptr_t job_sets(void *unused)
{
	(void)unused;
	return thrum_local_set(&plain, as_arg(1));
}

static void *thread_finds_none(void *unused)
{
	(void)unused;
	must(!thrum_local_get(&plain));
	is_int(thrum_local_set(&plain, as_arg(1)), -EPERM);
	return NULL;
}

TASK_TEST(who_may_call, 1)
{
	is_int(thrum_local_set(NULL, as_arg(1)), -EINVAL);
	is_int(thrum_local_set(&plain, as_arg(2)), 0);
	is_int(thrum_blocking(job_sets, NULL), -EPERM);
	thread_end(thread_of(thread_finds_none, NULL));
	must(thrum_local_get(&plain) == as_arg(2));
}

TASK_TEST(there_may_be_256_keys, 1)
{
	static struct thrum_local keys[257];
	static struct value values[257];

	for (int i = 0; i < 257; i++)
		keys[i].drop = drop_value;
	for (int i = 0; i < 256; i++)
		is_int(thrum_local_set(&keys[i], &values[i]), 0);
	is_int(thrum_local_set(&keys[256], &values[256]), -ENOSPC);
	must(!thrum_local_get(&keys[256]));
	is_int(thrum_local_set(&keys[7], NULL), 0);
	is_int(thrum_local_set(&keys[256], &values[256]), 0);
	for (int i = 0; i < 257; i++)
		must(thrum_local_get(&keys[i]) == (i == 7 ? NULL : &values[i]));
	for (int i = 0; i < 257; i++) {
		is_int(DROPS(values[i]), i == 7);
		is_int(thrum_local_set(&keys[i], NULL), 0);
		is_int(DROPS(values[i]), 1);
	}
}

/* ---- Children ---- */

static intptr_t task_has_copied(void *value)
{
	return task_has(*(void **)value);
}

static struct atomic32 had;

static intptr_t task_counts(void *value)
{
	fetch_add_relaxed(&had, (uint32_t)task_has(value));
	return 0;
}

static intptr_t task_counts_copied(void *value)
{
	return task_counts(*(void **)value);
}

static void never(void *unused)
{
	(void)unused;
	must(false);
}

/* However a task is spawned, it has what this one has: @value. */
static void spawn_all(void *value)
{
	struct thrum_token *token = thrum_token_create(NULL);
	int64_t past = THRUM_MS(1);
	void *args[2] = {value, value};
	intptr_t results[2];
	int ends[2];

	must(token && pipe(ends) == 0);
	store_relaxed(&had, 0);
	is_int(thrum_join(thrum_spawn(task_has, value)), 1);
	is_int(thrum_join(thrum_spawn_copy(task_has_copied, &value, sizeof(value))), 1);
	is_int(thrum_join(thrum_spawn_drop(task_has, value, never)), 1);
	is_int(thrum_join(thrum_spawn_after(past, task_has, value)), 1);
	is_int(thrum_join(thrum_spawn_after(0, task_has, value)), 1);
	is_int(thrum_join(thrum_spawn_after_drop(past, task_has, value, never)), 1);
	is_int(write(ends[1], "x", 1), 1);
	is_int(thrum_join(thrum_spawn_when_readable(ends[0], task_has, value)), 1);
	is_int(thrum_join(thrum_spawn_with(NULL, task_has, value)), 1);
	is_int(thrum_join(thrum_spawn_token(token, task_has, value)), 1);
	is_int(thrum_join(thrum_spawn_token_drop(token, task_has, value, never)), 1);
	is_int(thrum_gather_calls(task_has, args, 2, 1, results), 0);
	is_int(results[0] + results[1], 2);
	is_int(thrum_hedge(task_has, value, 0, 2, NULL), 1);
	is_int(thrum_go(task_counts, value), 0);
	settle();
	is_int(load_relaxed(&had), 1);
	is_int(thrum_blocking(task_has, value), 1);
	is_int(thrum_join(thrum_spawn_blocking(task_has, value)), 1);
	is_int(thrum_join(thrum_spawn_blocking_copy(task_has_copied, &value, sizeof(value))), 1);
	thrum_token_release(token);
	close(ends[0]);
	close(ends[1]);
}

TASK_TEST(every_kind_of_child_inherits, 2)
{
	is_int(thrum_local_set(&plain, as_arg(5)), 0);
	spawn_all(as_arg(5));
	is_int(thrum_local_set(&plain, as_arg(6)), 0);
	spawn_all(as_arg(6));
	is_int(thrum_local_set(&plain, NULL), 0);
	spawn_all(NULL);
}

/* One that waits for its descriptor keeps the number of that and its locals. */
TASK_TEST(until_a_descriptor_is_readable, 1)
{
	struct thrum_future *f;
	int ends[2];
	char c = 0;

	must(pipe(ends) == 0);
	is_int(thrum_local_set(&plain, as_arg(5)), 0);
	f = thrum_spawn_when_readable(ends[0], task_has, as_arg(5));
	is_int(thrum_local_set(&plain, as_arg(6)), 0);
	settle();
	must(!thrum_done(f));
	is_int(write(ends[1], "x", 1), 1);
	is_int(thrum_join(f), 1);
	is_int(read(ends[0], &c, 1), 1);
	f = thrum_spawn_when_readable(ends[0], task_has, as_arg(6));
	settle();
	is_int(thrum_close(ends[0]), 0);
	is_int(thrum_join(f), 1);
	close(ends[1]);
}

TASK_TEST(a_scope_s_children_inherit, 2)
{
	struct thrum_scope s;
	void *value = as_arg(7);
	struct thrum_future *f;

	store_relaxed(&had, 0);
	is_int(thrum_local_set(&plain, as_arg(6)), 0);
	is_int(thrum_scope_open(&s), 0);
	is_int(thrum_local_set(&plain, value), 0);
	is_int(thrum_scope_spawn(&s, task_counts, value), 0);
	is_int(thrum_scope_spawn_copy(&s, task_counts_copied, &value, sizeof(value)), 0);
	f = thrum_scope_spawn_future(&s, task_has, value);
	is_int(thrum_join(f), 1);
	is_int(thrum_scope_close(&s), 0);
	is_int(load_relaxed(&had), 2);
}

static intptr_t task_has_none(void *unused)
{
	(void)unused;
	return !thrum_local_get(&plain);
}

static intptr_t task_submits(void *rt)
{
	is_int(thrum_local_set(&plain, as_arg(1)), 0);
	is_int(thrum_join(thrum_runtime_submit(rt, task_has_none, NULL)), 1);
	return 0;
}

START_TEST(what_is_submitted_has_none)
{
	struct thrum_runtime *rt = runtime_of(1, THRUM_CLOCK_VIRTUAL);

	is_int(thrum_runtime_block_on(rt, task_submits, rt), 0);
	is_int(thrum_runtime_block_on(rt, task_has_none, NULL), 1);
	is_int(thrum_runtime_destroy(rt), 0);
}
END_TEST

static intptr_t task_overrides(void *gate)
{
	must(get() == &ones);
	is_int(thrum_await(gate), 0);
	must(get() == &ones); /* whatever its parent did */
	set(&twos);
	is_int(thrum_yield(), 0);
	must(get() == &twos);
	is_int(DROPS(twos), 0);
	return 0;
}

TASK_TEST(neither_sees_what_the_other_sets, 1)
{
	struct thrum_future *gate = future_new(), *f;

	values_reset();
	set(&ones);
	f = thrum_spawn(task_overrides, gate);
	set(NULL);
	settle();
	is_int(DROPS(ones), 0); /* the child has it */
	thrum_future_set(gate, 0);
	settle();
	must(thrum_done(f) && !get());
	is_int(DROPS(ones), 1);
	is_int(DROPS(twos), 1); /* at its end, with its future still held */
	is_int(thrum_join(f), 0);
	thrum_release(gate);
}

static intptr_t task_sets_and_ends(void *value)
{
	set(value);
	return 0;
}

TASK_TEST(in_place_it_is_a_task_of_its_own, 1)
{
	struct value a = {}, b = {};
	struct thrum_future *f;

	set(&a);
	f = thrum_spawn(task_sets_and_ends, &b);
	thrum_retain(f);
	is_int(thrum_join(f), 0); /* in place, and somebody else looks */
	must(get() == &a);
	is_int(DROPS(b), 1);
	thrum_release(f);
	is_int(thrum_join(thrum_spawn(task_sets_and_ends, NULL)), 0);
	must(get() == &a);
	is_int(DROPS(a), 0);
	set(NULL);
	is_int(DROPS(a), 1);
}

static intptr_t grandchild(void *depth)
{
	intptr_t n = (intptr_t)depth;

	must(get() == &ones);
	return n ? 1 + thrum_join(thrum_spawn(grandchild, as_arg(n - 1))) : 0;
}

TASK_TEST(so_do_their_children, 1)
{
	values_reset();
	set(&ones);
	is_int(thrum_join(thrum_spawn(grandchild, as_arg(1000))), 1000);
	is_int(DROPS(ones), 0);
	set(NULL);
	is_int(DROPS(ones), 1);
}

static void callback(struct thrum_future *f, void *drops)
{
	(void)f;
	must(!get()); /* it is no task */
	*(uint32_t *)drops = DROPS(ones);
}

/* Dropped before the future completes. */
TASK_TEST(who_learns_of_the_end_finds_it_dropped, 2)
{
	uint32_t drops = 5;
	struct thrum_future *f;

	values_reset();
	f = thrum_spawn(task_sets_and_ends, &ones);
	must(f);
	is_int(thrum_future_on_done(f, callback, &drops), 0);
	is_int(thrum_await(f), 0);
	is_int(DROPS(ones), 1);
	settle();
	is_int(drops, 1);
	thrum_release(f);
}

static intptr_t main_leaves_it(void *unused)
{
	(void)unused;
	set(&ones);
	return 0;
}

START_TEST(the_main_task_s_go_with_it)
{
	values_reset();
	is_int(run_virtual(1, main_leaves_it, NULL), 0);
	is_int(DROPS(ones), 1);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    a_task_has_what_it_set,
	    another_value_lets_the_first_go,
	    a_key_need_not_have_a_drop,
	    who_may_call,
	    there_may_be_256_keys,
	    every_kind_of_child_inherits,
	    until_a_descriptor_is_readable,
	    a_scope_s_children_inherit,
	    what_is_submitted_has_none,
	    neither_sees_what_the_other_sets,
	    in_place_it_is_a_task_of_its_own,
	    so_do_their_children,
	    who_learns_of_the_end_finds_it_dropped,
	    the_main_task_s_go_with_it,
	};

	return RUN_TESTS("local", tests);
}
