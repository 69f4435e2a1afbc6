/* SPDX-License-Identifier: MIT */
/*
 * test_watch.c - watches: the last value and its version, waits for another one, close; what cuts
 * these short; who may not wait.
 */
#include "base/os.h"
#include "chan_test.h"
#include "child.h"

static struct thrum_watch *watch_new(uint64_t value)
{
	struct thrum_watch *w = thrum_watch_create(sizeof(value), &value);

	must(w);
	return w;
}

static void set(struct thrum_watch *w, uint64_t value)
{
	is_int(thrum_watch_set(w, &value), 0);
}

static void shows(struct thrum_watch *w, uint64_t version, uint64_t value)
{
	uint64_t got = ~value;

	is_int(thrum_watch_get(w, &got), version);
	is_int(got, value);
	is_int(thrum_watch_get(w, NULL), version);
}

/* A wait in a task of its own. */
struct look {
	struct thrum_watch *w;
	uint64_t version, value;
	int64_t deadline_ns;
};

static intptr_t task_looks(void *look)
{
	struct look *k = look;

	return thrum_watch_next_until(k->w, &k->version, &k->value, k->deadline_ns);
}

static intptr_t task_looks_for_ever(void *look)
{
	struct look *k = look;

	return thrum_watch_next(k->w, &k->version, &k->value);
}

static const thrum_fn waits[] = {task_looks, task_looks_for_ever};

static struct look look_at(struct thrum_watch *w, uint64_t version)
{
	return (struct look){w, version, 50, THRUM_FOREVER};
}

static void has_seen(const struct look *k, uint64_t version, uint64_t value)
{
	is_int(k->version, version);
	is_int(k->value, value);
}

/* ---- Values ---- */

/* @n bytes of @value, and nothing written around them. */
static void is_filled(const unsigned char *bytes, size_t n, int value)
{
	must(bytes[0] == 0xa5 && bytes[n + 1] == 0xa5);
	for (size_t i = 1; i <= n; i++)
		is_int(bytes[i], value);
}

START_TEST(values_of_any_size)
{
	static const size_t sizes[] = {0, 1, 8, 24, THRUM_CHAN_ITEM_MAX};

	for (int i = 0; i < 5; i++) {
		unsigned char *in = malloc(sizes[i] + 1), *out = malloc(sizes[i] + 2);
		struct thrum_watch *w;

		must(in && out);
		memset(in, 1, sizes[i]);
		w = thrum_watch_create(sizes[i], in);
		must(w);
		for (int k = 1; k < 5; k++) {
			memset(in, 99, sizes[i]); /* it has been copied */
			memset(out, 0xa5, sizes[i] + 2);
			is_int(thrum_watch_get(w, out + 1), k);
			is_filled(out, sizes[i], k);
			memset(in, k + 1, sizes[i]);
			is_int(thrum_watch_set(w, in), 0);
		}
		thrum_watch_release(w);
		free(in);
		free(out);
	}
	must(!thrum_watch_create(THRUM_CHAN_ITEM_MAX + 1, ""));
	must(!thrum_watch_create(SIZE_MAX, ""));
	thrum_watch_retain(NULL);
	thrum_watch_release(NULL);
}
END_TEST

#ifdef THRUM_FAULTS
START_TEST(without_memory_there_is_none)
{
	struct thrum_watch *w;

	thrum__fault_set(1, false);
	w = thrum_watch_create(8, "12345678");
	thrum__fault_set(0, false);
	must(!w);
}
END_TEST
#endif

START_TEST(the_last_reference_takes_it_along)
{
	struct thrum_watch *w = watch_new(1);

	thrum_watch_retain(w);
	thrum_watch_release(w);
	shows(w, 1, 1);
	thrum_watch_release(w);
}
END_TEST

/* ---- Versions ---- */

START_TEST(each_set_has_a_version)
{
	struct thrum_watch *w = watch_new(7);

	shows(w, 1, 7);
	for (uint64_t i = 0; i < 5; i++) {
		set(w, 7); /* the same value is another one */
		shows(w, 2 + i, 7);
	}
	thrum_watch_close(w);
	shows(w, 6, 7);
	is_int(thrum_watch_set(w, &(uint64_t){9}), -EPIPE);
	shows(w, 6, 7);
	thrum_watch_close(w);
	shows(w, 6, 7);
	thrum_watch_release(w);
}
END_TEST

