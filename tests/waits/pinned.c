/* SPDX-License-Identifier: MIT */
/*
 * pinned.c - tasks that run on one worker alone, some on a stack of their own, one linked to a
 * token, in every kind of wait.
 *
 * Whatever is cut short: who was woken is on its worker; each runs or is dropped, once.
 */
#include "ledger.h"
#include "sched/worker.h"

#include <thrum/fork.h>

#define PINNED 2
#define FORKS 3
#define STACK_BYTES (128 << 10)

static intptr_t nap(void *arg)
{
	(void)arg;
	return thrum_sleep(THRUM_MS(1));
}

static int gives_way(void)
{
	return thrum_yield();
}

static int naps(void)
{
	return thrum_sleep_until(thrum_now() + THRUM_MS(1));
}

/* In place it might come back elsewhere. */
static int joins(void)
{
	return (int)thrum_join(thrum_spawn(nap, NULL));
}

static int awaits(void)
{
	struct thrum_future *f = thrum_spawn(nap, NULL);
	intptr_t r = thrum_await(f);

	(void)!thrum_join(f);
	return (int)r;
}

static int is_late(void)
{
	struct thrum_timeout t;
	bool mine;
	int err;

	thrum_timeout_begin(&t, THRUM_US(300));
	err = thrum_sleep(THRUM_FOREVER);
	mine = thrum_timeout_end(&t);
	EXPECT(was_cut(err) && (!mine || err == -ETIMEDOUT));
	return mine ? 0 : err;
}

static int forks(void)
{
	struct thrum_fork j[FORKS];
	intptr_t err = 0;

	for (int i = 0; i < FORKS; i++)
		thrum_fork(&j[i], nap, NULL);
	for (int i = FORKS - 1; i >= 0; i--) {
		intptr_t r = thrum_fork_join(&j[i]);

		err = err ? err : r;
	}
	return (int)err;
}

static int opens_a_scope(void)
{
	struct thrum_scope s;
	int err = thrum_scope_open(&s), more;

	for (int i = 0; i < 2 && !err; i++)
		err = thrum_scope_spawn(&s, nap, NULL);
	more = thrum_scope_close(&s);
	return first(err, more);
}

static void is_at_home(unsigned worker)
{
	EXPECT(thrum__tls_worker()->index + 1 == worker);
}

/* The waits of @fns, one after the other; none is left out. */
static int waits_at_home(void *worker, int (*const fns[])(void), size_t n)
{
	unsigned home = (unsigned)(uintptr_t)worker;
	int err = 0;

	is_at_home(home);
	for (size_t i = 0; i < n; i++) {
		err = first(err, fns[i]());
		is_at_home(home);
	}
	return err;
}

/* Its place was taken. */
static intptr_t stays(void *worker)
{
	int (*const all[])(void) = {gives_way, naps, joins, awaits, is_late, forks, opens_a_scope};
	int err = waits_at_home(worker, all, sizeof(all) / sizeof(all[0]));

	give();
	return err;
}

static int is_asked(void)
{
	int err = thrum_sleep(THRUM_FOREVER);

	EXPECT(was_cut(err));
	return err;
}

/* Waits until its token is cancelled. */
static intptr_t stays_linked(void *worker)
{
	int (*const all[])(void) = {gives_way, is_asked};
	int err = waits_at_home(worker, all, sizeof(all) / sizeof(all[0]));

	give();
	return err;
}

static struct thrum_future *start(thrum_fn fn, unsigned worker, size_t stack_bytes,
				  struct thrum_token *token)
{
	struct thrum_spawn_options options = THRUM_SPAWN_OPTIONS_INIT;
	struct thrum_future *f;

	options.worker = worker;
	options.stack_bytes = stack_bytes;
	options.token = token;
	options.drop = dropped;
	take();
	f = thrum_spawn_with(&options, fn, (void *)(uintptr_t)worker);
	if (!f)
		give();
	return f;
}

static intptr_t main_task(void *arg)
{
	unsigned workers = thrum_runtime_workers(thrum__tls_worker()->runtime);
	struct thrum_token *token = thrum_token_create(NULL);
	struct thrum_future *fs[PINNED], *linked = start(stays_linked, workers, 0, token);
	intptr_t r;
	int err;

	(void)arg;
	for (unsigned i = 0; i < PINNED; i++)
		fs[i] = start(stays, 1 + i % workers, i ? STACK_BYTES : 0, NULL);
	err = thrum_sleep(THRUM_MS(3));
	EXPECT(thrum_token_cancel(token, THRUM_HARD, 0) == 0);
	r = thrum_join(linked);
	say("linked", r);
	EXPECT(was_cut(r));
	for (int i = 0; i < PINNED; i++) {
		r = thrum_join(fs[i]);
		say("pinned", r);
		err = first(err, (int)r);
	}
	thrum_token_release(token);
	return err;
}

int main(void)
{
	return ledger_run(main_task);
}
