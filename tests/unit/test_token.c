/* SPDX-License-Identifier: MIT */
/*
 * test_token.c - tokens: a request reaches all below, with its level and reason; futures of levels;
 * lives that end in any order.
 */
#include "base/atomic.h"
#include "run.h"
#include "sched/task.h"
#include "token_test.h"

#define DEEP 200

static void levels_and_reasons(void)
{
	struct thrum_token *t = token_under(NULL);

	is_asked(t, 0, 0);
	is_int(thrum_token_cancel(t, THRUM_SOFT, 15), 0);
	is_asked(t, THRUM_SOFT, 15);
	is_int(thrum_token_cancel(t, THRUM_SOFT, 16), -EALREADY);
	is_asked(t, THRUM_SOFT, 15);
	is_int(thrum_token_cancel(t, THRUM_HARD, -EIO), 0);
	is_asked(t, THRUM_HARD, -EIO);
	is_int(thrum_token_cancel(t, THRUM_HARD, 1), -EALREADY);
	is_int(thrum_token_cancel(t, THRUM_SOFT, 1), -EALREADY);
	is_asked(t, THRUM_HARD, -EIO);
	thrum_token_release(t);
}

START_TEST(it_has_levels_and_reasons)
{
	levels_and_reasons(); /* outside tasks */
}
END_TEST

START_TEST(bad_calls)
{
	struct thrum_token *t = token_under(NULL);

	is_int(thrum_token_cancel(NULL, THRUM_HARD, 0), -EINVAL);
	is_int(thrum_token_cancel(t, 0, 0), -EINVAL);
	is_int(thrum_token_cancel(t, 3, 0), -EINVAL);
	must(!thrum_token_future(NULL, THRUM_HARD));
	must(!thrum_token_future(t, 0));
	must(!thrum_token_future(t, 3));
	is_asked(NULL, 0, 0);
	thrum_token_retain(NULL);
	thrum_token_release(NULL);
	is_asked(t, 0, 0);
	thrum_token_release(t);
}
END_TEST

/* Below it, not above it or beside it. */
START_TEST(a_request_goes_down)
{
	struct thrum_token *root = token_under(NULL), *a = token_under(root),
			   *b = token_under(root);
	struct thrum_token *below = token_under(a), *late;

	is_int(thrum_token_cancel(a, THRUM_HARD, 5), 0);
	is_asked(root, 0, 0);
	is_asked(b, 0, 0);
	is_asked(a, THRUM_HARD, 5);
	is_asked(below, THRUM_HARD, 5);
	is_int(thrum_token_cancel(below, THRUM_HARD, 6), -EALREADY);
	late = token_under(below);
	is_asked(late, THRUM_HARD, 5);
	is_int(thrum_token_cancel(b, THRUM_SOFT, 7), 0);
	is_int(thrum_token_cancel(root, THRUM_HARD, 8), 0);
	is_asked(b, THRUM_HARD, 8);
	is_asked(below, THRUM_HARD, 5);
	thrum_token_release(root);
	thrum_token_release(a);
	thrum_token_release(late);
	thrum_token_release(below);
	thrum_token_release(b);
}
END_TEST

/* Futures complete with the reason, hold their token, and can be cancelled alone. */
TASK_TEST(its_levels_are_futures, 1)
{
	struct thrum_token *root = token_under(NULL), *child = token_under(root);
	struct thrum_future *soft = thrum_token_future(child, THRUM_SOFT);
	struct thrum_future *hard = thrum_token_future(child, THRUM_HARD);
	struct thrum_future *alone = thrum_token_future(child, THRUM_HARD);
	struct thrum_future *waits = thrum_spawn(task_await, soft);

	must(soft && hard && alone && waits);
	settle();
	thrum_token_release(child);
	is_int(thrum_wait_for(alone, 10), -ETIMEDOUT);
	is_asked(root, 0, 0);
	is_int(thrum_token_cancel(root, THRUM_SOFT, 42), 0);
	is_int(thrum_join(waits), 42);
	must(thrum_done(soft) && !thrum_done(hard));
	is_int(thrum_token_cancel(root, THRUM_HARD, -EPIPE), 0);
	is_int(thrum_await(hard), -EPIPE);
	thrum_release(thrum_token_future(root, THRUM_HARD)); /* done, and nobody looks */
	thrum_release(soft);
	thrum_release(hard);
	thrum_release(alone);
	thrum_token_release(root);
}

static struct atomic64 called;

static void count_call(struct thrum_future *f, void *arg)
{
	(void)f;
	(void)arg;
	fetch_add_relaxed(&called, 1);
}

TASK_TEST(its_futures_make_callbacks, 1)
{
	struct thrum_token *t = token_under(NULL);
	struct thrum_future *f = thrum_token_future(t, THRUM_SOFT);

	store_relaxed(&called, 0);
	is_int(thrum_future_on_done(f, count_call, NULL), 0);
	is_int(thrum_token_cancel(t, THRUM_HARD, 1), 0);
	settle();
	is_int(load_relaxed(&called), 1);
	thrum_release(f);
	thrum_token_release(t);
}

/* All are asked at once, and all who wait are woken, however deep the tree is; releases from
 * either end. */
