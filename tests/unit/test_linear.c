/* SPDX-License-Identifier: MIT */
/* test_linear.c - the checker of histories (linear.h) and its model of channels: each history that
 * is wrong stands beside one that differs in what makes it right. */
#include "linear_said.h"
#include "linear_select.h"

#include <thrum/task.h>

static struct chans_model *channels(unsigned first_capacity, unsigned second_capacity)
{
	struct chans_model *m = (struct chans_model *)h.first;

	memset(&h, 0, sizeof(h));
	h.model = &chan_linear;
	m->chans[0].capacity = (uint8_t)first_capacity;
	m->chans[1].capacity = (uint8_t)second_capacity;
	return m;
}

static void branch(struct operation *o, unsigned does, unsigned on, unsigned item)
{
	o->branch[o->branches].does = (uint8_t)does;
	o->branch[o->branches].on = (uint8_t)on;
	o->branch[o->branches++].item = (uint8_t)item;
}

static void sent(unsigned begins, unsigned ends, unsigned item, int result)
{
	branch(add(begins, ends, CHAN_SELECT, result), CHAN_SEND, 0, item);
}

static void got(unsigned begins, unsigned ends, unsigned item, int result)
{
	branch(add(begins, ends, CHAN_SELECT, result), CHAN_RECV, 0, item);
}

static void attempt(unsigned at, unsigned does, unsigned on, unsigned item, int result)
{
	branch(add(at, at + 1, CHAN_TRY, result), does, on, item);
}

/* ---- Channels ---- */

START_TEST(an_item_goes_to_one)
{
	for (unsigned second = 1; second <= 2; second++) {
		channels(2, 0);
		sent(1, 2, 1, 0);
		sent(3, 4, 2, 0);
		got(5, 9, 1, 0);
		got(6, 8, second, 0);
		is_right(second == 2);
	}
}
END_TEST

START_TEST(items_come_in_the_order_in_which_they_were_sent)
{
	for (unsigned first = 1; first <= 2; first++) {
		channels(2, 0);
		sent(1, 2, 1, 0);
		sent(3, 4, 2, 0);
		got(5, 6, first, 0);
		got(7, 8, 3 - first, 0);
		is_right(first == 1);
		channels(2, 0); /* sent at once: either way */
		sent(1, 4, 1, 0);
		sent(2, 3, 2, 0);
		got(5, 6, first, 0);
		got(7, 8, 3 - first, 0);
		is_right(true);
	}
}
END_TEST

START_TEST(an_item_is_sent_before_it_is_received)
{
	for (unsigned late = 0; late < 2; late++) {
		channels(1, 0);
		got(1, 3, 1, 0);
		sent(late ? 4 : 2, 5, 1, 0);
		is_right(!late);
	}
}
END_TEST

START_TEST(an_item_is_not_lost)
{
	for (int result = -EAGAIN; result <= 0; result += EAGAIN) {
		channels(1, 0);
		sent(1, 2, 1, 0);
		attempt(3, CHAN_RECV, 0, result ? 0 : 1, result);
		is_right(result == 0);
	}
	channels(1, 0); /* what a receive that was cut short took */
	sent(1, 2, 1, 0);
	got(3, 4, 0, -ECANCELED);
	attempt(5, CHAN_RECV, 0, 0, -EAGAIN);
	is_right(false);
	channels(1, 0); /* what a send that was cut short left */
	sent(1, 2, 1, -ETIMEDOUT);
	attempt(3, CHAN_RECV, 0, 1, 0);
	is_right(false);
}
END_TEST

START_TEST(without_room_a_send_meets_a_receive)
{
	for (unsigned late = 0; late < 2; late++) {
		channels(0, 0);
		sent(1, late ? 2 : 3, 1, 0);
		got(late ? 3 : 2, 4, 1, 0);
		is_right(!late);
	}
	channels(0, 0);
	attempt(1, CHAN_SEND, 0, 1, 0); /* nobody there */
	is_right(false);
	channels(0, 0);
	got(1, 4, 1, 0);
	attempt(2, CHAN_SEND, 0, 1, 0);
	is_right(true);
}
END_TEST

/* The first has waited when the second comes: a moment says so. */
START_TEST(who_came_first_is_served_first)
{
	for (unsigned first = 1; first <= 2; first++) {
		channels(1, 0);
		got(1, 12, first, 0);
		quiet(2);
		got(4, 13, 3 - first, 0);
		quiet(5);
		sent(7, 8, 1, 0);
		sent(9, 10, 2, 0);
		is_right(first == 1);
	}
}
END_TEST

