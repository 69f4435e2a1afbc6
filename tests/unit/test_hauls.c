/* SPDX-License-Identifier: MIT */
/* test_hauls.c - when a thief goes away, for how long, and when it does not ask; the times are made
 * up. */
#include "core/hauls.h"

#include "run.h"

#define WINDOW_NS 50000
#define HAULS 4
#define SMALL_NS 500
#define AWAY 16
#define WORTH 32
#define PERHAPS 8
#define DOZE_NS 100000

static struct thrum__hauls h;
static uint64_t made;
static int64_t now_ns;

static void start(void)
{
	h = (struct thrum__hauls){0};
	made = 1000;
	now_ns = THRUM_SEC(1);
}

/* @n hauls, of @tasks together, with @pace in a millisecond for @ns. */
static void take(unsigned n, unsigned tasks, uint64_t pace, int64_t ns)
{
	thrum__hauls_begin(&h, made, now_ns);
	for (unsigned i = 0; i < n; i++)
		thrum__hauls_note(&h, i ? 0 : tasks);
	now_ns += ns;
	made += pace * (uint64_t)ns / 1000000;
}

/* Is it to go away after hauls that were just small enough? */
static bool leaves(uint64_t pace)
{
	take(HAULS, WINDOW_NS / SMALL_NS + 1, pace, WINDOW_NS);
	must(thrum__hauls_are_due(&h, now_ns));
	return thrum__hauls_leave(&h, made, now_ns);
}

static bool stays(uint64_t pace, bool going_on)
{
	now_ns += DOZE_NS;
	made += pace * DOZE_NS / 1000000;
	return thrum__hauls_stay(&h, made, now_ns, going_on);
}

START_TEST(some_hauls_over_some_time_are_looked_at)
{
	start();
	take(HAULS - 1, 100, 20000, THRUM_SEC(1));
	must(!thrum__hauls_are_due(&h, now_ns));
	thrum__hauls_note(&h, 1);
	must(thrum__hauls_are_due(&h, now_ns));
	must(!thrum__hauls_are_due(&h, h.since_ns + WINDOW_NS - 1));
	must(thrum__hauls_are_due(&h, h.since_ns + WINDOW_NS));
	thrum__hauls_forget(&h);
	must(!thrum__hauls_are_due(&h, now_ns));
}
END_TEST

/* Half a microsecond a task is worth it without a question. */
START_TEST(who_takes_long_tasks_stays)
{
	start();
	take(HAULS, WINDOW_NS / SMALL_NS, 20000, WINDOW_NS);
	must(!thrum__hauls_leave(&h, made, now_ns));
	is_int(h.count, 0);
	is_int(h.tasks, 0);
	must(leaves(20000));
}
END_TEST

/* All make more without the thief: it is away so many times, then takes anew and asks again. */
START_TEST(hauls_in_vain_keep_a_thief_away)
{
	start();
	for (int i = 0; i < 3; i++) {
		must(leaves(17900));
		for (int k = 1; k < AWAY; k++)
			must(stays(20000, true));
		must(!stays(20000, true));
		is_int(h.away, 0);
		must(thrum__hauls_ask(&h));
	}
}
END_TEST

/* Later it is not compared again: the others may come to less for reasons of their own. */
START_TEST(the_first_time_away_is_compared)
{
	start();
	must(leaves(10000));
	must(stays(20000, true));
	must(stays(1000, true));
}
END_TEST

/* It comes back at once, whenever that is, and asks the next time. */
START_TEST(one_that_stands_brings_the_thief_back)
{
	for (int when = 1; when < AWAY; when++) {
		start();
		must(leaves(10000));
		for (int k = 1; k < when; k++)
			must(stays(20000, true));
		must(!stays(20000, false));
		is_int(h.away, 0);
		must(leaves(10000));
	}
}
END_TEST

/* They make no more than a ninth more without it, or less, or nothing: it stays. */
static void check_worth(uint64_t alone, bool going_on)
{
	start();
	must(leaves(18000));
	must(!stays(alone, going_on));
	is_int(h.away, 0);
	for (int i = 0; i < (going_on ? WORTH : PERHAPS); i++) {
		must(!thrum__hauls_ask(&h));
		must(!leaves(10000));
	}
	must(thrum__hauls_ask(&h));
	must(leaves(10000));
}

START_TEST(hauls_that_gain_are_not_asked_about_for_a_while)
{
	check_worth(20000, true);
	check_worth(10000, true);
	check_worth(0, true);
	check_worth(0, false);
}
END_TEST

/* Whatever the clock says: no time at all has passed. */
START_TEST(a_clock_that_stands_does_no_harm)
{
	start();
	thrum__hauls_begin(&h, made, now_ns);
	thrum__hauls_note(&h, 1);
	must(thrum__hauls_leave(&h, made, now_ns));
	must(!thrum__hauls_stay(&h, made, now_ns, true));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    some_hauls_over_some_time_are_looked_at,
	    who_takes_long_tasks_stays,
	    hauls_in_vain_keep_a_thief_away,
	    the_first_time_away_is_compared,
	    one_that_stands_brings_the_thief_back,
	    hauls_that_gain_are_not_asked_about_for_a_while,
	    a_clock_that_stands_does_no_harm,
	};

	return RUN_TESTS("hauls", tests);
}
