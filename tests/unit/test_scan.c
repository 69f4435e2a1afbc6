/* SPDX-License-Identifier: MIT */
/*
 * test_scan.c - prefixes: inclusive, exclusive, in place, of what does not commute; errors,
 * cancels, waits, no memory.
 */
#include "run.h"

/* The affine maps x -> a x + b, composed: associative, and far from commutative. */
struct affine {
	uint64_t a, b;
};

struct data {
	struct affine *in, *out;
	size_t n, fails_at;
	bool exclusive;
	bool waits;
};

static void compose(void *acc, void *right, void *unused)
{
	struct affine *f = acc, *g = right;

	(void)unused;
	*f = (struct affine){f->a * g->a, g->a * f->b + g->b};
}

static int map(void *acc, size_t begin, size_t end, void *data)
{
	struct data *d = data;

	if (d->waits)
		is_int(thrum_yield(), 0);
	for (size_t i = begin; i < end; i++)
		compose(acc, &d->in[i], NULL);
	return 0;
}

static int write(void *acc, size_t begin, size_t end, void *data)
{
	struct data *d = data;

	if (begin <= d->fails_at && d->fails_at < end)
		return -EIO;
	if (d->waits)
		is_int(thrum_sleep(1), 0);
	for (size_t i = begin; i < end; i++) {
		struct affine one = d->in[i];

		if (d->exclusive)
			d->out[i] = *(struct affine *)acc;
		compose(acc, &one, NULL);
		if (!d->exclusive)
			d->out[i] = *(struct affine *)acc;
	}
	return 0;
}

static void fill(struct data *d)
{
	for (size_t i = 0; i < d->n; i++)
		d->in[i] = (struct affine){2 * i + 3, i};
}

static void check(const struct data *d, size_t begin, const struct affine *total)
{
	struct affine sum = {1, 0};

	for (size_t i = begin; i < d->n; i++) {
		struct affine one = {2 * i + 3, i};

		if (d->exclusive)
			must(!memcmp(&sum, &d->out[i], sizeof(sum)));
		compose(&sum, &one, NULL);
		if (!d->exclusive)
			must(!memcmp(&sum, &d->out[i], sizeof(sum)));
	}
	must(!memcmp(&sum, total, sizeof(sum)));
}

static void scan_of(size_t begin, size_t n, size_t grain, bool exclusive, bool in_place, bool waits)
{
	struct data d = {.n = n, .fails_at = SIZE_MAX, .exclusive = exclusive, .waits = waits};
	struct affine total = {1, 0};

	d.in = calloc(n + 1, sizeof(*d.in));
	d.out = in_place ? d.in : calloc(n + 1, sizeof(*d.out));
	must(d.in && d.out);
	fill(&d);
	is_int(thrum_scan(begin, n, grain, map, compose, write, &total, sizeof(total), &d), 0);
	check(&d, begin, &total);
	if (!in_place)
		free(d.out);
	free(d.in);
}

static intptr_t task_scans(void *waits)
{
	static const size_t ns[] = {0, 1, 2, 11, 12, 13, 100, 1000, 20000};
	static const size_t grains[] = {0, 1, 7, 1000};

	for (size_t i = 0; i < sizeof(ns) / sizeof(*ns); i++) {
		if (waits && ns[i] > 100)
			break;
		for (size_t k = 0; k < sizeof(grains) / sizeof(*grains); k++)
			for (int how = 0; how < 4; how++) {
				scan_of(0, ns[i], grains[k], how & 1, how & 2, waits);
				scan_of(ns[i] / 3, ns[i], grains[k], how & 1, how & 2, waits);
			}
	}
	return 7;
}

START_TEST(prefixes)
{
	for (unsigned workers = 1; workers <= 5; workers++)
		for (int i = 0; i < 3; i++)
			is_int(run_real(workers, task_scans, NULL), 7);
}
END_TEST

