/* SPDX-License-Identifier: MIT */
/*
 * test_chan_outside.c - channels used by threads that are no workers, with no runtime and beside
 * several; where nobody may wait: in callbacks, in a forked child, without memory for a timer.
 */
#include "base/os.h"
#include "chan_calls.h"
#include "child.h"

static void *thread_recv(void *call)
{
	return task_recv(call) ? call : NULL;
}

/* Until @n wait. */
static void await_receivers(struct thrum_chan *c, size_t n)
{
	while (receivers_of(c) != n)
		thread_yield();
}

static void await_senders(struct thrum_chan *c, size_t n)
{
	while (senders_of(c) != n)
		thread_yield();
}

/* ---- No runtime ---- */

static void *thread_sends(void *call)
{
	struct word_call *k = call;

	for (uint64_t i = 1; i <= k->item; i++)
		is_int(thrum_chan_send(k->c, &i), 0);
	return NULL;
}

START_TEST(threads_need_no_runtime)
{
	for (size_t capacity = 0; capacity < 3; capacity++) {
		struct thrum_chan *c = words_new(capacity);
		struct word_call k = call_at(c, 500);
		pthread_t sender = thread_of(thread_sends, &k);
		uint64_t item;

		for (uint64_t i = 1; i <= 500; i++) {
			is_int(thrum_chan_recv(c, &item), 0);
			is_int(item, i);
		}
		thread_end(sender);
		is_at_rest(c, 0);
		chan_end(c);
	}
}
END_TEST

START_TEST(a_thread_s_wait_has_its_end)
{
	struct thrum_chan *c = words_new(1);
	uint64_t item = 5, items[2] = {6, 6};
	int64_t until = thrum_now() + THRUM_MS(1);

	is_int(thrum_chan_recv_until(c, &item, 0), -ETIMEDOUT);
	is_int(thrum_chan_recv_until(c, &item, until), -ETIMEDOUT);
	must(thrum_now() >= until);
	is_int(thrum_chan_recv_many(c, items, 2, thrum_now() + 1000), -ETIMEDOUT);
	is_int(item == 5 && items[0] == 6, 1);
	is_int(thrum_chan_send_until(c, &item, 0), 0);
	is_int(thrum_chan_send_until(c, &item, 0), -ETIMEDOUT);
	is_int(thrum_chan_send_until(c, &item, thrum_now() + 1000), -ETIMEDOUT);
	is_int(thrum_chan_reserve_until(c, thrum_now() + 1000), -ETIMEDOUT);
	is_at_rest(c, 1);
	is_int(thrum_chan_recv_many(c, items, 2, 0), 1);
	is_int(items[0] == 5 && items[1] == 6, 1);
	has_nothing(c, -EAGAIN);
	chan_end(c);
}
END_TEST

static void *thread_reserves(void *call)
{
	struct word_call *k = call;

	is_int(thrum_chan_reserve(k->c), 0);
	thrum_chan_commit(k->c, &k->item);
	return NULL;
}

START_TEST(a_thread_waits_for_room)
{
	struct thrum_chan *c = words_new(1);
	struct word_call k = call_at(c, 3);
	pthread_t thread;

	is_int(try_send(c, 2), 0);
	thread = thread_of(thread_reserves, &k);
	await_senders(c, 1);
	is_next(c, 2);
	thread_end(thread);
	is_next(c, 3);
	chan_end(c);
}
END_TEST

/* As many as may wait before a thread needs memory for that. */
#define RESERVED 16

START_TEST(a_close_lets_threads_go)
{
	struct thrum_chan *c = words_new(0);
	struct word_call k[RESERVED];
	pthread_t threads[RESERVED];
	uint64_t sum = 0;
	int late = -ENOMEM;

	for (int i = 0; i < RESERVED; i++) {
		k[i] = call_at(c, 100);
		threads[i] = thread_of(thread_recv, &k[i]);
	}
	await_receivers(c, RESERVED);
#ifdef THRUM_FAULTS
	thrum__fault_set(1, true);
	late = thrum_chan_recv(c, &k[0].item);
	thrum__fault_set(0, false);
#endif
	is_int(late, -ENOMEM);
	is_int(receivers_of(c), RESERVED);
	for (uint64_t i = 1; i < 4; i++)
		is_int(try_send(c, i), 0);
	thrum_chan_close(c);
	for (int i = 0; i < RESERVED; i++) {
		thread_end(threads[i]);
		sum += k[i].item;
	}
	is_int(sum, 1 + 2 + 3 + (RESERVED - 3) * 100); /* each by one, the others none */
	is_at_rest(c, 0);
	chan_end(c);
}
END_TEST

/* ---- Several runtimes ---- */

static intptr_t task_puts(void *chan)
{
	return try_send(chan, 4) | try_send(chan, 5);
}

static intptr_t task_gets(void *chan)
{
	is_next(chan, 4);
	return 0;
}

