/* SPDX-License-Identifier: MIT */
/*
 * test_start_asked.c - tasks, jobs, tokens and futures are made in a task that was asked to stop as
 * in any other, and are not asked with it.
 */
#include <thrum/fork.h>
#include <unistd.h>

#include "asked.h"
#include "core/future.h"

/* ---- Tasks ---- */

static intptr_t task_dereferences(void *number)
{
	return *(int *)number;
}

static void never_dropped(void *arg)
{
	(void)arg;
	abort();
}

DOES_ITS_WORK(thrum_spawn)
{
	ready(t);
	is_under(t, end_of(thrum_spawn(task_sleep, as_arg(3))), 0); /* it was not asked */
	is_under(t, end_of(thrum_spawn(task_return, as_arg(5))), 5);
}

DOES_ITS_WORK(thrum_spawn_copy)
{
	int number = 5;

	ready(t);
	is_under(t, end_of(thrum_spawn_copy(task_dereferences, &number, sizeof(number))), 5);
}

DOES_ITS_WORK(thrum_spawn_drop)
{
	ready(t);
	is_under(t, end_of(thrum_spawn_drop(task_return, as_arg(5), never_dropped)), 5);
}

static intptr_t task_sets(void *future)
{
	return thrum_future_set(future, 5);
}

DOES_ITS_WORK(thrum_go)
{
	struct thrum_future *f = future_new();

	ready(t);
	is_under(t, thrum_go(task_sets, f), 0);
	is_under(t, end_of(f), 5);
}

DOES_ITS_WORK(thrum_spawn_after)
{
	int64_t start;

	ready(t);
	start = thrum_now();
	is_under(t, end_of(thrum_spawn_after(20, task_return, as_arg(5))), 5);
	is_under(t, thrum_now(), start + 20);
}

DOES_ITS_WORK(thrum_spawn_after_drop)
{
	int64_t start;

	ready(t);
	start = thrum_now();
	is_under(t, end_of(thrum_spawn_after_drop(20, task_return, as_arg(5), never_dropped)), 5);
	is_under(t, thrum_now(), start + 20);
}

/* Two tasks that start when there is something to read. */
static void when_readable(struct trial *t, bool drop)
{
	struct thrum_future *f;
	int ends[2];

	is_int(pipe(ends), 0);
	ready(t);
	f = drop ? thrum_spawn_when_readable_drop(ends[0], task_return, as_arg(5), never_dropped)
		 : thrum_spawn_when_readable(ends[0], task_return, as_arg(5));
	wait_undisturbed(1);
	is_under(t, thrum_done(f), false);
	is_int(write(ends[1], "x", 1), 1);
	is_under(t, end_of(f), 5);
	close(ends[0]);
	close(ends[1]);
}

DOES_ITS_WORK(thrum_spawn_when_readable)
{
	when_readable(t, false);
}

DOES_ITS_WORK(thrum_spawn_when_readable_drop)
{
	when_readable(t, true);
}

DOES_ITS_WORK(thrum_spawn_blocking)
{
	ready(t);
	is_under(t, end_of(thrum_spawn_blocking(task_return, as_arg(5))), 5);
}

DOES_ITS_WORK(thrum_spawn_blocking_copy)
{
	int number = 5;

	ready(t);
	is_under(t, end_of(thrum_spawn_blocking_copy(task_dereferences, &number, sizeof(number))),
		 5);
}

DOES_ITS_WORK(thrum_fork)
{
	struct thrum_fork j;

	ready(t);
	thrum_fork(&j, task_return, as_arg(5));
	is_under(t, thrum_fork_join(&j), 5);
}

/* ---- Tokens ---- */

DOES_ITS_WORK(thrum_token_create)
{
	struct thrum_token *token;

	ready(t);
	must((token = thrum_token_create(t->token)));
	is_under(t, thrum_token_level(token), thrum_token_level(t->root));
	thrum_token_release(token);
}

ANSWER(tokens, thrum_token_cancelled, thrum_token_level, thrum_token_reason)
{
	struct thrum_token *token = thrum_token_create(NULL);

	must(token);
	ready(t);
	is_under(t, thrum_token_cancelled(token), false);
	is_under(t, thrum_token_cancel(token, THRUM_HARD, 6), 0);
	is_under(t, thrum_token_cancelled(token), true);
	is_under(t, thrum_token_level(token), THRUM_HARD);
	is_under(t, thrum_token_reason(token), 6);
	thrum_token_release(token);
}

DOES_ITS_WORK(thrum_token_future)
{
	struct thrum_token *token = thrum_token_create(NULL);
	struct thrum_future *f;

	must(token);
	ready(t);
	must((f = thrum_token_future(token, THRUM_SOFT)));
	is_under(t, thrum_done(f), false);
	is_under(t, thrum_token_cancel(token, THRUM_HARD, 6), 0);
	is_under(t, end_of(f), 6);
	thrum_token_release(token);
}

