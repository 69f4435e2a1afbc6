/* SPDX-License-Identifier: MIT */
/*
 * test_drain.c - futures come out of a drain once each, in the order in which they complete; no
 * reference, no node stays, nothing is lost by who is cut short.
 */
#include "base/assert.h"
#include "base/os.h"
#include "child.h"
#include "flow/drain.h"
#include "several.h"

#define FEW 20
#define THREADS 4

static void begin_with(struct thrum_drain *d, struct thrum_future *const fs[], size_t n)
{
	is_int(thrum_drain_begin(d), 0);
	for (size_t i = 0; i < n; i++)
		is_int(thrum_drain_add(d, fs[i], i), 0);
	is_int(thrum_drain_count(d), n);
}

/* The next one is @f, with @tag; without waiting if @now. */
static void next_is(struct thrum_drain *d, const struct thrum_future *f, size_t tag, bool now)
{
	struct thrum_future *got;
	size_t count = thrum_drain_count(d), tag_got;

	is_int(now ? thrum_drain_try(d, &got, &tag_got) : thrum_drain_next(d, &got, &tag_got), 0);
	must(got == f);
	is_int(tag_got, tag);
	is_int(thrum_drain_count(d), count - 1);
	must(!got || thrum_done(got));
	thrum_release(got);
}

static void is_empty(struct thrum_drain *d)
{
	is_int(thrum_drain_count(d), 0);
	is_int(thrum_drain_try(d, NULL, NULL), -ENODATA);
	is_int(thrum_drain_next(d, NULL, NULL), -ENODATA);
}

/* ---- Order ---- */

static void order_of(size_t n)
{
	struct thrum_future *fs[FEW] = {NULL};
	struct thrum_drain d;
	int64_t start = thrum_now();

	make(fs, n);
	for (size_t i = 0; i < n; i++) /* 7 is prime to FEW, and to 8 and 9 */
		set_later(fs[i], 10 + 10 * (int64_t)(i * 7 % n), (intptr_t)i);
	begin_with(&d, fs, n);
	is_int(thrum_drain_try(&d, NULL, NULL), -EAGAIN);
	for (size_t k = 0; k < n; k++) {
		size_t i = 0;

		while (i * 7 % n != k)
			i++;
		next_is(&d, fs[i], i, false);
		is_int(thrum_now(), start + 10 + 10 * (int64_t)k);
		is_int(thrum_result(fs[i]), i);
	}
	is_empty(&d);
	thrum_drain_end(&d);
	drop(fs, n);
}

static void all_orders(void)
{
	order_of(1);
	order_of(8);
	order_of(9);
	order_of(FEW);
}

TASK_TEST(they_come_as_they_complete, 1)
{
	all_orders();
}

TASK_TEST(they_come_as_they_complete_on_three_workers, 3)
{
	all_orders();
}

TASK_TEST(what_completes_before_it_is_looked_at_keeps_its_order, 1)
{
	struct thrum_future *fs[FEW];
	struct thrum_drain d;

	make(fs, FEW);
	thrum_future_set(fs[4], 0);
	begin_with(&d, fs, 12);
	thrum_future_set(fs[11], -EIO);
	thrum_future_set(fs[2], 0);
	thrum_future_set(fs[15], 0);
	is_int(thrum_drain_add(&d, fs[15], 15), 0); /* done before it was added */
	thrum_future_set(fs[7], 0);
	next_is(&d, fs[4], 4, true);
	next_is(&d, fs[11], 11, false);
	is_int(thrum_result(fs[11]), -EIO);
	next_is(&d, fs[2], 2, true);
	next_is(&d, fs[15], 15, true);
	next_is(&d, fs[7], 7, false);
	is_int(thrum_drain_try(&d, NULL, NULL), -EAGAIN);
	thrum_drain_end(&d);
	is_int(thrum_now(), 0);
	drop(fs, FEW);
}

