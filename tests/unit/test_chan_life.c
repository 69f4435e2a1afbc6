/* SPDX-License-Identifier: MIT */
/*
 * test_chan_life.c - how channels begin, are closed and end: what can be made, memory, references,
 * what is left is dropped; those that wait are refused by a close, and what is in it stays.
 */
#include "base/os.h"
#include "crowd.h"

/* ---- Creation ---- */

START_TEST(what_can_be_made)
{
	chan_end(chan_new(THRUM_CHAN_ITEM_MAX, 1));
	chan_end(chan_new(THRUM_CHAN_ITEM_MAX, 0));
	chan_end(chan_new(0, THRUM_CHAN_CAPACITY_MAX));
	chan_end(chan_new(0, 0));
	must(!thrum_chan_create(THRUM_CHAN_ITEM_MAX + 1, 1));
	must(!thrum_chan_create(0, (size_t)THRUM_CHAN_CAPACITY_MAX + 1));
	must(!thrum_chan_create(SIZE_MAX, SIZE_MAX));
	must(!thrum_chan_create_drop(THRUM_CHAN_ITEM_MAX + 1, 1, NULL));
	thrum_chan_retain(NULL);
	thrum_chan_release(NULL);
}
END_TEST

static unsigned dropped;
static uint64_t dropped_items[8];

static void drop_word(void *item)
{
	must(dropped < 8);
	memcpy(&dropped_items[dropped++], item, sizeof(uint64_t));
}

START_TEST(with_the_last_reference_it_goes)
{
	struct thrum_chan *c = thrum_chan_create_drop(sizeof(uint64_t), 4, drop_word);

	dropped = 0;
	is_int(try_send(c, 9), 0);
	thrum_chan_retain(c);
	thrum_chan_release(c);
	is_int(dropped, 0);
	is_next(c, 9);
	thrum_chan_release(c);
	is_int(dropped, 0); /* what was received is not dropped */
}
END_TEST

/* Over the ring's end, closed or not, the oldest first. */
START_TEST(what_is_left_is_dropped)
{
	for (int closed = 0; closed < 2; closed++) {
		struct thrum_chan *c = thrum_chan_create_drop(sizeof(uint64_t), 4, drop_word);

		dropped = 0;
		for (uint64_t i = 0; i < 4; i++)
			is_int(try_send(c, i), 0);
		for (uint64_t i = 0; i < 3; i++)
			is_next(c, i);
		is_int(try_send(c, 4), 0);
		is_int(try_send(c, 5), 0);
		if (closed)
			thrum_chan_close(c);
		is_int(dropped, 0);
		thrum_chan_release(c);
		is_int(dropped, 3);
		for (uint64_t i = 0; i < 3; i++)
			is_int(dropped_items[i], 3 + i);
	}
}
END_TEST

#ifdef THRUM_FAULTS
START_TEST(without_memory_there_is_none)
{
	for (unsigned n = 1; n < 3; n++) {
		struct thrum_chan *c;

		thrum__fault_set(n, false);
		c = thrum_chan_create(8, 10);
		thrum__fault_set(0, false);
		must(!c);
	}
	thrum__fault_set(2, true);
	chan_end(words_new(0)); /* without room no memory for that */
	thrum__fault_set(3, true);
	chan_end(words_new(10)); /* nor more than the one piece for all */
	thrum__fault_set(0, false);
}
END_TEST

/* All memory is taken at once: a wait that has no deadline needs none. */
TASK_TEST(after_that_it_needs_no_memory, 1)
{
	struct thrum_chan *c = words_new(1);
	struct word_call k = call_at(c, 1);
	struct thrum_future *f = stands(task_recv, &k);
	uint64_t passed;
	int err;

	thrum__fault_set(1, true);
	err = try_send(c, 5);
	err |= (int)thrum_join(f);
	err |= try_send(c, 6);
	err |= thrum_chan_recv(c, &k.item);
	passed = thrum__fault_count();
	thrum__fault_set(0, false);
	is_int(err, 0);
	is_int(passed, 0);
	chan_end(c);
}
#endif

/* ---- Close ---- */

