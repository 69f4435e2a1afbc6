/* SPDX-License-Identifier: MIT */
/*
 * test_tether.c - tasks, jobs and scopes that are linked to a token: they hear of its requests from
 * before they begin until they end, and leave nothing at it.
 */
#include "base/atomic.h"
#include "run.h"
#include "sched/task.h"
#include "token_test.h"

START_TEST(outside_tasks_there_are_none)
{
	struct thrum_token *t = token_under(NULL);

	must(!thrum_spawn_token(t, task_return, NULL));
	must(!thrum_spawn_blocking_token(t, task_return, NULL));
	thrum_token_release(t);
}
END_TEST

static intptr_t task_tells(void *unused)
{
	int err;

	(void)unused;
	is_int(thrum_cancel_requested(), 0);
	err = thrum_sleep(100);
	is_int(err, 0);
	is_int(thrum_cancel_requested(), THRUM_SOFT);
	return thrum_sleep(THRUM_FOREVER);
}

TASK_TEST(it_asks_its_tasks, 1)
{
	struct thrum_token *t = token_under(NULL);
	struct thrum_future *f = thrum_spawn_token(t, task_tells, NULL);
	struct thrum_future *other = thrum_spawn(task_sleep, as_arg(500));

	is_text(thrum_name(f), "task_tells");
	thrum_sleep(50);
	is_int(thrum_token_cancel(t, THRUM_SOFT, 1), 0);
	thrum_sleep(150);
	must(!thrum_done(f));
	is_int(thrum_token_cancel(t, THRUM_HARD, 1), 0);
	is_int(thrum_await(f), -ECANCELED);
	is_int(thrum_now(), 200);
	is_int(thrum_join(other), 0);
	thrum_release(f);
	thrum_token_release(t);
}

TASK_TEST(a_task_of_none_is_like_any, 1)
{
	struct thrum_future *f = thrum_spawn_token(NULL, task_return, as_arg(9));

	is_int(thrum_join(f), 9);
}

/* A task whose token was cancelled before begins, and its first wait says so; it may end before
 * its token is asked, and leaves nothing there. */
TASK_TEST(a_task_comes_late_or_early, 1)
{
	struct thrum_token *t = token_under(NULL);
	struct thrum_future *f;

	for (int i = 0; i < 100; i++)
		is_int(thrum_join(thrum_spawn_token(t, task_return, as_arg(i))), i);
	is_int(thrum_token_cancel(t, THRUM_HARD, 1), 0);
	f = thrum_spawn_token(t, task_sleep, as_arg(10));
	is_int(thrum_await(f), -ECANCELED);
	thrum_release(f);
	is_int(thrum_now(), 0);
	thrum_token_release(t);
}

static int dropped;

static void drop_counts(void *arg)
{
	dropped += (int)(intptr_t)arg;
}

TASK_TEST(a_task_is_dropped, 1)
{
	struct thrum_token *t = token_under(NULL);
	struct thrum_future *f;

	dropped = 0;
	f = thrum_spawn_token_drop(t, task_return, as_arg(5), drop_counts);
	is_int(thrum_join(f), 5);
	is_int(dropped, 0);
	f = thrum_spawn_token_drop(t, task_return, as_arg(5), drop_counts);
	is_int(thrum_token_cancel(t, THRUM_HARD, 1), 0);
	is_int(thrum_join(f), -ECANCELED);
	is_int(dropped, 5);
	thrum_token_release(t);
}

/* In its joiner's place, it hears of its own token. */
static intptr_t task_cancels_all(void *token)
{
	is_int(thrum_token_cancel(token, THRUM_HARD, 1), 0);
	return thrum_sleep(10);
}

TASK_TEST(a_task_in_place_hears_of_it, 1)
{
	struct thrum_token *t = token_under(NULL);

	is_int(thrum_join(thrum_spawn_token(t, task_cancels_all, t)), -ECANCELED);
	is_int(thrum_sleep(1), 0);
	thrum_token_release(t);
}

