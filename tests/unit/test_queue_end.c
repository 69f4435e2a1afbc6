/* SPDX-License-Identifier: MIT */
/*
 * test_queue_end.c - queues that are shut down, now or when they are empty; what is dropped; what
 * cuts their waits short; who may not wait at one; what is asserted.
 */
#include "child.h"
#include "queue_call.h"

/* ---- Shutdown ---- */

TASK_TEST(shutdown_leaves_what_is_in_it, 1)
{
	struct thrum_queue *q = queue_new(THRUM_QUEUE_PRIORITY, 2);
	struct queue_call putter = queue_call(q, 7), k = queue_call(q, 0);
	struct thrum_future *p, *j;

	put(q, 5);
	put(q, 4);
	p = stands(task_put, &putter);
	j = stands(task_join, &k);
	thrum_queue_shutdown(q, false);
	is_int(thrum_join(p), -EPIPE);
	is_int(thrum_queue_try_put(q, &k.item), -EPIPE);
	is_int(thrum_queue_put(q, &k.item), -EPIPE);
	is_int(thrum_queue_put_until(q, &k.item, 0), -EPIPE);
	is_int(thrum_queue_count(q), 2);
	is_got(q, 4);
	thrum_queue_task_done(q);
	is_int(thrum_queue_get(q, &k.item), 0);
	is_int(k.item, 5);
	is_int(thrum_queue_get(q, &k.item), -EPIPE);
	is_int(thrum_queue_get_until(q, &k.item, 0), -EPIPE);
	gives_nothing(q, -EPIPE);
	is_int(k.item, 5);
	settle();
	must(!thrum_done(j)); /* one is being dealt with */
	thrum_queue_shutdown(q, false);
	thrum_queue_task_done(q);
	is_int(thrum_join(j), 0);
	is_int(thrum_queue_join(q), 0);
	thrum_queue_release(q);
}

TASK_TEST(shutdown_now_takes_what_is_in_it, 1)
{
	for (int order = THRUM_QUEUE_FIFO; order <= THRUM_QUEUE_PRIORITY; order++)
		for (int got = 0; got < 2; got++) {
			struct thrum_queue *q = queue_new(order, 3);
			struct queue_call putter = queue_call(q, 7), k = queue_call(q, 0);
			struct thrum_future *p, *j;

			put(q, 5);
			put(q, 5);
			put(q, 5);
			if (got) {
				is_got(q, 5);
				put(q, 5);
			}
			p = stands(task_put, &putter);
			j = stands(task_join, &k);
			if (got) /* shut down already */
				thrum_queue_shutdown(q, false);
			thrum_queue_shutdown(q, true);
			is_int(thrum_join(p), -EPIPE);
			is_int(thrum_queue_count(q), 0);
			gives_nothing(q, -EPIPE);
			is_int(thrum_queue_try_put(q, &k.item), -EPIPE);
			settle();
			is_int(thrum_done(j), !got);
			if (got)
				thrum_queue_task_done(q);
			is_int(thrum_join(j), 0);
			thrum_queue_shutdown(q, true);
			is_int(thrum_queue_join(q), 0);
			thrum_queue_release(q);
		}
}

TASK_TEST(shutdown_refuses_those_that_wait_to_get, 1)
{
	for (int now = 0; now < 2; now++) {
		struct thrum_queue *q = queue_new(THRUM_QUEUE_LIFO, 1);
		struct queue_call k[2] = {queue_call(q, 8), queue_call(q, 8)};
		struct thrum_future *f[2] = {stands(task_get, &k[0]), stands(task_get, &k[1])};

		thrum_queue_shutdown(q, now);
		for (int i = 0; i < 2; i++) {
			is_int(thrum_join(f[i]), -EPIPE);
			is_int(k[i].item, 8);
		}
		thrum_queue_release(q);
	}
}

/* ---- What is dropped ---- */

