/* SPDX-License-Identifier: MIT */
/*
 * test_give_back.c - what gives back, completes, requests or tries does all of its work in a task
 * that was asked to stop, and says nothing of that.
 */
#include <fcntl.h>
#include <unistd.h>

#include "asked.h"
#include "sched/token.h"
#include "stream_pair.h"

static uint32_t refs_of(struct thrum_future *f)
{
	return load_relaxed(&f->refs);
}

/* ---- Futures ---- */

DOES_ITS_WORK(thrum_release)
{
	struct thrum_future *f = future_new();

	thrum_retain(f);
	ready(t);
	thrum_release(f);
	is_under(t, refs_of(f), 1);
	future_drop(f);
}

DOES_ITS_WORK(thrum_retain)
{
	struct thrum_future *f = future_new();

	ready(t);
	thrum_retain(f);
	is_under(t, refs_of(f), 2);
	thrum_release(f);
	future_drop(f);
}

DOES_ITS_WORK(thrum_future_set)
{
	struct thrum_future *f = future_new(), *waiter = thrum_spawn(task_await, f);

	ready(t);
	is_under(t, thrum_future_set(f, 7), 0);
	is_under(t, thrum_future_set(f, 8), -EALREADY);
	is_under(t, end_of(waiter), 7);
	is_under(t, thrum_result(f), 7);
	thrum_release(f);
}

DOES_ITS_WORK(thrum_cancel)
{
	struct thrum_future *bare = future_new(), *task = spawn_sleeper(THRUM_FOREVER);
	struct thrum_future *job = thrum_spawn_blocking(task_return, as_arg(3));
	int err;

	ready(t);
	is_under(t, thrum_cancel(bare), 0);
	is_under(t, thrum_cancelled(bare), true);
	is_under(t, thrum_cancel(bare), -EALREADY);
	is_under(t, thrum_cancel(task), 0);
	is_under(t, end_of(task), -ECANCELED);
	err = thrum_cancel(job); /* it may have run */
	must(err == 0 || err == -EALREADY);
	(void)end_of(job);
	thrum_release(bare);
}

static void note(struct thrum_future *f, void *called)
{
	is_int(thrum_future_set(called, thrum_result(f)), 0);
	thrum_release(called);
}

DOES_ITS_WORK(thrum_future_on_done)
{
	struct thrum_future *f = future_new(), *called = future_new();

	ready(t);
	thrum_retain(called);
	is_under(t, thrum_future_on_done(f, note, called), 0);
	is_under(t, thrum_future_set(f, 6), 0);
	is_under(t, end_of(called), 6);
	thrum_release(f);
}

DOES_ITS_WORK(thrum_future_off_done)
{
	struct thrum_future *f = future_new(), *called = future_new();

	is_int(thrum_future_on_done(f, note, called), 0);
	ready(t);
	is_under(t, thrum_future_off_done(f, note, called), 0);
	is_under(t, thrum_future_off_done(f, note, called), -EALREADY);
	is_under(t, refs_of(f), 1);
	future_drop(f);
	future_drop(called);
}

/* ---- Tokens ---- */

static struct thrum_token *token_under(struct thrum_token *parent)
{
	struct thrum_token *token = thrum_token_create(parent);

	must(token);
	return token;
}

static uint32_t users_of(struct thrum_token *token)
{
	return load_relaxed(&thrum__token_of(token)->users);
}

DOES_ITS_WORK(thrum_token_cancel)
{
	struct thrum_token *parent = token_under(NULL), *token = token_under(parent);
	struct thrum_future *linked = thrum_spawn_token(token, task_sleep, as_arg(THRUM_SEC(1)));
	struct thrum_future *soft = thrum_token_future(token, THRUM_SOFT);

	ready(t);
	is_under(t, thrum_token_cancel(parent, THRUM_SOFT, 4), 0);
	is_under(t, thrum_token_level(token), THRUM_SOFT);
	is_under(t, end_of(soft), 4);
	is_under(t, thrum_token_cancel(parent, THRUM_HARD, 5), 0);
	is_under(t, thrum_token_cancel(token, THRUM_HARD, 6), -EALREADY);
	is_under(t, thrum_token_reason(token), 5);
	is_under(t, end_of(linked), -ECANCELED);
	thrum_token_release(token);
	thrum_token_release(parent);
}

DOES_ITS_WORK(thrum_token_retain)
{
	struct thrum_token *token = token_under(NULL);

	ready(t);
	thrum_token_retain(token);
	is_under(t, users_of(token), 2);
	thrum_token_release(token);
	thrum_token_release(token);
}

/* With its child the parent loses a user. */
DOES_ITS_WORK(thrum_token_release)
{
	struct thrum_token *parent = token_under(NULL), *token = token_under(parent);

	ready(t);
	is_under(t, users_of(parent), 2);
	thrum_token_release(token);
	is_under(t, users_of(parent), 1);
	thrum_token_release(parent);
}

/* ---- Scopes, timeouts, shields ---- */

DOES_ITS_WORK(thrum_scope_cancel)
{
	struct thrum_future *child;
	struct thrum_scope s;

	is_int(thrum_scope_open(&s), 0);
	must((child = thrum_scope_spawn_future(&s, task_sleep, as_arg(THRUM_SEC(1)))));
	ready(t);
	thrum_scope_cancel(&s);
	is_under(t, end_of(child), -ECANCELED);
	is_under(t, thrum_scope_spawn(&s, task_return, NULL), -ECANCELED);
	(void)!thrum_scope_close(&s); /* there was nothing to wait for */
	is_under(t, thrum_scope_failures(&s), 0);
}

