/* SPDX-License-Identifier: MIT */
/* test_linear.c - the checker of histories (linear.h) and its models: each history that is wrong
 * stands beside one that differs in what makes it right. */
#include "linear_locks.h"
#include "linear_select.h"
#include "suite.h"

#include <errno.h>

static struct history h;

static struct chans_model *channels(unsigned first_capacity, unsigned second_capacity)
{
	struct chans_model *m = (struct chans_model *)h.first;

	memset(&h, 0, sizeof(h));
	h.model = &chan_linear;
	m->chans[0].capacity = (uint8_t)first_capacity;
	m->chans[1].capacity = (uint8_t)second_capacity;
	return m;
}

static struct locks_model *locks(int permits)
{
	struct locks_model *m = (struct locks_model *)h.first;

	memset(&h, 0, sizeof(h));
	h.model = &lock_linear;
	m->permits = permits;
	return m;
}

static struct operation *add(unsigned begins, unsigned ends, unsigned what, int result)
{
	struct operation *o = &h.ops[h.n++];

	*o = (struct operation){.begins = begins, .ends = ends, .what = (uint8_t)what};
	o->result = result;
	o->cut = result == -ECANCELED || result == -ETIMEDOUT;
	return o;
}

static void add_arg(unsigned begins, unsigned ends, unsigned what, int arg, int result)
{
	add(begins, ends, what, result)->arg = arg;
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

static void quiet(unsigned at)
{
	add(at, at + 1, QUIET, 0);
}

static void is_right(bool want)
{
	if (linear_check(&h) == want)
		return;
	linear_print(stderr, &h);
	ck_abort_msg("it was said to be %s", want ? "wrong" : "right");
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

/* ---- Locks ---- */

START_TEST(permits_are_conserved)
{
	for (int permits = 1; permits <= 3; permits++) {
		locks(permits);
		add_arg(1, 2, SEM_TRY, 2, 0);
		is_right(permits >= 2);
		add_arg(3, 4, SEM_TRY, 1, 0);
		is_right(permits == 3);
		add_arg(5, 6, SEM_POST, 1, 0);
		add_arg(7, 8, SEM_VALUE, 0, 1);
		is_right(permits == 3);
		add_arg(9, 10, SEM_VALUE, 0, 2);
		is_right(false);
	}
}
END_TEST

/* One that wants many waits; one that wants few comes. */
START_TEST(nobody_is_passed)
{
	for (int result = -EAGAIN; result <= 0; result += EAGAIN) {
		locks(1);
		add_arg(1, 10, SEM_WAIT, 2, 0);
		quiet(2);
		add_arg(4, 5, SEM_TRY, 1, result);
		add_arg(6, 7, SEM_POST, 1, 0);
		is_right(result == -EAGAIN);
	}
}
END_TEST

/* It gives up: those behind it go on. */
START_TEST(who_leaves_lets_others_go_on)
{
	for (unsigned held_up = 0; held_up < 2; held_up++) {
		locks(1);
		add_arg(1, 6, SEM_WAIT, 2, -ECANCELED);
		quiet(2);
		add_arg(4, held_up ? 10 : 7, SEM_WAIT, 1, held_up ? -ECANCELED : 0);
		if (held_up)
			quiet(8);
		is_right(!held_up);
	}
}
END_TEST

START_TEST(readers_together_a_writer_alone)
{
	for (int first = 1; first <= RW_ALL; first += RW_ALL - 1) {
		for (int second = 1; second <= RW_ALL; second += RW_ALL - 1) {
			locks(RW_ALL);
			add_arg(1, 2, RW_LOCK, first, 0);
			add_arg(3, 4, RW_TRY, second, 0);
			is_right(first == 1 && second == 1);
			h.ops[1].result = -EBUSY;
			is_right(first != 1 || second != 1);
			h.ops[1].what = RW_LOCK;
			h.ops[1].result = 0;
			is_right(first == 1 && second == 1);
			h.ops[1].ends = 7;
			add_arg(5, 6, RW_UNLOCK, first, 0);
			is_right(true);
		}
	}
}
END_TEST

/* A reader beside a reader is turned away, or waits: for a writer that waits. */
START_TEST(a_writer_that_waits_keeps_readers_out)
{
	for (unsigned writers = 0; writers < 2; writers++) {
		for (unsigned tries = 0; tries < 2; tries++) {
			locks(RW_ALL);
			add_arg(1, 2, RW_LOCK, 1, 0);
			if (writers)
				add_arg(3, 20, RW_LOCK, RW_ALL, -ECANCELED);
			if (tries)
				add_arg(5, 6, RW_TRY, 1, -EBUSY);
			else
				add_arg(5, 19, RW_LOCK, 1, 0);
			quiet(7);
			is_right(writers);
		}
	}
}
END_TEST

START_TEST(nobody_waits_for_nobody)
{
	for (int who = 1; who <= RW_ALL; who += RW_ALL - 1) {
		locks(RW_ALL);
		add_arg(1, 10, RW_LOCK, who, 0);
		quiet(3);
		is_right(false);
	}
}
END_TEST

START_TEST(one_has_the_mutex)
{
	for (unsigned at_once = 0; at_once < 2; at_once++) {
		locks(0);
		add(1, 2, MUTEX_LOCK, 0);
		add(3, at_once ? 4 : 6, MUTEX_LOCK, 0);
		add(5, 7, MUTEX_UNLOCK, 0);
		is_right(!at_once);
	}
	for (int result = -EBUSY; result <= 0; result += EBUSY) {
		locks(0);
		add(1, 2, MUTEX_TRY, result);
		is_right(result == 0);
	}
	for (unsigned is_free = 0; is_free < 2; is_free++) {
		locks(0);
		add(1, 2, MUTEX_LOCK, 0);
		add(3, 8, MUTEX_LOCK, -ECANCELED);
		if (is_free)
			add(4, 5, MUTEX_UNLOCK, 0);
		quiet(6);
		is_right(!is_free);
	}
}
END_TEST

/* A wait at a condition by a holder of the mutex, as three parts. */
static void cond_wait(unsigned begins, unsigned ends, int result)
{
	struct operation *o;

	add(begins, ends, COND_WAIT, result);
	o = add(begins, ends, MUTEX_UNLOCK, 0);
	o->part = true;
	o = add(begins, ends, MUTEX_LOCK, 0);
	o->part = o->joined = true;
}

START_TEST(a_signal_is_for_one_that_waits)
{
	for (unsigned late = 0; late < 2; late++) {
		locks(0)->locked = true;
		cond_wait(late ? 3 : 1, 5, 0);
		add(late ? 1 : 3, late ? 2 : 4, COND_SIGNAL, 0);
		is_right(!late);
	}
	for (unsigned both = 0; both < 2; both++) {
		locks(0)->locked = true;
		cond_wait(1, 10, 0);
		add(2, 3, MUTEX_LOCK, 0);
		cond_wait(4, 14, both ? 0 : -ETIMEDOUT);
		quiet(5);
		add(7, 8, COND_SIGNAL, 0);
		add(11, 12, MUTEX_UNLOCK, 0);
		is_right(!both);
	}
}
END_TEST

START_TEST(the_mutex_is_had_again)
{
	for (unsigned held = 0; held < 2; held++) {
		locks(0)->locked = true;
		cond_wait(1, 6, 0);
		add(2, 3, MUTEX_LOCK, 0);
		add(4, 5, COND_SIGNAL, 0);
		if (!held)
			add(7, 8, MUTEX_TRY, -EBUSY);
		is_right(false);
		add(4, 9, MUTEX_UNLOCK, 0);
		is_right(true);
		add(10, 11, MUTEX_TRY, 0);
		is_right(false);
	}
}
END_TEST

START_TEST(all_that_wait_for_an_event_go_on)
{
	for (unsigned forgotten = 0; forgotten < 2; forgotten++) {
		locks(0);
		add(1, 10, EVENT_WAIT, 0);
		add(2, 14, EVENT_WAIT, forgotten ? -ECANCELED : 0);
		quiet(3);
		add(5, 6, EVENT_SET, 0);
		add(7, 8, EVENT_CLEAR, 0);
		if (forgotten)
			quiet(11);
		is_right(!forgotten);
	}
	locks(0);
	add(1, 2, EVENT_SET, 0);
	add(3, 4, EVENT_CLEAR, 0);
	add(5, 6, EVENT_WAIT, 0);
	is_right(false);
}
END_TEST

START_TEST(a_barrier_counts)
{
	for (int number = 0; number < 3; number++) {
		locks(0)->parties = 2;
		add(1, 6, BARRIER_WAIT, 0);
		quiet(2);
		add(4, 5, BARRIER_WAIT, number);
		is_right(number == 1);
		add(7, 8, BARRIER_WAIT, 0);
		is_right(false);
	}
	locks(0)->parties = 2; /* one that was cut short has not come */
	add(1, 4, BARRIER_WAIT, -ETIMEDOUT);
	quiet(2);
	add(5, 8, BARRIER_WAIT, 0);
	add(6, 7, BARRIER_WAIT, 1);
	is_right(true);
	h.ops[2].result = 1;
	is_right(false);
}
END_TEST

START_TEST(a_group_waits_for_all)
{
	for (unsigned late = 0; late < 2; late++) {
		locks(2);
		add(1, late ? 6 : 4, GROUP_WAIT, 0);
		add(2, 3, GROUP_DONE, 0);
		add(5, 7, GROUP_DONE, 0);
		is_right(late);
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
	    queues_have_their_order,
	    a_join_waits_for_all,
	    permits_are_conserved,
	    nobody_is_passed,
	    who_leaves_lets_others_go_on,
	    readers_together_a_writer_alone, a_writer_that_waits_keeps_readers_out,
	    nobody_waits_for_nobody, one_has_the_mutex,
	    a_signal_is_for_one_that_waits,
	    the_mutex_is_had_again,
	    all_that_wait_for_an_event_go_on,
	    a_barrier_counts,
	    a_group_waits_for_all,
	    many_at_once_are_searched,
	};

	return RUN_TESTS("linear", tests);
}
