/* SPDX-License-Identifier: MIT */
/*
 * test_never_cut.c - what is never cut short: each call waits for its end, has the right result,
 * and leaves the request to whoever waits next.  And what is done already is given, whatever was
 * requested.
 */
#include <thrum/parallel.h>

#include "asked.h"

/* Waits until it is asked, too, cleans up and has a result all the same. */
static intptr_t task_late(void *trial)
{
	struct trial *t = trial;

	must(thrum_sleep(THRUM_SEC(1)) < 0);
	wait_undisturbed(50);
	fetch_add_relaxed(&t->ended, 1);
	return 42;
}

/* The same, and says that it was cancelled. */
static intptr_t task_late_cancelled(void *trial)
{
	return task_late(trial) == 42 ? -ECANCELED : 0;
}

static struct thrum_future *spawn_late(struct trial *t)
{
	struct thrum_future *f = thrum_spawn(task_late, t);

	must(f);
	return f;
}

static uint32_t ended(struct trial *t)
{
	return load_relaxed(&t->ended);
}

/* ---- One ---- */

NEVER_CUT(thrum_join)
{
	struct thrum_future *f = spawn_late(t);

	ready(t);
	is_under(t, thrum_join(f), 42);
	is_under(t, ended(t), 1);
}

TRIED(a_value_after_a_request_is_the_value, true)
{
	struct thrum_future *f = spawn_late(t);

	ready(t);
	is_under(t, thrum_cancel(f), 0);
	thrum_retain(f);
	is_under(t, end_of(f), 42);
	is_under(t, thrum_cancelled(f), false);
	is_under(t, thrum_cancel(f), -EALREADY);
	thrum_release(f);
}

NEVER_CUT(thrum_fork_join)
{
	struct thrum_fork outer, inner;

	thrum_fork(&outer, task_late, t);
	thrum_fork(&inner, task_late, t);
	ready(t);
	is_under(t, thrum_fork_join(&inner), 42);
	is_under(t, thrum_fork_join(&outer), 42);
	is_under(t, ended(t), 2);
}

/* Its own limit comes before the request, or never. */
NEVER_CUT(thrum_wait_for)
{
	struct thrum_future *f = spawn_late(t), *g = thrum_spawn(task_late_cancelled, t);

	must(g);
	ready(t);
	is_under(t, thrum_wait_for(f, 2), 42);
	is_under(t, ended(t), 1);
	is_under(t, thrum_wait_for(g, THRUM_FOREVER), t->way->err);
	is_under(t, ended(t), 2);
	thrum_release(f);
	thrum_release(g);
}

NEVER_CUT(thrum_wait_until)
{
	struct thrum_future *f = spawn_late(t), *g = thrum_spawn(task_late_cancelled, t);

	must(g);
	ready(t);
	is_under(t, thrum_wait_until(f, THRUM_FOREVER), 42);
	is_under(t, ended(t), 1);
	is_under(t, thrum_wait_until(g, thrum_now() + 2), t->way->err);
	is_under(t, ended(t), 2);
	thrum_release(f);
	thrum_release(g);
}

/* ---- Several ---- */

/* With children of both kinds; and one that has been cancelled itself. */
NEVER_CUT(thrum_scope_close)
{
	struct thrum_scope s;

	is_int(thrum_scope_open(&s), 0);
	is_int(thrum_scope_spawn(&s, task_late, t), 0);
	is_int(thrum_scope_spawn(&s, task_late_cancelled, t), 0);
	ready(t);
	is_under(t, thrum_scope_close(&s), t->way->err);
	is_under(t, ended(t), 2);
	is_int(thrum_scope_open(&s), 0);
	is_int(thrum_scope_spawn(&s, task_late, t), 0);
	thrum_scope_cancel(&s);
	is_under(t, thrum_scope_close(&s), t->way->err);
	is_under(t, ended(t), 3);
	is_under(t, thrum_scope_failures(&s), 0);
}