DOES_ITS_WORK(thrum_spawn_with)
{
	struct thrum_spawn_options o = THRUM_SPAWN_OPTIONS_INIT;

	o.name = "with";
	o.drop = never_dropped;
	o.stack_bytes = 64 << 10;
	o.worker = 1;
	ready(t);
	is_under(t, end_of(thrum_spawn_with(&o, task_sleep, as_arg(3))), 0);
	is_under(t, end_of(thrum_spawn_with(NULL, task_return, as_arg(5))), 5);
}

/* Linked to a token that was not asked. */
DOES_ITS_WORK(thrum_spawn_token)
{
	struct thrum_token *token = thrum_token_create(NULL);

	ready(t);
	is_under(t, end_of(thrum_spawn_token(token, task_sleep, as_arg(3))), 0);
	thrum_token_release(token);
}

DOES_ITS_WORK(thrum_spawn_token_drop)
{
	struct thrum_token *token = thrum_token_create(NULL);

	ready(t);
	is_under(t, end_of(thrum_spawn_token_drop(token, task_sleep, as_arg(3), never_dropped)), 0);
	thrum_token_release(token);
}

DOES_ITS_WORK(thrum_spawn_blocking_token)
{
	struct thrum_token *token = thrum_token_create(NULL);

	ready(t);
	is_under(t, end_of(thrum_spawn_blocking_token(token, task_return, as_arg(5))), 5);
	thrum_token_release(token);
}

/* ---- Futures ---- */

DOES_ITS_WORK(thrum_future_create)
{
	struct thrum_future *f;

	ready(t);
	must((f = thrum_future_create()));
	is_under(t, thrum_done(f), false);
	is_under(t, thrum_future_set(f, 5), 0);
	is_under(t, end_of(f), 5);
}

DOES_ITS_WORK(thrum_shield)
{
	struct thrum_future *f = future_new(), *shield;

	ready(t);
	must((shield = thrum_shield(f)));
	is_under(t, thrum_future_set(f, 5), 0);
	is_under(t, end_of(shield), 5);
	thrum_release(f);
}

ANSWER(futures, thrum_done, thrum_cancelled, thrum_result, thrum_name, thrum_place,
       thrum_state_name)
{
	struct thrum_future *f = future_new();

	ready(t);
	is_under(t, thrum_done(f), false);
	is_under(t, thrum_result(f), -EINPROGRESS);
	is_text(thrum_state_name(f), "pending");
	is_int(thrum_cancel(f), 0);
	is_under(t, thrum_done(f), true);
	is_under(t, thrum_cancelled(f), true);
	is_under(t, thrum_result(f), -ECANCELED);
	is_text(thrum_state_name(f), "cancelled");
	is_text(thrum_name(f), "future");
	has_text(thrum_place(f), "run.h:");
	thrum_release(f);
}

/* ---- Runtimes ---- */

static void *thread_destroys(void *rt)
{
	is_int(thrum_runtime_destroy(rt), 0);
	return NULL;
}

DOES_ITS_WORK(thrum_runtime_create)
{
	struct thrum_runtime *rt;

	ready(t);
	is_under(t, thrum_runtime_create(&rt, NULL), 0);
	is_under(t, end_of(thrum_runtime_submit(rt, task_return, as_arg(5))), 5);
	thread_end(thread_of(thread_destroys, rt));
}

DOES_ITS_WORK(thrum_runtime_submit)
{
	ready(t);
	is_under(t, end_of(thrum_runtime_submit(t->self->runtime, task_return, as_arg(5))), 5);
}

int main(void)
{
	const TTest *const tests[] = {
	    thrum_spawn_does_its_work,
	    thrum_spawn_copy_does_its_work,
	    thrum_spawn_drop_does_its_work,
	    thrum_go_does_its_work,
	    thrum_spawn_after_does_its_work,
	    thrum_spawn_after_drop_does_its_work,
	    thrum_spawn_when_readable_does_its_work,
	    thrum_spawn_when_readable_drop_does_its_work,
	    thrum_spawn_blocking_does_its_work,
	    thrum_spawn_blocking_copy_does_its_work,
	    thrum_fork_does_its_work,
	    thrum_token_create_does_its_work,
	    tokens_answer,
	    thrum_token_future_does_its_work,
	    thrum_spawn_with_does_its_work,
	    thrum_spawn_token_does_its_work,
	    thrum_spawn_token_drop_does_its_work,
	    thrum_spawn_blocking_token_does_its_work,
	    thrum_future_create_does_its_work,
	    thrum_shield_does_its_work,
	    futures_answer,
	    thrum_runtime_create_does_its_work,
	    thrum_runtime_submit_does_its_work,
	};

	return RUN_TESTS("start_asked", tests);
}
