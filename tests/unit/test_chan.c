/* SPDX-License-Identifier: MIT */
/*
 * test_chan.c - channels: what goes in comes out, in order and once, of any size, with and without
 * room; those that wait are served in their order.  Birth and close are in test_chan_life.c, what
 * cuts a wait short in test_chan_cut.c, reserving in test_chan_reserve.c.
 */
#include "crowd.h"

/* ---- Items ---- */

struct stream {
	struct thrum_chan *c;
	size_t size;
	unsigned n;
};

static void item_fill(unsigned char *item, size_t size, unsigned i)
{
	for (size_t k = 0; k < size; k++)
		item[k] = (unsigned char)(i * 31 + k * 7 + k / 256);
}

static intptr_t task_sends_stream(void *stream)
{
	struct stream *s = stream;
	unsigned char *item = malloc(s->size + 1);

	must(item);
	for (unsigned i = 0; i < s->n; i++) {
		item_fill(item, s->size, i);
		is_int(thrum_chan_send(s->c, item), 0);
		item_fill(item, s->size, i + 1); /* it has been copied */
	}
	thrum_chan_close(s->c);
	free(item);
	return 0;
}

/* Neither before the item nor behind it is anything written. */
static void receive_stream(struct stream *s)
{
	unsigned char *got = malloc(s->size + 16), *want = malloc(s->size + 1);
	struct thrum_future *f = thrum_spawn(task_sends_stream, s);
	unsigned i = 0;
	int err;

	must(f && got && want);
	memset(got, 0xa5, s->size + 16);
	while ((err = thrum_chan_recv(s->c, got + 8)) == 0) {
		item_fill(want, s->size, i++);
		must(!memcmp(got + 8, want, s->size));
		for (int k = 0; k < 8; k++)
			must(got[k] == 0xa5 && got[8 + s->size + (size_t)k] == 0xa5);
	}
	is_int(err, -EPIPE);
	is_int(i, s->n);
	is_int(thrum_join(f), 0);
	free(want);
	free(got);
}

static void streams(void)
{
	static const size_t sizes[] = {0, 1, 8, 24, THRUM_CHAN_ITEM_MAX};
	static const size_t capacities[] = {0, 1, 3, 64};

	for (size_t i = 0; i < 5; i++)
		for (size_t k = 0; k < 4; k++) {
			struct stream s = {chan_new(sizes[i], capacities[k]), sizes[i], 150};

			receive_stream(&s);
			is_at_rest(s.c, 0);
			chan_end(s.c);
		}
}

TASK_TEST(items_of_any_size_come_in_order, 1)
{
	streams();
}

TASK_TEST(items_of_any_size_come_in_order_on_two_workers, 2)
{
	streams();
}

TASK_TEST(a_channel_holds_what_it_was_made_for, 1)
{
	for (size_t capacity = 1; capacity < 5; capacity++) {
		struct thrum_chan *c = words_new(capacity);
		uint64_t in = 0, out = 0;

		for (int round = 0; round < 7; round++) {
			while (in < out + capacity)
				is_int(try_send(c, in++), 0);
			is_int(try_send(c, 99), -EAGAIN);
			is_int(thrum_chan_count(c), capacity);
			is_next(c, out++);
			is_int(thrum_chan_count(c), capacity - 1);
		}
		while (out < in)
			is_next(c, out++);
		has_nothing(c, -EAGAIN);
		is_at_rest(c, 0);
		chan_end(c);
	}
}

TASK_TEST(without_room_each_send_meets_a_receive, 1)
{
	struct thrum_chan *c = words_new(0);
	struct word_call recv = call_at(c, 1), send = call_at(c, 8);
	struct thrum_future *f;

	is_int(try_send(c, 5), -EAGAIN);
	has_nothing(c, -EAGAIN);
	f = stands(task_recv, &recv);
	is_int(try_send(c, 7), 0);
	is_int(try_send(c, 5), -EAGAIN); /* one receive, one send */
	is_int(thrum_join(f), 0);
	is_int(recv.item, 7);
	f = stands(task_send, &send);
	is_int(thrum_chan_count(c), 0);
	is_next(c, 8);
	has_nothing(c, -EAGAIN);
	is_int(thrum_join(f), 0);
	is_at_rest(c, 0);
	chan_end(c);
}

