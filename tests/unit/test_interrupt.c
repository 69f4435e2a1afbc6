/* SPDX-License-Identifier: MIT */
/*
 * test_interrupt.c - SIGINT and SIGTERM while thrum_run runs: soft, hard, and the default; whom
 * they are left to.
 */
#include <signal.h>
#include <unistd.h>

#include "base/atomic.h"
#include "child.h"
#include "run.h"

/* What runs the tests may have handled or ignored them. */
static void as_found(void)
{
	must(signal(SIGINT, SIG_DFL) != SIG_ERR);
	must(signal(SIGTERM, SIG_DFL) != SIG_ERR);
}

static void raise_all(int sig)
{
	is_int(kill(getpid(), sig), 0);
}

/* Nobody minds soft requests. */
static intptr_t main_sleeps(void *unused)
{
	(void)unused;
	raise_all(SIGINT);
	return thrum_sleep(THRUM_FOREVER);
}

START_TEST(it_ends_who_sleeps)
{
	as_found();
	for (int i = 0; i < 3; i++) {
		is_int(run_real(2, main_sleeps, NULL), -ECANCELED);
		is_int(run_virtual(1, main_sleeps, NULL), -ECANCELED);
	}
}
END_TEST

static intptr_t main_asks(void *unused)
{
	(void)unused;
	is_int(thrum_cancel_requested(), 0);
	raise_all(SIGTERM);
	while (!thrum_cancel_requested())
		is_int(thrum_sleep(THRUM_MS(1)), 0);
	is_int(thrum_cancel_requested(), THRUM_SOFT);
	return 5;
}

static intptr_t run_soft(int64_t soft_ns, unsigned clock, thrum_fn fn)
{
	struct thrum_config c = config_of(1, clock);

	c.soft_ns = soft_ns;
	return thrum_run_with(&c, fn, NULL);
}

START_TEST(it_asks_softly)
{
	as_found();
	is_int(run_soft(THRUM_FOREVER, THRUM_CLOCK_REAL, main_asks), 5);
}
END_TEST

/* Soft, then hard after a while. */
static intptr_t main_drains(void *unused)
{
	struct thrum_token *t = thrum_run_token();
	struct thrum_future *soft = thrum_token_future(t, THRUM_SOFT);
	int64_t asked_ns;

	(void)unused;
	must(soft);
	raise_all(SIGTERM);
	is_int(thrum_await(soft), SIGTERM);
	is_int(thrum_token_level(t), THRUM_SOFT);
	thrum_release(soft);
	asked_ns = thrum_now();
	is_int(thrum_sleep(THRUM_SEC(100)), -ECANCELED);
	is_int(thrum_now() - asked_ns, THRUM_SEC(2));
	is_int(thrum_token_reason(t), SIGTERM);
	return 6;
}

START_TEST(hard_follows_soft)
{
	as_found();
	is_int(run_soft(THRUM_SEC(2), THRUM_CLOCK_VIRTUAL, main_drains), 6);
}
END_TEST

static intptr_t main_is_asked_twice(void *unused)
{
	struct thrum_token *t = thrum_run_token();
	struct thrum_future *soft = thrum_token_future(t, THRUM_SOFT);

	(void)unused;
	raise_all(SIGTERM);
	is_int(thrum_await(soft), SIGTERM);
	thrum_release(soft);
	raise_all(SIGINT);
	is_int(thrum_sleep(THRUM_FOREVER), -ECANCELED);
	is_int(thrum_token_reason(t), SIGINT);
	return 7;
}

START_TEST(the_second_is_hard)
{
	as_found();
	is_int(run_soft(THRUM_FOREVER, THRUM_CLOCK_REAL, main_is_asked_twice), 7);
}
END_TEST

/* One that does not end for a request. */
static intptr_t main_goes_on(void *unused)
{
	struct thrum_token *t = thrum_run_token();

	(void)unused;
	raise_all(SIGTERM);
	while (thrum_token_level(t) < THRUM_SOFT)
		thrum_yield();
	raise_all(SIGTERM);
	while (thrum_token_level(t) < THRUM_HARD)
		thrum_yield();
	raise_all(SIGTERM);
	return pause();
}

static void run_stubborn(void)
{
	(void)!run_soft(THRUM_FOREVER, THRUM_CLOCK_REAL, main_goes_on);
}

START_TEST(the_third_ends_the_process)
{
	char err[4096];
	as_found();
	int status = child_run(run_stubborn, err, sizeof(err));

	must(WIFSIGNALED(status));
	is_int(WTERMSIG(status), SIGTERM);
}
END_TEST

static struct atomic32 handled;

static void own_handler(int sig)
{
	(void)sig;
	fetch_add_relaxed(&handled, 1);
}

static intptr_t main_undisturbed(void *sig)
{
	raise_all((int)(intptr_t)sig);
	is_int(thrum_sleep(THRUM_MS(2)), 0);
	is_int(thrum_cancel_requested(), 0);
	return 8;
}