static struct thrum_queue *dropping;
static uint64_t dropped; /* a bit for each item */

/* Not while the queue is held: it may be looked at, as long as it is there. */
static void drop_bit(void *item)
{
	uint64_t bit = (uint64_t)1 << *(uint64_t *)item;

	must(!(dropped & bit));
	dropped |= bit;
	if (dropping)
		is_int(thrum_queue_count(dropping), 0);
}

static struct thrum_queue *dropping_new(int order)
{
	struct thrum_queue *q = thrum_queue_create_drop(
	    order, sizeof(uint64_t), 4, order == THRUM_QUEUE_PRIORITY ? by_value : NULL, drop_bit);

	must(q);
	dropped = 0;
	put(q, 6); /* so that a ring's end is crossed */
	is_got(q, 6);
	for (uint64_t i = 0; i < 4; i++)
		put(q, i);
	return q;
}

TASK_TEST(what_goes_with_a_queue_is_dropped, 1)
{
	for (int order = THRUM_QUEUE_FIFO; order <= THRUM_QUEUE_PRIORITY; order++) {
		struct thrum_queue *q = dropping_new(order);

		thrum_queue_shutdown(q, false);
		is_int(dropped, 0);
		is_got(q, order == THRUM_QUEUE_LIFO ? 3 : 0);
		thrum_queue_retain(q);
		thrum_queue_release(q);
		is_int(dropped, 0);
		thrum_queue_release(q);
		is_int(dropped, order == THRUM_QUEUE_LIFO ? 7 : 14);
	}
}

TASK_TEST(what_goes_with_a_shutdown_is_dropped, 1)
{
	for (int order = THRUM_QUEUE_FIFO; order <= THRUM_QUEUE_PRIORITY; order++) {
		dropping = dropping_new(order);
		thrum_queue_task_done(dropping);
		thrum_queue_shutdown(dropping, true);
		is_int(dropped, 15);
		is_int(thrum_queue_join(dropping), 0);
		dropped = 0;
		thrum_queue_shutdown(dropping, true);
		thrum_queue_release(dropping);
		is_int(dropped, 0);
		dropping = NULL;
	}
	must(!thrum_queue_create_drop(THRUM_QUEUE_FIFO, 8, 0, NULL, drop_bit));
	must(!thrum_queue_create_drop(THRUM_QUEUE_PRIORITY, 8, 1, NULL, drop_bit));
}

/* Items without size, too. */
static void drop_nothing(void *item)
{
	must(item);
	dropped++;
}

START_TEST(items_without_size_are_dropped)
{
	for (int shut = 0; shut < 2; shut++) {
		struct thrum_queue *q =
		    thrum_queue_create_drop(THRUM_QUEUE_LIFO, 0, 4, NULL, drop_nothing);

		must(q);
		dropped = 0;
		is_int(thrum_queue_try_put(q, &shut) | thrum_queue_try_put(q, &shut), 0);
		if (shut)
			thrum_queue_shutdown(q, true);
		thrum_queue_release(q);
		is_int(dropped, 2);
	}
}
END_TEST

/* ---- Cut short ---- */

static const thrum_fn waits[] = {task_put,          task_get,          task_join,
				 task_put_for_ever, task_get_for_ever, task_join_for_ever};

/* A queue at which call @i must wait. */
static struct thrum_queue *blocked(int i)
{
	struct thrum_queue *q = queue_new(THRUM_QUEUE_FIFO, 1);

	put(q, 1);
	if (i % 3 == 1)
		is_got(q, 1);
	return q;
}

static void is_as_before(struct thrum_queue *q, int i)
{
	if (i % 3 != 1)
		is_got(q, 1);
	gives_nothing(q, -EAGAIN);
	is_int(thrum_queue_join_until(q, 0), -ETIMEDOUT);
	thrum_queue_task_done(q);
	is_int(thrum_queue_join_until(q, 0), 0);
	thrum_queue_release(q);
}

