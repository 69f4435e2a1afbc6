/* SPDX-License-Identifier: MIT */
/*
 * test_fork.c - fork and join: in place, let go before a wait; failures, cancels, deep chains, many
 * forks, no memory.  test_fork_stolen.c has those that another worker takes.
 */
#include <sys/wait.h>
#include <unistd.h>

#include "run.h"

static uint64_t started_count(void)
{
	struct thrum_stats s = {.size = sizeof(s)};

	is_int(thrum_runtime_stats(NULL, -1, &s), 0);
	return s.started;
}

static intptr_t fib(void *arg)
{
	intptr_t n = (intptr_t)arg, x;
	struct thrum_fork j;

	if (n < 2)
		return n;
	thrum_fork(&j, fib, as_arg(n - 1));
	x = fib(as_arg(n - 2));
	return x + thrum_fork_join(&j);
}

TASK_TEST(alone_it_is_a_call, 1)
{
	uint64_t before = started_count();

	is_int(fib(as_arg(20)), 6765);
	is_int(started_count(), before);
}

static intptr_t task_fib(void *unused)
{
	(void)unused;
	return fib(as_arg(23));
}

START_TEST(on_several_workers)
{
	for (unsigned workers = 2; workers <= 5; workers++) {
		is_int(run_real(workers, task_fib, NULL), 28657);
		is_int(run_virtual(workers, task_fib, NULL), 28657);
	}
}
END_TEST

/* The functions of the symbols, for other languages. */
static intptr_t fib_called(void *arg)
{
	intptr_t n = (intptr_t)arg, x;
	struct thrum_fork j;

	if (n < 2)
		return n;
	(thrum_fork)(&j, fib_called, as_arg(n - 1));
	x = fib_called(as_arg(n - 2));
	return x + (thrum_fork_join)(&j);
}

TASK_TEST(as_calls, 2)
{
	is_int(fib_called(as_arg(18)), 2584);
}

static intptr_t task_self(void *self)
{
	return thrum_self() == self;
}

TASK_TEST(in_place_it_is_its_maker, 1)
{
	struct thrum_fork j;

	thrum_fork(&j, task_self, thrum_self());
	is_int(thrum_fork_join(&j), 1);
}

/* Before a wait of the maker its forks become tasks, with its name. */
static int ran;
static const char *maker;

static intptr_t task_named(void *i)
{
	ran++;
	is_text(thrum_name(thrum_self()), maker);
	return (intptr_t)i;
}

TASK_TEST(a_wait_lets_them_go, 1)
{
	struct thrum_fork j[3];

	ran = 0;
	maker = thrum_name(thrum_self());
	for (int i = 0; i < 3; i++)
		thrum_fork(&j[i], task_named, as_arg(i));
	settle();
	is_int(ran, 3);
	for (int i = 2; i >= 0; i--)
		is_int(thrum_fork_join(&j[i]), i);
}

static intptr_t task_sleeps_in_fork(void *ns)
{
	struct thrum_fork j;
	intptr_t r;

	thrum_fork(&j, task_return, ns);
	is_int(thrum_sleep((intptr_t)ns), 0);
	r = thrum_fork_join(&j);
	return r;
}

/* Forks of several tasks that wait in turns on one worker. */
TASK_TEST(tasks_take_turns_with_forks, 1)
{
	struct thrum_future *f[10];
	struct thrum_fork j, k;

	thrum_fork(&j, task_sleeps_in_fork, as_arg(5));
	for (int i = 0; i < 10; i++)
		f[i] = thrum_spawn(task_sleeps_in_fork, as_arg(i + 1));
	thrum_fork(&k, task_return, as_arg(3));
	is_int(thrum_sleep(3), 0);
	is_int(thrum_fork_join(&k), 3);
	is_int(thrum_fork_join(&j), 5);
	for (int i = 0; i < 10; i++)
		is_int(thrum_join(f[i]), i + 1);
}

