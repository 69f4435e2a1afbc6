/* SPDX-License-Identifier: MIT */
/*
 * test_event.c - an event lets all go that wait when it is set, even if it is cleared at once, and
 * those that come while it is set.  What it has in common with others that wait is in test_stand.c.
 */
#include "outcome.h"
#include "owned.h"
#include "standing.h"
#include "storm.h"

#define EVENT (&standings[6])

START_TEST(it_is_set_or_not)
{
	static struct thrum_event zero;

	memset(&event, 0xff, sizeof(event));
	thrum_event_init(&event);
	must(!memcmp(&event, &zero, sizeof(zero)));
	must(!thrum_event_is_set(&event));
	is_int(thrum_event_wait_until(&event, 0), -ETIMEDOUT);
	for (int i = 0; i < 2; i++) {
		thrum_event_clear(&event);
		thrum_event_clear(&event);
		must(!thrum_event_is_set(&event));
		thrum_event_set(&event);
		thrum_event_set(&event);
		must(thrum_event_is_set(&event));
		is_int(thrum_event_wait(&event), 0);
		is_int(thrum_event_wait_until(&event, 0), 0);
	}
	thrum_event_fini(&event); /* set */
	thrum_event_clear(&event);
	is_int(thrum_event_wait_until(&event, 0), -ETIMEDOUT);
	thrum_event_fini(&event);
}
END_TEST

/* It is looked at again by one that could not yet stand in the queue. */
START_TEST(set_just_before_one_waits)
{
	struct word_holder h;

	thrum_event_init(&event);
	word_hold(&h, EVENT);
	h.v = 1; /* set */
	word_go(&h);
	is_int(thrum_event_wait(&event), 0);
	thread_end(h.thread);
	must(thrum_event_is_set(&event));
	thrum_event_fini(&event);
}
END_TEST

static intptr_t task_waits(void *unused)
{
	(void)unused;
	return thrum_event_wait(&event);
}

static struct thrum_future *fs[100];

static void spawn(int n)
{
	thrum_event_init(&event);
	for (int i = 0; i < n; i++)
		must((fs[i] = thrum_spawn(task_waits, NULL)));
	settle();
	is_int(turns_of(EVENT), n);
}

static void ends(int n)
{
	for (int i = 0; i < n; i++)
		is_int(thrum_join(fs[i]), 0);
	is_int(turns_of(EVENT), 0);
	thrum_event_fini(&event);
}

/* Numbers around that of those who are let go at a time. */
TASK_TEST(all_that_wait_go_on_though_it_is_cleared_at_once, 1)
{
	for (int n = 1; n <= 100; n += n < 3 || (n > 30 && n < 34) || (n > 62 && n < 66) ? 1 : 15) {
		struct thrum_future *late;

		spawn(n);
		thrum_event_set(&event);
		thrum_event_clear(&event);
		late = thrum_spawn(task_waits, NULL);
		settle();
		is_int(turns_of(EVENT), 1); /* who comes after the clear */
		must(!thrum_done(late));
		thrum_event_set(&event);
		is_int(thrum_join(late), 0);
		must(thrum_event_is_set(&event));
		ends(n);
	}
}

/* Beside tasks that go on while it is done. */
TASK_TEST(all_that_wait_go_on_on_two_workers, 2)
{
	for (unsigned i = 0; i < 20 + scaled(200); i++) {
		spawn(100);
		thrum_event_set(&event);
		thrum_event_clear(&event);
		ends(100);
	}
}

TASK_TEST(a_clear_changes_nothing_for_those_that_wait, 1)
{
	spawn(2);
	thrum_event_clear(&event);
	must(!thrum_event_is_set(&event));
	settle();
	is_int(turns_of(EVENT), 2);
	thrum_event_set(&event);
	ends(2);
}

TASK_TEST(those_that_leave_change_nothing_for_others, 1)
{
	spawn(3);
	thrum_cancel(fs[0]);
	is_int(thrum_join(fs[0]), -ECANCELED);
	is_int(turns_of(EVENT), 2);
	thrum_cancel(fs[1]);
	is_int(thrum_join(fs[1]), -ECANCELED);
	thrum_event_set(&event);
	is_int(thrum_join(fs[2]), 0);
	must(thrum_event_is_set(&event));
	ends(0);
	spawn(1);
	thrum_cancel(fs[0]);
	is_int(thrum_join(fs[0]), -ECANCELED);
	thrum_event_fini(&event); /* as if nobody had waited */
}

/* Cut short when it was set and cleared: it goes without, and what is set stays so. */
TASK_TEST(cut_short_beside_a_set, 1)
{
	spawn(2);
	thrum_cancel(fs[0]);
	thrum_event_set(&event);
	thrum_cancel(fs[1]);
	is_int(thrum_join(fs[0]), -ECANCELED);
	is_int(thrum_join(fs[1]), 0);
	must(thrum_event_is_set(&event));
	ends(0);
}

/* ---- All that was done before is seen ---- */

static struct thrum_event ping, pong;
static unsigned written, rounds;

static void *thread_pongs(void *unused)
{
	for (unsigned i = 0; i < rounds; i++) {
		is_int(thrum_event_wait(&ping), 0);
		thrum_event_clear(&ping);
		is_int(written, 2 * i + 1);
		written++;
		thrum_event_set(&pong);
	}
	return unused;
}