DOES_ITS_WORK(thrum_timeout_end)
{
	struct thrum_timeout passed, inner;
	bool ours;

	thrum_timeout_begin(&passed, 0);
	is_int(thrum_yield(), -ETIMEDOUT);
	thrum_timeout_begin(&inner, THRUM_FOREVER);
	if (t->before)
		t->way->ask(t);
	is_under(t, thrum_timeout_end(&inner), false);
	ours = thrum_timeout_end(&passed);
	is_under(t, ours, true);
}

DOES_ITS_WORK(thrum_shield_end)
{
	struct thrum_shield unheard, passed;

	thrum_shield_begin(&unheard, THRUM_FOREVER);
	ready(t);
	is_under(t, thrum_yield(), 0);
	thrum_shield_begin(&passed, 0);
	is_under(t, thrum_yield(), -ETIMEDOUT);
	is_under(t, thrum_shield_end(&passed), true);
	is_under(t, thrum_shield_end(&unheard), false);
}

/* ---- What is taken without waiting ---- */

DOES_ITS_WORK(thrum_drain_try)
{
	struct thrum_future *f = future_new(), *g = future_new(), *out = NULL;
	struct thrum_drain d;
	size_t tag = 0;

	is_int(thrum_drain_begin(&d), 0);
	is_int(thrum_drain_add(&d, f, 1), 0);
	is_int(thrum_drain_add(&d, g, 2), 0);
	ready(t);
	is_under(t, thrum_drain_try(&d, &out, &tag), -EAGAIN);
	thrum_future_set(g, 0);
	is_under(t, thrum_drain_try(&d, &out, &tag), 0);
	is_under(t, tag == 2 && out == g, true);
	thrum_drain_end(&d);
	is_under(t, thrum_drain_try(&d, &out, &tag), -EINVAL);
	thrum_release(out);
	future_drop(g);
	future_drop(f);
}

DOES_ITS_WORK(thrum_drain_end)
{
	struct thrum_future *f = future_new();
	struct thrum_drain d;

	is_int(thrum_drain_begin(&d), 0);
	is_int(thrum_drain_add(&d, f, 0), 0);
	ready(t);
	thrum_drain_end(&d);
	is_under(t, refs_of(f), 1);
	is_under(t, load_relaxed(&f->word), 0);
	future_drop(f);
}

DOES_ITS_WORK(thrum_rate_try)
{
	struct thrum_rate rate;

	is_int(thrum_rate_init(&rate, 1, THRUM_SEC(1), 2), 0);
	ready(t);
	is_under(t, thrum_rate_try(&rate, 1), 0);
	is_under(t, thrum_rate_try(&rate, 1), 0);
	is_under(t, thrum_rate_try(&rate, 1), -EAGAIN);
}

DOES_ITS_WORK(thrum_runtime_try_submit)
{
	struct thrum_future *f = NULL;

	ready(t);
	is_under(t, thrum_runtime_try_submit(thrum_self()->runtime, task_return, as_arg(6), &f), 0);
	is_under(t, end_of(f), 6);
}

/* ---- Descriptors ---- */

static intptr_t task_reads(void *fd)
{
	char c;

	return thrum_read((int)(intptr_t)fd, &c, 1);
}

/* Beside a read that waits. */
DOES_ITS_WORK(thrum_close)
{
	struct thrum_future *reader;
	int ends[2];
	char c;

	is_int(pipe(ends), 0);
	must((reader = thrum_spawn(task_reads, as_arg(ends[0]))));
	settle();
	ready(t);
	is_under(t, thrum_close(ends[0]), 0);
	is_under(t, end_of(reader), -EBADF);
	is_under(t, write(ends[1], &c, 1), -1); /* nobody reads */
	is_under(t, thrum_close(ends[1]), 0);
	is_under(t, thrum_close(ends[1]), -EBADF);
}

/* What is in its buffer goes as far as that needs no wait; closed it is in any case. */
DOES_ITS_WORK(thrum_stream_close)
{
	struct pair p = pair_of(0), full = pair_of(0);
	char c[8];

	is_int(thrum_stream_write(full.s, "abc", 3), 3);
	ready(t);
	is_under(t, thrum_stream_close(p.s), 0);
	is_under(t, read(p.peer, c, sizeof(c)), 0);
	is_under(t, thrum_stream_close(full.s), t->way->err);
	is_under(t, read(full.peer, c, sizeof(c)), 0);
	close(p.peer);
	close(full.peer);
}

int main(void)
{
	const TTest *const tests[] = {
	    thrum_release_does_its_work,        thrum_retain_does_its_work,
	    thrum_future_set_does_its_work,     thrum_cancel_does_its_work,
	    thrum_future_on_done_does_its_work, thrum_future_off_done_does_its_work,
	    thrum_token_cancel_does_its_work,   thrum_token_retain_does_its_work,
	    thrum_token_release_does_its_work,  thrum_scope_cancel_does_its_work,
	    thrum_timeout_end_does_its_work,    thrum_shield_end_does_its_work,
	    thrum_drain_try_does_its_work,      thrum_drain_end_does_its_work,
	    thrum_rate_try_does_its_work,       thrum_runtime_try_submit_does_its_work,
	    thrum_close_does_its_work,          thrum_stream_close_does_its_work,
	};

	return RUN_TESTS("give_back", tests);
}