START_TEST(a_channel_outlives_runtimes)
{
	struct thrum_chan *c = words_new(2);

	is_int(run_real(1, task_puts, c), 0);
	is_int(run_virtual(2, task_gets, c), 0);
	is_next(c, 5);
	is_at_rest(c, 0);
	chan_end(c);
}
END_TEST

/* ---- Nobody may wait here ---- */

#ifdef THRUM_FAULTS
/* The timer is the first of its runtime. */
TASK_TEST(without_memory_for_its_timer_a_wait_does_not_begin, 1)
{
	struct thrum_chan *c = words_new(0);
	struct word_call k = {c, OWN, THRUM_SEC(1)};
	intptr_t got[3];

	thrum__fault_set(1, true);
	got[0] = task_send(&k);
	got[1] = task_recv(&k);
	got[2] = task_recv_many(&k);
	thrum__fault_set(0, false);
	for (int i = 0; i < 3; i++)
		is_int(got[i], -ENOMEM);
	is_int(k.item, OWN);
	is_at_rest(c, 0);
	has_nothing(c, -EAGAIN);
	chan_end(c);
}
#endif

static struct thrum_future *called;

static void in_a_callback(struct thrum_future *f, void *chan)
{
	struct thrum_chan *c = chan;
	struct word_call k = {c, OWN, 0};

	(void)f;
	for (size_t i = 0; i < KINDS; i++) /* there is room, and an item */
		is_int(kinds[i].fn(&k), -EDEADLK);
	is_int(k.item, OWN);
	is_int(try_send(c, 1), 0);
	is_int(try_send(c, 1), -EAGAIN);
	is_next(c, OLD);
	is_int(thrum_chan_try_reserve(c), 0);
	is_int(thrum_chan_try_recv_many(c, &k.item, 2), 1);
	is_int(k.item, 1);
	thrum_chan_commit(c, &k.item);
	is_int(thrum_chan_try_reserve(c), 0);
	thrum_chan_abandon(c);
	is_int(thrum_chan_count(c), 1);
	thrum_chan_close(c);
	thrum_chan_release(c);
	thrum_future_set(called, 0);
}

/* A task's is made by a worker, a bare future's by the service thread. */
TASK_TEST(a_callback_may_only_try, 1)
{
	for (int bare = 0; bare < 2; bare++) {
		struct thrum_future *f = bare ? future_new() : thrum_spawn(task_return, NULL);
		struct thrum_chan *c = words_new(2);

		called = future_new();
		is_int(try_send(c, OLD), 0);
		thrum_chan_retain(c);
		is_int(thrum_future_on_done(f, in_a_callback, c), 0);
		if (bare)
			is_int(thrum_future_set(f, 0), 0);
		is_int(thrum_join(f), 0);
		is_int(thrum_join(called), 0);
		is_int(thrum_chan_is_closed(c), true);
		is_next(c, 1);
		chan_end(c);
	}
}

static struct thrum_chan *inherited;

static void in_a_child(void)
{
	struct word_call k = {inherited, OWN, 0};
	uint64_t items[2];

	for (size_t i = 0; i < KINDS; i++)
		is_int(kinds[i].fn(&k), -ENOTSUP);
	is_int(try_send(inherited, 1), -ENOTSUP);
	has_nothing(inherited, -ENOTSUP);
	is_int(thrum_chan_try_recv_many(inherited, items, 2), -ENOTSUP);
	is_int(thrum_chan_try_reserve(inherited), -ENOTSUP);
	thrum_chan_commit(inherited, &k.item);
	thrum_chan_abandon(inherited);
	thrum_chan_close(inherited);
	is_int(thrum_chan_is_closed(inherited), false);
	is_int(thrum_chan_count(inherited), 0);
	is_int(inherited->store.count, 1);
	thrum_chan_release(inherited);
	is_int(load_relaxed(&inherited->refs), 1);
}

/* Also while somebody else holds it. */
TASK_TEST(a_forked_child_does_nothing, 1)
{
	char err[2000];
	uint32_t v;
	int status;

	inherited = words_new(2);
	is_int(try_send(inherited, OLD), 0);
	v = thrum__hold(&inherited->word);
	status = child_run(in_a_child, err, sizeof(err));
	thrum__drop(&inherited->word, v);
	is_text(err, "");
	is_int(status, 0);
	is_next(inherited, OLD);
	chan_end(inherited);
}

int main(void)
{
	const TTest *const tests[] = {
	    threads_need_no_runtime,
	    a_thread_s_wait_has_its_end,
	    a_thread_waits_for_room,
	    a_close_lets_threads_go,
	    a_channel_outlives_runtimes,
#ifdef THRUM_FAULTS
	    without_memory_for_its_timer_a_wait_does_not_begin,
#endif
	    a_callback_may_only_try,
	    a_forked_child_does_nothing,
	};

	return RUN_TESTS_FOR("chan_outside", 60, tests);
}