static intptr_t task_pings(void *unused)
{
	(void)unused;
	for (unsigned i = 0; i < rounds; i++) {
		written++;
		thrum_event_set(&ping);
		is_int(thrum_event_wait(&pong), 0);
		thrum_event_clear(&pong);
		is_int(written, 2 * i + 2);
	}
	return 0;
}

static intptr_t task_pongs(void *unused)
{
	(void)unused;
	return (intptr_t)thread_pongs(NULL);
}

static intptr_t main_plays(void *with_thread)
{
	pthread_t thread;

	written = 0;
	rounds = scaled(20000);
	if (!with_thread) {
		struct thrum_future *f = thrum_spawn(task_pongs, NULL);

		is_int(task_pings(NULL), 0);
		return thrum_join(f);
	}
	thread = thread_of(thread_pongs, NULL);
	is_int(task_pings(NULL), 0);
	thread_end(thread);
	return 0;
}

START_TEST(what_was_done_before_is_seen)
{
	is_int(run_real(2, main_plays, NULL), 0);
	is_int(run_real(2, main_plays, as_arg(1)), 0);
	thrum_event_fini(&ping);
	thrum_event_fini(&pong);
}
END_TEST

/* ---- In a storm ---- */

/* Each that clears it sets it again. */
static int wait_or_set(int64_t deadline_ns, uint32_t random)
{
	if (random % 4)
		return CALL(thrum_event_wait, &event, deadline_ns);
	if (random % 8)
		thrum_event_clear(&event);
	storm_pause(random >> 4);
	thrum_event_set(&event);
	return 0;
}

START_TEST(in_a_storm_nobody_is_forgotten)
{
	thrum_event_init(&event);
	thrum_event_set(&event);
	must(storm(wait_or_set, scaled(20000)) > 0);
	is_int(turns_of(EVENT), 0);
	thrum_event_fini(&event);
}
END_TEST

/* ---- Who waited frees it ---- */

static void events_begin(void *events)
{
	struct thrum_event *e = events;

	for (int i = 0; i < OWNERS - 1; i++)
		thrum_event_init(&e[i]);
}

/* The last one waits for what the others set. */
static bool events_meet(void *events, int who)
{
	struct thrum_event *e = events;

	if (who < OWNERS - 1) {
		let_one_wait(&e[who], 2);
		thrum_event_set(&e[who]);
		return false;
	}
	for (int i = 0; i < OWNERS - 1; i++) {
		is_int(thrum_event_wait(&e[i]), 0);
		thrum_event_fini(&e[i]);
	}
	return true;
}

START_TEST(who_waited_frees_it)
{
	use_owned((OWNERS - 1) * sizeof(struct thrum_event), events_begin, events_meet,
		  10 + scaled(200));
}
END_TEST

/* ---- Misuse; where nobody may wait ---- */

static intptr_t task_ends_it(void *unused)
{
	(void)unused;
	spawn(1);
	thrum_event_fini(&event);
	return 0;
}

static void end_awaited(void)
{
	(void)!run_virtual(1, task_ends_it, NULL);
}

START_TEST(misuse_is_caught)
{
	aborts(end_awaited, "end an event when nobody waits for it");
}
END_TEST

static void call_sets(struct thrum_future *f, void *unused)
{
	(void)f;
	(void)unused;
	thrum_event_set(&event);
	must(thrum_event_is_set(&event));
	thrum_event_clear(&event);
}

TASK_TEST(a_callback_may_set_and_clear, 1)
{
	struct thrum_future *f = thrum_spawn(task_return, NULL);

	spawn(2);
	is_int(thrum_future_on_done(f, call_sets, NULL), 0);
	ends(2);
	is_int(thrum_join(f), 0);
}

static void child_uses(void)
{
	must(!thrum_event_is_set(&event));
	is_int(thrum_event_wait(&event), -ENOTSUP);
	thrum_event_clear(&event);
	thrum_event_set(&event);
	must(!thrum_event_is_set(&event)); /* who waits is not there */
	thrum_event_fini(&event);
	store_relaxed(word_of(EVENT), THRUM__HELD);
	thrum_event_set(&event);
	thrum_event_clear(&event);
	thrum_event_fini(&event);
}

TASK_TEST(in_a_forked_child, 1)
{
	spawn(1);
	passes(child_uses);
	thrum_event_set(&event);
	ends(1);
}

int main(void)
{
	const TTest *const tests[] = {
	    it_is_set_or_not,
	    set_just_before_one_waits,
	    all_that_wait_go_on_though_it_is_cleared_at_once,
	    all_that_wait_go_on_on_two_workers,
	    a_clear_changes_nothing_for_those_that_wait,
	    those_that_leave_change_nothing_for_others,
	    cut_short_beside_a_set,
	    what_was_done_before_is_seen,
	    in_a_storm_nobody_is_forgotten,
	    who_waited_frees_it,
	    misuse_is_caught,
	    a_callback_may_set_and_clear,
	    in_a_forked_child,
	};

	return RUN_TESTS_FOR("event", 60, tests);
}