/* ---- Who waits ---- */

TASK_TEST(receivers_are_served_in_their_order, 1)
{
	for (size_t capacity = 0; capacity < 2; capacity++) {
		struct thrum_chan *c = words_new(capacity);

		crowd_stands(task_recv, c, 5);
		is_int(receivers_of(c), 5);
		for (uint64_t i = 0; i < 5; i++)
			is_int(try_send(c, i), 0);
		is_int(thrum_chan_count(c), 0);
		for (unsigned i = 0; i < 5; i++) {
			is_int(thrum_join(crowd_tasks[i]), 0);
			is_int(crowd[i].item, i);
		}
		is_at_rest(c, 0);
		chan_end(c);
	}
}

TASK_TEST(senders_are_served_in_their_order, 1)
{
	for (size_t capacity = 0; capacity < 3; capacity++) {
		struct thrum_chan *c = words_new(capacity);

		for (size_t i = 0; i < capacity; i++)
			is_int(try_send(c, i), 0);
		crowd_stands(task_send, c, 5);
		is_int(senders_of(c), 5);
		is_int(thrum_chan_count(c), capacity);
		for (size_t i = 0; i < capacity; i++) {
			is_next(c, i);
			is_int(thrum_chan_count(c), capacity); /* the next one's is in */
			is_int(senders_of(c), 4 - i);
			is_int(thrum_join(crowd_tasks[i]), 0);
		}
		for (unsigned i = 0; i < 5; i++)
			is_next(c, 1000 + i);
		has_nothing(c, -EAGAIN);
		for (unsigned i = (unsigned)capacity; i < 5; i++)
			is_int(thrum_join(crowd_tasks[i]), 0);
		is_at_rest(c, 0);
		chan_end(c);
	}
}

/* ---- Many at once ---- */

TASK_TEST(many_are_taken_at_once, 1)
{
	struct thrum_chan *c = words_new(3);
	uint64_t items[9] = {0};

	is_int(thrum_chan_recv_many(c, items, 0, THRUM_FOREVER), -EINVAL);
	is_int(thrum_chan_try_recv_many(c, items, 0), -EINVAL);
	is_int(thrum_chan_try_recv_many(c, items, 9), -EAGAIN);
	for (uint64_t i = 0; i < 3; i++)
		is_int(try_send(c, i), 0);
	is_int(thrum_chan_try_recv_many(c, items, 2), 2);
	is_int(items[0] == 0 && items[1] == 1, 1);
	is_int(items[2], 0);
	is_int(try_send(c, 3), 0); /* over the ring's end */
	is_int(try_send(c, 4), 0);
	is_int(thrum_chan_recv_many(c, items, 9, THRUM_FOREVER), 3);
	for (uint64_t i = 0; i < 3; i++)
		is_int(items[i], 2 + i);
	is_int(items[3], 0);
	is_at_rest(c, 0);
	chan_end(c);
}

/* Those that wait fill it up again, and theirs are taken in the same call. */
TASK_TEST(many_are_taken_from_those_that_wait, 1)
{
	for (size_t capacity = 0; capacity < 4; capacity++) {
		struct thrum_chan *c = words_new(capacity);
		size_t all = capacity + 6, left = 4;
		uint64_t items[12];

		for (size_t i = 0; i < capacity; i++)
			is_int(try_send(c, 1000 - capacity + i), 0);
		crowd_stands(task_send, c, 6);
		is_int(thrum_chan_recv_many(c, items, all - left, THRUM_FOREVER), all - left);
		is_int(thrum_chan_count(c), capacity);
		is_int(senders_of(c), left - capacity);
		is_int(thrum_chan_try_recv_many(c, items + all - left, 12), left);
		for (size_t i = 0; i < all; i++)
			is_int(items[i], 1000 - capacity + i);
		for (unsigned i = 0; i < 6; i++)
			is_int(thrum_join(crowd_tasks[i]), 0);
		is_at_rest(c, 0);
		chan_end(c);
	}
}

