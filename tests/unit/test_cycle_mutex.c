/* SPDX-License-Identifier: MIT */
/* test_cycle_mutex.c - unit tests of sched/cycle.c: cycles through mutexes, and what is none.
 * Without THRUM_DEBUG there is nothing to test. */
#ifdef THRUM_DEBUG
#include "cycle_test.h"

static struct thrum_mutex locks[THRUM__HAS_MAX + 1];

static void init_locks(void)
{
	for (size_t i = 0; i <= THRUM__HAS_MAX; i++)
		thrum_mutex_init(&locks[i]);
}

static intptr_t lock_and_unlock(struct thrum_mutex *m)
{
	int err = thrum_mutex_lock(m);

	if (!err)
		thrum_mutex_unlock(m);
	return err;
}

/* @call, while it has @m. */
#define HAVING(m, call)                         \
	({                                      \
		intptr_t r_;                    \
                                                \
		is_int(thrum_mutex_lock(m), 0); \
		r_ = (call);                    \
		thrum_mutex_unlock(m);          \
		r_;                             \
	})

static intptr_t begin_and_lock(void *i, struct thrum_mutex *m)
{
	begin(i);
	return lock_and_unlock(m);
}

/* That of the next task; the last one's next is the first. */
static intptr_t lock_next(void *i)
{
	size_t next = (size_t)i + 1;

	begin(i);
	return lock_and_unlock(&locks[fs[next] ? next : 0]);
}

static intptr_t has_one_and_locks_next(void *i)
{
	return HAVING(&locks[(size_t)i], lock_next(i));
}

START_TEST(each_has_what_the_next_one_wants)
{
	init_locks();
	start((unsigned)_i);
	for (size_t i = 0; i < 3; i++)
		make(i, has_one_and_locks_next);
	let_go();
	is_told(3);
	has_text(got.text, ": a waits in thrum_mutex_lock for b, made at ");
	has_text(got.text, ": b waits in thrum_mutex_lock for c, made at ");
	has_text(got.text, ": c waits in thrum_mutex_lock for a, made at ");
	stop();
}
END_TEST

static intptr_t begin_and_await(void *i)
{
	begin(i);
	return thrum_await(fs[1]);
}

static intptr_t has_one_and_awaits(void *i)
{
	return HAVING(&locks[0], begin_and_await(i));
}

static intptr_t wants_the_first(void *i)
{
	return begin_and_lock(i, &locks[0]);
}

static intptr_t lock_first_plainly(void *unused)
{
	(void)unused;
	is_int(thrum_set_name("child"), 0);
	return lock_and_unlock(&locks[0]);
}

static intptr_t begin_and_join(void *i)
{
	begin(i);
	return thrum_join(thrum_spawn(lock_first_plainly, NULL));
}

static intptr_t has_one_and_joins(void *i)
{
	return HAVING(&locks[0], begin_and_join(i));
}

static intptr_t begin_and_close(void *i)
{
	struct thrum_scope s;

	begin(i);
	is_int(thrum_scope_open(&s), 0);
	is_int(thrum_scope_spawn(&s, lock_first_plainly, NULL), 0);
	return thrum_scope_close(&s);
}

static intptr_t has_one_and_closes(void *i)
{
	return HAVING(&locks[0], begin_and_close(i));
}

static const struct {
	thrum_fn fn;
	const char *lines[2];
} mixed[] = {
    {has_one_and_awaits,
     {": a waits in thrum_await for b,", ": b waits in thrum_mutex_lock for a,"}},
    {has_one_and_joins,
     {": a waits in thrum_join for child,", ": child waits in thrum_mutex_lock for a,"}},
    {has_one_and_closes,
     {": a waits in thrum_scope_close for child,", ": child waits in thrum_mutex_lock for a,"}},
};

START_TEST(with_other_kinds_of_wait)
{
	init_locks();
	start(1);
	make(0, mixed[_i].fn);
	parked(fs[0], 0);
	if (_i == 0)
		make(1, wants_the_first);
	let_go();
	is_told(2);
	has_text(got.text, mixed[_i].lines[0]);
	has_text(got.text, mixed[_i].lines[1]);
	stop();
}
END_TEST

/* ---- None ---- */

/* It has had it. */
static intptr_t gives_it_back_and_awaits(void *i)
{
	is_int(lock_and_unlock(&locks[0]), 0);
	begin(i);
	return HAVING(&locks[1], thrum_await(fs[1]));
}

