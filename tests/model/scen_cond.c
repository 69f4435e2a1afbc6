/* SPDX-License-Identifier: MIT */
/*
 * scen_cond.c - sync/cond.c with its mutex: nobody sleeps through a signal, none is used up by one
 * that was cancelled, who waited has the mutex and sees what was done before.
 *
 * Tokens are what is waited for.
 */
#include "sync_world.h"

#include "core/waitqueue.h"
#include "sync/mutex.h"

#include <errno.h>
#include <thrum/sync.h>
#include <thrum/time.h>

/* One piece of memory, which goes with the last that waits. */
struct both {
	struct thrum_mutex m;
	struct thrum_cond c;
	unsigned tokens; /* who has the mutex */
	unsigned to_come;
};

static struct both *b;
static unsigned had, cut;
static bool first_is_done, first_had;

static void start(unsigned threads, unsigned calls, unsigned waiters)
{
	world_start(threads, calls);
	b = model_alloc(sizeof(*b));
	thrum_mutex_init(&b->m);
	thrum_cond_init(&b->c);
	plain_write(&b->tokens, 0);
	plain_write(&b->to_come, waiters);
	had = cut = 0;
	first_is_done = first_had = false;
	model_name(&b->m, "mutex");
	model_name(&b->c, "condition");
}

static void check(void)
{
	world_check();
	world_check_memory();
}

static intptr_t lock(intptr_t unused)
{
	thrum__mutex_lock_deaf(&b->m);
	return unused;
}

static intptr_t wait(intptr_t deadline_ns)
{
	return thrum_cond_wait_until(&b->c, &b->m, deadline_ns);
}

static intptr_t broadcast(intptr_t unused)
{
	thrum_cond_broadcast(&b->c);
	return unused;
}

/* True: one wait for a token, or none was needed, and it is there.  Has the mutex in any case. */
static bool wait_for_token(int64_t deadline_ns)
{
	while (!plain_read(&b->tokens)) {
		intptr_t err = in_frame(wait, deadline_ns);

		if (!err)
			continue;
		model_assert(err == -ETIMEDOUT || err == -ECANCELED);
		cut++;
		return false;
	}
	return true;
}

/* Gives the mutex back; the last one that waited ends both. */
static void leave(void)
{
	struct both *mine = b;
	bool is_last = plain_read(&mine->to_come) == 1;

	plain_write(&mine->to_come, plain_read(&mine->to_come) - 1);
	thrum_mutex_unlock(&mine->m);
	if (!is_last)
		return;
	thrum_cond_fini(&mine->c);
	thrum_mutex_fini(&mine->m);
	model_free(mine);
}

static bool take_token(int64_t deadline_ns)
{
	bool has;

	in_frame(lock, 0);
	has = wait_for_token(deadline_ns);
	if (has) {
		plain_write(&b->tokens, plain_read(&b->tokens) - 1);
		had++;
	}
	leave();
	return has;
}

static void takes(void)
{
	model_assert(take_token(THRUM_FOREVER));
}

static void gives(void)
{
	in_frame(lock, 0);
	plain_write(&b->tokens, plain_read(&b->tokens) + 1);
	thrum_cond_signal(&b->c);
	thrum_mutex_unlock(&b->m);
}

static void start_one(void)
{
	start(2, 2, 1);
}

SCENARIO(cond_signal, .bounded_spin = true, .setup = start_one, .thread = {takes, gives},
	 .check = check, .min_executions = 1000, .covers = "T1 T2");

/* The signal comes when the mutex has been given back. */
static void gives_late(void)
{
	in_frame(lock, 0);
	plain_write(&b->tokens, plain_read(&b->tokens) + 1);
	thrum_mutex_unlock(&b->m);
	thrum_cond_signal(&b->c);
	in_frame(lock, 0);
	leave();
}

static void start_late(void)
{
	start(2, 2, 2);
}

SCENARIO(cond_signal_late, .bounded_spin = true, .setup = start_late, .thread = {takes, gives_late},
	 .check = check, .stale = 1, .min_executions = 1000, .covers = "T1 T2");

/* Who is woken ends both, while the signal returns. */
static void waits_once(void)
{
	in_frame(lock, 0);
	model_assert(in_frame(wait, THRUM_FOREVER) == 0);
	leave();
}

static void signals(void)
{
	await_waits(1);
	in_frame(lock, 0);
	thrum_mutex_unlock(&b->m);
	thrum_cond_signal(&b->c);
}

SCENARIO(cond_signal_ends, .bounded_spin = true, .setup = start_one,
	 .thread = {waits_once, signals}, .check = check, .min_executions = 100, .covers = "T1 T2");

/* ---- A signal and a cancel: the other one has it ---- */

static void takes_unless_cancelled(void)
{
	first_had = take_token(THRUM_FOREVER);
	first_is_done = true;
}

static bool first_has_ended(void *unused)
{
	(void)unused;
	return first_is_done;
}

static void gives_and_cancels(void)
{
	bool give_first = model_choose(2);

	await_waits(2);
	if (give_first)
		gives();
	cancel(0);
	if (!give_first)
		gives();
	model_block_until(first_has_ended, NULL);
	if (first_had)
		gives();
}

static void start_two(void)
{
	start(3, 3, 2);
}

static void check_cancelled(void)
{
	check();
	model_assert(had + cut == 2 && had >= 1);
}

SCENARIO(cond_signal_cancel, .bounded_spin = true, .setup = start_two,
	 .thread = {takes_unless_cancelled, takes, gives_and_cancels}, .check = check_cancelled,
	 .bound = 1, .stale = 1, .min_executions = 10000, .covers = "T1 T2 T4");

/* ---- A broadcast, one hold of the word for each, and a deadline ---- */

static void takes_in_time(void)
{
	in_frame(lock, 0);
	if (!wait_for_token(1))
		model_assert(wait_for_token(THRUM_FOREVER));
	had++;
	leave();
}

static void sees(void)
{
	in_frame(lock, 0);
	model_assert(wait_for_token(THRUM_FOREVER));
	had++;
	leave();
}

static void gives_to_all(void)
{
	in_frame(lock, 0);
	plain_write(&b->tokens, 1);
	in_frame(broadcast, 0);
	thrum_mutex_unlock(&b->m);
}

static void start_broadcast(void)
{
	start(3, 3, 2);
	thrum__at_a_time = 1;
}

static void start_broadcast_outside(void)
{
	start_broadcast();
	world_put_outside(0);
}

SCENARIO(cond_broadcast, .bounded_spin = true, .setup = start_broadcast,
	 .thread = {sees, sees, gives_to_all}, .check = check, .bound = 1, .stale = 1,
	 .min_executions = 4000, .covers = "T1 T3");
SCENARIO(cond_broadcast_cut, .bounded_spin = true, .setup = start_broadcast_outside,
	 .thread = {takes_in_time, sees, gives_to_all}, .check = check, .bound = 1, .stale = 1,
	 .min_executions = 10000, .covers = "T1 T3 T4");
