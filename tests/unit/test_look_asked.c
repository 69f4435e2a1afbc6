/* SPDX-License-Identifier: MIT */
/*
 * test_look_asked.c - what is begun in a task's own frame, or only looked at, is so too in a task
 * that was asked to stop.
 */
#define _GNU_SOURCE /* memfd_create */
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <thrum/walk.h>

#include "asked.h"
#include "core/future.h"
#include "stream_pair.h"
#include "values.h"

/* ---- Drains ---- */

DOES_ITS_WORK(thrum_drain_begin)
{
	struct thrum_drain d;

	ready(t);
	is_under(t, thrum_drain_begin(&d), 0);
	is_under(t, thrum_drain_count(&d), 0);
	thrum_drain_end(&d);
}

/* More than need no memory. */
DOES_ITS_WORK(thrum_drain_add)
{
	struct thrum_future *f = future_new();
	struct thrum_drain d;

	is_int(thrum_drain_begin(&d), 0);
	ready(t);
	for (size_t i = 0; i < 20; i++) {
		is_under(t, thrum_drain_add(&d, f, i), 0);
		is_under(t, thrum_drain_count(&d), i + 1);
	}
	thrum_future_set(f, 0);
	for (size_t i = 0; i < 20; i++)
		is_under(t, thrum_drain_try(&d, NULL, NULL), 0);
	thrum_drain_end(&d);
	future_drop(f);
}

ANSWER(drains, thrum_drain_count)
{
	struct thrum_drain d;

	is_int(thrum_drain_begin(&d), 0);
	is_int(thrum_drain_add(&d, NULL, 0), 0);
	ready(t);
	is_under(t, thrum_drain_count(&d), 1);
	thrum_drain_end(&d);
}

/* ---- Scopes, timeouts, shields ---- */

static void scope_is_open(struct trial *t, int opened, struct thrum_scope *s)
{
	is_under(t, opened, 0);
	is_under(t, thrum_scope_spawn(s, task_sleep, as_arg(THRUM_SEC(1))), 0);
	is_under(t, thrum_scope_close(s), t->way->err);
	is_under(t, thrum_scope_failures(s), 0);
}

DOES_ITS_WORK(thrum_scope_open)
{
	struct thrum_scope s;

	ready(t);
	scope_is_open(t, thrum_scope_open(&s), &s);
}

DOES_ITS_WORK(thrum_scope_open_with)
{
	struct thrum_scope_options options = THRUM_SCOPE_OPTIONS_INIT;
	struct thrum_scope s;

	options.deadline_ns = THRUM_SEC(100);
	options.keep_going = true;
	ready(t);
	scope_is_open(t, thrum_scope_open_with(&s, &options), &s);
}

ANSWER(scopes, thrum_scope_failures)
{
	struct thrum_scope s;

	is_int(thrum_scope_open(&s), 0);
	ready(t);
	is_under(t, thrum_scope_failures(&s), 0);
	(void)!thrum_scope_close(&s);
}

/* Its deadline ends a wait that does not hear what is around a shield. */
static void timeout_passes(struct trial *t, bool until)
{
	struct thrum_shield s;
	struct thrum_timeout inner;

	ready(t);
	thrum_shield_begin(&s, THRUM_FOREVER);
	if (until)
		thrum_timeout_begin_until(&inner, thrum_now() + 7);
	else
		thrum_timeout_begin(&inner, 7);
	is_under(t, thrum_sleep(6), 0);
	is_under(t, thrum_sleep(6), -ETIMEDOUT);
	is_under(t, thrum_timeout_end(&inner), true);
	is_under(t, thrum_shield_end(&s), false);
}

DOES_ITS_WORK(thrum_timeout_begin)
{
	timeout_passes(t, false);
}

DOES_ITS_WORK(thrum_timeout_begin_until)
{
	timeout_passes(t, true);
}

static void shield_passes(struct trial *t, bool until)
{
	struct thrum_shield s;

	ready(t);
	if (until)
		thrum_shield_begin_until(&s, thrum_now() + 7);
	else
		thrum_shield_begin(&s, 7);
	is_under(t, thrum_sleep(6), 0);
	is_under(t, thrum_sleep(6), -ETIMEDOUT);
	is_under(t, thrum_shield_end(&s), true);
}

DOES_ITS_WORK(thrum_shield_begin)
{
	shield_passes(t, false);
}

DOES_ITS_WORK(thrum_shield_begin_until)
{
	shield_passes(t, true);
}

/* ---- Runtimes and tasks ---- */

static bool count_self(struct thrum_future *task, void *count)
{
	*(int *)count += task == thrum_self();
	return true;
}

ANSWER(runtimes, thrum_runtime_workers, thrum_runtime_stats, thrum_runtime_describe,
       thrum_run_token, thrum_version, thrum_now, thrum_self, thrum_cancel_requested)
{
	struct thrum_stats stats = {.size = sizeof(stats)};
	int asked = t->way->err == -ECANCELED ? THRUM_HARD : 0;
	char text[64];
	int64_t now;

	if (t->way->end == shield_end)
		asked = THRUM_SOFT;
	ready(t);
	now = thrum_now();
	is_under(t, now >= t->deadline_ns, true);
	is_under(t, thrum_self() == t->self, true);
	is_under(t, thrum_cancel_requested(), asked);
	is_under(t, thrum_runtime_workers(NULL) > 0, true);
	is_under(t, thrum_runtime_stats(NULL, -1, &stats), 0);
	is_under(t, stats.spawned >= 2, true);
	is_under(t, thrum_runtime_describe(NULL, text, sizeof(text)) > 0, true);
	is_under(t, thrum_token_level(thrum_run_token()), 0);
	has_text(thrum_version(), ".");
	is_under(t, thrum_now(), now);
}