/* More than are known: of the last one nobody knows who has it. */
static intptr_t has_too_many(void *i)
{
	intptr_t r;

	for (size_t k = 0; k <= THRUM__HAS_MAX; k++)
		is_int(thrum_mutex_lock(&locks[THRUM__HAS_MAX - k]), 0);
	r = begin_and_await(i);
	for (size_t k = 0; k <= THRUM__HAS_MAX; k++)
		thrum_mutex_unlock(&locks[k]);
	return r;
}

static intptr_t begin_and_await_bare(void *i)
{
	begin(i);
	return await_bare(NULL);
}

static intptr_t has_one_and_awaits_bare(void *i)
{
	return HAVING(&locks[0], begin_and_await_bare(i));
}

static const struct {
	thrum_fn fn;
	bool outside; /* the first mutex is had by a thread */
} none[] = {
    {gives_it_back_and_awaits, true},
    {has_too_many, false},
    {has_one_and_awaits_bare, false},
};

START_TEST(what_somebody_may_unlock)
{
	init_locks();
	start(1);
	make(0, none[_i].fn);
	parked(fs[0], 0);
	if (none[_i].outside)
		is_int(thrum_mutex_lock(&locks[0]), 0);
	make(1, wants_the_first);
	let_go_and_wait(2);
	must(thrum__cycles_look(rt));
	is_int(got.count, 0);
	if (none[_i].outside)
		thrum_mutex_unlock(&locks[0]);
	stop();
}
END_TEST

static intptr_t keeps_it(void *unused)
{
	(void)unused;
	return thrum_mutex_lock(&locks[0]);
}

/* A task that has ended with it left its block to another one. */
static intptr_t leaves_its_block(void *unused)
{
	struct thrum_future *f = thrum_spawn(keeps_it, NULL);

	(void)unused;
	is_int(thrum_join(f), 0);
	fs[0] = thrum_spawn(begin_and_await, as_arg(0));
	must(fs[0] == f);
	fs[1] = thrum_spawn(wants_the_first, as_arg(1));
	return 0;
}

START_TEST(who_had_it_at_its_end)
{
	init_locks();
	start(1);
	is_int(thrum_join(thrum_runtime_submit(rt, leaves_its_block, NULL)), 0);
	let_go_and_wait(2);
	must(thrum__cycles_look(rt));
	is_int(got.count, 0);
	stop();
}
END_TEST

static intptr_t begin_and_lock_in_time(void *i)
{
	begin(i);
	return thrum_mutex_lock_until(&locks[0], thrum_now() + THRUM_SEC(1000));
}

START_TEST(one_that_waits_for_some_time)
{
	init_locks();
	start_with(1, THRUM_CLOCK_REAL);
	make(0, has_one_and_awaits);
	parked(fs[0], 0);
	make(1, begin_and_lock_in_time);
	let_go_and_wait(2);
	must(!thrum__cycles_look(rt));
	is_int(got.count, 0);
	stop();
}
END_TEST

/* What was said of a wait for a mutex is not taken for what a later wait is for. */
static struct thrum_sem permits = THRUM_SEM_INIT(0);

static intptr_t locks_and_wants_a_permit(void *i)
{
	intptr_t err = begin_and_lock(i, &locks[0]);

	return err ? err : thrum_sem_wait(&permits);
}

static intptr_t locks_and_awaits(void *i)
{
	begin(i);
	return HAVING(&locks[0], thrum_await(fs[1]));
}

START_TEST(a_later_wait)
{
	uint64_t seq[2];

	init_locks();
	is_int(thrum_mutex_lock(&locks[0]), 0);
	start(1);
	make(1, locks_and_wants_a_permit);
	parked(fs[1], 0);
	make(0, locks_and_awaits);
	let_go_and_wait(2);
	for (size_t i = 0; i < 2; i++)
		seq[i] = parked(fs[i], waits[i]);
	thrum_mutex_unlock(&locks[0]);
	for (size_t i = 0; i < 2; i++)
		parked(fs[i], seq[i]);
	wait_for_sleep();
	must(thrum__cycles_look(rt));
	is_int(got.count, 0);
	stop();
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("cycle_mutex");

	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, each_has_what_the_next_one_wants, 1, 4);
	tcase_add_loop_test(tc, with_other_kinds_of_wait, 0, sizeof(mixed) / sizeof(mixed[0]));
	tcase_add_loop_test(tc, what_somebody_may_unlock, 0, sizeof(none) / sizeof(none[0]));
	tcase_add_test(tc, who_had_it_at_its_end);
	tcase_add_test(tc, one_that_waits_for_some_time);
	tcase_add_test(tc, a_later_wait);
	return run_case("cycle_mutex", tc);
}

#else
#include <stdio.h>

int main(void)
{
	puts("cycles are looked for in debug builds alone");
	return 77; /* skipped */
}

#endif
