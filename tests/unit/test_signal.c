/* SPDX-License-Identifier: MIT */
/*
 * test_signal.c - signals as futures: who hears of which, those that come early, those that cannot
 * be had, and what a child has.
 */
#include <signal.h>
#include <unistd.h>

#include <thrum/signal.h>

#include "base/assert.h"
#include "base/os.h"
#include "child.h"
#include "fiber/sanitize.h"
#include "run.h"
#include "sched/task.h"

/* To the process.  ThreadSanitizer keeps a signal back until the thread that it came to calls
 * something which that knows; one that a thread sends itself comes at once. */
static void send_process(int sig)
{
#ifdef THRUM_TSAN
	must(raise(sig) == 0);
#else
	must(kill(getpid(), sig) == 0);
#endif
}

static struct thrum_future *next(int sig)
{
	struct thrum_future *f = thrum_signal_next(sig);

	must(f);
	return f;
}

static intptr_t task_raise_and_wait(void *unused)
{
	struct thrum_future *f = next(SIGUSR1), *g = next(SIGUSR1), *other = next(SIGUSR2);

	(void)unused;
	must(!thrum_done(f));
	is_text(thrum_name(f), "signal");
	must(raise(SIGUSR1) == 0);
	is_int(thrum_join(f), SIGUSR1);
	is_int(thrum_join(g), SIGUSR1); /* all that waited */
	must(!thrum_done(other));
	send_process(SIGUSR2);
	is_int(thrum_join(other), SIGUSR2);
	for (int i = 0; i < 100; i++) {
		f = next(SIGUSR1);
		must(!thrum_done(f));
		send_process(SIGUSR1);
		is_int(thrum_join(f), SIGUSR1);
	}
	return 1;
}

START_TEST(a_signal_completes_what_waits_for_it)
{
	is_int(run_real(1, task_raise_and_wait, NULL), 1);
	is_int(run_real(3, task_raise_and_wait, NULL), 1);
	is_int(run_virtual(1, task_raise_and_wait, NULL), 1);
}
END_TEST

static intptr_t task_early(void *unused)
{
	struct thrum_future *f = next(SIGUSR1);

	(void)unused;
	raise(SIGUSR1);
	is_int(thrum_join(f), SIGUSR1);
	raise(SIGUSR1);
	raise(SIGUSR1); /* counts as the same one */
	f = next(SIGUSR1);
	must(thrum_done(f));
	is_int(thrum_join(f), SIGUSR1);
	f = next(SIGUSR1);
	must(!thrum_done(f));
	raise(SIGUSR1);
	is_int(thrum_join(f), SIGUSR1);
	return 1;
}

START_TEST(one_that_comes_early_is_kept)
{
	is_int(run_real(2, task_early, NULL), 1);
}
END_TEST

static intptr_t task_gives_up(void *unused)
{
	struct thrum_future *f = next(SIGUSR1), *g;

	(void)unused;
	is_int(thrum_cancel(f), 0);
	is_int(thrum_await(f), -ECANCELED);
	must(thrum_cancelled(f));
	raise(SIGUSR1); /* for nobody: kept */
	g = next(SIGUSR1);
	is_int(thrum_join(g), SIGUSR1);
	is_int(thrum_join(f), -ECANCELED);
	thrum_release(next(SIGUSR1)); /* nobody can see it any more */
	raise(SIGUSR1);
	is_int(thrum_join(next(SIGUSR1)), SIGUSR1);
	f = next(SIGUSR1);
	thrum_release(next(SIGUSR1));
	raise(SIGUSR1);
	is_int(thrum_join(f), SIGUSR1);
	must(!thrum_done(f = next(SIGUSR1)));
	is_int(thrum_wait_for(f, THRUM_MS(1)), -ETIMEDOUT);
	thrum_release(f);
	return 1;
}

START_TEST(cancelling_it_gives_up)
{
	is_int(run_real(2, task_gives_up, NULL), 1);
}
END_TEST

static intptr_t task_abandons(void *unused)
{
	uint64_t before;

	(void)unused;
	before = load_relaxed(&thrum__future_pool.carved);
	for (int i = 0; i < 20000; i++) {
		struct thrum_future *f = next(SIGUSR1);

		if (i % 2)
			thrum_cancel(f);
		thrum_release(f);
	}
	must(load_relaxed(&thrum__future_pool.carved) - before < 2000);
	return 1;
}

START_TEST(abandoned_ones_cost_no_memory)
{
	is_int(run_real(1, task_abandons, NULL), 1);
}
END_TEST

static void on_done(struct thrum_future *f, void *arg)
{
	is_int(thrum_result(f), SIGUSR1);
	thrum_future_set(arg, 1);
}

static intptr_t task_indirect(void *unused)
{
	struct thrum_future *f = next(SIGUSR1), *called = future_new(), *shield, *fs[2];

	(void)unused;
	is_int(thrum_future_on_done(f, on_done, called), 0);
	thrum_release(f); /* the callback still waits */
	raise(SIGUSR1);
	is_int(thrum_join(called), 1);
	f = next(SIGUSR1);
	shield = thrum_shield(f);
	must(shield);
	thrum_release(f);
	fs[0] = future_new();
	fs[1] = shield;
	raise(SIGUSR1);
	is_int(thrum_wait_any(fs, 2), 1);
	is_int(thrum_join(shield), SIGUSR1);
	future_drop(fs[0]);
	return 1;
}

START_TEST(it_is_a_future_like_any_other)
{
	is_int(run_real(2, task_indirect, NULL), 1);
}
END_TEST

/* Two runtimes wait for one signal; a plain thread sends it. */
static void *thread_send(void *unused)
{
	send_process(SIGUSR1);
	return unused;
}

