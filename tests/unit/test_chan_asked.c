/* SPDX-License-Identifier: MIT */
/*
 * test_chan_asked.c - what makes, tries, gives back or only looks at channels does all of its work
 * in a task that was asked to stop, and says nothing of that.
 */
#include "asked.h"
#include "chan_test.h"

/* ---- Channels ---- */

static unsigned drops;

static void drop_one(void *item)
{
	must(item);
	drops++;
}

DOES_ITS_WORK(thrum_chan_create)
{
	struct thrum_chan *c;

	ready(t);
	c = thrum_chan_create(8, 3);
	must(c);
	chan_end(c);
}

DOES_ITS_WORK(thrum_chan_create_drop)
{
	struct thrum_chan *c;

	ready(t);
	drops = 0;
	c = thrum_chan_create_drop(8, 3, drop_one);
	must(c);
	is_under(t, try_send(c, 1), 0);
	thrum_chan_release(c);
	is_under(t, drops, 1);
}

DOES_ITS_WORK(thrum_chan_retain)
{
	struct thrum_chan *c = words_new(1);

	ready(t);
	thrum_chan_retain(c);
	is_under(t, load_relaxed(&c->refs), 2);
	thrum_chan_release(c);
	chan_end(c);
}

DOES_ITS_WORK(thrum_chan_release)
{
	struct thrum_chan *c = thrum_chan_create_drop(8, 3, drop_one);

	is_int(try_send(c, 1), 0);
	thrum_chan_retain(c);
	ready(t);
	drops = 0;
	thrum_chan_release(c);
	is_under(t, load_relaxed(&c->refs), 1);
	is_under(t, drops, 0);
	thrum_chan_release(c);
	is_under(t, drops, 1);
}

DOES_ITS_WORK(thrum_chan_try_send)
{
	struct thrum_chan *c = words_new(1), *none = words_new(0);
	struct word_call k = call_at(none, 0);
	struct thrum_future *f = thrum_spawn(task_recv, &k);

	wait_undisturbed(1);
	ready(t);
	is_under(t, try_send(c, 5), 0);
	is_under(t, try_send(c, 6), -EAGAIN);
	is_under(t, try_send(none, 7), 0);
	is_under(t, end_of(f), 0);
	is_under(t, k.item, 7);
	is_next(c, 5);
	chan_end(c);
	chan_end(none);
}

DOES_ITS_WORK(thrum_chan_try_recv)
{
	struct thrum_chan *c = words_new(1), *none = words_new(0);
	struct word_call k = call_at(none, 8);
	struct thrum_future *f = thrum_spawn(task_send, &k);

	wait_undisturbed(1);
	is_int(try_send(c, 4), 0);
	ready(t);
	is_next(c, 4);
	has_nothing(c, -EAGAIN);
	is_next(none, 8);
	is_under(t, end_of(f), 0);
	chan_end(c);
	chan_end(none);
}

DOES_ITS_WORK(thrum_chan_try_recv_many)
{
	struct thrum_chan *c = words_new(2);
	struct word_call k = call_at(c, 3);
	struct thrum_future *f;
	uint64_t items[4];

	is_int(try_send(c, 1) | try_send(c, 2), 0);
	f = thrum_spawn(task_send, &k);
	wait_undisturbed(1);
	ready(t);
	is_under(t, thrum_chan_try_recv_many(c, items, 4), 3);
	is_under(t, items[0] == 1 && items[1] == 2 && items[2] == 3, true);
	is_under(t, thrum_chan_try_recv_many(c, items, 4), -EAGAIN);
	is_under(t, end_of(f), 0);
	chan_end(c);
}

DOES_ITS_WORK(thrum_chan_try_reserve)
{
	struct thrum_chan *c = words_new(1);

	ready(t);
	is_under(t, thrum_chan_try_reserve(c), 0);
	is_under(t, thrum_chan_try_reserve(c), -EAGAIN);
	is_under(t, c->reserved, 1);
	thrum_chan_abandon(c);
	chan_end(c);
}