TASK_TEST(a_cancelled_call_does_nothing, 1)
{
	for (int i = 0; i < 6; i++) {
		struct thrum_queue *q = blocked(i);
		struct queue_call k = queue_call(q, 50);
		struct thrum_future *f = stands(waits[i], &k);

		is_int(thrum_cancel(f), 0);
		is_int(thrum_join(f), -ECANCELED);
		is_int(k.item, 50);
		is_as_before(q, i);
	}
}

TASK_TEST(a_late_call_does_nothing, 1)
{
	for (int i = 0; i < 6; i++) {
		struct thrum_queue *q = blocked(i);
		struct queue_call k = {q, 50, thrum_now() + (i < 3 ? 10 : 0)};
		struct thrum_timeout t;
		int64_t start = thrum_now();

		thrum_timeout_begin(&t, i < 3 ? 20 : 10);
		is_int(waits[i](&k), -ETIMEDOUT);
		is_int(thrum_timeout_end(&t), i >= 3);
		is_int(thrum_now(), start + 10);
		is_int(k.item, 50);
		is_as_before(q, i);
	}
}

/* Whether it would wait or not. */
static intptr_t task_is_asked_before(void *call)
{
	struct queue_call *k = call;

	is_int(thrum_cancel(thrum_self()), 0);
	for (int i = 0; i < 6; i++)
		is_int(waits[i](k), -ECANCELED);
	thrum_queue_task_done(k->q);
	is_int(thrum_queue_join(k->q), -ECANCELED);
	return 0;
}

TASK_TEST(a_call_of_one_who_was_cancelled_does_nothing, 1)
{
	struct thrum_queue *q = queue_new(THRUM_QUEUE_FIFO, 2);
	struct queue_call k = queue_call(q, 50);

	put(q, 1);
	put(q, 2);
	is_got(q, 1);
	is_int(thrum_join(thrum_spawn(task_is_asked_before, &k)), 0);
	is_int(k.item, 50);
	is_int(thrum_queue_count(q), 1);
	is_got(q, 2);
	thrum_queue_release(q);
}

/* ---- Who may not wait ---- */

static void in_a_callback(struct thrum_future *f, void *queue)
{
	struct queue_call k = {queue, 50, 0};

	(void)f;
	for (int i = 0; i < 6; i++)
		is_int(waits[i](&k), -EDEADLK);
	put(queue, 2);
	is_got(queue, 1);
	thrum_queue_task_done(queue);
	is_int(thrum_queue_count(queue), 1);
	thrum_queue_shutdown(queue, true);
	thrum_queue_release(queue);
}

TASK_TEST(a_callback_may_only_try, 1)
{
	struct thrum_queue *q = queue_new(THRUM_QUEUE_FIFO, 2);
	struct thrum_future *f = thrum_spawn(task_return, NULL);

	put(q, 1);
	thrum_queue_retain(q);
	is_int(thrum_future_on_done(f, in_a_callback, q), 0);
	is_int(thrum_join(f), 0);
	settle();
	gives_nothing(q, -EPIPE);
	is_int(thrum_queue_join(q), 0);
	thrum_queue_release(q);
}

static struct thrum_queue *shared;

static void in_a_child(void)
{
	struct queue_call k = {shared, 50, 0};

	for (int i = 0; i < 6; i++)
		is_int(waits[i](&k), -ENOTSUP);
	is_int(thrum_queue_try_put(shared, &k.item), -ENOTSUP);
	gives_nothing(shared, -ENOTSUP);
	thrum_queue_task_done(shared);
	thrum_queue_shutdown(shared, true);
	is_int(thrum_queue_count(shared), 0);
	thrum_queue_release(shared);
}

TASK_TEST(a_forked_child_does_nothing, 1)
{
	char err[2000];
	int status;

	shared = queue_new(THRUM_QUEUE_PRIORITY, 2);
	put(shared, 4);
	status = child_run(in_a_child, err, sizeof(err));
	is_text(err, "");
	is_int(status, 0);
	is_got(shared, 4);
	is_int(thrum_queue_try_put(shared, &(uint64_t){1}), 0);
	thrum_queue_release(shared);
}

