/* SPDX-License-Identifier: MIT */
/* test_standby.c - a thread at its keeper's word: it rests, goes on, ends, and comes again. */
#include "core/standby.h"

#include "run.h"

static struct thrum__standby s;
static struct atomic32 turns; /* of work, between two looks */

static void *thread_works(void *unused)
{
	bool goes_on = true;

	(void)unused;
	while (goes_on && !thrum__standby_is(&s, THRUM__STANDBY_ENDING)) {
		fetch_add_relaxed(&turns, 1);
		if (thrum__standby_is(&s, THRUM__STANDBY_LEAVING))
			goes_on = thrum__standby_rest(&s);
		thread_yield();
	}
	return NULL;
}

static pthread_t begin(void)
{
	thrum__standby_begin(&s);
	must(thrum__standby_is_active(&s));
	return thread_of(thread_works, NULL);
}

static void end(pthread_t t)
{
	thread_end(t);
	thrum__standby_over(&s);
	must(thrum__standby_is(&s, THRUM__STANDBY_NONE));
	must(!thrum__standby_is_active(&s));
}

static void until_it_rests(void)
{
	while (!thrum__standby_is(&s, THRUM__STANDBY_RESTING))
		thread_yield();
}

static void until_it_works(void)
{
	uint32_t now = load_relaxed(&turns);

	while (load_relaxed(&turns) < now + 2)
		thread_yield();
}

START_TEST(it_rests_and_is_taken_up)
{
	pthread_t t = begin();

	until_it_works();
	for (int i = 0; i < 100; i++) {
		thrum__standby_want(&s, false);
		until_it_rests();
		must(!thrum__standby_is_active(&s));
		must(thrum__standby_wake(&s, true));
		until_it_works();
	}
	thrum__standby_want(&s, false);
	until_it_rests();
	must(thrum__standby_wake(&s, false));
	end(t);
}
END_TEST

START_TEST(one_at_work_is_not_woken)
{
	pthread_t t = begin();

	must(!thrum__standby_wake(&s, true));
	must(!thrum__standby_wake(&s, false));
	until_it_works();
	thrum__standby_stop(&s);
	end(t);
}
END_TEST

/* Wanted again, wherever it is on its way to rest: it works. */
START_TEST(wanted_again)
{
	pthread_t t = begin();

	for (int i = 0; i < 2000; i++) {
		thrum__standby_want(&s, false);
		if (i % 2)
			thread_yield();
		thrum__standby_want(&s, true);
		thrum__standby_wake(&s, true);
		must(thrum__standby_is(&s, THRUM__STANDBY_RUNNING));
	}
	until_it_works();
	thrum__standby_stop(&s);
	end(t);
}
END_TEST

START_TEST(stopped_wherever_it_is)
{
	for (int i = 0; i < 100; i++) {
		pthread_t t = begin();

		if (i % 3)
			thrum__standby_want(&s, false);
		if (i % 3 == 2)
			until_it_rests();
		thrum__standby_stop(&s);
		end(t);
	}
}
END_TEST

/* It has no thread, and says so to whoever would rest in it. */
START_TEST(no_rest_unless_told_to_leave)
{
	must(thrum__standby_rest(&s));
	thrum__standby_begin(&s);
	must(thrum__standby_rest(&s));
	thrum__standby_want(&s, true);
	must(thrum__standby_is(&s, THRUM__STANDBY_RUNNING));
	thrum__standby_over(&s);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    it_rests_and_is_taken_up, one_at_work_is_not_woken,     wanted_again,
	    stopped_wherever_it_is,   no_rest_unless_told_to_leave,
	};

	return RUN_TESTS("standby", tests);
}