TASK_TEST(what_was_not_seen_is_there_at_once, 1)
{
	struct thrum_watch *w = watch_new(7);
	struct look k = look_at(w, 0);

	for (int i = 0; i < 2; i++) {
		k = look_at(w, 0); /* any will do */
		is_int(waits[i](&k), 0);
		has_seen(&k, 1, 7);
		k = look_at(w, 99); /* another one than that */
		is_int(waits[i](&k), 0);
		has_seen(&k, 1, 7);
	}
	set(w, 8);
	set(w, 9); /* what came between is not seen */
	k.deadline_ns = 0;
	is_int(task_looks(&k), 0);
	has_seen(&k, 3, 9);
	is_int(task_looks(&k), -ETIMEDOUT);
	has_seen(&k, 3, 9);
	set(w, 10);
	is_int(thrum_watch_next(w, &k.version, NULL), 0);
	has_seen(&k, 4, 9);
	thrum_watch_release(w);
}

/* Few, as many as are let go at a time, more. */
static const unsigned crowds[] = {1, 2, THRUM__AT_A_TIME, THRUM__AT_A_TIME + 1, 80};

TASK_TEST(all_that_wait_are_woken, 1)
{
	for (int i = 0; i < 5; i++) {
		struct thrum_watch *w = watch_new(1);
		struct thrum_future *f[80];
		struct look k[80];

		for (unsigned n = 0; n < crowds[i]; n++) {
			k[n] = look_at(w, 1);
			f[n] = stands(waits[n % 2], &k[n]);
		}
		set(w, 2);
		set(w, 3);
		for (unsigned n = 0; n < crowds[i]; n++) {
			is_int(thrum_join(f[n]), 0);
			has_seen(&k[n], 3, 3);
			f[n] = stands(waits[n % 2], &k[n]);
		}
		thrum_watch_close(w);
		for (unsigned n = 0; n < crowds[i]; n++) {
			is_int(thrum_join(f[n]), -EPIPE);
			has_seen(&k[n], 3, 3);
		}
		thrum_watch_release(w);
	}
}

TASK_TEST(the_last_value_is_seen_after_the_close, 1)
{
	struct thrum_watch *w = watch_new(1);
	struct look k = look_at(w, 1);

	set(w, 2);
	thrum_watch_close(w);
	is_int(task_looks(&k), 0);
	has_seen(&k, 2, 2);
	is_int(task_looks(&k), -EPIPE);
	is_int(task_looks_for_ever(&k), -EPIPE);
	has_seen(&k, 2, 2);
	k = look_at(w, 0);
	is_int(task_looks_for_ever(&k), 0);
	has_seen(&k, 2, 2);
	thrum_watch_release(w);
}

/* ---- Cut short ---- */

TASK_TEST(a_cancelled_wait_sees_nothing, 1)
{
	for (int i = 0; i < 4; i++) {
		struct thrum_watch *w = watch_new(1);
		struct look k = look_at(w, 1);
		struct thrum_future *f = stands(waits[i % 2], &k);

		if (i < 2)
			set(w, 2);
		is_int(thrum_cancel(f), 0);
		if (i >= 2)
			set(w, 2);
		is_int(thrum_join(f), i < 2 ? 0 : -ECANCELED);
		if (i < 2)
			has_seen(&k, 2, 2);
		else
			has_seen(&k, 1, 50);
		thrum_watch_release(w);
	}
}

static intptr_t task_is_asked_before(void *look)
{
	is_int(thrum_cancel(thrum_self()), 0);
	for (int i = 0; i < 2; i++)
		is_int(waits[i](look), -ECANCELED);
	return 0;
}

TASK_TEST(one_who_was_cancelled_sees_nothing, 1)
{
	struct thrum_watch *w = watch_new(1);
	struct look k = look_at(w, 0);

	is_int(thrum_join(thrum_spawn(task_is_asked_before, &k)), 0);
	has_seen(&k, 0, 50);
	thrum_watch_release(w);
}

TASK_TEST(a_late_wait_sees_nothing, 1)
{
	struct thrum_watch *w = watch_new(1);

	for (int i = 0; i < 2; i++) {
		struct look k = look_at(w, 1);
		int64_t start = thrum_now();
		struct thrum_timeout t;

		k.deadline_ns = start + 10;
		thrum_timeout_begin(&t, i ? 10 : 20);
		is_int(waits[i](&k), -ETIMEDOUT);
		is_int(thrum_timeout_end(&t), i);
		is_int(thrum_now(), start + 10);
		has_seen(&k, 1, 50);
	}
	thrum_watch_release(w);
}

/* ---- Many, on two workers and threads ---- */

/* Its version, all over: what is torn is seen. */
#define WORDS 512