/* A child that waits, in place, below forks of its joiner. */
TASK_TEST(a_fork_waits_in_place, 1)
{
	struct thrum_fork j, k;

	thrum_fork(&j, task_return, as_arg(1));
	thrum_fork(&k, task_sleep, as_arg(7));
	is_int(thrum_fork_join(&k), 0);
	is_int(thrum_now(), 7);
	is_int(thrum_fork_join(&j), 1);
}

static intptr_t chain(void *left)
{
	intptr_t n = (intptr_t)left, r;
	struct thrum_fork j;

	if (n == 0)
		return 0;
	thrum_fork(&j, chain, as_arg(n - 1));
	r = thrum_fork_join(&j);
	return r < 0 ? r : r + 1;
}

START_TEST(a_deep_chain)
{
	is_int(run_virtual(1, chain, as_arg(100000)), 100000);
	is_int(run_virtual(2, chain, as_arg(100000)), 100000);
}
END_TEST

#define MANY 10000

static struct thrum_fork many[MANY];

static void fork_many(void)
{
	for (intptr_t i = 0; i < MANY; i++)
		thrum_fork(&many[i], task_return, as_arg(i));
	for (intptr_t i = MANY; i-- > 0;)
		is_int(thrum_fork_join(&many[i]), i);
}

TASK_TEST(more_than_there_is_room_for, 1)
{
	uint64_t before = started_count();

	fork_many();
	is_int(started_count(), before); /* none is made a task */
}

TASK_TEST(more_than_there_is_room_for_on_three_workers, 3)
{
	for (int i = 0; i < 10; i++)
		fork_many();
}

/* Nobody else makes room: each waits for its maker's signal. */
static intptr_t task_wait_gate(void *gate)
{
	return thrum_await(gate);
}

TASK_TEST(a_full_lane_of_forks_that_wait, 1)
{
	struct thrum_future *gate = future_new();

	for (intptr_t i = 0; i < MANY / 4; i++) {
		if (i == MANY / 8)
			is_int(thrum_future_set(gate, 9), 0);
		thrum_fork(&many[i], task_wait_gate, gate);
	}
	for (intptr_t i = MANY / 4; i-- > 0;)
		is_int(thrum_fork_join(&many[i]), 9);
	future_drop(gate);
}

static intptr_t task_fails(void *err)
{
	return (intptr_t)err;
}

TASK_TEST(a_failure_is_the_joins, 2)
{
	struct thrum_fork j;

	thrum_fork(&j, task_fails, as_arg(-EIO));
	is_int(thrum_fork_join(&j), -EIO);
	thrum_fork(&j, task_fails, as_arg(-EPROTO));
	settle();
	is_int(thrum_fork_join(&j), -EPROTO);
}

/* Cancels. */
static intptr_t task_forever(void *unused)
{
	(void)unused;
	return thrum_sleep(THRUM_FOREVER);
}

static intptr_t task_joins_forever(void *let_go)
{
	struct thrum_fork j;

	thrum_fork(&j, task_forever, NULL);
	if (let_go)
		settle();
	is_int(thrum_fork_join(&j), -ECANCELED);
	is_int(thrum_cancel_requested(), THRUM_HARD);
	return 4;
}

static void cancel_while_it_waits(struct thrum_future *f)
{
	settle();
	settle();
	settle();
	is_int(thrum_cancel(f), 0);
}

static void cancel_reaches_the_fork(void *let_go)
{
	struct thrum_future *f = thrum_spawn(task_joins_forever, let_go);

	cancel_while_it_waits(f);
	is_int(thrum_join(f), 4);
}

TASK_TEST(a_cancel_of_the_maker_reaches_it, 1)
{
	cancel_reaches_the_fork(NULL);
	cancel_reaches_the_fork("");
}

TASK_TEST(a_cancel_of_the_maker_reaches_it_on_two_workers, 2)
{
	cancel_reaches_the_fork(NULL);
	cancel_reaches_the_fork("");
}