/* The winner is there before the request, or perhaps only after it. */
NEVER_CUT(thrum_race)
{
	struct thrum_future *fs[] = {thrum_spawn(task_return, as_arg(7)), spawn_late(t),
				     spawn_late(t)};
	bool may_lose = t->before && !t->begun;
	intptr_t result = 0;
	ssize_t winner;

	ready(t);
	winner = thrum_race(fs, 3, &result);
	if (winner || !may_lose)
		is_under(t, winner, may_lose ? t->way->err : 0);
	is_under(t, result, winner ? 0 : 7);
	is_under(t, ended(t), 2);
	for (int i = 0; i < 3; i++)
		is_under(t, thrum_join(fs[i]), i ? 42 : 7);
}

/* Asked before, it starts none. */
NEVER_CUT(thrum_gather_calls)
{
	void *args[3] = {t, t, t};
	intptr_t results[3] = {0};

	ready(t);
	is_under(t, thrum_gather_calls(task_late, args, 3, 2, results), t->way->err);
	is_under(t, ended(t), t->before ? 0 : 2);
	for (int i = 0; i < 3; i++)
		is_under(t, results[i], t->before || i == 2 ? -ECANCELED : 42);
}

static struct atomic32 discarded;

static void discard(intptr_t result)
{
	is_int(result, 42);
	fetch_add_relaxed(&discarded, 1);
}

NEVER_CUT(thrum_hedge)
{
	store_relaxed(&discarded, 0);
	ready(t);
	is_under(t, thrum_hedge(task_late, t, 1, 3, discard), t->way->err);
	is_under(t, ended(t), t->before ? 0 : 3);
	is_under(t, load_relaxed(&discarded), t->before ? 0 : 3);
}

/* ---- Computing ---- */

NEVER_CUT(thrum_invoke)
{
	const thrum_fn fns[3] = {task_late, task_late_cancelled, task_late};
	void *args[3] = {t, t, t};
	intptr_t results[3] = {0};

	ready(t);
	is_under(t, thrum_invoke(fns, args, results, 3), -ECANCELED);
	is_under(t, ended(t), 3);
	for (int i = 0; i < 3; i++)
		is_under(t, results[i], i == 1 ? -ECANCELED : 42);
}

/* More than one worker sorts alone. */
#define NUMBERS 20000

static struct atomic32 compared;

/* The first comparison waits for long, which is cut short where the caller is heard. */
static int compare(const void *a, const void *b, void *unused)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	(void)unused;
	if (fetch_add_relaxed(&compared, 1) == 0)
		(void)!thrum_sleep(20);
	return x < y ? -1 : x > y;
}

/* Of any type, negative ones among them; none is a NaN. */
static void *shuffled(size_t size)
{
	char *bytes = calloc(NUMBERS, size);
	uint32_t random = 1;

	must(bytes);
	for (size_t i = 0; i < NUMBERS; i++) {
		random = random * 1664525 + 1013904223;
		memcpy(bytes + i * size + size - 3, (char *)&random + 1, 3);
		bytes[i * size + size - 1] &= (char)0xbf;
	}
	store_relaxed(&compared, 0);
	return bytes;
}

#define SORT(type, call)                                       \
	do {                                                   \
		type *n_ = shuffled(sizeof(type));             \
		ready(t);                                      \
		is_under(t, call, 0);                          \
		for (size_t i = 1; i < NUMBERS; i++)           \
			is_under(t, n_[i - 1] <= n_[i], true); \
		free(n_);                                      \
	} while (0)

NEVER_CUT(thrum_sort_stable)
{
	SORT(int64_t, thrum_sort_stable(n_, NUMBERS, sizeof(*n_), compare, NULL));
}

NEVER_CUT(thrum_sort)
{
	SORT(int64_t, thrum_sort(n_, NUMBERS, sizeof(*n_), compare, NULL));
}

NEVER_CUT(thrum_sort_i32)
{
	SORT(int32_t, thrum_sort_i32(n_, NUMBERS));
}

NEVER_CUT(thrum_sort_u32)
{
	SORT(uint32_t, thrum_sort_u32(n_, NUMBERS));
}

NEVER_CUT(thrum_sort_i64)
{
	SORT(int64_t, thrum_sort_i64(n_, NUMBERS));
}

NEVER_CUT(thrum_sort_u64)
{
	SORT(uint64_t, thrum_sort_u64(n_, NUMBERS));
}

