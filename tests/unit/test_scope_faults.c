/* SPDX-License-Identifier: MIT */
/*
 * test_scope_faults.c - scopes, tokens and timeouts where something cannot be had: each n-th call
 * of the system fails, for every n, and nothing is lost, left or waited for in vain.
 *
 * Without THRUM_FAULTS there is nothing to test.
 */
#ifdef THRUM_FAULTS
#include <signal.h>
#include <unistd.h>

#include "base/os.h"
#include "token_test.h"

struct round {
	uint64_t n;
	bool fired;
};

typedef void round_fn(struct round *r);

/* From here to the end the n-th call fails; what came of it is looked at after that. */
static void round_begin(struct round *r)
{
	r->n++;
	thrum__fault_set(r->n, false);
}

static void round_end(struct round *r)
{
	r->fired = thrum__fault_fired();
	thrum__fault_set(0, false);
}

/* One fault after the other, until none fires; how many did. */
static intptr_t main_rounds(void *once)
{
	struct round r = {.fired = true};

	while (r.fired)
		(*(round_fn **)once)(&r);
	return (intptr_t)r.n - 1;
}

static void rounds(round_fn *once, int at_least)
{
	int n = (int)run_virtual(1, main_rounds, &once);

	must(n >= at_least);
	printf("test_scope_faults: no fault after n = %d\n", n);
}

/* ---- A scope with a deadline ---- */

#define CHILDREN 3

static unsigned ran, dropped;

static intptr_t task_runs(void *unused)
{
	int err = thrum_yield();

	(void)unused;
	ran++;
	return err;
}

static void drop(void *unused)
{
	(void)unused;
	dropped++;
}

static int spawn_children(struct thrum_scope *s)
{
	int err = 0;

	for (unsigned i = 1; i < CHILDREN && !err; i++)
		err = thrum_scope_spawn(s, task_runs, NULL);
	return err ? err : thrum_scope_spawn_copy(s, task_runs, &ran, sizeof(ran));
}

/* What was begun has ended, and what failed is told: by the call, and by close. */
static void scope_with_deadline(struct round *r)
{
	struct thrum_scope_options options = THRUM_SCOPE_OPTIONS_INIT;
	int opened, spawned, closed;
	struct thrum_scope s;

	ran = dropped = 0;
	options.deadline_ns = thrum_now() + THRUM_SEC(1);
	options.drop = drop;
	round_begin(r);
	opened = thrum_scope_open_with(&s, &options);
	spawned = spawn_children(&s);
	closed = thrum_scope_close(&s);
	round_end(r);
	must(opened == 0 || opened == -ENOMEM);
	must(spawned == 0 || spawned == -ENOMEM);
	if (opened)
		is_int(spawned, opened);
	if (spawned)
		is_int(closed, spawned);
	must(closed == 0 || (closed == -ENOMEM && r->fired));
	if (!closed)
		is_int(ran, CHILDREN);
	if (!spawned)
		is_int(ran + dropped, CHILDREN);
	is_int(thrum_yield(), 0);
}

START_TEST(a_scope_of_which_something_fails)
{
	rounds(scope_with_deadline, 3);
}
END_TEST

/* Nothing can be had for the alarm. */
TASK_TEST(without_an_alarm_it_does_not_open, 1)
{
	struct thrum_scope_options options = THRUM_SCOPE_OPTIONS_INIT;
	struct thrum_scope s;
	int opened;

	options.deadline_ns = THRUM_SEC(1);
	thrum__fault_set(1, true);
	opened = thrum_scope_open_with(&s, &options);
	thrum__fault_set(0, false);
	is_int(opened, -ENOMEM);
	is_int(thrum_scope_spawn(&s, task_runs, NULL), -ENOMEM);
	is_int(thrum_scope_close(&s), -ENOMEM);
	is_int(thrum_yield(), 0);
}

/* ---- Tokens ---- */

#define DEEP 20

static void tokens(struct round *r)
{
	struct thrum_token *t[DEEP] = {NULL};
	struct thrum_future *f, *level;
	unsigned depth = 0;
	int cancelled;

	ran = dropped = 0;
	round_begin(r);
	while (depth < DEEP && (t[depth] = thrum_token_create(depth ? t[depth - 1] : NULL)))
		depth++;
	level = depth ? thrum_token_future(t[depth - 1], THRUM_HARD) : NULL;
	f = depth ? thrum_spawn_token_drop(t[depth - 1], task_sleep, as_arg(THRUM_FOREVER), drop)
		  : NULL;
	cancelled = thrum_token_cancel(t[0], THRUM_HARD, 6);
	round_end(r);
	must(r->fired || (depth == DEEP && level && f));
	is_int(cancelled, depth ? 0 : -EINVAL);
	if (f)
		is_int(thrum_join(f), -ECANCELED);
	is_int(dropped, f != NULL);
	if (level)
		is_int(thrum_await(level), 6);
	thrum_release(level);
	while (depth--) {
		is_asked(t[depth], THRUM_HARD, 6);
		thrum_token_release(t[depth]);
	}
}