TASK_TEST(one_may_be_there_twice, 1)
{
	struct thrum_future *f = future_new();
	struct thrum_drain d;

	is_int(thrum_drain_begin(&d), 0);
	is_int(thrum_drain_add(&d, f, 5), 0);
	is_int(thrum_drain_add(&d, f, 3), 0);
	is_int(load_relaxed(&f->refs), 3);
	thrum_future_set(f, 0);
	next_is(&d, f, 5, false);
	next_is(&d, f, 3, false);
	is_int(thrum_drain_add(&d, f, SIZE_MAX), 0);
	next_is(&d, f, SIZE_MAX, false);
	is_empty(&d);
	thrum_drain_end(&d);
	drop(&f, 1);
}

TASK_TEST(a_failed_spawn_is_done, 1)
{
	struct thrum_future *f = future_new();
	struct thrum_drain d;

	is_int(thrum_drain_begin(&d), 0);
	is_int(thrum_drain_add(&d, f, 0), 0);
	is_int(thrum_drain_add(&d, NULL, 9), 0);
	is_int(thrum_drain_add(&d, NULL, 8), 0);
	next_is(&d, NULL, 9, false);
	is_int(thrum_drain_next(&d, NULL, NULL), 0);
	is_int(thrum_drain_add(&d, NULL, 7), 0);
	thrum_drain_end(&d);
	drop(&f, 1);
}

/* Each result brings another, up to 50. */
TASK_TEST(more_may_come_while_results_do, 2)
{
	struct thrum_drain d;
	size_t taken = 0, added = 10, sum = 0, tag;

	is_int(thrum_drain_begin(&d), 0);
	is_empty(&d);
	for (size_t i = 0; i < added; i++) {
		struct thrum_future *f = spawn_sleeper(100 - (int64_t)i);

		is_int(thrum_drain_add(&d, f, i), 0);
		thrum_release(f); /* the drain has one */
	}
	for (; thrum_drain_next(&d, NULL, &tag) == 0; taken++) {
		struct thrum_future *f;

		sum += tag;
		if (added == 50)
			continue;
		f = spawn_sleeper((int64_t)(added * 13 % 7) * 10);
		is_int(thrum_drain_add(&d, f, added++), 0);
		thrum_release(f);
	}
	is_int(taken, 50);
	is_int(sum, 49 * 50 / 2);
	is_empty(&d);
	thrum_drain_end(&d);
}

static void take(size_t n)
{
	size_t next = 0, k;
	struct thrum_future **fs = calloc(n, sizeof(*fs));
	struct thrum_drain d;

	must(fs);
	make(fs, n);
	begin_with(&d, fs, n);
	for (k = 0; k < n; k++) {
		next = (next + 617) % n; /* prime to n */
		thrum_future_set(fs[next], 0);
		if (k % 3 == 0) /* so that it is looked into again and again */
			next_is(&d, fs[(k / 3 + 1) * 617 % n], (k / 3 + 1) * 617 % n, true);
	}
	for (k = (n + 2) / 3; k < n; k++)
		next_is(&d, fs[(k + 1) * 617 % n], (k + 1) * 617 % n, false);
	is_empty(&d);
	thrum_drain_end(&d);
	drop(fs, n);
	free(fs);
}

/* O(1) for each, however many are pending. */
TASK_TEST(many_are_taken, 1)
{
	is_in_proportion(take);
}

/* ---- References ---- */

TASK_TEST(references_are_handed_over_or_released, 1)
{
	struct thrum_future *fs[4], *got;
	struct thrum_drain d;

	make(fs, 4);
	begin_with(&d, fs, 4);
	is_int(load_relaxed(&fs[0]->refs), 2);
	for (size_t i = 0; i < 4; i++)
		thrum_future_set(fs[i], 0);
	is_int(thrum_drain_next(&d, &got, NULL), 0);
	must(got == fs[0]);
	is_int(load_relaxed(&fs[0]->refs), 2); /* ours, both */
	thrum_release(got);
	is_int(thrum_drain_next(&d, NULL, NULL), 0);
	is_int(load_relaxed(&fs[1]->refs), 1);
	is_int(thrum_drain_try(&d, NULL, NULL), 0);
	is_int(load_relaxed(&fs[2]->refs), 1);
	is_int(load_relaxed(&fs[3]->refs), 2);
	thrum_drain_end(&d); /* done, but not taken */
	drop(fs, 4);
}