static void deep_tree(bool from_top)
{
	struct thrum_token *t[DEEP];
	struct thrum_future *f[DEEP];

	for (int i = 0; i < DEEP; i++) {
		t[i] = token_under(i ? t[i - 1] : NULL);
		f[i] = thrum_token_future(t[i], THRUM_HARD);
		must(f[i]);
	}
	is_int(thrum_token_cancel(t[0], THRUM_HARD, 3), 0);
	for (int i = 0; i < DEEP; i++)
		is_asked(t[i], THRUM_HARD, 3);
	for (int i = 0; i < DEEP; i++) {
		is_int(thrum_await(f[i]), 3);
		thrum_release(f[i]);
	}
	for (int i = 0; i < DEEP; i++)
		thrum_token_release(t[from_top ? i : DEEP - 1 - i]);
}

TASK_TEST(it_may_be_deep, 1)
{
	deep_tree(true);
	deep_tree(false);
}

TASK_TEST(a_deep_one_goes_unasked, 1)
{
	struct thrum_token *t = NULL;

	for (int i = 0; i < 100000; i++) {
		struct thrum_token *below = token_under(t);

		thrum_token_release(t);
		t = below;
	}
	thrum_token_release(t);
}

/* Two ask at the same moment: whichever is told that it was late finds it asked. */
static struct thrum_token *asked;
static struct atomic32 turn;

static void *thread_asks(void *unused)
{
	(void)unused;
	for (uint32_t i = 1; i <= 2000; i++) {
		while (load_acquire(&turn) != i)
			spin_hint();
		(void)thrum_token_cancel(asked, THRUM_SOFT, 1);
		must(thrum_token_cancelled(asked));
		store_release(&turn, 0);
	}
	return NULL;
}

START_TEST(who_comes_late_finds_it_asked)
{
	pthread_t thread;

	store_relaxed(&turn, 0);
	thread = thread_of(thread_asks, NULL);
	for (uint32_t i = 1; i <= 2000; i++) {
		asked = token_under(NULL);
		store_release(&turn, i);
		(void)thrum_token_cancel(asked, THRUM_SOFT, 2);
		must(thrum_token_cancelled(asked));
		while (load_acquire(&turn))
			spin_hint();
		thrum_token_release(asked);
	}
	thread_end(thread);
}
END_TEST

/* What was asked above is asked below, also before it has come there. */
TASK_TEST(a_reason_once_told_stays, 1)
{
	struct thrum_token *t[40];

	for (int i = 0; i < 40; i++)
		t[i] = token_under(i ? t[i - 1] : NULL);
	is_int(thrum_token_cancel(t[0], THRUM_SOFT, 7), 0);
	is_int(thrum_token_reason(t[39]), 7);
	is_int(thrum_token_cancel(t[39], THRUM_SOFT, 5), -EALREADY);
	is_int(thrum_token_reason(t[39]), 7);
	for (int i = 0; i < 40; i++)
		thrum_token_release(t[i]);
}

static int reported;

static void count_report(void *unused, int what, const char *line)
{
	(void)unused;
	(void)what;
	(void)line;
	reported++;
}

static intptr_t main_ignores_reasons(void *unused)
{
	struct thrum_token *t = token_under(NULL);
	struct thrum_future *f = thrum_token_future(t, THRUM_HARD), *on_it = thrum_shield(f);

	(void)unused;
	is_int(thrum_token_cancel(t, THRUM_HARD, -EIO), 0);
	thrum_release(on_it);
	thrum_release(f);
	thrum_token_release(t);
	return 0;
}

/* Nor is -ECANCELED after a soft request. */
static intptr_t task_gives_up(void *unused)
{
	(void)unused;
	while (!thrum_cancel_requested())
		if (thrum_yield())
			break;
	return -ECANCELED;
}

static intptr_t main_asks_softly(void *unused)
{
	struct thrum_token *t = token_under(NULL);
	struct thrum_future *task = thrum_spawn_token(t, task_gives_up, NULL);
	struct thrum_scope_options options = THRUM_SCOPE_OPTIONS_INIT;
	struct thrum_scope s;

	(void)unused;
	options.token = t;
	is_int(thrum_scope_open_with(&s, &options), 0);
	is_int(thrum_scope_spawn(&s, task_gives_up, NULL), 0);
	is_int(thrum_yield(), 0);
	is_int(thrum_token_cancel(t, THRUM_SOFT, 1), 0);
	is_int(thrum_scope_close(&s), 0);
	while (!thrum_done(task))
		is_int(thrum_yield(), 0);
	thrum_release(task);
	thrum_token_release(t);
	return 0;
}

START_TEST(a_reason_is_no_failure)
{
	struct thrum_config c = config_of(1, THRUM_CLOCK_VIRTUAL);

	reported = 0;
	c.report = count_report;
	is_int(thrum_run_with(&c, main_ignores_reasons, NULL), 0);
	is_int(thrum_run_with(&c, main_asks_softly, NULL), 0);
	is_int(reported, 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    it_has_levels_and_reasons,  bad_calls,
	    a_request_goes_down,        its_levels_are_futures,
	    its_futures_make_callbacks, it_may_be_deep,
	    a_deep_one_goes_unasked,    who_comes_late_finds_it_asked,
	    a_reason_once_told_stays,   a_reason_is_no_failure,
	};

	return RUN_TESTS("token", tests);
}