START_TEST(a_handled_signal_is_left)
{
	as_found();
	store_relaxed(&handled, 0);
	must(signal(SIGTERM, own_handler) != SIG_ERR);
	must(signal(SIGINT, SIG_IGN) != SIG_ERR);
	is_int(run_real(1, main_undisturbed, as_arg(SIGTERM)), 8);
	is_int(load_relaxed(&handled), 1);
	is_int(run_real(1, main_undisturbed, as_arg(SIGINT)), 8);
	must(signal(SIGTERM, SIG_DFL) == own_handler);
	must(signal(SIGINT, SIG_DFL) == SIG_IGN);
}
END_TEST

static intptr_t main_waits_itself(void *unused)
{
	struct thrum_future *next = thrum_signal_next(SIGTERM);

	(void)unused;
	must(next);
	raise_all(SIGTERM);
	is_int(thrum_await(next), SIGTERM);
	thrum_release(next);
	is_int(thrum_sleep(1), 0);
	is_int(thrum_cancel_requested(), 0);
	raise_all(SIGINT); /* this one is not waited for */
	while (thrum_sleep(THRUM_MS(1)) != -ECANCELED)
		;
	return 9;
}

START_TEST(who_waits_for_one_has_it)
{
	as_found();
	is_int(run_soft(1, THRUM_CLOCK_REAL, main_waits_itself), 9);
}
END_TEST

static intptr_t main_takes_over(void *sig)
{
	must(signal(SIGINT, sig ? own_handler : SIG_IGN) != SIG_ERR);
	return 0;
}

/* What the program has put in place meanwhile stays; and what it found meanwhile and puts back
 * later is nobody's. */
START_TEST(the_programs_own_stays)
{
	struct sigaction found;

	as_found();
	is_int(run_real(1, main_takes_over, as_arg(1)), 0);
	must(signal(SIGINT, SIG_DFL) == own_handler);
	is_int(run_real(1, main_takes_over, NULL), 0);
	must(signal(SIGINT, SIG_DFL) == SIG_IGN);
	must(sigaction(SIGINT, NULL, &found) == 0 && found.sa_handler == SIG_DFL);
}
END_TEST

static struct sigaction left_over;

static intptr_t main_saves_action(void *unused)
{
	(void)unused;
	return sigaction(SIGINT, NULL, &left_over);
}

static void put_back_late(void)
{
	as_found();
	is_int(run_real(1, main_saves_action, NULL), 0);
	must(sigaction(SIGINT, &left_over, NULL) == 0);
	is_int(run_real(1, main_sleeps, NULL), -ECANCELED);
	must(sigaction(SIGINT, &left_over, NULL) == 0);
	raise_all(SIGINT);
	pause();
}

START_TEST(a_handler_put_back_late_does_no_harm)
{
	char err[4096];
	int status = child_run(put_back_late, err, sizeof(err));

	must(WIFSIGNALED(status));
	is_int(WTERMSIG(status), SIGINT);
}
END_TEST

static void run_leaving(void)
{
	struct thrum_config c = config_of(1, THRUM_CLOCK_REAL);

	c.signals = THRUM_SIGNALS_LEAVE;
	(void)!thrum_run_with(&c, main_sleeps, NULL);
}

static void run_and_signal(void)
{
	is_int(run_real(1, main_sleeps, NULL), -ECANCELED);
	raise_all(SIGINT);
	pause();
}

/* Told to leave them, or after its end. */
START_TEST(otherwise_they_do_as_ever)
{
	void (*const bodies[])(void) = {run_leaving, run_and_signal};
	char err[4096];

	as_found();
	for (int i = 0; i < 2; i++) {
		int status = child_run(bodies[i], err, sizeof(err));

		must(WIFSIGNALED(status));
		is_int(WTERMSIG(status), SIGINT);
	}
}
END_TEST

/* Each thrum_run of the process is asked. */
static struct atomic32 there;

static intptr_t main_waits_for_both(void *unused)
{
	(void)unused;
	if (fetch_add_acq_rel(&there, 1) == 1)
		raise_all(SIGINT);
	return thrum_sleep(THRUM_FOREVER);
}

static void *thread_runs(void *unused)
{
	(void)unused;
	is_int(run_real(1, main_waits_for_both, NULL), -ECANCELED);
	return NULL;
}

START_TEST(all_roots_are_asked)
{
	pthread_t threads[2];

	as_found();
	store_relaxed(&there, 0);
	for (int i = 0; i < 2; i++)
		threads[i] = thread_of(thread_runs, NULL);
	for (int i = 0; i < 2; i++)
		thread_end(threads[i]);
}
END_TEST

static intptr_t main_has_no_root(void *unused)
{
	(void)unused;
	must(!thrum_run_token());
	return 0;
}

START_TEST(others_have_no_token)
{
	struct thrum_runtime *rt = runtime_of(1, THRUM_CLOCK_REAL);

	as_found();
	must(!thrum_run_token());
	is_int(thrum_runtime_block_on(rt, main_has_no_root, NULL), 0);
	is_int(thrum_runtime_destroy(rt), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    it_ends_who_sleeps,
	    it_asks_softly,
	    hard_follows_soft,
	    the_second_is_hard,
	    the_third_ends_the_process,
	    a_handled_signal_is_left,
	    the_programs_own_stays,
	    a_handler_put_back_late_does_no_harm,
	    otherwise_they_do_as_ever,
	    who_waits_for_one_has_it, /* from here on there is a service thread: no child */
	    all_roots_are_asked,
	    others_have_no_token,
	};

	return RUN_TESTS("interrupt", tests);
}
