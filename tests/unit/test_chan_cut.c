/* SPDX-License-Identifier: MIT */
/*
 * test_chan_cut.c - waits at channels that end otherwise: by a cancel, a deadline around them or of
 * their own, before the wait or in it; what is handed over and the end of the wait are one step.
 */
#include "chan_calls.h"

/* A channel at which call @k must wait. */
static struct thrum_chan *blocked(const struct kind *k, size_t capacity)
{
	struct thrum_chan *c = words_new(capacity);

	if (k->what != RECEIVES)
		for (size_t i = 0; i < capacity; i++)
			is_int(try_send(c, OLD), 0);
	return c;
}

/* What it waits for comes about: false: nobody takes it. */
static bool unblock(const struct kind *k, struct thrum_chan *c)
{
	uint64_t item = OLD;

	if (k->what == RECEIVES)
		return thrum_chan_try_send(c, &item) == 0;
	return thrum_chan_try_recv(c, &item) == 0;
}

/* The call has done its part; or none, and the channel is as it was. */
static void check_effect(const struct kind *k, struct thrum_chan *c, const struct word_call *call,
			 bool done)
{
	size_t capacity = c->store.capacity;

	is_int(senders_of(c) + receivers_of(c), 0);
	is_int(call->item, k->what == RECEIVES && done ? OLD : OWN);
	if (k->what == RESERVES && done)
		thrum_chan_commit(c, &call->item);
	else if (k->what == RECEIVES || (!capacity && done))
		is_int(thrum_chan_count(c), 0);
	for (size_t i = 0; k->what != RECEIVES && i < capacity; i++)
		is_next(c, done && i == capacity - 1 ? OWN : OLD);
	has_nothing(c, -EAGAIN);
	is_at_rest(c, 0);
	chan_end(c);
}

/* All calls, with and without room; a reserve needs a channel with room. */
#define EACH_CALL(k, capacity)                                     \
	for (const struct kind *k = kinds; k < kinds + KINDS; k++) \
		for (size_t capacity = k->what == RESERVES; capacity < 3; capacity++)

/* ---- Before ---- */

struct early {
	const struct kind *k;
	struct word_call call;
	bool by_deadline;
};

static intptr_t task_is_early(void *early)
{
	struct early *e = early;
	struct thrum_timeout t;
	intptr_t r;

	if (!e->by_deadline) {
		is_int(thrum_cancel(thrum_self()), 0);
		is_int(e->k->fn(&e->call), -ECANCELED);
		return e->k->fn(&e->call);
	}
	thrum_timeout_begin(&t, 0);
	r = e->k->fn(&e->call);
	must(thrum_timeout_end(&t));
	return r;
}

/* Whether it would have to wait or not. */
TASK_TEST(a_call_that_is_cut_short_before_does_nothing, 1)
{
	for (int how = 0; how < 4; how++)
		EACH_CALL(k, capacity)
		{
			struct thrum_chan *c = words_new(capacity);
			struct early e = {k, call_at(c, OWN), how % 2};

			if (how < 2 && k->what != RECEIVES) /* as if it were to wait */
				for (size_t i = 0; i < capacity; i++)
					is_int(try_send(c, OLD), 0);
			if (how >= 2 && k->what == RECEIVES && capacity)
				is_int(try_send(c, OLD), 0);
			is_int(thrum_join(thrum_spawn(task_is_early, &e)),
			       e.by_deadline ? -ETIMEDOUT : -ECANCELED);
			is_int(e.call.item, OWN);
			is_int(senders_of(c) + receivers_of(c), 0);
			is_int(c->reserved, 0);
			while (thrum_chan_count(c))
				is_next(c, OLD);
			has_nothing(c, -EAGAIN);
			chan_end(c);
		}
}

/* ---- In the wait ---- */

TASK_TEST(a_call_that_is_cancelled_in_its_wait_does_nothing, 1)
{
	EACH_CALL(k, capacity)
	{
		struct thrum_chan *c = blocked(k, capacity);
		struct word_call call = call_at(c, OWN);
		struct thrum_future *f = stands(k->fn, &call);

		is_int(thrum_cancel(f), 0);
		is_int(thrum_join(f), -ECANCELED);
		check_effect(k, c, &call, false);
	}
}

struct timed {
	const struct kind *k;
	struct word_call call;
	int64_t around_ns; /* a timeout's */
	bool told;
};

static intptr_t task_is_timed(void *timed)
{
	struct timed *e = timed;
	struct thrum_timeout outer, t;
	intptr_t r;

	thrum_timeout_begin(&outer, THRUM_SEC(100));
	thrum_timeout_begin_until(&t, e->around_ns);
	r = e->k->fn(&e->call);
	e->told = thrum_timeout_end(&t);
	must(!thrum_timeout_end(&outer));
	return r;
}

/* The deadline around the call, its own, the nearer one of both: what ended it is told.  By a task
 * that runs in place of who joins it, and by one that does not. */