/* To one who waits, and where nobody does. */
DOES_ITS_WORK(thrum_chan_commit)
{
	struct thrum_chan *c = words_new(2);
	struct word_call k = call_at(c, 0);
	struct thrum_future *f = thrum_spawn(task_recv, &k);

	wait_undisturbed(1);
	is_int(thrum_chan_try_reserve(c) | thrum_chan_try_reserve(c), 0);
	ready(t);
	thrum_chan_commit(c, &(uint64_t){5});
	thrum_chan_commit(c, &(uint64_t){6});
	is_under(t, end_of(f), 0);
	is_under(t, k.item, 5);
	is_next(c, 6);
	is_at_rest(c, 0);
	chan_end(c);
}

DOES_ITS_WORK(thrum_chan_abandon)
{
	struct thrum_chan *c = words_new(1);
	struct word_call k = call_at(c, 4);
	struct thrum_future *f;

	is_int(thrum_chan_try_reserve(c), 0);
	f = thrum_spawn(task_send, &k);
	wait_undisturbed(1);
	ready(t);
	thrum_chan_abandon(c);
	is_under(t, end_of(f), 0);
	is_next(c, 4);
	is_at_rest(c, 0);
	chan_end(c);
}

/* More than are let go at a time, on both sides. */
DOES_ITS_WORK(thrum_chan_close)
{
	enum { N = THRUM__AT_A_TIME + 2 };
	struct thrum_chan *full = words_new(1), *empty = words_new(0);
	struct word_call send = call_at(full, 4), recv = call_at(empty, 0);
	struct thrum_future *fs[2 * N];

	is_int(try_send(full, 3), 0);
	for (int i = 0; i < 2 * N; i++)
		must((fs[i] =
			  i < N ? thrum_spawn(task_send, &send) : thrum_spawn(task_recv, &recv)));
	wait_undisturbed(1);
	ready(t);
	thrum_chan_close(full);
	thrum_chan_close(empty);
	for (int i = 0; i < 2 * N; i++)
		is_under(t, end_of(fs[i]), -EPIPE);
	is_next(full, 3);
	is_at_rest(full, 0);
	is_at_rest(empty, 0);
	chan_end(full);
	chan_end(empty);
}

ANSWER(channels, thrum_chan_is_closed, thrum_chan_count)
{
	struct thrum_chan *c = words_new(3);

	is_int(try_send(c, 3), 0);
	ready(t);
	is_under(t, thrum_chan_is_closed(c), false);
	is_under(t, thrum_chan_count(c), 1);
	thrum_chan_close(c);
	is_under(t, thrum_chan_is_closed(c), true);
	chan_end(c);
}

/* ---- Selects ---- */

DOES_ITS_WORK(thrum_try_select)
{
	struct thrum_chan *c = words_new(1);
	uint64_t out = 5, in = 0;
	struct thrum_branch b[] = {thrum_on_send(c, &out), thrum_on_recv(c, &in),
				   thrum_on_time(THRUM_FOREVER), thrum_on_future(NULL)};

	ready(t);
	is_under(t, thrum_try_select(b, 3), 0);
	is_under(t, thrum_try_select(b, 1), -EAGAIN);
	is_under(t, thrum_try_select(b, 3), 1);
	is_under(t, in, 5);
	is_under(t, thrum_try_select(b + 2, 2), 1);
	chan_end(c);
}

int main(void)
{
	const TTest *const tests[] = {
	    thrum_chan_create_does_its_work,        thrum_chan_create_drop_does_its_work,
	    thrum_chan_retain_does_its_work,        thrum_chan_release_does_its_work,
	    thrum_chan_try_send_does_its_work,      thrum_chan_try_recv_does_its_work,
	    thrum_chan_try_recv_many_does_its_work, thrum_chan_try_reserve_does_its_work,
	    thrum_chan_commit_does_its_work,        thrum_chan_abandon_does_its_work,
	    thrum_chan_close_does_its_work,         channels_answer,
	    thrum_try_select_does_its_work,
	};

	return RUN_TESTS("chan_asked", tests);
}
