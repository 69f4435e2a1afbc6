/* SPDX-License-Identifier: MIT */
/*
 * test_chan_reserve.c - room in a channel that is kept for an item to come: it counts as taken,
 * goes to those that wait in their order, is given back by abandon, and survives a close.
 */
#include "chan_test.h"
#include "child.h"

static void commit(struct thrum_chan *c, uint64_t item)
{
	thrum_chan_commit(c, &item);
}

TASK_TEST(only_what_has_room_can_keep_it, 1)
{
	struct thrum_chan *c = words_new(0);
	struct word_call k = call_at(c, 3);
	struct thrum_future *f;

	is_int(thrum_chan_reserve(c), -EINVAL);
	is_int(thrum_chan_reserve_until(c, THRUM_FOREVER), -EINVAL);
	is_int(thrum_chan_try_reserve(c), -EINVAL);
	f = stands(task_recv, &k); /* nor while somebody waits for an item */
	is_int(thrum_chan_try_reserve(c), -EINVAL);
	thrum_chan_close(c);
	is_int(thrum_chan_reserve(c), -EINVAL);
	is_int(thrum_join(f), -EPIPE);
	chan_end(c);
}

TASK_TEST(room_is_kept, 1)
{
	struct thrum_chan *c = words_new(3);

	is_int(thrum_chan_reserve(c), 0);
	is_int(thrum_chan_try_reserve(c), 0);
	is_int(thrum_chan_count(c), 0);
	is_int(try_send(c, 1), 0); /* that of nobody */
	is_int(try_send(c, 2), -EAGAIN);
	is_int(thrum_chan_try_reserve(c), -EAGAIN);
	is_int(thrum_chan_count(c), 1);
	is_next(c, 1);
	has_nothing(c, -EAGAIN);
	is_int(thrum_chan_reserve_until(c, 0), 0); /* what is there needs no time */
	commit(c, 4);
	commit(c, 5);
	is_int(thrum_chan_count(c), 2);
	is_int(try_send(c, 6), -EAGAIN);
	is_next(c, 4);
	is_int(try_send(c, 6), 0);
	commit(c, 7);
	is_next(c, 5);
	is_next(c, 6);
	is_next(c, 7);
	is_int(thrum_chan_try_reserve(c), 0);
	thrum_chan_abandon(c);
	for (uint64_t i = 0; i < 3; i++)
		is_int(try_send(c, i), 0);
	is_at_rest(c, 3);
	chan_end(c);
}

/* A channel may go with room kept in it. */
START_TEST(room_need_not_be_given_back)
{
	struct thrum_chan *c = words_new(2);

	is_int(thrum_chan_try_reserve(c), 0);
	chan_end(c);
}
END_TEST

TASK_TEST(a_commit_goes_to_who_waits, 1)
{
	struct thrum_chan *c = words_new(1);
	struct word_call k = call_at(c, 0);
	struct thrum_future *f;

	is_int(thrum_chan_reserve(c), 0);
	f = stands(task_recv, &k);
	commit(c, 8);
	is_int(thrum_chan_count(c), 0);
	is_int(thrum_join(f), 0);
	is_int(k.item, 8);
	is_int(try_send(c, 1), 0);
	is_at_rest(c, 1);
	chan_end(c);
}

/* Receivers and senders wait at the same time if all room is kept: as soon as some is not, they
 * meet. */
static void they_meet(bool commits)
{
	struct thrum_chan *c = words_new(1);
	struct word_call recv[3], send[2];
	struct thrum_future *rs[3], *ss[2];

	is_int(thrum_chan_reserve(c), 0);
	for (int i = 0; i < 3; i++) {
		recv[i] = call_at(c, 0);
		rs[i] = stands(task_recv, &recv[i]);
	}
	for (int i = 0; i < 2; i++) {
		send[i] = call_at(c, 10 + (uint64_t)i);
		ss[i] = stands(task_send, &send[i]);
	}
	is_int(try_send(c, 1), -EAGAIN); /* nobody comes before those */
	if (commits)
		commit(c, 9);
	else
		thrum_chan_abandon(c);
	settle();
	is_int(receivers_of(c), commits ? 0 : 1);
	is_int(senders_of(c), 0);
	is_int(thrum_chan_count(c), 0);
	is_int(try_send(c, 12), 0);
	if (commits)
		is_next(c, 12);
	for (uint64_t i = 0; i < 3; i++) {
		is_int(thrum_join(rs[i]), 0);
		is_int(recv[i].item, (commits ? 9 : 10) + i);
	}
	for (int i = 0; i < 2; i++)
		is_int(thrum_join(ss[i]), 0);
	is_at_rest(c, 0);
	chan_end(c);
}

TASK_TEST(those_that_wait_for_room_meet_those_that_wait_for_items, 1)
{
	they_meet(false);
	they_meet(true);
}