/* A stopped runtime takes no task, and the token is left as it was. */
static intptr_t task_spawns_late(void *token)
{
	while (thrum_sleep(THRUM_FOREVER) != -ECANCELED)
		;
	must(!thrum_spawn_token(token, task_return, NULL));
	must(!thrum_spawn_blocking_token(token, task_return, NULL));
	return 0;
}

static intptr_t main_leaves_behind(void *token)
{
	thrum_release(thrum_spawn(task_spawns_late, token));
	return thrum_yield();
}

static intptr_t task_is_asked(void *unused)
{
	(void)unused;
	return thrum_cancel_requested();
}

static struct thrum_local key = THRUM_LOCAL_INIT(NULL);

/* The soft request is the joiner's, and its forks', wherever the child runs. */
static intptr_t task_joins_when_asked(void *unused)
{
	struct thrum_future *f;
	struct thrum_fork j;

	(void)unused;
	while (thrum_cancel_requested() != THRUM_SOFT)
		is_int(thrum_yield(), 0);
	is_int(thrum_join(thrum_spawn(task_is_asked, NULL)), 0);
	f = thrum_spawn(task_is_asked, NULL);
	is_int(thrum_await(f), 0);
	thrum_release(f);
	thrum_fork(&j, task_is_asked, NULL);
	is_int(thrum_fork_join(&j), THRUM_SOFT);
	thrum_fork(&j, task_is_asked, NULL);
	is_int(thrum_local_set(&key, &key), 0); /* the fork becomes a task, and runs in place */
	return thrum_fork_join(&j);
}

TASK_TEST(a_soft_request_is_the_linked_task_s_alone, 1)
{
	struct thrum_token *t = thrum_token_create(NULL);
	struct thrum_future *f = thrum_spawn_token(t, task_joins_when_asked, NULL);

	is_int(thrum_yield(), 0);
	is_int(thrum_token_cancel(t, THRUM_SOFT, 1), 0);
	is_int(thrum_join(f), THRUM_SOFT);
	thrum_token_release(t);
}

/* So is a hard one that the joiner's shield keeps out: join does not cancel then. */
static intptr_t task_joins_in_a_shield(void *unused)
{
	struct thrum_shield s;

	(void)unused;
	thrum_cancel(thrum_self());
	is_int(thrum_yield(), -ECANCELED);
	thrum_shield_begin(&s, THRUM_FOREVER);
	is_int(thrum_cancel_requested(), THRUM_SOFT);
	is_int(thrum_join(thrum_spawn(task_is_asked, NULL)), 0);
	must(!thrum_shield_end(&s));
	return 5;
}

TASK_TEST(a_request_outside_the_joiner_s_shield_is_not_the_child_s, 1)
{
	is_int(thrum_join(thrum_spawn(task_joins_in_a_shield, NULL)), 5);
}

START_TEST(it_outlives_runtimes)
{
	struct thrum_token *t = token_under(NULL);
	struct thrum_future *f = thrum_token_future(t, THRUM_SOFT);

	is_int(run_virtual(1, main_leaves_behind, t), 0);
	is_asked(t, 0, 0);
	is_int(thrum_token_cancel(t, THRUM_SOFT, 4), 0);
	is_int(thrum_await(f), 4);
	thrum_release(f);
	thrum_token_release(t);
}
END_TEST

static intptr_t job_asks(void *hold)
{
	intptr_t result;

	is_int(thrum_cancel_requested(), 0);
	result = job_hold(hold);
	return result ? result : thrum_cancel_requested();
}

/* One that runs may look; one that waits for a thread is taken back; one that comes late is not
 * called. */
static intptr_t main_jobs(void *token)
{
	struct thrum_token *t = token;
	struct thrum_future *runs, *waits, *late;
	struct hold h;

	hold_init(&h, 0);
	runs = thrum_spawn_blocking_token(t, job_asks, &h);
	must(runs);
	is_int(thrum_await(h.started), 0);
	waits = thrum_spawn_blocking_token(t, task_return, as_arg(1));
	must(waits);
	is_int(thrum_token_cancel(t, THRUM_HARD, 1), 0);
	is_int(thrum_await(waits), -ECANCELED);
	late = thrum_spawn_blocking_token(t, task_return, as_arg(1));
	must(late);
	sem_post(&h.go);
	is_int(thrum_await(runs), THRUM_HARD);
	is_int(thrum_await(late), -ECANCELED);
	thrum_release(runs);
	thrum_release(waits);
	thrum_release(late);
	is_int(thrum_join(thrum_spawn_blocking_token(NULL, task_return, as_arg(3))), 3);
	hold_end(&h);
	return 0;
}