START_TEST(what_is_there_is_not_waited_for)
{
	for (unsigned item = 0; item < 2; item++) {
		channels(1, 0);
		if (item)
			sent(1, 2, 1, 0);
		got(3, 6, 0, -ECANCELED);
		quiet(4);
		is_right(!item);
		channels(1, 0); /* it came when somebody waited */
		got(1, 8, 0, -ECANCELED);
		quiet(2);
		if (item)
			sent(4, 5, 1, 0);
		quiet(6);
		is_right(!item);
	}
}
END_TEST

START_TEST(what_is_closed_stays_closed)
{
	channels(1, 0);
	sent(1, 2, 1, 0);
	branch(add(3, 4, CHAN_CLOSE, 0), 0, 0, 0);
	sent(5, 6, 2, -EPIPE);
	got(7, 8, 1, 0);
	got(9, 10, 0, -EPIPE);
	is_right(true);
	h.ops[2].result = 0;
	is_right(false);
	h.ops[2].result = -EPIPE;
	h.ops[3].result = -EPIPE;
	is_right(false);
	for (unsigned told = 0; told < 2; told++) {
		channels(1, 0); /* one who waited is told, or forgotten */
		got(1, 8, 0, told ? -EPIPE : -ECANCELED);
		quiet(2);
		branch(add(4, 5, CHAN_CLOSE, 0), 0, 0, 0);
		if (!told)
			quiet(6);
		is_right(told);
	}
}
END_TEST

START_TEST(room_that_was_reserved_is_kept)
{
	for (int result = -EAGAIN; result <= 0; result += EAGAIN) {
		channels(1, 0);
		attempt(1, CHAN_RESERVE, 0, 0, 0);
		attempt(3, CHAN_SEND, 0, 2, result);
		branch(add(5, 6, CHAN_COMMIT, 0), CHAN_SEND, 0, 1);
		attempt(7, CHAN_RECV, 0, 1, 0);
		is_right(result == -EAGAIN);
	}
	for (int result = -EAGAIN; result <= 0; result += EAGAIN) {
		channels(1, 0);
		attempt(1, CHAN_RESERVE, 0, 0, 0);
		branch(add(3, 4, CHAN_ABANDON, 0), CHAN_SEND, 0, 0);
		attempt(5, CHAN_SEND, 0, 2, result);
		is_right(result == 0);
	}
}
END_TEST

START_TEST(some_at_once_are_all_that_is_there)
{
	for (int n = 1; n <= 2; n++) {
		struct operation *o;

		channels(2, 0);
		sent(1, 2, 1, 0);
		sent(3, 4, 2, 0);
		o = add(5, 6, CHAN_MANY, n);
		o->arg = 3;
		branch(o, CHAN_RECV, 0, 1);
		branch(o, CHAN_RECV, 0, 2);
		is_right(n == 2);
		o->arg = 1;
		is_right(n == 1);
	}
}
END_TEST

/* ---- Selects ---- */

START_TEST(of_a_select_one_branch_wins)
{
	for (unsigned taken = 0; taken < 2; taken++) {
		struct operation *o;

		channels(1, 1);
		o = add(1, 4, CHAN_SELECT, 0);
		branch(o, CHAN_RECV, 0, 7);
		branch(o, CHAN_RECV, 1, 0);
		attempt(2, CHAN_SEND, 0, 7, 0);
		attempt(5, CHAN_SEND, 1, 8, 0);
		attempt(7, CHAN_RECV, 1, 8, taken ? -EAGAIN : 0);
		is_right(!taken);
		attempt(9, CHAN_RECV, 0, 0, -EAGAIN);
		is_right(!taken);
	}
}
END_TEST

START_TEST(a_select_takes_what_is_there)
{
	for (unsigned won = 0; won < 2; won++) {
		struct operation *o;

		channels(1, 1);
		attempt(1, CHAN_SEND, 1, 7, 0);
		o = add(3, 4, CHAN_SELECT, 0);
		branch(o, CHAN_RECV, 0, 7);
		branch(o, CHAN_RECV, 1, 7);
		o->won = (uint8_t)won;
		is_right(won == 1);
		o->what = CHAN_TRY;
		is_right(won == 1);
		o->result = -EAGAIN;
		is_right(false);
	}
}
END_TEST

/* Its turn in the other line goes with it. */
START_TEST(a_select_leaves_every_line)
{
	for (unsigned stays = 0; stays < 2; stays++) {
		struct operation *o;

		channels(0, 0);
		o = add(1, 6, CHAN_SELECT, 0);
		branch(o, CHAN_RECV, 0, 7);
		branch(o, CHAN_RECV, 1, 0);
		quiet(2);
		attempt(4, CHAN_SEND, 0, 7, 0);
		attempt(7, CHAN_SEND, 1, 8, stays ? 0 : -EAGAIN);
		is_right(!stays);
	}
}
END_TEST