DOES_ITS_WORK(thrum_each_task)
{
	int count = 0;

	ready(t);
	is_under(t, thrum_each_task(NULL, count_self, &count), 0);
	is_under(t, count, 1);
}

DOES_ITS_WORK(thrum_print_tasks)
{
	int fd = memfd_create("tasks", MFD_CLOEXEC);

	must(fd >= 0);
	ready(t);
	is_under(t, thrum_print_tasks(NULL, fd), 0);
	is_under(t, lseek(fd, 0, SEEK_END) > 20, true);
	close(fd);
}

/* ---- The rest ---- */

DOES_ITS_WORK(thrum_set_name)
{
	ready(t);
	is_under(t, thrum_set_name("told"), 0);
	is_text(thrum_name(t->self), "told");
}

DOES_ITS_WORK(thrum_rate_init)
{
	struct thrum_rate rate;

	ready(t);
	is_under(t, thrum_rate_init(&rate, 1, 1, 1), 0);
	is_under(t, thrum_rate_try(&rate, 1), 0);
}

DOES_ITS_WORK(thrum_ticker_begin)
{
	struct thrum_ticker ticker;
	struct thrum_shield s;

	ready(t);
	is_under(t, thrum_ticker_begin(&ticker, 1, THRUM_TICKER_SKIP), 0);
	thrum_shield_begin(&s, THRUM_FOREVER);
	is_under(t, thrum_ticker_next(&ticker), 1);
	thrum_shield_end(&s);
}

DOES_ITS_WORK(thrum_local_set)
{
	values_reset();
	ready(t);
	is_under(t, thrum_local_set(&key, &ones), 0);
	is_under(t, get() == &ones, true);
	is_under(t, thrum_local_set(&key, NULL), 0);
	is_under(t, DROPS(ones), 1);
	is_under(t, thrum_local_set(&plain, t), 0);
	is_under(t, end_of(thrum_spawn(task_has, t)), true);
	is_under(t, thrum_local_set(&plain, NULL), 0);
}

ANSWER(locals, thrum_local_get)
{
	is_int(thrum_local_set(&plain, t), 0);
	ready(t);
	is_under(t, thrum_local_get(&plain) == t, true);
	is_int(thrum_local_set(&plain, NULL), 0);
}

DOES_ITS_WORK(thrum_signal_next)
{
	struct thrum_future *f;

	ready(t);
	must((f = thrum_signal_next(SIGUSR2)));
	is_int(raise(SIGUSR2), 0);
	is_under(t, end_of(f), SIGUSR2);
}

DOES_ITS_WORK(thrum_stream_create)
{
	struct pair p;

	ready(t);
	p = pair_of(0);
	pair_end(&p);
}

DOES_ITS_WORK(thrum_stream_take)
{
	struct pair p = pair_of(0);
	struct thrum_shield s;
	char *text;

	send_text(&p, "abc");
	thrum_shield_begin(&s, THRUM_FOREVER); /* the deadline may pass meanwhile */
	is_int(thrum_stream_peek(p.s, 3, &text), 3);
	must(!thrum_shield_end(&s));
	ready(t);
	thrum_stream_take(p.s, 1);
	thrum_shield_begin(&s, THRUM_FOREVER);
	is_under(t, thrum_stream_peek(p.s, 2, &text), 2);
	must(!thrum_shield_end(&s));
	is_under(t, text[0], 'b');
	pair_end(&p);
}

ANSWER(descriptors, thrum_stream_fd, thrum_local_port)
{
	int listener = thrum_tcp_listen("127.0.0.1", "0", 0, 0);
	struct thrum_stream *s;

	must(listener >= 0);
	must((s = thrum_stream_create(listener, 0)));
	ready(t);
	is_under(t, thrum_stream_fd(s), listener);
	is_under(t, thrum_local_port(listener) > 0, true);
	is_under(t, thrum_stream_close(s), 0);
}

int main(void)
{
	const TTest *const tests[] = {
	    thrum_drain_begin_does_its_work,
	    thrum_drain_add_does_its_work,
	    drains_answer,
	    thrum_scope_open_does_its_work,
	    thrum_scope_open_with_does_its_work,
	    scopes_answer,
	    thrum_timeout_begin_does_its_work,
	    thrum_timeout_begin_until_does_its_work,
	    thrum_shield_begin_does_its_work,
	    thrum_shield_begin_until_does_its_work,
	    runtimes_answer,
	    thrum_each_task_does_its_work,
	    thrum_print_tasks_does_its_work,
	    thrum_set_name_does_its_work,
	    thrum_rate_init_does_its_work,
	    thrum_ticker_begin_does_its_work,
	    thrum_local_set_does_its_work,
	    locals_answer,
	    thrum_signal_next_does_its_work,
	    thrum_stream_create_does_its_work,
	    thrum_stream_take_does_its_work,
	    descriptors_answer,
	};

	return RUN_TESTS("look_asked", tests);
}
