/* SPDX-License-Identifier: MIT */
/*
 * test_retry.c - retry: how often and when it calls, what it returns, pauses that grow, are random
 * and do not overflow, cancels and deadlines at each wait, options.
 */
#include "run.h"

#define CALLS_MOST 64

/* A function that fails for some time, and remembers when it was called. */
struct calls {
	unsigned n, good; /* the call that succeeds; 0: none */
	intptr_t failure, success;
	int64_t at_ns[CALLS_MOST];
	unsigned asked; /* by again */
};

static intptr_t call(void *calls)
{
	struct calls *c = calls;

	must(c->n < CALLS_MOST);
	c->at_ns[c->n++] = thrum_now();
	return c->n == c->good ? c->success : c->failure;
}

/* Pauses of 10, 20, 40, ... 100 ns, nothing of them random. */
static struct thrum_retry_options plain(uint64_t attempts)
{
	struct thrum_retry_options o = THRUM_RETRY_INIT;

	o.attempts = attempts;
	o.first_ns = 10;
	o.most_ns = 100;
	o.jitter = 0;
	return o;
}

static void called_at(const struct calls *c, const int64_t *at_ns, unsigned n)
{
	is_int(c->n, n);
	for (unsigned i = 0; i < n; i++)
		is_int(c->at_ns[i], at_ns[i]);
}
#define CALLED_AT(c, ...)                            \
	called_at(c, (const int64_t[]){__VA_ARGS__}, \
		  sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

TASK_TEST(what_succeeds_is_called_once, 1)
{
	struct calls c = {.good = 1, .success = 42};

	is_int(thrum_retry(NULL, call, &c), 42);
	CALLED_AT(&c, 0);
	is_int(thrum_now(), 0);
}

TASK_TEST(pauses_grow_up_to_the_most, 1)
{
	struct thrum_retry_options o = plain(0);
	struct calls c = {.good = 7, .success = 5, .failure = -EIO};

	is_int(thrum_retry(&o, call, &c), 5);
	CALLED_AT(&c, 0, 10, 30, 70, 150, 250, 350);
}

TASK_TEST(the_last_failure_is_returned, 1)
{
	struct thrum_retry_options o = plain(3);
	struct calls c = {.failure = -ECONNREFUSED};

	is_int(thrum_retry(&o, call, &c), -ECONNREFUSED);
	CALLED_AT(&c, 0, 10, 30);
	is_int(thrum_now(), 30); /* and no pause after it */
	o.attempts = 1;
	c.n = 0;
	is_int(thrum_retry(&o, call, &c), -ECONNREFUSED);
	is_int(c.n, 1);
}

TASK_TEST(factors_of_all_kinds, 1)
{
	struct thrum_retry_options o = plain(5);
	struct calls c = {.failure = -EIO};

	o.factor = 1;
	is_int(thrum_retry(&o, call, &c), -EIO);
	CALLED_AT(&c, 0, 10, 20, 30, 40);
	o.factor = 1.5;
	c.n = 0;
	is_int(thrum_retry(&o, call, &c), -EIO);
	CALLED_AT(&c, 40, 50, 65, 87, 120);
	o.factor = 1e300;
	c.n = 0;
	is_int(thrum_retry(&o, call, &c), -EIO);
	CALLED_AT(&c, 120, 130, 230, 330, 430);
	o.first_ns = 1000; /* more than the most */
	c.n = 0;
	is_int(thrum_retry(&o, call, &c), -EIO);
	CALLED_AT(&c, 430, 530, 630, 730, 830);
}

TASK_TEST(without_pauses, 1)
{
	struct thrum_retry_options o = plain(4);
	struct calls c = {.failure = -EIO};

	o.first_ns = 0;
	o.factor = 1e308;
	is_int(thrum_retry(&o, call, &c), -EIO);
	CALLED_AT(&c, 0, 0, 0, 0);
	o.first_ns = 10;
	o.most_ns = 0;
	c.n = 0;
	is_int(thrum_retry(&o, call, &c), -EIO);
	CALLED_AT(&c, 0, 0, 0, 0);
}

TASK_TEST(pauses_do_not_overflow, 1)
{
	struct thrum_retry_options o = plain(4);
	struct calls c = {.failure = -EIO};
	struct thrum_timeout t;

	o.most_ns = THRUM_FOREVER;
	o.first_ns = INT64_MAX / 16;
	o.factor = 2.5;
	is_int(thrum_retry(&o, call, &c), -EIO);
	is_int(c.n, 4);
	is_int(c.at_ns[1], INT64_MAX / 16);
	must(c.at_ns[2] > INT64_MAX / 16 * 3 && c.at_ns[3] > INT64_MAX / 16 * 9);

	o.attempts = 0;
	o.first_ns = THRUM_FOREVER;
	o.jitter = 1;
	thrum_timeout_begin(&t, 1);
	c.n = 0;
	is_int(thrum_retry(&o, call, &c), -EIO);
	is_int(c.n, 1);
	thrum_timeout_end(&t);
}

static int64_t first_ns;

static intptr_t task_retries_for_ever(void *calls)
{
	struct thrum_retry_options o = plain(0);

	o.first_ns = first_ns;
	o.most_ns = THRUM_FOREVER;
	return thrum_retry(&o, call, calls);
}

/* It is called @calls times, and then never again. */
static void pauses_without_end(int64_t ns, unsigned calls)
{
	struct calls c = {.failure = -EIO};
	struct thrum_future *f;

	first_ns = ns;
	f = thrum_spawn(task_retries_for_ever, &c);
	is_int(thrum_sleep_until(INT64_MAX - 10), 0);
	is_int(c.n, calls);
	is_int(thrum_cancel(f), 0);
	is_int(thrum_join(f), -ECANCELED);
	is_int(c.n, calls);
}

TASK_TEST(a_pause_without_end, 1)
{
	pauses_without_end(THRUM_FOREVER, 1);
}

TASK_TEST(a_pause_that_grows_past_the_end, 1)
{
	pauses_without_end(INT64_MAX / 2 + 1, 2);
}

static bool again_until_five(intptr_t result, void *calls)
{
	struct calls *c = calls;

	c->asked++;
	is_int(result, c->n == c->good ? c->success : c->failure);
	return c->n < 5;
}

TASK_TEST(again_decides, 1)
{
	struct thrum_retry_options o = plain(0);
	struct calls c = {.failure = -EIO, .success = 503, .good = 2};

	o.again = again_until_five;
	is_int(thrum_retry(&o, call, &c), -EIO); /* the success was not good enough either */
	is_int(c.n, 5);
	is_int(c.asked, 5);
	c = (struct calls){.failure = -EIO};
	o.attempts = 3;
	is_int(thrum_retry(&o, call, &c), -EIO);
	is_int(c.n, 3);
}

/* ---- Cancels ---- */

static intptr_t task_retries(void *calls)
{
	struct thrum_retry_options o = plain(0);

	return thrum_retry(&o, call, calls);
}

TASK_TEST(a_cancel_in_a_pause, 2)
{
	/* In the first pause, in the second, ...: as often as it was called. */
	const int64_t at_ns[] = {5, 11, 69, 149, 151};

	for (unsigned i = 0; i < 5; i++) {
		struct calls c = {.failure = -EIO};
		struct thrum_future *f = thrum_spawn(task_retries, &c);
		int64_t begin = thrum_now();

		is_int(thrum_sleep(at_ns[i]), 0);
		is_int(thrum_cancel(f), 0);
		is_int(thrum_join(f), -ECANCELED);
		is_int(c.n, i + 1);
		is_int(thrum_now(), begin + at_ns[i]);
	}
}

TASK_TEST(a_cancel_before, 1)
{
	struct calls c = {.failure = -EIO};
	struct thrum_future *f = thrum_spawn(task_retries, &c);

	is_int(thrum_cancel(f), 0);
	is_int(thrum_join(f), -ECANCELED);
	is_int(c.n, 0);
}

static intptr_t call_sleeps(void *calls)
{
	intptr_t err;

	(void)call(calls);
	err = thrum_sleep(100);
	return err ? err : -EIO;
}

static bool again_always(intptr_t result, void *calls)
{
	(void)result;
	((struct calls *)calls)->asked++;
	return true;
}

static intptr_t task_retries_sleeps(void *calls)
{
	struct thrum_retry_options o = plain(0);

	o.again = again_always;
	return thrum_retry(&o, call_sleeps, calls);
}

TASK_TEST(a_cancel_in_the_function, 1)
{
	struct calls c = {.n = 0};
	struct thrum_future *f = thrum_spawn(task_retries_sleeps, &c);

	is_int(thrum_sleep(150), 0); /* in the second call */
	is_int(thrum_cancel(f), 0);
	is_int(thrum_join(f), -ECANCELED);
	is_int(c.n, 2);
	is_int(c.asked, 1);
	is_int(thrum_now(), 150);
}

/* What the function waited for was cancelled, and not its caller. */
static intptr_t call_awaits_cancelled(void *calls)
{
	struct thrum_future *f = thrum_future_create();

	(void)call(calls);
	is_int(thrum_cancel(f), 0);
	intptr_t result = thrum_await(f);

	thrum_release(f);
	return result;
}

TASK_TEST(the_cancel_of_another_is_a_failure, 1)
{
	struct thrum_retry_options o = plain(3);
	struct calls c = {.n = 0};

	is_int(thrum_retry(&o, call_awaits_cancelled, &c), -ECANCELED);
	CALLED_AT(&c, 0, 10, 30);
}

/* ---- Deadlines ---- */

TASK_TEST(a_pause_past_the_deadline_is_not_begun, 1)
{
	struct thrum_retry_options o = plain(0);
	struct calls c = {.failure = -EIO};
	struct thrum_timeout t;

	thrum_timeout_begin(&t, 69);
	is_int(thrum_retry(&o, call, &c), -EIO);
	CALLED_AT(&c, 0, 10, 30);
	is_int(thrum_now(), 30);
	is_int(thrum_sleep(38), 0); /* what was left of the time */
	must(!thrum_timeout_end(&t));

	c.n = 0;
	thrum_timeout_begin(&t, 30); /* the pause would end at the deadline */
	is_int(thrum_retry(&o, call, &c), -EIO);
	CALLED_AT(&c, 68, 78);
	must(!thrum_timeout_end(&t));

	c.n = 0;
	thrum_timeout_begin(&t, 31);
	is_int(thrum_retry(&o, call, &c), -EIO);
	CALLED_AT(&c, 78, 88, 108);
	must(!thrum_timeout_end(&t));
}

TASK_TEST(a_deadline_that_passed_before, 1)
{
	struct calls c = {.failure = -EIO};
	struct thrum_timeout t;

	thrum_timeout_begin(&t, 0);
	is_int(thrum_retry(NULL, call, &c), -ETIMEDOUT);
	is_int(c.n, 0);
	must(thrum_timeout_end(&t));
}

TASK_TEST(a_deadline_in_the_function, 1)
{
	struct thrum_retry_options o = plain(0);
	struct calls c = {.n = 0};
	struct thrum_timeout t;

	thrum_timeout_begin(&t, 130);
	is_int(thrum_retry(&o, call_sleeps, &c), -ETIMEDOUT);
	CALLED_AT(&c, 0, 110);
	is_int(thrum_now(), 130);
	must(thrum_timeout_end(&t));
}

static intptr_t call_with_timeout(void *calls)
{
	struct thrum_timeout t;
	intptr_t err;

	thrum_timeout_begin(&t, 7);
	err = call_sleeps(calls);
	must(thrum_timeout_end(&t));
	return err;
}

TASK_TEST(a_timeout_of_each_attempt_is_tried_again, 1)
{
	struct thrum_retry_options o = plain(3);
	struct calls c = {.n = 0};

	is_int(thrum_retry(&o, call_with_timeout, &c), -ETIMEDOUT);
	CALLED_AT(&c, 0, 17, 44);
}

/* ---- Jitter ---- */

static void jitter_is(double jitter, int64_t least, int64_t most)
{
	struct thrum_retry_options o = plain(CALLS_MOST);
	int64_t min = INT64_MAX, max = 0, sum = 0;

	o.first_ns = o.most_ns = 1000000;
	o.jitter = jitter;
	for (int i = 0; i < 30; i++) {
		struct calls c = {.failure = -EIO};

		is_int(thrum_retry(&o, call, &c), -EIO);
		for (unsigned k = 1; k < c.n; k++) {
			int64_t pause = c.at_ns[k] - c.at_ns[k - 1];

			min = pause < min ? pause : min;
			max = pause > max ? pause : max;
			sum += pause;
		}
	}
	/* All within; near both ends; the mean of 1890 in the middle. */
	must(min >= least && max <= most);
	must(min - least <= (most - least) / 50 && most - max <= (most - least) / 50);
	must(llabs(sum / (30 * (CALLS_MOST - 1)) - (least + most) / 2) <= (most - least) / 20);
}

TASK_TEST(jitter_is_evenly_distributed, 1)
{
	jitter_is(0, 1000000, 1000000);
	jitter_is(0.25, 750000, 1000000);
	jitter_is(0.5, 500000, 1000000);
	jitter_is(1, 0, 1000000);
}

static intptr_t task_pauses(void *calls)
{
	struct thrum_retry_options o = plain(20);

	o.first_ns = 1000;
	o.most_ns = THRUM_SEC(1);
	o.jitter = 1;
	return thrum_retry(&o, call, calls);
}

static void pauses_of(uint64_t seed, struct calls *c)
{
	struct thrum_config config = config_of(1, THRUM_CLOCK_VIRTUAL);

	*c = (struct calls){.failure = -EIO};
	config.seed = seed;
	is_int(thrum_run_with(&config, task_pauses, c), -EIO);
}

START_TEST(a_seed_makes_a_run_the_same)
{
	struct calls a, b, other;

	pauses_of(1234, &a);
	pauses_of(1234, &b);
	pauses_of(1235, &other);
	must(!memcmp(a.at_ns, b.at_ns, sizeof(a.at_ns)));
	must(memcmp(a.at_ns, other.at_ns, sizeof(a.at_ns)));
}
END_TEST

TASK_TEST(those_who_failed_together_come_back_apart, 2)
{
	struct thrum_future *fs[10];
	struct calls c[10];

	for (int i = 0; i < 10; i++) {
		c[i] = (struct calls){.failure = -EIO};
		fs[i] = thrum_spawn(task_pauses, &c[i]);
	}
	for (int i = 0; i < 10; i++)
		is_int(thrum_join(fs[i]), -EIO);
	for (int i = 0; i < 10; i++)
		for (int k = 0; k < i; k++)
			must(memcmp(c[i].at_ns + 1, c[k].at_ns + 1, 19 * sizeof(int64_t)));
}

/* ---- Options ---- */

static void refused(struct thrum_retry_options o)
{
	struct calls c = {.failure = -EIO};

	is_int(thrum_retry(&o, call, &c), -EINVAL);
	is_int(c.n, 0);
}

#define REFUSED(field, value)                             \
	do {                                              \
		struct thrum_retry_options o_ = plain(3); \
		o_.field = (value);                       \
		refused(o_);                              \
	} while (0)

TASK_TEST(options_are_checked, 1)
{
	REFUSED(size, 0);
	REFUSED(size, sizeof(size_t) - 1);
	REFUSED(first_ns, -1);
	REFUSED(first_ns, INT64_MIN);
	REFUSED(most_ns, -1);
	REFUSED(factor, 0.999);
	REFUSED(factor, -2);
	REFUSED(factor, __builtin_inf());
	REFUSED(factor, __builtin_nan(""));
	REFUSED(jitter, -0.001);
	REFUSED(jitter, 1.001);
	REFUSED(jitter, __builtin_nan(""));
	is_int(thrum_retry(NULL, NULL, NULL), -EINVAL);
}

struct later {
	struct thrum_retry_options known;
	uint64_t news[2];
};

TASK_TEST(options_of_other_versions, 1)
{
	struct later l = {.known = plain(2)};
	struct calls c = {.failure = -EIO};

	l.known.size = sizeof(l);
	is_int(thrum_retry(&l.known, call, &c), -EIO);
	is_int(c.n, 2);
	l.news[1] = 1;
	is_int(thrum_retry(&l.known, call, &c), -E2BIG);
	is_int(c.n, 2);

	/* One that ends before `factor`: the rest is the default. */
	l.known = (struct thrum_retry_options){
	    .size = offsetof(struct thrum_retry_options, factor),
	    .attempts = 3,
	    .factor = -1,
	    .jitter = -1,
	};
	is_int(thrum_retry(&l.known, call, &c), -EIO);
	is_int(c.n, 5);
}

TASK_TEST(the_defaults, 1)
{
	struct calls c = {.failure = -EIO};

	is_int(thrum_retry(NULL, call, &c), -EIO);
	is_int(c.n, 5);
	must(c.at_ns[4] > 0 && c.at_ns[4] <= THRUM_MS(1500));
}

START_TEST(outside_tasks)
{
	struct calls c = {.failure = -EIO};

	is_int(thrum_retry(NULL, call, &c), -EPERM);
	is_int(c.n, 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    what_succeeds_is_called_once,
	    pauses_grow_up_to_the_most,
	    the_last_failure_is_returned,
	    factors_of_all_kinds,
	    without_pauses,
	    pauses_do_not_overflow,
	    a_pause_without_end,
	    a_pause_that_grows_past_the_end,
	    again_decides,
	    a_cancel_in_a_pause,
	    a_cancel_before,
	    a_cancel_in_the_function,
	    the_cancel_of_another_is_a_failure,
	    a_pause_past_the_deadline_is_not_begun,
	    a_deadline_that_passed_before,
	    a_deadline_in_the_function,
	    a_timeout_of_each_attempt_is_tried_again,
	    jitter_is_evenly_distributed,
	    a_seed_makes_a_run_the_same,
	    those_who_failed_together_come_back_apart,
	    options_are_checked,
	    options_of_other_versions,
	    the_defaults,
	    outside_tasks,
	};

	return RUN_TESTS("retry", tests);
}