TASK_TEST(end_withdraws_what_is_not_done, 1)
{
	struct thrum_future *fs[FEW], *task = spawn_sleeper(100);
	struct thrum_drain d;

	make(fs, FEW);
	begin_with(&d, fs, FEW);
	is_int(thrum_drain_add(&d, task, FEW), 0);
	thrum_future_set(fs[3], 0);
	thrum_future_set(fs[5], 0);
	next_is(&d, fs[3], 3, false);
	thrum_drain_end(&d);
	is_int(thrum_drain_count(&d), 0);
	drop(fs, FEW);
	is_int(thrum_join(task), 0); /* it was not cancelled */
	is_int(thrum_drain_next(&d, NULL, NULL), -EINVAL);
	is_int(thrum_drain_try(&d, NULL, NULL), -EINVAL);
	is_int(thrum_drain_add(&d, NULL, 0), -EINVAL);
	thrum_drain_end(&d);
	is_int(thrum_drain_begin(&d), 0); /* once more */
	is_empty(&d);
	thrum_drain_end(&d);
}

/* Who takes a result without looking has not looked. */
static intptr_t task_takes_blindly(void *unused)
{
	struct thrum_future *f = thrum_spawn(task_fails, NULL);
	struct thrum_drain d;

	(void)unused;
	is_int(thrum_drain_begin(&d), 0);
	is_int(thrum_drain_add(&d, f, 0), 0);
	thrum_release(f);
	is_int(thrum_drain_next(&d, NULL, NULL), 0);
	thrum_drain_end(&d);
	return 0;
}

START_TEST(a_failure_that_nobody_looked_at_is_reported)
{
	struct reports r = REPORTS_INIT;
	struct thrum_config c = reporting(&r, 1);

	is_int(thrum_run_with(&c, task_takes_blindly, NULL), 0);
	is_int(r.count, 1);
	has_text(r.text, "task_fails");
}
END_TEST

/* ---- Cut short ---- */

struct cut {
	struct thrum_future *fs[FEW];
	int err; /* what next is to return */
};

static intptr_t task_next_is_cut(void *cut)
{
	struct cut *c = cut;
	struct thrum_drain d;

	begin_with(&d, c->fs, FEW);
	is_int(thrum_drain_next(&d, NULL, NULL), c->err);
	is_int(thrum_drain_next(&d, NULL, NULL), c->err);
	is_int(thrum_drain_try(&d, NULL, NULL), -EAGAIN);
	is_int(thrum_drain_count(&d), FEW);
	thrum_future_set(c->fs[6], 0);
	thrum_future_set(c->fs[1], 0);
	next_is(&d, c->fs[6], 6, false); /* it is there: nothing is waited for */
	next_is(&d, c->fs[1], 1, true);
	is_int(thrum_drain_next(&d, NULL, NULL), c->err);
	thrum_drain_end(&d);
	return 0;
}

TASK_TEST(a_cancel_loses_nothing, 1)
{
	struct cut c = {.err = -ECANCELED};
	struct thrum_future *f;

	make(c.fs, FEW);
	f = thrum_spawn(task_next_is_cut, &c);
	settle();
	thrum_cancel(f);
	is_int(thrum_join(f), 0);
	drop(c.fs, FEW);
}

TASK_TEST(a_deadline_loses_nothing, 1)
{
	struct cut c = {.err = -ETIMEDOUT};
	struct thrum_timeout t;

	make(c.fs, FEW);
	thrum_timeout_begin(&t, 10);
	is_int(task_next_is_cut(&c), 0);
	must(thrum_timeout_end(&t));
	is_int(thrum_now(), 10);
	drop(c.fs, FEW);
}

