/* SPDX-License-Identifier: MIT */
/* test_cycle.c - unit tests of sched/cycle.c: which waits make a cycle, and how it is told.
 * Without THRUM_DEBUG there is nothing to test. */
#ifdef THRUM_DEBUG
#include "cycle_test.h"

START_TEST(two_await_each_other)
{
	start((unsigned)_i);
	make(0, await_next);
	make(1, await_next);
	let_go();
	is_told(2);
	has_text(got.text, ": a waits in thrum_await for b, made at ");
	has_text(got.text, ": b waits in thrum_await for a, made at ");
	has_text(got.text, "wait-for cycle, 1 of 2: ");
	has_text(got.text, "wait-for cycle, 2 of 2: ");
	has_text(got.text, "cycle_test.h:");
	stop();
}
END_TEST

START_TEST(who_leads_into_one_is_not_in_it)
{
	start(1);
	make(0, await_first);
	for (size_t i = 1; i < 4; i++) /* in the order in which they are made, and against it */
		make(i, await_last);
	for (size_t i = 4; i < 7; i++)
		make(i, await_next);
	let_go();
	is_told(1);
	has_text(got.text, "wait-for cycle, 1 of 1: a waits in thrum_await for itself, made at ");
	stop();
}
END_TEST

START_TEST(each_is_told_once)
{
	start(1);
	make(0, await_next);
	make(1, await_next);
	let_go();
	is_told(2);
	for (int i = 0; i < 5; i++) {
		is_int(thrum_join(thrum_runtime_submit(rt, nothing, NULL)), 0);
		must(thrum__cycles_look(rt));
	}
	make(2, await_first);
	make(3, await_next); /* into the same one */
	parked(fs[2], 0);
	parked(fs[3], 0);
	must(thrum__cycles_look(rt));
	is_int(got.count, 2);
	stop();
}
END_TEST

START_TEST(a_long_one_is_cut)
{
	start(2);
	for (size_t i = 0; i < TASKS; i++)
		make(i, await_next);
	let_go();
	is_told(9);
	has_text(got.text, "wait-for cycle, 8 of 12: ");
	has_text(got.text, "wait-for cycle: and 4 more tasks\n");
	stop();
}
END_TEST

START_TEST(by_the_real_clock_as_well)
{
	start_with(2, THRUM_CLOCK_REAL);
	make(0, await_next);
	make(1, await_next);
	let_go();
	is_told(2);
	stop();
}
END_TEST

/* ---- Each kind of wait, between task a and one that awaits it ---- */

WAITS(gathers, thrum_gather(&fs[1], 1, NULL))

static intptr_t joins(void *i)
{
	begin(i);
	thrum_retain(fs[1]);
	return thrum_join(fs[1]);
}

WAITS(waits_for, thrum_wait_for(fs[1], THRUM_FOREVER))
WAITS(waits_for_any, thrum_wait_any(&fs[1], 2))
WAITS(waits_for_all, thrum_wait(&fs[1], 2, THRUM_ALL, THRUM_FOREVER))
WAITS(waits_for_first, thrum_wait(&fs[1], 2, THRUM_FIRST_COMPLETED, THRUM_FOREVER))
WAITS(races, thrum_race(&fs[1], 2, NULL))

WAITS(drains, drain(fs[1], fs[2]))

static intptr_t awaits_a_shield(void *i)
{
	struct thrum_future *inner, *outer;
	intptr_t r;

	begin(i);
	inner = thrum_shield(fs[1]);
	outer = thrum_shield(inner);
	must(outer);
	thrum_release(inner);
	r = thrum_await(outer);
	thrum_release(outer);
	return r;
}

static intptr_t await_first_plainly(void *unused)
{
	(void)unused;
	is_int(thrum_set_name("child"), 0);
	return thrum_await(fs[0]);
}

static intptr_t closes(void *i)
{
	struct thrum_scope s;

	begin(i);
	is_int(thrum_scope_open(&s), 0);
	is_int(thrum_scope_spawn(&s, await_first_plainly, NULL), 0);
	return thrum_scope_close(&s);
}

static intptr_t joins_first_plainly(void *unused)
{
	(void)unused;
	return thrum_join(thrum_spawn(await_first_plainly, NULL));
}

static intptr_t closes_over_a_joiner(void *i)
{
	struct thrum_scope s;

	begin(i);
	is_int(thrum_scope_open(&s), 0);
	is_int(thrum_scope_spawn(&s, joins_first_plainly, NULL), 0);
	return thrum_scope_close(&s);
}

