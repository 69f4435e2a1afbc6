/* SPDX-License-Identifier: MIT */
/*
 * jobs.c - jobs of the blocking pool, waited for in every way.  Threads run them, so a wait may
 * find its job done: how many waits there are is not the same in each run.
 *
 * Whatever is cut short: a job runs at most once, and once if somebody was told its result.
 */
#include <sched.h>
#include <semaphore.h>

#include "ledger.h"

static intptr_t job(void *arg)
{
	struct atomic64 *runs = *(struct atomic64 **)arg;

	return (intptr_t)fetch_add_relaxed(runs, 1) + 3;
}

static void judge(const char *name, intptr_t result, struct atomic64 *runs)
{
	uint64_t n = load_relaxed(runs);

	EXPECT(n <= 1);
	EXPECT(result == 3 ? n == 1 : was_cut(result));
	say(name, result);
}

static intptr_t called(void *arg)
{
	struct atomic64 runs = {0}, *to = &runs;
	intptr_t r = thrum_blocking(job, &to);

	(void)arg;
	judge("blocking", r, &runs);
	EXPECT(r == 3 || load_relaxed(&runs) == 0);
	return r == 3 ? 0 : r;
}

static intptr_t joined(void *arg)
{
	struct atomic64 runs = {0}, *to = &runs;
	intptr_t r = thrum_join(thrum_spawn_blocking_copy(job, &to, sizeof(to)));

	(void)arg;
	judge("joined", r, &runs);
	return r == 3 ? 0 : r;
}

static intptr_t waited_for(void *arg)
{
	struct atomic64 runs = {0}, *to = &runs;
	struct thrum_future *f = thrum_spawn_blocking(job, &to);
	intptr_t r = thrum_wait_for(f, THRUM_SEC(1000));

	(void)arg;
	EXPECT(thrum_done(f));
	judge("waited for", r, &runs);
	thrum_release(f);
	return r == 3 ? 0 : r;
}

/* A job that cannot end before its caller waits. */
static intptr_t held(void *sem)
{
	while (sem_wait(*(sem_t **)sem))
		;
	return 3;
}

static intptr_t let_go(void *sem)
{
	int err = thrum_yield();

	EXPECT(sem_post(sem) == 0);
	return err;
}

static intptr_t holding(void *arg)
{
	struct thrum_future *f;
	sem_t sem, *to = &sem;
	intptr_t r;

	(void)arg;
	EXPECT(sem_init(&sem, 0, 0) == 0);
	f = thrum_spawn(let_go, &sem);
	if (!f)
		return -ESHUTDOWN;
	r = thrum_blocking(held, &to);
	EXPECT(r == 3 || was_cut(r));
	say("held", r);
	(void)!thrum_join(f);
	EXPECT(sem_destroy(&sem) == 0);
	return r == 3 ? 0 : r;
}

/* ---- Jobs that ask ---- */

static struct thrum_local request = THRUM_LOCAL_INIT(NULL);

/* That it has begun; that it knows of each level. */
struct signs {
	struct thrum_future *of[THRUM_HARD + 1];
};

/* It has its spawner's values, and runs until its token is cancelled. */
static intptr_t asks(void *arg)
{
	struct signs *signs = arg;

	EXPECT(thrum_local_get(&request) == signs);
	for (int level = 0; level <= THRUM_HARD; level++) {
		while (thrum_cancel_requested() < level)
			sched_yield();
		EXPECT(thrum_future_set(signs->of[level], level) == 0);
	}
	return 3;
}

static intptr_t ask(struct thrum_token *t, struct signs *signs)
{
	intptr_t err = 0, r;

	for (int level = 0; level <= THRUM_HARD; level++) {
		if (level)
			EXPECT(thrum_token_cancel(t, level, 0) == 0);
		r = err ? level : thrum_await(signs->of[level]);
		err = r == level ? err : r;
	}
	return err;
}

static intptr_t asked(void *arg)
{
	struct thrum_token *t = thrum_token_create(NULL);
	struct signs signs;
	struct thrum_future *f;
	intptr_t err, r;

	(void)arg;
	for (int i = 0; i <= THRUM_HARD; i++)
		signs.of[i] = thrum_future_create();
	EXPECT(thrum_local_set(&request, &signs) == 0);
	f = thrum_spawn_blocking_token(t, asks, &signs);
	err = f ? ask(t, &signs) : -ESHUTDOWN;
	r = thrum_join(f); /* it has started, and runs to its end, or not at all */
	EXPECT(r == 3 ? thrum_result(signs.of[THRUM_HARD]) == THRUM_HARD
		      : r == -ECANCELED && !thrum_done(signs.of[0]));
	say("asked", r);
	EXPECT(thrum_local_set(&request, NULL) == 0);
	for (int i = 0; i <= THRUM_HARD; i++) {
		thrum_cancel(signs.of[i]);
		thrum_release(signs.of[i]);
	}
	thrum_token_release(t);
	return err;
}

static intptr_t main_task(void *arg)
{
	thrum_fn fns[] = {called, joined, holding, asked, waited_for, holding, asked};
	struct thrum_scope s;
	int err = thrum_scope_open(&s);

	(void)arg;
	for (int i = 0; i < 7 && !err; i++)
		err = thrum_scope_spawn(&s, fns[i], NULL);
	err = thrum_scope_close(&s);
	for (int i = 0; i < 4 && !err; i++)
		err = (int)fns[i](NULL);
	return err;
}

int main(void)
{
	return ledger_run(main_task);
}