static void *thread_works(void *queue)
{
	uint64_t item;

	while (thrum_queue_get(queue, &item) == 0)
		thrum_queue_task_done(queue);
	return NULL;
}

START_TEST(threads_put_get_and_join)
{
	for (int order = THRUM_QUEUE_FIFO; order <= THRUM_QUEUE_PRIORITY; order++) {
		struct thrum_queue *q = queue_new(order, 2);
		pthread_t worker = thread_of(thread_works, q);

		for (uint64_t i = 0; i < scaled(5000) + 100; i++)
			is_int(thrum_queue_put(q, &i), 0);
		is_int(thrum_queue_join(q), 0);
		is_int(thrum_queue_count(q), 0);
		thrum_queue_shutdown(q, false);
		thread_end(worker);
		thrum_queue_release(q);
	}
}
END_TEST

/* ---- Tasks that are cancelled and threads that are late, until it is shut down ---- */

/* Items, and the sum of what they are. */
struct tally {
	struct atomic64 n, sum;
};

static struct thrum_queue *market;
static struct tally offered, taken, thrown_away;
static struct atomic64 numbers, late, cancelled;

static void count(struct tally *t, uint64_t item)
{
	fetch_add_relaxed(&t->n, 1);
	fetch_add_relaxed(&t->sum, item);
}

static void throw_away(void *item)
{
	count(&thrown_away, *(uint64_t *)item);
}

static int64_t soon(uint64_t n)
{
	return n % 3 ? THRUM_FOREVER : thrum_now() + THRUM_US((int64_t)(n % 40));
}

/* Both until something but a deadline ends them: what. */
static int offer(void)
{
	for (;;) {
		uint64_t item = fetch_add_relaxed(&numbers, 1) * 0x9E3779B97F4A7C15u;
		int err = thrum_queue_put_until(market, &item, soon(item));

		if (!err)
			count(&offered, item);
		else if (err == -ETIMEDOUT)
			fetch_add_relaxed(&late, 1);
		else
			return err;
	}
}

static int demand(void)
{
	for (uint64_t n = 0;; n++) {
		uint64_t item;
		int err = thrum_queue_get_until(market, &item, soon(n));

		if (!err) {
			count(&taken, item);
			thrum_queue_task_done(market);
		} else if (err == -ETIMEDOUT) {
			fetch_add_relaxed(&late, 1);
		} else {
			return err;
		}
	}
}

static intptr_t task_trades(void *offers)
{
	int err = offers ? offer() : demand();

	must(err == -ECANCELED || err == -EPIPE);
	return err;
}

static void *thread_trades(void *offers)
{
	is_int(offers ? offer() : demand(), -EPIPE);
	return NULL;
}

/* What shutdown finds waiting ends as the threads do. */
static intptr_t task_cancels(void *now)
{
	struct thrum_future *fs[4];

	for (unsigned i = 0; i < 4; i++)
		must((fs[i] = thrum_spawn(task_trades, as_arg(i % 2))));
	for (unsigned i = 0; i < scaled(400) + 40; i++) {
		unsigned k = i % 4;

		for (unsigned n = 0; n < i % 5; n++)
			is_int(thrum_yield(), 0);
		is_int(thrum_cancel(fs[k]), 0);
		is_int(thrum_join(fs[k]), -ECANCELED);
		fetch_add_relaxed(&cancelled, 1);
		must((fs[k] = thrum_spawn(task_trades, as_arg(k % 2))));
	}
	thrum_queue_shutdown(market, now);
	for (unsigned i = 0; i < 4; i++)
		is_int(thrum_join(fs[i]), -EPIPE);
	return 0;
}