START_TEST(prefixes_with_waits)
{
	for (unsigned workers = 1; workers <= 3; workers++)
		is_int(run_virtual(workers, task_scans, as_arg(1)), 7);
}
END_TEST

START_TEST(prefixes_at_the_limit_on_tasks)
{
	is_int(run_at_limit(3, THRUM_CLOCK_REAL, task_scans, NULL), 7);
}
END_TEST

static intptr_t task_fails(void *unused)
{
	struct affine *in = calloc(1000, sizeof(*in));
	struct data d = {.in = in, .out = in, .n = 1000};

	(void)unused;
	must(in);
	for (d.fails_at = 0; d.fails_at < 1000; d.fails_at += 37) {
		struct affine total = {1, 0};

		fill(&d);
		is_int(thrum_scan(0, 1000, 1, map, compose, write, &total, sizeof(total), &d),
		       -EIO);
	}
	free(in);
	return 7;
}

START_TEST(an_error_ends_it)
{
	for (unsigned workers = 1; workers <= 4; workers++)
		is_int(run_real(workers, task_fails, NULL), 7);
}
END_TEST

/* From the first call on the caller is cancelled. */
static int cancel_and_count(void *acc, size_t begin, size_t end, void *caller)
{
	(void)begin, (void)end;
	++*(size_t *)acc;
	thrum_cancel(caller);
	return 0;
}

static void add(void *acc, void *right, void *unused)
{
	(void)unused;
	*(size_t *)acc += *(size_t *)right;
}

static intptr_t task_cancelled(void *unused)
{
	size_t acc = 0;

	(void)unused;
	return thrum_scan(0, 1000, 1, cancel_and_count, add, cancel_and_count, &acc, sizeof(acc),
			  thrum_self());
}

START_TEST(a_cancel_ends_it)
{
	for (unsigned workers = 1; workers <= 3; workers++)
		is_int(run_real(workers, task_cancelled, NULL), -ECANCELED);
}
END_TEST

/* What needs more memory than there is is written in order. */
static int count(void *acc, size_t begin, size_t end, void *next)
{
	(void)acc;
	is_int(begin, *(size_t *)next);
	*(size_t *)next = end;
	return 0;
}

static int never(void *acc, size_t begin, size_t end, void *unused)
{
	(void)acc, (void)begin, (void)end, (void)unused;
	abort();
}

TASK_TEST(without_memory, 2)
{
	static char acc[8];
	size_t next = 0;

	is_int(thrum_scan(0, 1000, 1, never, add, count, acc, SIZE_MAX / 2, &next), 0);
	is_int(next, 1000);
}

TASK_TEST(bad_arguments, 2)
{
	size_t acc = 9;

	is_int(thrum_scan(5, 5, 1, never, add, never, &acc, sizeof(acc), NULL), 0);
	is_int(acc, 9);
	is_int(thrum_scan(5, 4, 1, never, add, never, &acc, sizeof(acc), NULL), -EINVAL);
	is_int(thrum_scan(0, 4, 1, never, NULL, never, &acc, sizeof(acc), NULL), -EINVAL);
	is_int(thrum_scan(0, 4, 1, never, add, NULL, &acc, sizeof(acc), NULL), -EINVAL);
	is_int(thrum_scan(0, 4, 1, NULL, add, never, &acc, sizeof(acc), NULL), -EINVAL);
	is_int(thrum_scan(0, 4, 1, never, add, never, NULL, sizeof(acc), NULL), -EINVAL);
}

START_TEST(outside)
{
	size_t acc = 0;

	is_int(thrum_scan(0, 4, 1, never, add, never, &acc, sizeof(acc), NULL), -EPERM);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    prefixes,
	    prefixes_with_waits,
	    prefixes_at_the_limit_on_tasks,
	    an_error_ends_it,
	    a_cancel_ends_it,
	    without_memory,
	    bad_arguments,
	    outside,
	};

	return RUN_TESTS("scan", tests);
}