static intptr_t task_get_next(void *out)
{
	*(struct thrum_future **)out = next(SIGUSR1);
	return 0;
}

START_TEST(every_runtime_hears_it)
{
	struct thrum_runtime *rt[2];
	struct thrum_future *f[2];

	for (int i = 0; i < 2; i++) {
		rt[i] = runtime_of(1, THRUM_CLOCK_REAL);
		is_int(thrum_runtime_block_on(rt[i], task_get_next, &f[i]), 0);
	}
	thread_end(thread_of(thread_send, NULL));
	for (int i = 0; i < 2; i++)
		is_int(thrum_runtime_block_on(rt[i], task_await, f[i]), SIGUSR1);
	for (int i = 0; i < 2; i++) {
		is_int(thrum_runtime_destroy(rt[i]), 0);
		is_int(thrum_join(f[i]), SIGUSR1); /* they outlive it */
	}
}
END_TEST

static intptr_t task_refused(void *unused)
{
	const int bad[] = {-1,      0,       65,     1000,   INT32_MIN, SIGKILL,
			   SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL};

	(void)unused;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		must(!thrum_signal_next(bad[i]));
	return 1;
}

START_TEST(what_cannot_be_caught_is_refused)
{
	is_int(run_real(1, task_refused, NULL), 1);
	must(!thrum_signal_next(SIGWINCH)); /* outside a task; and nothing was installed */
	must(signal(SIGWINCH, SIG_DFL) == SIG_DFL);
}
END_TEST

static intptr_t task_interrupted(void *ends)
{
	int *fds = ends, saved;
	struct thrum_future *f = next(SIGIO);

	errno = 1234;
	raise(SIGIO);
	saved = errno;
	is_int(saved, 1234);
	is_int(thrum_join(f), SIGIO);
	must(write(fds[1], "x", 1) == 1);
	return 1;
}

/* The handler restarts what it interrupted on a plain thread. */
START_TEST(others_do_not_notice)
{
	int ends[2];
	char c;

	must(pipe(ends) == 0);
	is_int(run_real(1, task_interrupted, ends), 1);
	send_process(SIGIO); /* stays: of no use to other tests */
	must(read(ends[0], &c, 1) == 1);
}
END_TEST

#ifdef THRUM_FAULTS
static intptr_t task_faults(void *unused)
{
	int failed = 0;

	(void)unused;
	/* Twice: a thread that just begins may have had a fault that was meant for this. */
	for (uint64_t i = 0; i < 20; i++) {
		struct thrum_future *f;

		thrum__fault_set(1 + i % 10, false);
		f = thrum_signal_next(SIGUSR1);
		thrum__fault_set(0, false);
		failed += !f;
		if (!f)
			continue;
		raise(SIGUSR1);
		is_int(thrum_join(f), SIGUSR1);
	}
	return failed;
}

START_TEST(what_fails_leaves_nothing)
{
	must(run_real(1, task_faults, NULL) > 0);
}
END_TEST
#endif

#ifndef THRUM_TSAN /* starts no threads in a child */
/* Children: */

static int status_of(pid_t pid)
{
	int status = -1;

	must(pid > 0 && waitpid(pid, &status, 0) == pid);
	return status;
}

static intptr_t task_forks(void *unused)
{
	struct thrum_future *f = next(SIGUSR2);
	int status;
	pid_t pid;

	(void)unused;
	pid = fork();
	if (pid == 0) {
		if (thrum_signal_next(SIGUSR2) || thrum_signal_next(SIGUSR1))
			_exit(1);
		raise(SIGUSR2); /* has its default effect: no runtime is here to hear it */
		_exit(2);
	}
	status = status_of(pid);
	must(WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR2);
	must(!thrum_done(f));
	pid = fork();
	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", "kill -USR2 $$; exit 3", (char *)NULL);
		_exit(4);
	}
	status = status_of(pid);
	must(WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR2);
	must(!thrum_done(f));
	raise(SIGUSR2);
	is_int(thrum_join(f), SIGUSR2);
	return 1;
}

START_TEST(a_child_has_the_default_action)
{
	is_int(run_real(2, task_forks, NULL), 1);
}
END_TEST

static intptr_t task_waits_once(void *unused)
{
	struct thrum_future *f = next(SIGUSR1);

	(void)unused;
	must(!thrum_done(f));
	raise(SIGUSR1);
	return thrum_join(f);
}

START_TEST(a_child_of_no_runtime_waits_for_its_own)
{
	int status;
	pid_t pid;

	is_int(run_real(1, task_waits_once, NULL), SIGUSR1);
	raise(SIGUSR1); /* kept, for the parent alone */
	pid = fork();
	if (pid == 0)
		_exit(run_real(1, task_waits_once, NULL) == SIGUSR1 ? 5 : 6);
	status = status_of(pid);
	must(WIFEXITED(status));
	is_int(WEXITSTATUS(status), 5);
}
END_TEST
#endif

int main(void)
{
	const TTest *const tests[] = {
#ifdef THRUM_FAULTS
	    what_fails_leaves_nothing, /* the first: later the process has all that can fail */
#endif
	    a_signal_completes_what_waits_for_it,
	    one_that_comes_early_is_kept,
	    cancelling_it_gives_up,
	    abandoned_ones_cost_no_memory,
	    it_is_a_future_like_any_other,
	    every_runtime_hears_it,
	    what_cannot_be_caught_is_refused,
	    others_do_not_notice,
#ifndef THRUM_TSAN
	    a_child_has_the_default_action,
	    a_child_of_no_runtime_waits_for_its_own,
#endif
	};

	return RUN_TESTS("signal", tests);
}
