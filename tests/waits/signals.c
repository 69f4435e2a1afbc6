/* SPDX-License-Identifier: MIT */
/*
 * signals.c - tasks that wait for signals, which the process sends to itself.  A thread tells of
 * them, so a wait may find its own done: how many waits there are is not the same in each run.
 *
 * Whatever is cut short: who waits hears of the signal or gives up; one that nobody heard of is
 * kept for the next.
 */
#include <signal.h>

#include "ledger.h"

#define SEVERAL 3

/* Of a wait for @sig, which comes: what cut it short, or 0. */
static int judge(const char *name, int sig, intptr_t r)
{
	say(name, r);
	EXPECT(r == sig || was_cut(r));
	return r == sig ? 0 : (int)r;
}

static int one_by_one(void)
{
	int err = 0;

	for (int i = 0; i < SEVERAL; i++) {
		struct thrum_future *f = thrum_signal_next(SIGUSR1);

		EXPECT(raise(SIGUSR1) == 0);
		err = first(err, judge("one", SIGUSR1, thrum_await(f)));
		(void)thrum_cancel(f);
		thrum_release(f);
	}
	return err;
}

/* Its place was taken. */
static intptr_t hears(void *sig)
{
	struct thrum_future *f = thrum_signal_next((int)(intptr_t)sig);
	intptr_t r = thrum_await(f);

	(void)thrum_cancel(f); /* else it would be the next to hear */
	thrum_release(f);
	give();
	return r;
}

/* All that wait hear of the same one. */
static int together(void)
{
	struct thrum_future *fs[SEVERAL];
	int err;

	for (int i = 0; i < SEVERAL; i++)
		fs[i] = spawn_taken(hears, (void *)(intptr_t)SIGUSR1);
	err = thrum_sleep(THRUM_MS(1));
	EXPECT(raise(SIGUSR1) == 0);
	for (int i = 0; i < SEVERAL; i++)
		err = first(err, judge("together", SIGUSR1, thrum_join(fs[i])));
	EXPECT(taken() == 0);
	return err;
}

/* Nobody sends it while it is waited for. */
static int in_vain(void)
{
	struct thrum_future *f = thrum_signal_next(SIGUSR2);
	intptr_t r = thrum_wait_for(f, THRUM_MS(1));

	say("in vain", r);
	EXPECT(was_cut(r));
	EXPECT(!f || thrum_cancelled(f));
	thrum_release(f);
	return r == -ETIMEDOUT ? 0 : (int)r;
}

/* Undisturbed: the next one of a signal that has come. */
static void hear_next(int sig)
{
	struct thrum_shield shield;

	thrum_shield_begin(&shield, THRUM_FOREVER);
	EXPECT(thrum_join(thrum_signal_next(sig)) == sig);
	(void)thrum_shield_end(&shield);
}

/* It comes while nobody waits, and goes to who waits next; to the one behind, if that gives up. */
static int kept(void)
{
	struct thrum_future *fs[2] = {thrum_future_create(), NULL};
	ssize_t which;
	int err;

	EXPECT(raise(SIGUSR2) == 0);
	err = thrum_yield();
	fs[1] = thrum_signal_next(SIGUSR2);
	which = thrum_wait_any(fs, 2);
	EXPECT(which == 1 || was_cut(which));
	err = first(err, judge("kept", SIGUSR2, which == 1 ? thrum_result(fs[1]) : which));
	(void)thrum_cancel(fs[1]);
	if (thrum_cancelled(fs[1]))
		hear_next(SIGUSR2);
	(void)thrum_cancel(fs[0]);
	thrum_release(fs[0]);
	thrum_release(fs[1]);
	return err;
}

static intptr_t main_task(void *arg)
{
	int (*const all[])(void) = {one_by_one, together, in_vain, kept};
	int err = all_of(all, sizeof(all) / sizeof(all[0]));

	(void)arg;
	/* A future that was given up is held until the next signal comes. */
	EXPECT(raise(SIGUSR1) == 0 && raise(SIGUSR2) == 0);
	hear_next(SIGUSR1);
	hear_next(SIGUSR2);
	return err;
}

int main(void)
{
	return ledger_run(main_task);
}
