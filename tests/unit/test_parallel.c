/* SPDX-License-Identifier: MIT */
/*
 * test_parallel.c - parallel for: each index once, errors, cancels, waits, nesting, idle workers,
 * small stacks.  Reduce and invoke: test_reduce.c.
 */
#include "run.h"

#include "base/atomic.h"
#include "base/clock.h"

#define MANY 100000

/* ---- For: each index once ---- */

struct marks {
	size_t begin, grain;
	struct atomic32 *count;
	struct atomic64 calls;
};

static int mark(size_t begin, size_t end, void *marks)
{
	struct marks *m = marks;

	must(begin < end);
	if (m->grain) {
		must(end - begin <= m->grain);
		must((begin - m->begin) % m->grain == 0);
	}
	for (size_t i = begin; i < end; i++)
		fetch_add_relaxed(&m->count[i - m->begin], 1);
	fetch_add_relaxed(&m->calls, 1);
	return 0;
}

static void covers(size_t begin, size_t n, size_t grain)
{
	struct marks m = {.begin = begin, .grain = grain, .count = calloc(n + 1, sizeof(*m.count))};

	must(m.count);
	is_int(thrum_parallel_for(begin, begin + n, grain, mark, &m), 0);
	for (size_t i = 0; i < n; i++)
		is_int(load_relaxed(&m.count[i]), 1);
	if (grain)
		is_int(load_relaxed(&m.calls), n / grain + (n % grain != 0));
	is_int(load_relaxed(&m.count[n]), 0);
	free(m.count);
}

static intptr_t task_covers(void *unused)
{
	static const size_t ns[] = {0, 1, 2, 3, 7, 64, 65, 1000, 4097, MANY};
	static const size_t grains[] = {0, 1, 2, 3, 64, 1000, SIZE_MAX};

	(void)unused;
	for (size_t i = 0; i < sizeof(ns) / sizeof(*ns); i++)
		for (size_t k = 0; k < sizeof(grains) / sizeof(*grains); k++) {
			covers(0, ns[i], grains[k]);
			covers(SIZE_MAX - MANY, ns[i], grains[k]);
		}
	return 7;
}

START_TEST(each_index_once)
{
	for (unsigned workers = 1; workers <= 4; workers++) {
		is_int(run_real(workers, task_covers, NULL), 7);
		is_int(run_virtual(workers, task_covers, NULL), 7);
	}
}
END_TEST

START_TEST(each_index_once_at_the_limit_on_tasks)
{
	is_int(run_at_limit(2, THRUM_CLOCK_REAL, task_covers, NULL), 7);
}
END_TEST

START_TEST(each_index_once_on_small_stacks)
{
	struct thrum_config c = config_of(2, THRUM_CLOCK_REAL);

	c.stack_bytes = 32 << 10;
	is_int(thrum_run_with(&c, task_covers, NULL), 7);
}
END_TEST

static int never(size_t begin, size_t end, void *unused)
{
	(void)begin, (void)end, (void)unused;
	abort();
}

TASK_TEST(bad_ranges, 2)
{
	is_int(thrum_parallel_for(5, 5, 1, never, NULL), 0);
	is_int(thrum_parallel_for(5, 4, 1, never, NULL), -EINVAL);
	is_int(thrum_parallel_for(0, 4, 1, NULL, NULL), -EINVAL);
}

START_TEST(outside)
{
	is_int(thrum_parallel_for(0, 4, 1, never, NULL), -EPERM);
}
END_TEST

static intptr_t result_on_done;

static void call_on_done(struct thrum_future *f, void *unused)
{
	(void)f, (void)unused;
	result_on_done = thrum_parallel_for(0, 4, 1, never, NULL);
}

TASK_TEST(in_a_callback, 1)
{
	struct thrum_future *f = spawn_sleeper(1);

	is_int(thrum_future_on_done(f, call_on_done, NULL), 0);
	is_int(thrum_await(f), 0);
	settle();
	is_int(result_on_done, -EPERM);
	thrum_release(f);
}

/* A huge range is ended by an error. */
static int fails_from(size_t begin, size_t end, void *from)
{
	return end > *(size_t *)from ? begin > *(size_t *)from ? -EIO : -EBADMSG : 0;
}

TASK_TEST(huge_range, 1)
{
	size_t from = MANY;

	is_int(thrum_parallel_for(0, SIZE_MAX, 1, fails_from, &from), -EBADMSG);
	is_int(thrum_parallel_for(0, SIZE_MAX, SIZE_MAX / 3, fails_from, &from), -EBADMSG);
	is_int(thrum_parallel_for(0, SIZE_MAX, 0, fails_from, &from), -EBADMSG);
}