/* The maker does not wait for it yet: its fork, elsewhere, asks. */
static intptr_t task_asks(void *gate)
{
	must(thrum_await(gate) == 0);
	is_int(thrum_cancel_requested(), THRUM_HARD);
	is_int(thrum_sleep(THRUM_FOREVER), -ECANCELED);
	return 6;
}

static struct thrum_future *gates[2];

static intptr_t task_awaits_second(void *unused)
{
	struct thrum_fork j;

	(void)unused;
	thrum_fork(&j, task_asks, gates[0]);
	is_int(thrum_await(gates[1]), -ECANCELED);
	must(thrum_future_set(gates[0], 0) == 0);
	return thrum_fork_join(&j);
}

TASK_TEST(it_asks_for_its_maker, 2)
{
	struct thrum_future *f;

	gates[0] = future_new();
	gates[1] = future_new();
	f = thrum_spawn(task_awaits_second, NULL);
	settle();
	is_int(thrum_cancel(f), 0);
	is_int(thrum_join(f), 6);
	future_drop(gates[0]);
	future_drop(gates[1]);
}

/* Let go by a call that need not wait, and then run in place by its own join. */
static intptr_t task_lets_go_and_joins(void *bare)
{
	struct thrum_future *shield = thrum_shield(bare);
	struct thrum_fork j;

	thrum_fork(&j, task_forever, NULL);
	is_int(thrum_wait_for(shield, 0), -ETIMEDOUT);
	thrum_release(shield);
	return thrum_fork_join(&j);
}

TASK_TEST(let_go_and_in_place_it_hears_a_cancel, 1)
{
	struct thrum_future *bare = future_new();
	struct thrum_future *f = thrum_spawn(task_lets_go_and_joins, bare);

	cancel_while_it_waits(f);
	is_int(thrum_join(f), -ECANCELED);
	future_drop(bare);
}

/* A joiner whose child, in place, has moved forks where it is now. */
static intptr_t task_joins_and_forks(void *unused)
{
	struct thrum_fork j;

	(void)unused;
	for (int i = 0; i < 100; i++) {
		is_int(thrum_join(thrum_spawn(task_sleep, as_arg(THRUM_US(5)))), 0);
		thrum_fork(&j, task_return, as_arg(i));
		is_int(thrum_sleep(THRUM_US(5)), 0);
		is_int(thrum_fork_join(&j), i);
	}
	return 0;
}

static intptr_t task_many_movers(void *unused)
{
	struct thrum_future *f[10];

	(void)unused;
	for (int i = 0; i < 10; i++)
		f[i] = thrum_spawn(task_joins_and_forks, NULL);
	for (int i = 0; i < 10; i++)
		is_int(thrum_join(f[i]), 0);
	return 0;
}

START_TEST(a_joiner_that_was_moved_forks)
{
	is_int(run_real(3, task_many_movers, NULL), 0);
	is_int(run_virtual(3, task_many_movers, NULL), 0);
}
END_TEST

/* Cancelled before: they run all the same. */
static intptr_t task_forks_cancelled(void *unused)
{
	(void)unused;
	is_int(thrum_yield(), -ECANCELED);
	return fib(as_arg(10));
}

TASK_TEST(a_cancelled_task_forks, 1)
{
	struct thrum_future *f = thrum_spawn(task_forks_cancelled, NULL);

	is_int(thrum_cancel(f), 0);
	is_int(thrum_join(f), 55);
}

static intptr_t task_deadline(void *unused)
{
	struct thrum_timeout t;
	struct thrum_fork j;
	intptr_t r;

	(void)unused;
	thrum_timeout_begin(&t, 10);
	thrum_fork(&j, task_forever, NULL);
	settle(); /* a task */
	r = thrum_fork_join(&j);
	must(thrum_timeout_end(&t));
	return r;
}

TASK_TEST(a_deadline_cancels_it, 1)
{
	is_int(thrum_join(thrum_spawn(task_deadline, NULL)), -ECANCELED);
	is_int(thrum_now(), 10);
}

/* Outside tasks. */
START_TEST(outside)
{
	struct thrum_fork j;

	thrum_fork(&j, task_return, as_arg(1));
	is_int(thrum_fork_join(&j), -EPERM);
}
END_TEST

