/* SPDX-License-Identifier: MIT */
/*
 * test_stand.c - what all calls that wait in a queue have in common, for tasks: they are let go;
 * cancelled or past a deadline they leave nothing and have taken nothing; what was for one that was
 * cut short goes to the next one; and the timeout is told whose deadline it was.
 */
#include "sched/stand.h"

#include "standing.h"

/* A test for each kind, by the main task of a runtime with one worker, then two, up to @workers. */
#define EACH(name, workers)                                                             \
	static void name##_body(const struct standing *s);                              \
	enum { name##_end = (workers)*STANDINGS };                                      \
	static intptr_t name##_task(void *standing)                                     \
	{                                                                               \
		name##_body(standing);                                                  \
		return 77;                                                              \
	}                                                                               \
	START_TEST(name)                                                                \
	{                                                                               \
		struct standing s = standings[_i % STANDINGS];                          \
                                                                                        \
		is_int(run_virtual(1 + (unsigned)_i / STANDINGS, name##_task, &s), 77); \
	}                                                                               \
	END_TEST                                                                        \
	static void name##_body(const struct standing *s)

/* A task that waits, with a deadline of its own, and one around it. */
struct waiter {
	const struct standing *s;
	int64_t own_ns, around_ns;
	struct thrum_future *task;
	bool told;
	int64_t end_ns;
};

static intptr_t task_waits(void *waiter)
{
	struct waiter *w = waiter;
	struct thrum_timeout t;
	int err;

	thrum_timeout_begin_until(&t, w->around_ns);
	err = w->s->wait(w->own_ns);
	w->end_ns = thrum_now();
	w->told = thrum_timeout_end(&t);
	return err;
}

static void spawn_until(struct waiter *w, const struct standing *s, int64_t own_ns,
			int64_t around_ns)
{
	*w = (struct waiter){s, own_ns, around_ns, NULL, false, 0};
	w->task = thrum_spawn(task_waits, w);
	must(w->task);
	settle();
}

static void spawn(struct waiter *w, const struct standing *s)
{
	unsigned before = turns_of(s);

	spawn_until(w, s, THRUM_FOREVER, THRUM_FOREVER);
	is_int(turns_of(s), before + 1);
}

static void ends(struct waiter *w, int err)
{
	is_int(thrum_join(w->task), err);
	must(!w->told);
}

EACH(who_waits_is_let_go, 2)
{
	struct waiter w[2];

	s->begin(2);
	spawn(&w[0], s);
	spawn(&w[1], s);
	s->let_go();
	ends(&w[0], 0);
	ends(&w[1], 0);
	s->end();
}

/* ---- Cut short ---- */

static intptr_t task_cancelled(void *standing)
{
	const struct standing *s = standing;

	is_int(thrum_cancel(thrum_self()), 0);
	is_int(s->wait(THRUM_FOREVER), -ECANCELED);
	if (s->has_until)
		is_int(s->wait(thrum_now() + 1), -ECANCELED);
	return turns_of(s);
}

EACH(cancelled_before_there_is_no_wait, 2)
{
	s->begin(1);
	is_int(thrum_join(thrum_spawn(task_cancelled, (void *)s)), 0);
	if (s->is_open) { /* even if it need not wait */
		s->let_go();
		is_int(thrum_join(thrum_spawn(task_cancelled, (void *)s)), 0);
	}
	s->end();
}

EACH(a_cancel_ends_the_wait, 2)
{
	struct waiter w, next;

	s->begin(1);
	spawn(&w, s);
	is_int(thrum_cancel(w.task), 0);
	ends(&w, -ECANCELED);
	is_int(turns_of(s), 0);
	spawn(&next, s);
	s->let_go();
	ends(&next, 0);
	s->end();
}

/* @around_ns, @own_ns: after now; whose comes first. */
static void times_out(const struct standing *s, int64_t own_ns, int64_t around_ns, bool told)
{
	int64_t now = thrum_now(), first = own_ns < around_ns ? own_ns : around_ns;
	struct waiter w;

	spawn_until(&w, s, own_ns == THRUM_FOREVER ? own_ns : now + own_ns,
		    around_ns == THRUM_FOREVER ? around_ns : now + around_ns);
	is_int(thrum_join(w.task), -ETIMEDOUT);
	is_int(w.told, told);
	is_int(w.end_ns, now + first);
	is_int(turns_of(s), 0);
}

EACH(a_deadline_ends_the_wait, 2)
{
	struct waiter next;

	s->begin(1);
	times_out(s, THRUM_FOREVER, 10, true);
	if (s->has_until) {
		times_out(s, 10, THRUM_FOREVER, false);
		times_out(s, 5, 10, false);
		times_out(s, 10, 5, true);
		times_out(s, 7, 7, false);
	}
	spawn(&next, s);
	s->let_go();
	ends(&next, 0);
	s->end();
}

static intptr_t task_times_out_twice(void *standing)
{
	const struct standing *s = standing;
	struct thrum_timeout outer, inner;

	thrum_timeout_begin(&outer, 5);
	thrum_timeout_begin(&inner, 10);
	is_int(s->wait(THRUM_FOREVER), -ETIMEDOUT);
	must(!thrum_timeout_end(&inner));
	must(thrum_timeout_end(&outer));
	thrum_timeout_begin(&outer, 10);
	thrum_timeout_begin(&inner, 5);
	is_int(s->wait(THRUM_FOREVER), -ETIMEDOUT);
	must(thrum_timeout_end(&inner));
	must(!thrum_timeout_end(&outer));
	return 0;
}

EACH(the_timeout_is_told_whose_deadline_it_was, 1)
{
	s->begin(1);
	is_int(thrum_join(thrum_spawn(task_times_out_twice, (void *)s)), 0);
	s->end();
}

/* On entry, like a cancel; but with its own deadline alone it has what needs no wait. */
static intptr_t task_too_late(void *standing)
{
	const struct standing *s = standing;
	struct thrum_timeout t;

	thrum_timeout_begin(&t, 0);
	is_int(s->wait(THRUM_FOREVER), -ETIMEDOUT);
	must(thrum_timeout_end(&t));
	return turns_of(s);
}

static intptr_t task_own_deadline(void *standing)
{
	return ((const struct standing *)standing)->wait(thrum_now());
}

EACH(a_deadline_that_has_passed, 1)
{
	s->begin(1);
	is_int(thrum_join(thrum_spawn(task_too_late, (void *)s)), 0);
	if (s->has_until)
		is_int(thrum_join(thrum_spawn(task_own_deadline, (void *)s)), -ETIMEDOUT);
	if (s->is_open) {
		s->let_go();
		is_int(thrum_join(thrum_spawn(task_too_late, (void *)s)), 0);
		is_int(thrum_join(thrum_spawn(task_own_deadline, (void *)s)), 0);
	}
	is_int(turns_of(s), 0);
	s->end();
}

static intptr_t task_shielded(void *standing)
{
	const struct standing *s = standing;
	struct thrum_shield shield;

	is_int(thrum_cancel(thrum_self()), 0);
	thrum_shield_begin(&shield, THRUM_FOREVER);
	is_int(s->wait(THRUM_FOREVER), 0);
	must(!thrum_shield_end(&shield));
	return thrum_yield();
}

EACH(inside_a_shield_it_waits, 2)
{
	struct thrum_future *f;

	s->begin(1);
	f = thrum_spawn(task_shielded, (void *)s);
	settle();
	is_int(turns_of(s), 1);
	s->let_go();
	is_int(thrum_join(f), -ECANCELED);
	s->end();
}

/* The joiner's cancel reaches who runs in its place. */
static intptr_t task_joins(void *standing)
{
	struct waiter w = {standing, THRUM_FOREVER, THRUM_FOREVER, NULL, false, 0};

	return thrum_join(thrum_spawn(task_waits, &w));
}

EACH(in_the_place_of_a_joiner, 2)
{
	struct thrum_future *f;

	s->begin(1);
	for (int cancelled = 1; cancelled >= 0; cancelled--) {
		f = thrum_spawn(task_joins, (void *)s);
		settle();
		is_int(turns_of(s), 1);
		if (cancelled)
			is_int(thrum_cancel(f), 0);
		else
			s->let_go();
		is_int(thrum_join(f), cancelled ? -ECANCELED : 0);
	}
	s->end();
}

static struct atomic32 forked;

static intptr_t fn_forked(void *unused)
{
	(void)unused;
	store_relaxed(&forked, 1);
	return 3;
}

static intptr_t task_forks(void *standing)
{
	const struct standing *s = standing;
	struct thrum_fork j;
	int err;

	thrum_fork(&j, fn_forked, NULL);
	err = s->wait(THRUM_FOREVER);
	is_int(thrum_fork_join(&j), 3);
	return err;
}

EACH(what_it_forked_goes_on, 1)
{
	struct thrum_future *f;

	s->begin(1);
	store_relaxed(&forked, 0);
	f = thrum_spawn(task_forks, (void *)s);
	settle();
	is_int(turns_of(s), 1);
	is_int(load_relaxed(&forked), 1);
	s->let_go();
	is_int(thrum_join(f), 0);
	s->end();
}

/* ---- Cut short and let go at once ---- */

/* It goes to the next one; but who has come to a barrier when all have goes on. */
EACH(what_one_that_was_cancelled_would_get, 1)
{
	struct waiter w[3];

	s->begin(3);
	for (int i = 0; i < 3; i++)
		spawn(&w[i], s);
	is_int(thrum_cancel(w[0].task), 0);
	is_int(thrum_cancel(w[1].task), 0);
	s->let_go();
	ends(&w[0], s->counts ? 0 : -ECANCELED);
	ends(&w[1], s->counts ? 0 : -ECANCELED);
	ends(&w[2], 0);
	is_int(turns_of(s), 0);
	s->end();
}

/* At a deadline: whether it still stands when the others are let go or not. */
EACH(what_one_that_is_late_would_get, 1)
{
	struct waiter w[2];

	if (s->counts)
		return;
	for (int64_t at = 9; at < 12; at++) {
		int64_t now = thrum_now();

		s->begin(2);
		spawn_until(&w[0], s, THRUM_FOREVER, now + 10);
		spawn(&w[1], s);
		is_int(thrum_sleep_until(now + at), 0);
		s->let_go();
		is_int(thrum_join(w[0].task), at < 10 ? 0 : -ETIMEDOUT);
		is_int(w[0].told, at >= 10);
		ends(&w[1], 0);
		s->end();
	}
}

EACH(who_has_it_has_it, 1)
{
	struct waiter w;

	s->begin(1);
	spawn_until(&w, s, THRUM_FOREVER, thrum_now() + 100);
	s->let_go();
	is_int(thrum_cancel(w.task), 0);
	ends(&w, 0);
	s->end();
}

/* ---- Many ---- */

#define TASKS 100 /* more than are let go on at a time */

/* Every third is cancelled when they are let go. */
EACH(many_wait, 2)
{
	unsigned n = 0;
	static struct waiter w[TASKS];

	s->begin(TASKS);
	for (int i = 0; i < TASKS; i++)
		spawn(&w[i], s);
	for (int i = 0; i < TASKS && !s->counts; i += 3)
		is_int(thrum_cancel(w[i].task), 0);
	s->let_go();
	for (int i = 0; i < TASKS; i++) {
		intptr_t r = thrum_join(w[i].task);

		must(r == 0 || (r == -ECANCELED && !s->counts && i % 3 == 0));
		n += r == 0;
	}
	must(n >= TASKS - (s->counts ? 0 : (TASKS + 2) / 3));
	is_int(turns_of(s), 0);
	s->end();
}

#define ADD(name) tcase_add_loop_test(tc, name, 0, name##_end)

int main(void)
{
	TCase *tc = tcase_create("stand");

	tcase_set_timeout(tc, 30);
	ADD(who_waits_is_let_go);
	ADD(cancelled_before_there_is_no_wait);
	ADD(a_cancel_ends_the_wait);
	ADD(a_deadline_ends_the_wait);
	ADD(the_timeout_is_told_whose_deadline_it_was);
	ADD(a_deadline_that_has_passed);
	ADD(inside_a_shield_it_waits);
	ADD(in_the_place_of_a_joiner);
	ADD(what_it_forked_goes_on);
	ADD(what_one_that_was_cancelled_would_get);
	ADD(what_one_that_is_late_would_get);
	ADD(who_has_it_has_it);
	ADD(many_wait);
	return run_case("stand", tc);
}