TASK_TEST(huge_range_on_two_workers, 2)
{
	size_t from = SIZE_MAX;

	is_int(thrum_parallel_for(1, SIZE_MAX, SIZE_MAX / 5, fails_from, &from), 0);
	from = 0;
	must(thrum_parallel_for(0, SIZE_MAX, 1, fails_from, &from) < 0);
}

/* ---- Errors ---- */

struct failing {
	size_t at;
	struct atomic64 lowest; /* that failed */
};

static int fail_at(size_t begin, size_t end, void *failing)
{
	struct failing *f = failing;
	uint64_t lowest = load_relaxed(&f->lowest);

	(void)end;
	if (begin < f->at)
		return 1; /* no error */
	while (begin < lowest && !cas_relaxed(&f->lowest, &lowest, begin))
		;
	return -(int)(begin % 1000) - 1;
}

static intptr_t task_fails(void *unused)
{
	(void)unused;
	for (size_t at = 0; at < 3000; at += 97) {
		struct failing f = {.at = at, .lowest = {SIZE_MAX}};
		int err = thrum_parallel_for(0, 3000, 1, fail_at, &f);

		is_int(err, -(int)(load_relaxed(&f.lowest) % 1000) - 1);
	}
	return 7;
}

START_TEST(the_lowest_error)
{
	for (unsigned workers = 1; workers <= 4; workers++)
		for (int i = 0; i < 20; i++)
			is_int(run_real(workers, task_fails, NULL), 7);
}
END_TEST

/* All begin before the first of them fails, and they fail from the last to the first. */
static int fail_backwards(size_t begin, size_t end, void *unused)
{
	(void)end, (void)unused;
	is_int(thrum_sleep(1000 - (int64_t)begin), 0);
	return -(int)begin - 1;
}

TASK_TEST(the_lowest_error_of_all, 1)
{
	is_int(thrum_parallel_for(0, 8, 1, fail_backwards, NULL), -1);
}

static int fail_in_order(size_t begin, size_t end, void *calls)
{
	(void)end;
	++*(int *)calls;
	return begin == 10 ? -EIO : 0;
}

TASK_TEST(an_error_ends_it, 1)
{
	int calls = 0;

	is_int(thrum_parallel_for(0, MANY, 1, fail_in_order, &calls), -EIO);
	is_int(calls, 11);
}

/* ---- Cancels ---- */

static int cancel_at_fifth(size_t begin, size_t end, void *calls)
{
	(void)end;
	++*(int *)calls;
	if (begin == 4)
		thrum_cancel(thrum_self());
	return 0;
}

static intptr_t task_cancelled(void *calls)
{
	return thrum_parallel_for(0, MANY, 1, cancel_at_fifth, calls);
}

TASK_TEST(a_cancel_ends_it, 1)
{
	int calls = 0;
	struct thrum_future *f = thrum_spawn(task_cancelled, &calls);

	is_int(thrum_join(f), -ECANCELED);
	must(calls >= 5 && calls < MANY / 10); /* at once, or after some short ones */
}

/* Wherever a call runs, the caller's cancel reaches it. */
static int wait_for_ever(size_t begin, size_t end, void *started)
{
	(void)begin, (void)end;
	(void)thrum_future_set(started, 0); /* the first one does */
	return (int)thrum_sleep(THRUM_FOREVER);
}

static intptr_t task_waits_for_ever(void *started)
{
	return thrum_parallel_for(0, 100, 1, wait_for_ever, started);
}

static intptr_t task_cancels_waits(void *unused)
{
	struct thrum_future *started = future_new();
	struct thrum_future *f = thrum_spawn(task_waits_for_ever, started);

	(void)unused;
	is_int(thrum_await(started), 0);
	thrum_cancel(f);
	is_int(thrum_join(f), -ECANCELED);
	future_drop(started);
	return 7;
}

START_TEST(a_cancel_reaches_waits)
{
	for (unsigned workers = 1; workers <= 3; workers++)
		for (int i = 0; i < 20; i++)
			is_int(run_real(workers, task_cancels_waits, NULL), 7);
}
END_TEST

/* ---- Waits, nesting ---- */

static int sleep_and_mark(size_t begin, size_t end, void *marks)
{
	if (begin % 3 == 0)
		is_int(thrum_sleep(1), 0);
	if (begin % 5 == 0)
		is_int(thrum_yield(), 0);
	return mark(begin, end, marks);
}