static void call_forks(struct thrum_future *f, void *done)
{
	struct thrum_fork j;

	(void)f;
	thrum_fork(&j, task_return, as_arg(1));
	is_int(thrum_fork_join(&j), -EPERM);
	is_int(thrum_future_set(done, 0), 0);
}

TASK_TEST(in_a_callback, 1)
{
	struct thrum_future *f = spawn_sleeper(1), *done = future_new();

	is_int(thrum_future_on_done(f, call_forks, done), 0);
	is_int(thrum_await(done), 0);
	is_int(thrum_join(f), 0);
	future_drop(done);
}

/* In a forked child no fork goes on. */
TASK_TEST(in_a_forked_child, 1)
{
	struct thrum_fork j, k;
	int status;
	pid_t child;

	thrum_fork(&j, task_return, as_arg(2));
	child = fork();
	must(child >= 0);
	if (child == 0) {
		thrum_fork(&k, task_return, as_arg(3));
		if (thrum_fork_join(&k) != -ENOTSUP || thrum_fork_join(&j) != -ENOTSUP)
			_exit(1);
		_exit(0);
	}
	while (waitpid(child, &status, 0) != child)
		must(errno == EINTR);
	must(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	is_int(thrum_fork_join(&j), 2);
}

/* The limit on tasks: forks run where they are. */
static intptr_t task_let_go_at_limit(void *unused)
{
	struct thrum_fork j, k;

	(void)unused;
	thrum_fork(&j, task_return, as_arg(1));
	thrum_fork(&k, task_return, as_arg(2));
	is_int(thrum_sleep(1), 0);
	is_int(thrum_fork_join(&k), 2);
	is_int(thrum_fork_join(&j), 1);
	return fib(as_arg(12));
}

START_TEST(at_the_limit_on_tasks)
{
	is_int(run_at_limit(2, THRUM_CLOCK_VIRTUAL, task_let_go_at_limit, NULL), 144);
}
END_TEST

/* Stopping: what was forked is finished. */
static intptr_t task_forks_while_stopping(void *started)
{
	struct thrum_fork j;

	is_int(thrum_future_set(started, 0), 0);
	is_int(thrum_sleep(THRUM_FOREVER), -ECANCELED);
	thrum_fork(&j, task_return, as_arg(5));
	is_int(thrum_sleep(1), -ECANCELED);
	is_int(thrum_fork_join(&j), 5);
	return fib(as_arg(15)) == 610 ? 0 : -EBADMSG;
}

static intptr_t task_leaves_one(void *unused)
{
	struct thrum_future *started = future_new(), *f;

	(void)unused;
	f = thrum_spawn(task_forks_while_stopping, started);
	is_int(thrum_await(started), 0);
	future_drop(started);
	thrum_release(f);
	return 3;
}

START_TEST(while_stopping)
{
	is_int(run_virtual(1, task_leaves_one, NULL), 3);
	is_int(run_real(2, task_leaves_one, NULL), 3);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    alone_it_is_a_call,
	    on_several_workers,
	    as_calls,
	    in_place_it_is_its_maker,
	    a_wait_lets_them_go,
	    tasks_take_turns_with_forks,
	    a_fork_waits_in_place,
	    a_deep_chain,
	    more_than_there_is_room_for,
	    more_than_there_is_room_for_on_three_workers,
	    a_full_lane_of_forks_that_wait,
	    a_failure_is_the_joins,
	    a_cancel_of_the_maker_reaches_it,
	    a_cancel_of_the_maker_reaches_it_on_two_workers,
	    let_go_and_in_place_it_hears_a_cancel,
	    a_joiner_that_was_moved_forks,
	    it_asks_for_its_maker,
	    a_cancelled_task_forks,
	    a_deadline_cancels_it,
	    outside,
	    in_a_callback,
	    in_a_forked_child,
	    at_the_limit_on_tasks,
	    while_stopping,
	};

	return RUN_TESTS("fork", tests);
}