#ifdef THRUM_FAULTS
TASK_TEST(eight_need_no_memory, 1)
{
	struct thrum_future *fs[9];
	struct thrum_drain d;
	int err[3];

	make(fs, 9);
	for (int round = 0; round < 2; round++) {
		thrum__fault_set(1, true);
		begin_with(&d, fs, 8);
		err[0] = thrum_drain_add(&d, fs[8], 8);
		thrum_future_set(fs[5], 0);
		err[1] = thrum_drain_next(&d, NULL, NULL);
		err[2] = thrum_drain_add(&d, fs[8], 8); /* in the place of the fifth */
		thrum__fault_set(0, false);
		is_int(err[0], -ENOMEM);
		is_int(err[1], 0);
		is_int(err[2], 0);
		is_int(thrum_drain_count(&d), 8);
		is_int(load_relaxed(&fs[8]->refs), 2);
		thrum_drain_end(&d);
	}
	drop(fs, 9);
}

TASK_TEST(without_a_timer_nothing_is_lost, 1)
{
	struct thrum_future *f = future_new();
	struct thrum_drain d;
	int err;

	begin_with(&d, &f, 1);
	deadline_set(THRUM_SEC(1));
	thrum__fault_set(1, true); /* the first timer of a worker needs memory */
	err = thrum_drain_next(&d, NULL, NULL);
	thrum__fault_set(0, false);
	deadline_set(THRUM_FOREVER);
	is_int(err, -ENOMEM);
	set_later(f, 5, 0);
	next_is(&d, f, 0, false);
	thrum_drain_end(&d);
	drop(&f, 1);
}
#endif

/* ---- Who may ---- */

START_TEST(outside_tasks_there_is_none)
{
	struct thrum_future *f = future_new();
	struct thrum_drain d;

	is_int(thrum_drain_begin(&d), -EPERM);
	is_int(thrum_drain_add(&d, f, 0), -EPERM);
	is_int(thrum_drain_next(&d, NULL, NULL), -EPERM);
	is_int(thrum_drain_try(&d, NULL, NULL), -EPERM);
	is_int(thrum_drain_count(&d), 0);
	thrum_drain_end(&d);
	drop(&f, 1);
}
END_TEST

static struct thrum_drain left; /* by a process to its child */

static void in_a_child(void)
{
	struct thrum_drain d;

	if (thrum_drain_begin(&d) != -ENOTSUP || thrum_drain_next(&d, NULL, NULL) != -ENOTSUP ||
	    thrum_drain_next(&left, NULL, NULL) != -ENOTSUP ||
	    thrum_drain_try(&left, NULL, NULL) != -ENOTSUP ||
	    thrum_drain_add(&left, NULL, 0) != -ENOTSUP || thrum_drain_count(&left) != 1)
		_exit(1);
	thrum_drain_end(&left);
}

TASK_TEST(in_a_forked_child_there_is_none, 1)
{
	struct thrum_future *f = future_new();
	char err[512];

	begin_with(&left, &f, 1);
	thrum_future_set(f, 0);
	is_int(child_run(in_a_child, err, sizeof(err)), 0);
	next_is(&left, f, 0, false);
	thrum_drain_end(&left);
	drop(&f, 1);
}

static intptr_t task_uses(void *drain)
{
	return thrum_drain_try(drain, NULL, NULL);
}

static intptr_t task_lends(void *unused)
{
	struct thrum_drain d;

	(void)unused;
	is_int(thrum_drain_begin(&d), 0);
	return thrum_join(thrum_spawn(task_uses, &d));
}

static void lend(void)
{
	(void)!run_virtual(1, task_lends, NULL);
}

START_TEST(another_task_is_caught)
{
	char err[4096];
	int status = child_run(lend, err, sizeof(err));

	must(WIFSIGNALED(status));
	has_text(err, "a drain is used by the task that began it");
}
END_TEST

/* ---- Beside other threads ---- */

struct setters {
	struct thrum_future **fs;
	size_t n;
	struct atomic64 next;
	struct atomic32 go;
};