NEVER_CUT(thrum_sort_f32)
{
	SORT(float, thrum_sort_f32(n_, NUMBERS));
}

NEVER_CUT(thrum_sort_f64)
{
	SORT(double, thrum_sort_f64(n_, NUMBERS));
}

/* ---- What is done is given ---- */

static struct thrum_future *done_with(intptr_t result)
{
	struct thrum_future *f = future_new();

	is_int(thrum_future_set(f, result), 0);
	return f;
}

NEVER_CUT(thrum_await)
{
	struct thrum_future *f = done_with(7), *task = thrum_spawn(task_return, as_arg(8));

	wait_undisturbed(1);
	ready(t);
	is_under(t, thrum_await(f), 7);
	is_under(t, thrum_await(task), 8);
	is_under(t, thrum_join(task), 8);
	future_drop(f);
}

NEVER_CUT(thrum_wait_any)
{
	struct thrum_future *fs[] = {future_new(), done_with(-EIO)};

	ready(t);
	is_under(t, thrum_wait_any(fs, 2), 1);
	future_drop(fs[0]);
	future_drop(fs[1]);
}

NEVER_CUT(thrum_wait)
{
	struct thrum_future *fs[] = {done_with(-EIO), done_with(1), future_new()};

	ready(t);
	is_under(t, thrum_wait(fs, 2, THRUM_ALL, THRUM_FOREVER), 2);
	is_under(t, thrum_wait(fs, 3, THRUM_FIRST_COMPLETED, THRUM_FOREVER), 2);
	is_under(t, thrum_wait(fs, 3, THRUM_FIRST_FAILED, 0), 2);
	for (int i = 0; i < 3; i++)
		future_drop(fs[i]);
}

/* @deadline_ns: NULL: by the call that has none. */
static int next(struct thrum_drain *d, struct thrum_future **f, size_t *tag,
		const int64_t *deadline_ns)
{
	return deadline_ns ? thrum_drain_next_until(d, f, tag, *deadline_ns)
			   : thrum_drain_next(d, f, tag);
}

static void takes_what_is_done(struct trial *t, const int64_t *deadline_ns)
{
	struct thrum_future *f = done_with(7), *out;
	struct thrum_drain d;
	size_t tag;

	is_int(thrum_drain_begin(&d), 0);
	is_int(thrum_drain_add(&d, f, 5), 0);
	ready(t);
	is_under(t, next(&d, &out, &tag, deadline_ns), 0);
	is_under(t, out == f && tag == 5, true);
	is_under(t, next(&d, &out, &tag, deadline_ns), -ENODATA);
	thrum_drain_end(&d);
	future_drop(out);
	thrum_release(f);
}

NEVER_CUT(thrum_drain_next)
{
	takes_what_is_done(t, NULL);
}

NEVER_CUT(thrum_drain_next_until)
{
	const int64_t past = 0;

	takes_what_is_done(t, &past);
}

int main(void)
{
	const TTest *const tests[] = {
	    thrum_join_is_never_cut_short,
	    a_value_after_a_request_is_the_value,
	    thrum_fork_join_is_never_cut_short,
	    thrum_wait_for_is_never_cut_short,
	    thrum_wait_until_is_never_cut_short,
	    thrum_scope_close_is_never_cut_short,
	    thrum_race_is_never_cut_short,
	    thrum_gather_calls_is_never_cut_short,
	    thrum_hedge_is_never_cut_short,
	    thrum_invoke_is_never_cut_short,
	    thrum_sort_stable_is_never_cut_short,
	    thrum_sort_is_never_cut_short,
	    thrum_sort_i32_is_never_cut_short,
	    thrum_sort_u32_is_never_cut_short,
	    thrum_sort_i64_is_never_cut_short,
	    thrum_sort_u64_is_never_cut_short,
	    thrum_sort_f32_is_never_cut_short,
	    thrum_sort_f64_is_never_cut_short,
	    thrum_await_is_never_cut_short,
	    thrum_wait_any_is_never_cut_short,
	    thrum_wait_is_never_cut_short,
	    thrum_drain_next_is_never_cut_short,
	    thrum_drain_next_until_is_never_cut_short,
	};

	return RUN_TESTS_FOR("never_cut", 60, tests);
}