static int nest(size_t begin, size_t end, void *marks)
{
	struct marks *m = marks;

	for (size_t i = begin; i < end; i++) {
		struct marks inner = *m;

		inner.begin = 0;
		inner.count += i * 50;
		is_int(thrum_parallel_for(0, 50, m->grain, sleep_and_mark, &inner), 0);
	}
	return 0;
}

static intptr_t task_nests(void *unused)
{
	struct marks m = {.count = calloc(50 * 50, sizeof(*m.count))};

	(void)unused;
	must(m.count);
	is_int(thrum_parallel_for(0, 50, 1, nest, &m), 0);
	m.grain = 3;
	is_int(thrum_parallel_for(0, 50, 0, nest, &m), 0);
	for (int i = 0; i < 50 * 50; i++)
		is_int(load_relaxed(&m.count[i]), 2);
	free(m.count);
	return 7;
}

START_TEST(nested_and_waiting)
{
	for (unsigned workers = 1; workers <= 3; workers++) {
		is_int(run_real(workers, task_nests, NULL), 7);
		is_int(run_virtual(workers, task_nests, NULL), 7);
	}
}
END_TEST

/* While one call holds its worker, another worker does the rest. */
struct hog {
	sem_t rest;
	struct atomic64 done;
	size_t n;
};

static int hog_first(size_t begin, size_t end, void *hog)
{
	struct hog *h = hog;

	if (begin == 0) {
		while (sem_wait(&h->rest))
			;
		return 0;
	}
	if (fetch_add_relaxed(&h->done, end - begin) + end - begin == h->n / 2)
		must(sem_post(&h->rest) == 0);
	return 0;
}

static intptr_t task_hog(void *n)
{
	struct hog h = {.n = (size_t)n};

	must(sem_init(&h.rest, 0, 0) == 0);
	is_int(thrum_parallel_for(0, h.n, 1, hog_first, &h), 0);
	sem_destroy(&h.rest);
	return 7;
}

START_TEST(the_rest_goes_on_elsewhere)
{
	for (int i = 0; i < 50; i++)
		is_int(run_real(2, task_hog, as_arg(2 + 998 * (i & 1))), 7);
}
END_TEST

/* Amid short calls another worker falls asleep, and the next call holds its worker: what comes
 * behind that must not wait for it. */
#define PAUSE_AT 200

struct pause {
	struct atomic64 done; /* calls but for the holding one */
	struct atomic32 holds;
	struct atomic32 passed; /* a call behind the holding one began meanwhile */
};

static uint64_t parks(void)
{
	struct thrum_stats s = {.size = sizeof(s)};

	is_int(thrum_runtime_stats(NULL, -1, &s), 0);
	return s.parks;
}

static int pause_and_hold(size_t begin, size_t end, void *pause)
{
	struct pause *p = pause;

	(void)end;
	if (begin == PAUSE_AT) {
		uint64_t before = parks();
		int64_t until = thrum__clock_monotonic_ns() + 10000000;

		while (parks() == before && thrum__clock_monotonic_ns() < until)
			thread_yield();
	}
	if (begin == PAUSE_AT + 1) {
		store_relaxed(&p->holds, 1);
		while (!load_relaxed(&p->passed) && load_relaxed(&p->done) < MANY - 1)
			thread_yield();
		return 0;
	}
	if (begin > PAUSE_AT + 1 && load_relaxed(&p->holds))
		store_relaxed(&p->passed, 1);
	fetch_add_relaxed(&p->done, 1);
	return 0;
}

static intptr_t task_pauses(void *unused)
{
	(void)unused;
	for (int i = 0; i < 30; i++) {
		struct pause p = {.done = {0}};

		is_int(thrum_parallel_for(0, MANY, 1, pause_and_hold, &p), 0);
	}
	return 7;
}

START_TEST(a_sleeper_is_heard_between_short_calls)
{
	is_int(run_real(2, task_pauses, NULL), 7);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    each_index_once,
	    each_index_once_at_the_limit_on_tasks,
	    each_index_once_on_small_stacks,
	    bad_ranges,
	    outside,
	    in_a_callback,
	    huge_range,
	    huge_range_on_two_workers,
	    the_lowest_error,
	    the_lowest_error_of_all,
	    an_error_ends_it,
	    a_cancel_ends_it,
	    a_cancel_reaches_waits,
	    nested_and_waiting,
	    the_rest_goes_on_elsewhere,
	    a_sleeper_is_heard_between_short_calls,
	};

	return RUN_TESTS("parallel", tests);
}