/* Sends and reserves are served in the order in which they came. */
TASK_TEST(room_goes_to_those_that_wait_in_their_order, 1)
{
	struct thrum_chan *c = words_new(2);
	struct word_call k[4];
	struct thrum_future *f[4];

	is_int(thrum_chan_reserve(c), 0);
	is_int(try_send(c, 1), 0);
	for (int i = 0; i < 4; i++) {
		k[i] = call_at(c, 10 + (uint64_t)i);
		f[i] = stands(i % 2 ? task_reserve : task_send, &k[i]);
	}
	thrum_chan_abandon(c);
	is_int(thrum_join(f[0]), 0);
	is_int(thrum_chan_count(c), 2);
	is_next(c, 1);
	is_int(thrum_join(f[1]), 0);
	is_int(thrum_chan_count(c), 1);
	is_int(try_send(c, 2), -EAGAIN);
	is_next(c, 10);
	is_int(thrum_join(f[2]), 0);
	commit(c, 11);
	settle();
	must(!thrum_done(f[3]));
	is_next(c, 12);
	is_int(thrum_join(f[3]), 0);
	is_next(c, 11);
	commit(c, 13);
	is_next(c, 13);
	is_at_rest(c, 0);
	chan_end(c);
}

static intptr_t task_commits(void *call)
{
	struct word_call *k = call;

	thrum_chan_commit(k->c, &k->item);
	return 0;
}

static void *thread_abandons(void *chan)
{
	thrum_chan_abandon(chan);
	return NULL;
}

TASK_TEST(anybody_may_commit_or_abandon, 2)
{
	struct thrum_chan *c = words_new(2);
	struct word_call k = call_at(c, 6);

	is_int(thrum_chan_reserve(c), 0);
	is_int(thrum_chan_reserve(c), 0);
	is_int(thrum_join(thrum_spawn(task_commits, &k)), 0);
	thread_end(thread_of(thread_abandons, c));
	is_next(c, 6);
	is_int(try_send(c, 1) | try_send(c, 2), 0);
	is_at_rest(c, 2);
	chan_end(c);
}

/* ---- Close ---- */

TASK_TEST(what_room_was_kept_for_comes_after_the_close, 1)
{
	struct thrum_chan *c = words_new(2);
	struct word_call k[3];
	struct thrum_future *f[3];

	is_int(thrum_chan_reserve(c), 0);
	is_int(thrum_chan_reserve(c), 0);
	for (int i = 0; i < 3; i++) {
		k[i] = call_at(c, 50);
		f[i] = stands(task_recv, &k[i]);
	}
	thrum_chan_close(c);
	settle();
	is_int(receivers_of(c), 3);
	is_int(thrum_chan_try_reserve(c), -EPIPE);
	is_int(thrum_chan_reserve(c), -EPIPE);
	is_int(try_send(c, 4), -EPIPE);
	commit(c, 5);
	is_int(thrum_join(f[0]), 0);
	is_int(k[0].item, 5);
	settle();
	is_int(receivers_of(c), 2);
	commit(c, 6); /* the last: the other one goes */
	is_int(thrum_join(f[1]), 0);
	is_int(k[1].item, 6);
	is_int(thrum_join(f[2]), -EPIPE);
	is_int(k[2].item, 50);
	has_nothing(c, -EPIPE);
	is_at_rest(c, 0);
	chan_end(c);
}

/* More than are let go at a time. */
TASK_TEST(an_abandon_may_be_the_end, 1)
{
	struct thrum_chan *c = words_new(2);
	struct word_call k[THRUM__AT_A_TIME + 2];
	struct thrum_future *f[THRUM__AT_A_TIME + 2];

	is_int(thrum_chan_reserve(c), 0);
	is_int(try_send(c, 1), 0);
	thrum_chan_close(c);
	is_next(c, 1);
	has_nothing(c, -EAGAIN); /* one may come */
	for (int i = 0; i < THRUM__AT_A_TIME + 2; i++) {
		k[i] = call_at(c, 50);
		f[i] = stands(task_recv, &k[i]);
	}
	thrum_chan_abandon(c);
	for (int i = 0; i < THRUM__AT_A_TIME + 2; i++) {
		is_int(thrum_join(f[i]), -EPIPE);
		is_int(k[i].item, 50);
	}
	has_nothing(c, -EPIPE);
	is_at_rest(c, 0);
	chan_end(c);
}

/* With an item in it the last commit ends nothing yet. */
TASK_TEST(a_commit_behind_items_after_the_close, 1)
{
	struct thrum_chan *c = words_new(2);

	is_int(thrum_chan_reserve(c), 0);
	is_int(try_send(c, 1), 0);
	thrum_chan_close(c);
	commit(c, 2);
	is_next(c, 1);
	is_next(c, 2);
	has_nothing(c, -EPIPE);
	is_at_rest(c, 0);
	chan_end(c);
}