static void trade(int order, bool now)
{
	pthread_t threads[4];

	offered = taken = thrown_away = (struct tally){{0}, {0}};
	market =
	    thrum_queue_create_drop(order, sizeof(uint64_t), 3,
				    order == THRUM_QUEUE_PRIORITY ? by_value : NULL, throw_away);
	must(market);
	for (unsigned i = 0; i < 4; i++)
		threads[i] = thread_of(thread_trades, as_arg(i % 2));
	is_int(run_real(2, task_cancels, as_arg(now)), 0);
	for (unsigned i = 0; i < 4; i++)
		thread_end(threads[i]);
	is_int(thrum_queue_join(market), 0); /* all has been dealt with, one way or the other */
	is_int(thrum_queue_count(market), 0);
	must(now || !load_relaxed(&thrown_away.n));
	is_int(load_relaxed(&offered.n), load_relaxed(&taken.n) + load_relaxed(&thrown_away.n));
	must(load_relaxed(&offered.sum) ==
	     load_relaxed(&taken.sum) + load_relaxed(&thrown_away.sum));
	must(load_relaxed(&taken.n));
	thrum_queue_release(market);
}

START_TEST(what_was_put_was_got_or_thrown_away)
{
	for (int order = THRUM_QUEUE_FIFO; order <= THRUM_QUEUE_PRIORITY; order++)
		for (int now = 0; now < 2; now++)
			trade(order, now);
	printf("the last: %ju items; in all: %ju late, %ju cancelled\n",
	       (uintmax_t)load_relaxed(&offered.n), (uintmax_t)load_relaxed(&late),
	       (uintmax_t)load_relaxed(&cancelled));
	must(load_relaxed(&late) && load_relaxed(&cancelled));
}
END_TEST

/* ---- Asserted ---- */

static void done_before_a_put(void)
{
	thrum_queue_task_done(queue_new(THRUM_QUEUE_FIFO, 3));
}

static void done_before_a_get(void)
{
	struct thrum_queue *q = queue_new(THRUM_QUEUE_FIFO, 3);

	put(q, 1);
	thrum_queue_task_done(q);
}

static void done_twice(void)
{
	struct thrum_queue *q = queue_new(THRUM_QUEUE_FIFO, 3);

	put(q, 1);
	put(q, 2);
	is_got(q, 1);
	thrum_queue_task_done(q);
	thrum_queue_task_done(q);
}

/* What was thrown away counts as done. */
static void done_after_a_shutdown_now(void)
{
	struct thrum_queue *q = queue_new(THRUM_QUEUE_FIFO, 3);

	put(q, 1);
	put(q, 2);
	is_got(q, 1);
	thrum_queue_shutdown(q, true);
	thrum_queue_task_done(q);
	thrum_queue_task_done(q);
}

START_TEST(task_done_more_often_than_got_is_asserted)
{
	void (*const wrong[])(void) = {done_before_a_put, done_before_a_get, done_twice,
				       done_after_a_shutdown_now};
	char err[2000];

	for (int i = 0; i < 4; i++) {
		must(WIFSIGNALED(child_run(wrong[i], err, sizeof(err))));
		has_text(err, "task_done is called once for each item that was got");
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    shutdown_leaves_what_is_in_it,
	    shutdown_now_takes_what_is_in_it,
	    shutdown_refuses_those_that_wait_to_get,
	    what_goes_with_a_queue_is_dropped,
	    what_goes_with_a_shutdown_is_dropped,
	    items_without_size_are_dropped,
	    a_cancelled_call_does_nothing,
	    a_late_call_does_nothing,
	    a_call_of_one_who_was_cancelled_does_nothing,
	    a_callback_may_only_try,
	    a_forked_child_does_nothing,
	    threads_put_get_and_join,
	    what_was_put_was_got_or_thrown_away,
	    task_done_more_often_than_got_is_asserted,
	};

	return RUN_TESTS_FOR("queue_end", 60, tests);
}