WAITS(joins_in_place, thrum_join(thrum_spawn(await_first_plainly, NULL)))
WAITS(joins_in_place_twice, thrum_join(thrum_spawn(joins_in_place, as_arg(1))))

static intptr_t forks(void *i)
{
	struct thrum_fork j;

	begin(i);
	thrum_fork(&j, await_first_plainly, NULL);
	(void)thrum_yield(); /* it becomes a task */
	return thrum_fork_join(&j);
}

static const struct {
	thrum_fn fn;
	const char *line;
	unsigned others, lines;
} kinds[] = {
    {gathers, ": a waits in thrum_gather for b,", 2, 2},
    {joins, ": a waits in thrum_join for b,", 2, 2},
    {waits_for, ": a waits in thrum_wait_for for b,", 2, 2},
    {waits_for_any, ": a waits in thrum_wait_any for b,", 2, 2},
    {waits_for_all, ": a waits in thrum_wait for b,", 2, 2},
    {waits_for_first, ": a waits in thrum_wait for b,", 2, 2},
    {races, ": a waits in thrum_race for b,", 2, 2},
    {drains, ": a waits in thrum_drain_next for b,", 2, 2},
    {awaits_a_shield, ": a waits in thrum_await for b,", 2, 2},
    {closes, ": a waits in thrum_scope_close for child,", 0, 2},
    {closes_over_a_joiner, ": joins_first_plainly waits in thrum_join for child,", 0, 3},
    {joins_in_place, ": a waits in thrum_join for child,", 0, 2},
    {joins_in_place_twice, ": a waits in thrum_join for b,", 0, 3},
    {forks, ": a waits in thrum_fork_join for child,", 0, 2},
};

START_TEST(each_kind_of_wait)
{
	start(1);
	make(0, kinds[_i].fn);
	for (unsigned i = 1; i <= kinds[_i].others; i++)
		make(i, await_first);
	let_go();
	is_told(kinds[_i].lines);
	has_text(got.text, kinds[_i].line);
	has_text(got.text, " waits in thrum_await for a,");
	stop();
}
END_TEST

/* ---- A scope with a limit ---- */

WAITS(fills_it_with_spawners, fills_a_scope(spawns_beside_itself))

START_TEST(no_room_in_ones_own_scope)
{
	start(1);
	make(0, fills_it_with_spawners);
	let_go();
	is_told(1);
	has_text(got.text, "1 of 1: child waits in thrum_scope_spawn for itself");
	stop();
}
END_TEST

/* ---- The scope's own name ---- */

static intptr_t closes_a_named_one(void *i)
{
	struct thrum_scope_options o = THRUM_SCOPE_OPTIONS_INIT;
	struct thrum_scope s;

	begin(i);
	o.name = "brood";
	is_int(thrum_scope_open_with(&s, &o), 0);
	is_int(thrum_scope_spawn(&s, await_first_plainly, NULL), 0);
	return thrum_scope_close(&s);
}

START_TEST(a_scope_is_told_by_its_name)
{
	start(1);
	make(0, closes_a_named_one);
	let_go();
	is_told(2);
	has_text(got.text, ": a waits in thrum_scope_close for child, made at ");
	has_text(got.text, ", its scope: brood\n");
	stop();
}
END_TEST

START_TEST(one_without_a_name_by_its_place)
{
	start(1);
	make(0, closes);
	let_go();
	is_told(2);
	has_text(got.text, ", its scope: ");
	has_text(strstr(got.text, ", its scope: "), "test_cycle.c:");
	stop();
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("cycle");

	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, two_await_each_other, 1, 4);
	tcase_add_test(tc, who_leads_into_one_is_not_in_it);
	tcase_add_test(tc, each_is_told_once);
	tcase_add_test(tc, a_long_one_is_cut);
	tcase_add_test(tc, by_the_real_clock_as_well);
	tcase_add_loop_test(tc, each_kind_of_wait, 0, sizeof(kinds) / sizeof(kinds[0]));
	tcase_add_test(tc, no_room_in_ones_own_scope);
	tcase_add_test(tc, a_scope_is_told_by_its_name);
	tcase_add_test(tc, one_without_a_name_by_its_place);
	return run_case("cycle", tc);
}

#else
#include <stdio.h>

int main(void)
{
	puts("cycles are looked for in debug builds alone");
	return 77; /* skipped */
}

#endif