struct page {
	uint64_t words[WORDS];
};

static struct page page_of(uint64_t version)
{
	struct page p;

	for (int i = 0; i < WORDS; i++)
		p.words[i] = version;
	return p;
}

struct show {
	struct thrum_watch *w;
	unsigned n;
};

static void is_whole(const struct page *p, uint64_t version)
{
	for (int i = 0; i < WORDS; i++)
		is_int(p->words[i], version);
}

static intptr_t look_at_all(void *show)
{
	struct show *s = show;
	struct page p = page_of(0);
	uint64_t version = 0, last = 0;
	int err;

	while ((err = thrum_watch_next(s->w, &version, &p)) == 0) {
		must(version > last);
		is_whole(&p, version);
		last = version;
	}
	is_int(err, -EPIPE);
	is_int(last, s->n);
	return 0;
}

/* Again and again, beside those that wait. */
static void *thread_looks(void *show)
{
	struct show *s = show;
	struct page p = page_of(0);
	uint64_t version;

	do {
		version = thrum_watch_get(s->w, &p);
		is_whole(&p, version);
	} while (version < s->n);
	return as_arg(look_at_all(show));
}

static intptr_t show_all(void *show)
{
	struct show *s = show;
	pthread_t thread = thread_of(thread_looks, s);
	struct thrum_future *fs[4];

	for (int i = 0; i < 4; i++)
		must((fs[i] = thrum_spawn(look_at_all, s)));
	for (uint64_t i = 2; i <= s->n; i++) {
		struct page p = page_of(i);

		is_int(thrum_watch_set(s->w, &p), 0);
		if (i % 5 == 0)
			is_int(thrum_yield(), 0);
	}
	thrum_watch_close(s->w);
	for (int i = 0; i < 4; i++)
		is_int(thrum_join(fs[i]), 0);
	thread_end(thread);
	return 0;
}

START_TEST(many_look_beside_the_sets)
{
	struct page first = page_of(1);
	struct show s = {thrum_watch_create(sizeof(first), &first), scaled(30000) + 200};

	must(s.w);
	is_int(run_real(2, show_all, &s), 0);
	thrum_watch_release(s.w);
}
END_TEST

/* ---- Who may not wait ---- */

static void in_a_callback(struct thrum_future *f, void *watch)
{
	struct look k = look_at(watch, 0);

	(void)f;
	for (int i = 0; i < 2; i++)
		is_int(waits[i](&k), -EDEADLK);
	has_seen(&k, 0, 50);
	shows(watch, 1, 1);
	set(watch, 2);
	thrum_watch_close(watch);
}

TASK_TEST(a_callback_may_not_wait, 1)
{
	struct thrum_watch *w = watch_new(1);
	struct thrum_future *f = thrum_spawn(task_return, NULL);

	is_int(thrum_future_on_done(f, in_a_callback, w), 0);
	is_int(thrum_join(f), 0);
	settle();
	shows(w, 2, 2);
	thrum_watch_release(w);
}

static struct thrum_watch *inherited;

static void in_a_child(void)
{
	struct look k = look_at(inherited, 0);

	for (int i = 0; i < 2; i++)
		is_int(waits[i](&k), -ENOTSUP);
	is_int(thrum_watch_set(inherited, &k.value), -ENOTSUP);
	is_int(thrum_watch_get(inherited, &k.value), 0);
	has_seen(&k, 0, 50);
	thrum_watch_close(inherited);
	thrum_watch_release(inherited);
}

TASK_TEST(a_forked_child_does_nothing, 1)
{
	char err[2000];
	int status;

	inherited = watch_new(1);
	status = child_run(in_a_child, err, sizeof(err));
	is_text(err, "");
	is_int(status, 0);
	shows(inherited, 1, 1);
	thrum_watch_release(inherited);
}

int main(void)
{
	const TTest *const tests[] = {
	    values_of_any_size,
#ifdef THRUM_FAULTS
	    without_memory_there_is_none,
#endif
	    the_last_reference_takes_it_along,
	    each_set_has_a_version,
	    what_was_not_seen_is_there_at_once,
	    all_that_wait_are_woken,
	    the_last_value_is_seen_after_the_close,
	    a_cancelled_wait_sees_nothing,
	    one_who_was_cancelled_sees_nothing,
	    a_late_wait_sees_nothing,
	    many_look_beside_the_sets,
	    a_callback_may_not_wait,
	    a_forked_child_does_nothing,
	};

	return RUN_TESTS_FOR("watch", 60, tests);
}