TASK_TEST(what_is_in_a_closed_channel_can_be_received, 1)
{
	struct thrum_chan *c = words_new(3);
	uint64_t item = 4, items[3];

	for (uint64_t i = 0; i < 3; i++)
		is_int(try_send(c, i), 0);
	is_int(thrum_chan_is_closed(c), false);
	thrum_chan_close(c);
	is_int(thrum_chan_is_closed(c), true);
	thrum_chan_close(c);
	is_int(thrum_chan_send(c, &item), -EPIPE);
	is_int(thrum_chan_try_send(c, &item), -EPIPE);
	is_int(thrum_chan_send_until(c, &item, 0), -EPIPE);
	is_int(thrum_chan_count(c), 3);
	is_int(thrum_chan_recv(c, &item), 0);
	is_int(item, 0);
	is_int(thrum_chan_recv_many(c, items, 3, THRUM_FOREVER), 2);
	is_int(items[0] == 1 && items[1] == 2, 1);
	is_int(thrum_chan_recv(c, &item), -EPIPE);
	is_int(thrum_chan_recv_until(c, &item, 0), -EPIPE);
	is_int(thrum_chan_recv_many(c, items, 3, 0), -EPIPE);
	is_int(thrum_chan_try_recv_many(c, items, 3), -EPIPE);
	has_nothing(c, -EPIPE);
	is_int(item == 0 && items[0] == 1, 1);
	is_int(thrum_chan_send(c, &item), -EPIPE); /* there is room */
	is_int(try_send(c, 5), -EPIPE);
	is_int(thrum_chan_is_closed(c), true);
	thrum_chan_close(c);
	is_at_rest(c, 0);
	chan_end(c);
}

static void crowd_was_refused(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		is_int(thrum_join(crowd_tasks[i]), -EPIPE);
		is_int(crowd[i].item, 1000 + i);
	}
}

/* Few, as many as are let go at a time, more than that. */
static const unsigned crowds[] = {1, 2, THRUM__AT_A_TIME, THRUM__AT_A_TIME + 1, CROWD};

TASK_TEST(close_refuses_those_that_wait_to_send, 1)
{
	for (size_t capacity = 0; capacity < 2; capacity++)
		for (int i = 0; i < 5; i++) {
			struct thrum_chan *c = words_new(capacity);

			if (capacity)
				is_int(try_send(c, 7), 0);
			crowd_stands(task_send, c, crowds[i]);
			thrum_chan_close(c);
			crowd_was_refused(crowds[i]);
			is_at_rest(c, capacity);
			if (capacity)
				is_next(c, 7);
			has_nothing(c, -EPIPE);
			chan_end(c);
		}
}

TASK_TEST(close_refuses_those_that_wait_to_receive, 1)
{
	for (size_t capacity = 0; capacity < 2; capacity++)
		for (int i = 0; i < 5; i++) {
			struct thrum_chan *c = words_new(capacity);

			crowd_stands(task_recv, c, crowds[i]);
			thrum_chan_close(c);
			crowd_was_refused(crowds[i]);
			is_at_rest(c, 0);
			chan_end(c);
		}
}

static intptr_t task_recv_then_release(void *chan)
{
	uint64_t item;
	int err = thrum_chan_recv(chan, &item);

	thrum_chan_release(chan);
	return err;
}

TASK_TEST(a_close_beside_receives_that_begin, 2)
{
	unsigned rounds = scaled(1000);

	for (unsigned i = 0; i < rounds + 10; i++) {
		struct thrum_chan *c = words_new(0);
		struct thrum_future *fs[3];

		for (int k = 0; k < 3; k++) {
			thrum_chan_retain(c);
			must((fs[k] = thrum_spawn(task_recv_then_release, c)));
		}
		if (i % 2)
			is_int(thrum_yield(), 0);
		thrum_chan_close(c);
		thrum_chan_release(c);
		for (int k = 0; k < 3; k++)
			is_int(thrum_join(fs[k]), -EPIPE);
	}
}

int main(void)
{
	const TTest *const tests[] = {
	    what_can_be_made,
	    with_the_last_reference_it_goes,
	    what_is_left_is_dropped,
#ifdef THRUM_FAULTS
	    without_memory_there_is_none,
	    after_that_it_needs_no_memory,
#endif
	    what_is_in_a_closed_channel_can_be_received,
	    close_refuses_those_that_wait_to_send,
	    close_refuses_those_that_wait_to_receive,
	    a_close_beside_receives_that_begin,
	};

	return RUN_TESTS_FOR("chan_life", 60, tests);
}