START_TEST(tokens_of_which_some_cannot_be_had)
{
	rounds(tokens, DEEP);
}
END_TEST

/* A task that is linked, and a scope that is. */
static void linked(struct round *r)
{
	struct thrum_scope_options options = THRUM_SCOPE_OPTIONS_INIT;
	struct thrum_token *t = token_under(NULL);
	struct thrum_future *f;
	int spawned, closed;
	struct thrum_scope s;
	intptr_t ended;

	ran = dropped = 0;
	options.token = t;
	options.drop = drop;
	round_begin(r);
	f = thrum_spawn_token(t, task_runs, NULL);
	is_int(thrum_scope_open_with(&s, &options), 0);
	spawned = spawn_children(&s);
	closed = thrum_scope_close(&s);
	ended = thrum_join(f);
	round_end(r);
	must(ended == 0 || (ended == -ENOMEM && r->fired));
	must(spawned == 0 || (spawned == -ENOMEM && r->fired));
	must(closed == 0 || (closed == -ENOMEM && r->fired));
	if (!spawned)
		is_int(ran + dropped, CHILDREN + !ended);
	is_int(thrum_token_cancel(t, THRUM_HARD, 1), 0); /* nobody hangs there */
	is_int(thrum_yield(), 0);
	thrum_token_release(t);
}

START_TEST(links_of_which_some_cannot_be_had)
{
	rounds(linked, 3);
}
END_TEST

/* ---- Timeouts ---- */

static void timeouts(struct round *r)
{
	int64_t start = thrum_now();
	struct thrum_timeout t;
	bool ours;
	int err;

	round_begin(r);
	thrum_timeout_begin(&t, 10);
	err = thrum_sleep(THRUM_SEC(1));
	ours = thrum_timeout_end(&t);
	round_end(r);
	must(err == -ETIMEDOUT || (err == -ENOMEM && r->fired));
	is_int(ours, err == -ETIMEDOUT);
	is_int(thrum_now(), ours ? start + 10 : start);
}

START_TEST(a_timeout_without_a_timer)
{
	rounds(timeouts, 1);
}
END_TEST

static intptr_t task_closes_without_timer(void *unused)
{
	struct thrum_timeout t;
	struct thrum_scope s;
	int err;

	(void)unused;
	thrum_timeout_begin(&t, 10);
	is_int(thrum_scope_open(&s), 0);
	is_int(thrum_scope_spawn(&s, task_sleep, as_arg(THRUM_FOREVER)), 0);
	is_int(thrum_yield(), 0);  /* the child waits, on a stack of its own */
	thrum__fault_set(1, true); /* until the caller has seen it wait */
	err = thrum_scope_close(&s);
	must(!thrum_timeout_end(&t));
	return err;
}

/* No timer for the deadline around close: a cancel reaches the children all the same. */
TASK_TEST(without_a_timer_close_hears_a_cancel, 1)
{
	struct thrum_future *f = thrum_spawn(task_closes_without_timer, NULL);

	must(f);
	while (!thrum__fault_fired())
		is_int(thrum_yield(), 0);
	is_int(thrum_yield(), 0);
	thrum__fault_set(0, false);
	must(!thrum_done(f));
	is_int(thrum_cancel(f), 0);
	is_int(thrum_join(f), -ECANCELED);
}

/* ---- A signal, and nothing for the pause between soft and hard ---- */

static intptr_t main_is_asked(void *fails)
{
	struct thrum_token *t = thrum_run_token();

	is_int(thrum_cancel_requested(), 0); /* somebody minds: there would be a pause */
	if (fails)
		thrum__fault_set(1, true);
	is_int(kill(getpid(), SIGTERM), 0);
	while (thrum_token_level(t) < THRUM_HARD)
		(void)thrum_yield();
	if (fails)
		must(thrum__fault_fired());
	thrum__fault_set(0, false);
	is_int(thrum_sleep(1), -ECANCELED);
	is_int(thrum_token_reason(t), SIGTERM);
	return 3;
}

/* No task beside the main one; no stack for it. */
START_TEST(hard_at_once_where_there_is_no_pause)
{
	struct thrum_config c = config_of(1, THRUM_CLOCK_REAL);

	must(signal(SIGTERM, SIG_DFL) != SIG_ERR);
	c.soft_ns = THRUM_FOREVER;
	c.tasks_max = _i ? 0 : 1;
	is_int(thrum_run_with(&c, main_is_asked, as_arg(_i)), 3);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("scope_faults");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_scope_of_which_something_fails);
	tcase_add_test(tc, without_an_alarm_it_does_not_open);
	tcase_add_test(tc, tokens_of_which_some_cannot_be_had);
	tcase_add_test(tc, links_of_which_some_cannot_be_had);
	tcase_add_test(tc, a_timeout_without_a_timer);
	tcase_add_test(tc, without_a_timer_close_hears_a_cancel);
	tcase_add_loop_test(tc, hard_at_once_where_there_is_no_pause, 0, 2);
	return run_case("scope_faults", tc);
}

#else
#include <stdio.h>

int main(void)
{
	puts("calls of the system are made to fail in debug builds alone");
	return 77; /* skipped */
}

#endif