START_TEST(it_asks_its_jobs)
{
	struct thrum_config c = config_of(1, THRUM_CLOCK_REAL);
	struct thrum_token *t = token_under(NULL);

	c.blocking_max = 1;
	is_int(thrum_run_with(&c, main_jobs, t), 0);
	thrum_token_release(t);
}
END_TEST

static intptr_t child_looks(void *unused)
{
	(void)unused;
	is_int(thrum_sleep(10), 0);
	is_int(thrum_cancel_requested(), THRUM_SOFT);
	return thrum_sleep(THRUM_FOREVER);
}

static void open_with_token(struct thrum_scope *s, struct thrum_token *t)
{
	struct thrum_scope_options options = THRUM_SCOPE_OPTIONS_INIT;

	options.token = t;
	options.name = "linked";
	is_int(thrum_scope_open_with(s, &options), 0);
}

TASK_TEST(it_asks_its_scopes, 1)
{
	struct thrum_token *t = token_under(NULL), *below = token_under(t);
	struct thrum_scope s;

	open_with_token(&s, below);
	thrum_token_release(below);
	is_int(thrum_scope_spawn(&s, child_looks, NULL), 0);
	is_int(thrum_token_cancel(t, THRUM_SOFT, 1), 0);
	is_int(thrum_sleep(20), 0);
	is_int(thrum_token_cancel(t, THRUM_HARD, 1), 0);
	is_int(thrum_sleep(20), -ECANCELED);
	is_int(thrum_scope_spawn(&s, task_return, NULL), -ECANCELED);
	is_int(thrum_scope_close(&s), 0);
	is_int(thrum_now(), 20);
	is_int(thrum_sleep(1), 0);
	open_with_token(&s, t); /* too late */
	is_int(thrum_scope_spawn(&s, task_return, NULL), -ECANCELED);
	is_int(thrum_sleep(1), -ECANCELED);
	is_int(thrum_scope_close(&s), 0);
	is_int(thrum_sleep(1), 0);
	thrum_token_release(t);
}

/* The token's scope is closed before the request, and leaves nothing there. */
TASK_TEST(a_scope_leaves_it, 1)
{
	struct thrum_token *t = token_under(NULL);
	struct thrum_scope s;

	for (int i = 0; i < 100; i++) {
		open_with_token(&s, t);
		is_int(thrum_scope_spawn(&s, task_return, NULL), 0);
		is_int(thrum_scope_close(&s), 0);
	}
	is_int(thrum_token_cancel(t, THRUM_HARD, 1), 0);
	is_int(thrum_sleep(1), 0);
	thrum_token_release(t);
}

/* Others cancel while tasks and scopes come and go: each ends, one way or the other. */
#define ROUNDS 300

static intptr_t task_waits_long(void *ended)
{
	intptr_t r = thrum_sleep(THRUM_FOREVER);

	fetch_add_relaxed((struct atomic64 *)ended, 1);
	return r;
}

static void *thread_cancels(void *token)
{
	is_int(thrum_token_cancel(token, THRUM_SOFT, 1), 0);
	is_int(thrum_token_cancel(token, THRUM_HARD, 2), 0);
	return NULL;
}