/* As many as are taken and let go at a time, and more; items so large that it is one at a time. */
TASK_TEST(very_many_are_taken_at_once, 1)
{
	struct thrum_chan *c = words_new(50), *large = chan_new(THRUM_CHAN_ITEM_MAX, 5);
	char *items = malloc(5 * THRUM_CHAN_ITEM_MAX);
	uint64_t words[150];

	must(items);
	for (uint64_t i = 0; i < 50; i++)
		is_int(try_send(c, 950 + i), 0);
	crowd_stands(task_send, c, CROWD);
	is_int(thrum_chan_try_recv_many(c, words, THRUM__AT_A_TIME), THRUM__AT_A_TIME);
	is_int(thrum_chan_count(c), 50);
	is_int(thrum_chan_recv_many(c, words + THRUM__AT_A_TIME, 150, THRUM_FOREVER),
	       150 - THRUM__AT_A_TIME);
	for (unsigned i = 0; i < 150; i++)
		is_int(words[i], 950 + i);
	for (unsigned i = 0; i < CROWD; i++)
		is_int(thrum_join(crowd_tasks[i]), 0);
	for (int i = 0; i < 5; i++) {
		memset(items, i, THRUM_CHAN_ITEM_MAX);
		is_int(thrum_chan_try_send(large, items), 0);
	}
	is_int(thrum_chan_try_recv_many(large, items, 5), 5);
	for (size_t i = 0; i < (size_t)5 * THRUM_CHAN_ITEM_MAX; i++)
		must(items[i] == (char)(i / THRUM_CHAN_ITEM_MAX));
	free(items);
	is_at_rest(c, 0);
	is_at_rest(large, 0);
	chan_end(large);
	chan_end(c);
}

struct many {
	struct thrum_chan *c;
	uint64_t items[4];
	size_t max;
	int64_t deadline_ns;
};

static intptr_t task_recv_many(void *many)
{
	struct many *m = many;

	return thrum_chan_recv_many(m->c, m->items, m->max, m->deadline_ns);
}

/* The first is waited for; what came meanwhile comes with it. */
TASK_TEST(many_wait_for_one, 1)
{
	static const size_t maxes[] = {1, 2, 3, 4};
	static const size_t got[] = {1, 2, 3, 3};

	for (int i = 0; i < 4; i++) {
		struct thrum_chan *c = words_new(3);
		struct many m = {c, {0}, maxes[i], THRUM_FOREVER};
		struct thrum_future *f = stands(task_recv_many, &m);

		for (uint64_t k = 1; k < 4; k++)
			is_int(try_send(c, k), 0);
		is_int(thrum_join(f), got[i]);
		for (uint64_t k = 0; k < 4; k++)
			is_int(m.items[k], k < got[i] ? k + 1 : 0);
		is_at_rest(c, 3 - got[i]);
		chan_end(c);
	}
}

int main(void)
{
	const TTest *const tests[] = {
	    items_of_any_size_come_in_order,
	    items_of_any_size_come_in_order_on_two_workers,
	    a_channel_holds_what_it_was_made_for,
	    without_room_each_send_meets_a_receive,
	    receivers_are_served_in_their_order,
	    senders_are_served_in_their_order,
	    many_are_taken_at_once,
	    many_are_taken_from_those_that_wait,
	    very_many_are_taken_at_once,
	    many_wait_for_one,
	};

	return RUN_TESTS_FOR("chan", 60, tests);
}