TASK_TEST(a_close_refuses_those_that_wait_for_room, 1)
{
	struct thrum_chan *c = words_new(1);
	struct word_call k[2] = {call_at(c, 1), call_at(c, 2)};
	struct thrum_future *f[2];

	is_int(thrum_chan_reserve(c), 0);
	f[0] = stands(task_reserve, &k[0]);
	f[1] = stands(task_send, &k[1]);
	thrum_chan_close(c);
	is_int(thrum_join(f[0]), -EPIPE);
	is_int(thrum_join(f[1]), -EPIPE);
	commit(c, 9);
	is_next(c, 9);
	is_at_rest(c, 0);
	chan_end(c);
}

/* ---- Two workers ---- */

struct flow {
	struct thrum_chan *c;
	unsigned n; /* by each */
	struct atomic64 sent, received;
};

/* Some of the room that it keeps is given back. */
static intptr_t task_reserves_some(void *flow)
{
	struct flow *f = flow;

	for (unsigned i = 1; i <= f->n; i++) {
		is_int(thrum_chan_reserve(f->c), 0);
		if (i % 3 == 0) {
			thrum_chan_abandon(f->c);
			continue;
		}
		if (i % 5 == 0)
			is_int(thrum_yield(), 0);
		commit(f->c, i);
		fetch_add_relaxed(&f->sent, i);
	}
	return 0;
}

static intptr_t task_sends_all(void *flow)
{
	struct flow *f = flow;

	for (uint64_t i = 1; i <= f->n; i++) {
		is_int(thrum_chan_send(f->c, &i), 0);
		fetch_add_relaxed(&f->sent, i);
	}
	return 0;
}

static intptr_t task_receives_all(void *flow)
{
	struct flow *f = flow;
	uint64_t item;

	while (thrum_chan_recv(f->c, &item) == 0)
		fetch_add_relaxed(&f->received, item);
	return 0;
}

/* Room kept, given back and used beside sends and receives: all that was sent comes, and nobody is
 * left waiting. */
static intptr_t many_keep_room(void *unused)
{
	(void)unused;
	for (size_t capacity = 1; capacity < 4; capacity++) {
		struct flow f = {.c = words_new(capacity), .n = scaled(20000) + 50};
		struct thrum_future *in[4], *out[3];

		for (int i = 0; i < 4; i++)
			in[i] = thrum_spawn(i % 2 ? task_sends_all : task_reserves_some, &f);
		for (int i = 0; i < 3; i++)
			out[i] = thrum_spawn(task_receives_all, &f);
		for (int i = 0; i < 4; i++)
			is_int(thrum_join(in[i]), 0);
		thrum_chan_close(f.c);
		for (int i = 0; i < 3; i++)
			is_int(thrum_join(out[i]), 0);
		is_int(load_relaxed(&f.received), load_relaxed(&f.sent));
		is_at_rest(f.c, 0);
		chan_end(f.c);
	}
	return 0;
}

START_TEST(room_is_kept_by_many)
{
	is_int(run_real(2, many_keep_room, NULL), 0);
}
END_TEST

/* ---- Mistakes ---- */

static size_t mistaken_capacity;
static bool mistaken_commit;

static void give_back_what_was_not_kept(void)
{
	struct thrum_chan *c = words_new(mistaken_capacity);

	for (size_t i = 0; i < mistaken_capacity; i++)
		is_int(try_send(c, i), 0);
	if (mistaken_commit)
		commit(c, 1);
	else
		thrum_chan_abandon(c);
}

START_TEST(more_than_was_kept_is_asserted)
{
	char err[2000];

	for (int i = 0; i < 4; i++) {
		mistaken_capacity = (size_t)i / 2;
		mistaken_commit = i % 2;
		must(WIFSIGNALED(child_run(give_back_what_was_not_kept, err, sizeof(err))));
		has_text(err, "commit or abandon what was reserved, once");
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    only_what_has_room_can_keep_it,
	    room_is_kept,
	    room_need_not_be_given_back,
	    a_commit_goes_to_who_waits,
	    those_that_wait_for_room_meet_those_that_wait_for_items,
	    room_goes_to_those_that_wait_in_their_order,
	    anybody_may_commit_or_abandon,
	    what_room_was_kept_for_comes_after_the_close,
	    an_abandon_may_be_the_end,
	    a_commit_behind_items_after_the_close,
	    a_close_refuses_those_that_wait_for_room,
	    room_is_kept_by_many,
	    more_than_was_kept_is_asserted,
	};

	return RUN_TESTS_FOR("chan_reserve", 60, tests);
}