static void *thread_sets(void *setters)
{
	struct setters *s = setters;
	size_t i;

	while (!load_acquire(&s->go))
		thread_yield();
	while ((i = fetch_add_relaxed(&s->next, 1)) < s->n) {
		is_int(thrum_future_set(s->fs[i], (intptr_t)i), 0);
		thrum_release(s->fs[i]); /* the setter's */
	}
	return NULL;
}

static void threads_start(pthread_t t[], struct setters *s)
{
	store_relaxed(&s->next, 0);
	store_relaxed(&s->go, 0);
	for (size_t i = 0; i < s->n; i++)
		thrum_retain(s->fs[i]);
	for (int i = 0; i < THREADS; i++)
		t[i] = thread_of(thread_sets, s);
}

/* Half is there before they begin, the rest comes while they complete. */
static intptr_t task_drains_threads(void *unused)
{
	size_t n = scaled(40000), added, taken = 0, tag;
	struct setters s = {.fs = calloc(n, sizeof(*s.fs)), .n = n};
	unsigned char *seen = calloc(n, 1);
	pthread_t t[THREADS];
	struct thrum_drain d;
	struct thrum_future *f;

	(void)unused;
	must(s.fs && seen);
	make(s.fs, n);
	threads_start(t, &s);
	begin_with(&d, s.fs, n / 2);
	added = n / 2;
	store_release(&s.go, 1);
	for (; thrum_drain_next(&d, &f, &tag) == 0; taken++) {
		must(tag < n && !seen[tag] && f == s.fs[tag]);
		seen[tag] = 1;
		is_int(thrum_result(f), tag);
		thrum_release(f);
		if (added < n) {
			is_int(thrum_drain_add(&d, s.fs[added], added), 0);
			added++;
		}
	}
	is_int(taken, n);
	is_empty(&d);
	thrum_drain_end(&d);
	for (int i = 0; i < THREADS; i++)
		thread_end(t[i]);
	drop(s.fs, n);
	free(s.fs);
	free(seen);
	return 0;
}

START_TEST(threads_complete_while_it_drains)
{
	is_int(run_real(2, task_drains_threads, NULL), 0);
}
END_TEST

/* The drain's frame goes while they complete what is in it. */
static intptr_t task_ends_beside_threads(void *unused)
{
	(void)unused;
	for (size_t round = 0; round < scaled(400) + 4; round++) {
		struct thrum_future *fs[FEW];
		struct setters s = {.fs = fs, .n = FEW};
		struct thrum_drain d;
		pthread_t t[THREADS];

		make(fs, FEW);
		threads_start(t, &s);
		begin_with(&d, fs, FEW);
		store_release(&s.go, 1);
		for (size_t i = 0; i < round % (FEW + 1); i++)
			is_int(thrum_drain_next(&d, NULL, NULL), 0);
		thrum_drain_end(&d);
		memset(&d, 0xA5, sizeof(d));
		for (int i = 0; i < THREADS; i++)
			thread_end(t[i]);
		for (size_t i = 0; i < sizeof(d); i++)
			is_int(((unsigned char *)&d)[i], 0xA5);
		drop(fs, FEW);
	}
	return 0;
}

START_TEST(threads_complete_while_it_ends)
{
	is_int(run_real(2, task_ends_beside_threads, NULL), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    they_come_as_they_complete,
	    they_come_as_they_complete_on_three_workers,
	    what_completes_before_it_is_looked_at_keeps_its_order,
	    one_may_be_there_twice,
	    a_failed_spawn_is_done,
	    more_may_come_while_results_do,
	    many_are_taken,
	    references_are_handed_over_or_released,
	    end_withdraws_what_is_not_done,
	    a_failure_that_nobody_looked_at_is_reported,
	    a_cancel_loses_nothing,
	    a_deadline_loses_nothing,
#ifdef THRUM_FAULTS
	    eight_need_no_memory,
	    without_a_timer_nothing_is_lost,
#endif
	    outside_tasks_there_is_none,
	    in_a_forked_child_there_is_none,
	    another_task_is_caught,
	    threads_complete_while_it_drains,
	    threads_complete_while_it_ends,
	};

	return RUN_TESTS_FOR("drain", 120, tests);
}