/* What is not a channel's tells a select to look again: it may find something else then, and is in
 * no line meanwhile. */
START_TEST(a_select_that_is_told_looks_again)
{
	for (unsigned won = 0; won < 2; won++) {
		for (unsigned what = FUTURE_SET; what <= TOKEN_CANCEL; what++) {
			struct operation *o;

			channels(0, 0);
			o = add(1, 20, CHAN_SELECT, 0);
			branch(o, CHAN_RECV, 0, won ? 0 : 7);
			branch(o, what, THRUM_SOFT, 0);
			o->won = (uint8_t)won;
			quiet(2);
			if (won)
				is_right(false); /* by nobody */
			o = add(4, 5, what, 0);
			o->arg = what == TOKEN_CANCEL ? THRUM_HARD : 0;
			is_right(won);
			attempt(6, CHAN_SEND, 0, 7, won ? -EAGAIN : 0);
			is_right(true);
			quiet(8);
			is_right(false);
		}
	}
}
END_TEST

START_TEST(a_select_that_is_not_told_stays)
{
	for (int level = THRUM_SOFT; level <= THRUM_HARD; level++) {
		struct operation *o;

		channels(0, 0);
		o = add(1, 20, CHAN_SELECT, -ECANCELED);
		branch(o, CHAN_SEND, 0, 7);
		branch(o, TOKEN_CANCEL, THRUM_HARD, 0);
		quiet(2);
		add(4, 5, TOKEN_CANCEL, 0)->arg = level;
		is_right(true);
		quiet(6);
		is_right(level == THRUM_SOFT);
		add(8, 9, TOKEN_CANCEL, 0)->arg = THRUM_SOFT;
		is_right(false);
		h.ops[h.n - 1].result = -EALREADY;
		is_right(level == THRUM_SOFT);
	}
}
END_TEST

/* ---- Queues ---- */

START_TEST(queues_have_their_order)
{
	static const unsigned first[] = {2, 3, 1}; /* FIFO, LIFO, the least */

	for (unsigned order = 0; order < 3; order++) {
		for (unsigned item = 1; item <= 3; item++) {
			channels(3, 0)->order = (uint8_t)order;
			sent(1, 2, 2, 0);
			sent(3, 4, 1, 0);
			sent(5, 6, 3, 0);
			got(7, 8, item, 0);
			is_right(item == first[order]);
		}
	}
}
END_TEST

START_TEST(a_join_waits_for_all)
{
	for (unsigned done = 0; done < 3; done++) {
		channels(2, 0);
		sent(1, 2, 1, 0);
		sent(3, 4, 2, 0);
		branch(add(5, 30, QUEUE_JOIN, 0), 0, 0, 0);
		got(6, 7, 1, 0);
		for (unsigned i = 0; i < done; i++)
			branch(add(8 + 2 * i, 9 + 2 * i, QUEUE_DONE, 0), 0, 0, 0);
		is_right(done == 2);
		h.n -= done;
		branch(add(20, 21, QUEUE_CLEAR, 0), 0, 0, 0); /* the second one goes */
		is_right(false);
		branch(add(22, 23, QUEUE_DONE, 0), 0, 0, 0);
		is_right(true);
	}
}
END_TEST

/* As many as there may be, all at once: the search ends, either way. */
START_TEST(many_at_once_are_searched)
{
	for (unsigned wrong = 0; wrong < 2; wrong++) {
		channels(2, 0);
		for (unsigned i = 0; i < 6; i++) {
			sent(1 + i, 40 + i, 1 + i, 0);
			got(10 + i, 50 + i, i == 5 && wrong ? 1 : 1 + i, 0);
		}
		is_right(!wrong);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    an_item_goes_to_one,
	    items_come_in_the_order_in_which_they_were_sent,
	    an_item_is_sent_before_it_is_received,
	    an_item_is_not_lost,
	    without_room_a_send_meets_a_receive,
	    who_came_first_is_served_first,
	    what_is_there_is_not_waited_for,
	    what_is_closed_stays_closed,
	    room_that_was_reserved_is_kept,
	    some_at_once_are_all_that_is_there,
	    of_a_select_one_branch_wins,
	    a_select_takes_what_is_there,
	    a_select_leaves_every_line,
	    a_select_that_is_told_looks_again,
	    a_select_that_is_not_told_stays,
	    queues_have_their_order,
	    a_join_waits_for_all,
	    many_at_once_are_searched,
	};

	return RUN_TESTS("linear", tests);
}