static intptr_t main_beside_cancels(void *unused)
{
	struct atomic64 ended = {0};

	(void)unused;
	for (int i = 0; i < ROUNDS; i++) {
		struct thrum_token *root = token_under(NULL), *t = token_under(root);
		pthread_t thread = thread_of(thread_cancels, root);
		struct thrum_future *f[4];
		struct thrum_scope s;

		for (int k = 0; k < 4; k++)
			f[k] = thrum_spawn_token(k % 2 ? t : root, task_waits_long, &ended);
		open_with_token(&s, t);
		for (int k = 0; k < 4; k++) {
			int err = thrum_scope_spawn(&s, task_waits_long, &ended);

			must(err == 0 || err == -ECANCELED);
			if (err)
				fetch_add_relaxed(&ended, 1);
		}
		is_int(thrum_scope_close(&s), 0);
		for (int k = 0; k < 4; k++)
			is_int(thrum_join(f[k]), -ECANCELED);
		thread_end(thread);
		thrum_token_release(t);
		thrum_token_release(root);
	}
	is_int(load_relaxed(&ended), 8 * ROUNDS);
	return 0;
}

START_TEST(beside_cancels_from_outside)
{
	is_int(run_real(2, main_beside_cancels, NULL), 0);
}
END_TEST

/* A drop that a fire would bring about, and that waits for what the same walk has yet to fire: it
 * is called after the walk. */
static struct thrum_token *asks_all, *sibling;

static void drop_releases(void *unused)
{
	(void)unused;
	thrum_token_release(sibling);
	dropped++;
}

static struct thrum_local local = THRUM_LOCAL_INIT(drop_releases);

static intptr_t task_spawns_job(void *out)
{
	is_int(thrum_local_set(&local, &local), 0);
	*(struct thrum_future **)out = thrum_spawn_blocking_token(asks_all, task_return, NULL);
	return 0;
}

static intptr_t main_drops_beside(void *unused)
{
	struct thrum_future *holds, *job = NULL;
	struct hold h;

	(void)unused;
	dropped = 0;
	asks_all = token_under(NULL);
	hold_init(&h, 0);
	holds = thrum_spawn_blocking(job_hold, &h);
	is_int(thrum_await(h.started), 0);
	is_int(thrum_join(thrum_spawn(task_spawns_job, &job)), 0);
	sibling = token_under(asks_all);
	is_int(thrum_token_cancel(asks_all, THRUM_HARD, 1), 0);
	is_int(thrum_await(job), -ECANCELED);
	is_int(dropped, 1);
	sem_post(&h.go);
	is_int(thrum_join(holds), 0);
	thrum_release(job);
	hold_end(&h);
	thrum_token_release(asks_all);
	return 0;
}

START_TEST(a_drop_waits_for_the_walk)
{
	struct thrum_config c = config_of(1, THRUM_CLOCK_REAL);

	c.blocking_max = 1;
	is_int(thrum_run_with(&c, main_drops_beside, NULL), 0);
}
END_TEST

/* A link to a token that hears of it later than we is asked at once. */
TASK_TEST(a_deep_link_is_asked_at_once, 1)
{
	struct thrum_token *t[40];
	struct thrum_future *f;
	struct thrum_scope s;

	dropped = 0;
	for (int i = 0; i < 40; i++)
		t[i] = token_under(i ? t[i - 1] : NULL);
	is_int(thrum_token_cancel(t[0], THRUM_HARD, 7), 0);
	f = thrum_spawn_token_drop(t[39], task_return, as_arg(3), drop_counts);
	open_with_token(&s, t[39]);
	is_int(thrum_scope_spawn(&s, task_return, NULL), -ECANCELED);
	is_int(thrum_scope_close(&s), 0);
	is_int(thrum_join(f), -ECANCELED);
	is_int(dropped, 3);
	for (int i = 0; i < 40; i++)
		thrum_token_release(t[i]);
}

int main(void)
{
	const TTest *const tests[] = {
	    outside_tasks_there_are_none,
	    it_asks_its_tasks,
	    a_task_of_none_is_like_any,
	    a_task_comes_late_or_early,
	    a_task_is_dropped,
	    a_task_in_place_hears_of_it,
	    a_soft_request_is_the_linked_task_s_alone,
	    a_request_outside_the_joiner_s_shield_is_not_the_child_s,
	    it_outlives_runtimes,
	    it_asks_its_jobs,
	    it_asks_its_scopes,
	    a_scope_leaves_it,
	    beside_cancels_from_outside,
	    a_drop_waits_for_the_walk,
	    a_deep_link_is_asked_at_once,
	};

	return RUN_TESTS("tether", tests);
}
