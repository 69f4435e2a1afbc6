/* SPDX-License-Identifier: MIT */
/* test_linear_locks.c - the model of locks, and of what tasks meet at, for histories: as
 * test_linear.c. */
#include "linear_locks.h"
#include "linear_once.h"
#include "linear_said.h"

static struct locks_model *locks(int permits)
{
	struct locks_model *m = (struct locks_model *)h.first;

	memset(&h, 0, sizeof(h));
	h.model = &lock_linear;
	m->permits = permits;
	return m;
}

static void add_arg(unsigned begins, unsigned ends, unsigned what, int arg, int result)
{
	add(begins, ends, what, result)->arg = arg;
}

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

static void once(void)
{
	memset(&h, 0, sizeof(h));
	h.model = &once_linear;
}

START_TEST(once_there_is_a_value)
{
	for (int value = 1; value <= 2; value++) {
		once();
		add(1, 2, ONCE_BEGIN, 0);
		add_arg(3, 4, ONCE_END, 0, -EIO);
		add(5, 6, ONCE_BEGIN, 0);
		add_arg(7, 10, ONCE_END, 1, 0);
		add_arg(8, 9, ONCE_GET, value, 0);
		is_right(value == 1);
		add(11, 12, ONCE_IS_DONE, value == 1);
		is_right(value == 1);
		add(13, 14, ONCE_BEGIN, 0);
		is_right(false);
	}
}
END_TEST

START_TEST(two_do_not_call_at_a_time)
{
	for (unsigned late = 0; late < 2; late++) {
		once();
		add(1, 2, ONCE_BEGIN, 0);
		add(3, late ? 7 : 4, ONCE_BEGIN, 0);
		add_arg(5, 6, ONCE_END, 0, -EIO);
		add_arg(8, 9, ONCE_END, 0, -EIO);
		is_right(late);
	}
}
END_TEST

/* Who waits is told of a success; after a failure it calls. */
START_TEST(who_waits_for_a_call_is_not_forgotten)
{
	for (int value = 0; value < 2; value++) {
		once();
		add(1, 2, ONCE_BEGIN, 0);
		add(3, 12, ONCE_GET, -ECANCELED);
		quiet(4);
		is_right(true);
		add_arg(6, 7, ONCE_END, value, value ? 0 : -EIO);
		quiet(8);
		is_right(false);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    permits_are_conserved,
	    nobody_is_passed,
	    who_leaves_lets_others_go_on,
	    readers_together_a_writer_alone,
	    a_writer_that_waits_keeps_readers_out,
	    nobody_waits_for_nobody,
	    one_has_the_mutex,
	    a_signal_is_for_one_that_waits,
	    the_mutex_is_had_again,
	    all_that_wait_for_an_event_go_on,
	    a_barrier_counts,
	    a_group_waits_for_all,
	    once_there_is_a_value,
	    two_do_not_call_at_a_time,
	    who_waits_for_a_call_is_not_forgotten,
	};

	return RUN_TESTS("linear_locks", tests);
}