TASK_TEST(a_call_that_is_late_does_nothing, 1)
{
	static const int64_t around[] = {THRUM_FOREVER, 10, 10, 20, 10};
	static const int64_t own[] = {10, THRUM_FOREVER, 20, 10, 10};
	static const bool told[] = {false, true, true, false, false};

	for (int n = 0; n < 10; n++)
		EACH_CALL(k, capacity)
		{
			int i = n / 2;
			struct timed e = {.k = k};
			int64_t now = thrum_now();
			struct thrum_chan *c;

			if (!k->until && own[i] != THRUM_FOREVER)
				continue;
			c = blocked(k, capacity);
			e.call = call_at(c, OWN);
			e.around_ns = around[i] == THRUM_FOREVER ? around[i] : now + around[i];
			if (own[i] != THRUM_FOREVER)
				e.call.deadline_ns = now + own[i];
			is_int(n % 2 ? thrum_join(thrum_spawn(task_is_timed, &e))
				     : task_is_timed(&e),
			       -ETIMEDOUT);
			is_int(thrum_now(), now + 10);
			is_int(e.told, told[i]);
			check_effect(k, c, &e.call, false);
		}
}

/* What is there is had, though its time is over. */
TASK_TEST(what_need_not_wait_has_no_deadline_of_its_own, 1)
{
	EACH_CALL(k, capacity)
	{
		struct thrum_chan *c = blocked(k, capacity);
		struct word_call call = {c, OWN, 0};

		if (k->until)
			is_int(k->fn(&call), -ETIMEDOUT);
		if (capacity && unblock(k, c)) {
			is_int(k->fn(&call), k->done);
			check_effect(k, c, &call, true);
		} else {
			chan_end(c);
		}
	}
}

/* ---- One step decides ---- */

/* It was done before the cancel: then it is. */
TASK_TEST(what_was_done_is_done_though_a_cancel_follows, 1)
{
	EACH_CALL(k, capacity)
	{
		struct thrum_chan *c = blocked(k, capacity);
		struct word_call call = call_at(c, OWN);
		struct thrum_future *f = stands(k->fn, &call);

		is_int(unblock(k, c), true);
		is_int(thrum_cancel(f), 0);
		is_int(thrum_join(f), k->done);
		check_effect(k, c, &call, true);
	}
}

/* The cancel was first: nobody takes part any more, though it has not run yet. */
TASK_TEST(what_was_cancelled_takes_no_part, 1)
{
	EACH_CALL(k, capacity)
	{
		struct thrum_chan *c = blocked(k, capacity);
		struct word_call call = call_at(c, OWN);
		struct thrum_future *f = stands(k->fn, &call);

		is_int(thrum_cancel(f), 0);
		is_int(unblock(k, c), capacity > 0);
		is_int(thrum_join(f), -ECANCELED);
		if (capacity) { /* put it back as it was */
			if (k->what == RECEIVES)
				is_next(c, OLD);
			else
				is_int(try_send(c, OLD), 0);
		}
		check_effect(k, c, &call, false);
	}
}

/* The one behind it is served in its place. */
TASK_TEST(what_a_cancelled_one_would_have_had_goes_to_the_next, 1)
{
	EACH_CALL(k, capacity)
	{
		struct thrum_chan *c = blocked(k, capacity);
		struct word_call calls[3] = {call_at(c, OWN), call_at(c, OWN), call_at(c, OWN)};
		struct thrum_future *f[3];

		for (int i = 0; i < 3; i++)
			f[i] = stands(k->fn, &calls[i]);
		is_int(thrum_cancel(f[0]) | thrum_cancel(f[1]), 0);
		is_int(unblock(k, c), true);
		is_int(thrum_join(f[2]), k->done);
		is_int(thrum_join(f[0]), -ECANCELED);
		is_int(thrum_join(f[1]), -ECANCELED);
		is_int(calls[0].item == OWN && calls[1].item == OWN, 1);
		check_effect(k, c, &calls[2], true);
	}
}

TASK_TEST(a_cancelled_one_is_not_refused_by_a_close, 1)
{
	EACH_CALL(k, capacity)
	{
		struct thrum_chan *c = blocked(k, capacity);
		struct word_call calls[2] = {call_at(c, OWN), call_at(c, OWN)};
		struct thrum_future *f[2] = {stands(k->fn, &calls[0]), stands(k->fn, &calls[1])};

		is_int(thrum_cancel(f[0]), 0);
		thrum_chan_close(c);
		is_int(thrum_cancel(f[1]), 0);
		is_int(thrum_join(f[0]), -ECANCELED);
		is_int(thrum_join(f[1]), -EPIPE);
		is_int(calls[0].item == OWN && calls[1].item == OWN, 1);
		chan_end(c);
	}
}

int main(void)
{
	const TTest *const tests[] = {
	    a_call_that_is_cut_short_before_does_nothing,
	    a_call_that_is_cancelled_in_its_wait_does_nothing,
	    a_call_that_is_late_does_nothing,
	    what_need_not_wait_has_no_deadline_of_its_own,
	    what_was_done_is_done_though_a_cancel_follows,
	    what_was_cancelled_takes_no_part,
	    what_a_cancelled_one_would_have_had_goes_to_the_next,
	    a_cancelled_one_is_not_refused_by_a_close,
	};

	return RUN_TESTS("chan_cut", tests);
}
