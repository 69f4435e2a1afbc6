/* SPDX-License-Identifier: MIT */
/*
 * test_once.c - once: the first that comes calls, others wait and have its result; after a failure
 * the next one calls.  What it has in common with others that wait is in test_stand.c.
 */
#include "outcome.h"
#include "owned.h"
#include "standing.h"

#define ONCE (&standings[9])

static unsigned calls;

static intptr_t fn_counts(void *value)
{
	calls++;
	return (intptr_t)value;
}

static intptr_t call(intptr_t value)
{
	return thrum_once(&once, fn_counts, as_arg(value));
}

static void begin(void)
{
	once = (struct thrum_once)THRUM_ONCE_INIT;
	calls = 0;
}

/* What is no failure is a result, large negative ones too. */
START_TEST(it_is_called_once)
{
	static struct thrum_once zero;
	const intptr_t values[] = {0, 7, INTPTR_MAX, INTPTR_MIN, -4096, (intptr_t)&zero};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		begin();
		must(!memcmp(&once, &zero, sizeof(zero)));
		must(!thrum_once_done(&once));
		is_int(call(values[i]), values[i]);
		must(thrum_once_done(&once));
		is_int(call(5), values[i]);
		is_int(call(-EIO), values[i]);
		is_int(calls, 1);
	}
}
END_TEST

START_TEST(a_failure_does_not_count)
{
	begin();
	is_int(call(-EIO), -EIO);
	must(!thrum_once_done(&once));
	is_int(call(-4095), -4095);
	is_int(call(-ECANCELED), -ECANCELED); /* not of this task's, but fn's */
	is_int(calls, 3);
	is_int(call(6), 6);
	is_int(call(-EIO), 6);
	is_int(calls, 4);
}
END_TEST

/* ---- Whose turn it is ---- */

/* Comes, and if it is to call waits until it is told what to return. */
struct comer {
	struct thrum_future *task, *told;
	int call; /* which of all it made; 0: none */
};

static struct comer comers[5];

static intptr_t fn_waits(void *comer)
{
	struct comer *c = comer;

	c->call = (int)++calls;
	return thrum_await(c->told);
}

static intptr_t task_comes(void *comer)
{
	return thrum_once(&once, fn_waits, comer);
}

static void come(int i)
{
	comers[i] = (struct comer){.told = future_new()};
	must((comers[i].task = thrum_spawn(task_comes, &comers[i])));
	settle();
}

static void come_all(int n)
{
	begin();
	for (int i = 0; i < n; i++)
		come(i);
	is_int(turns_of(ONCE), n - 1);
	is_int(comers[0].call, 1);
	must(!thrum_once_done(&once));
}

static void tell(int i, intptr_t result)
{
	is_int(thrum_future_set(comers[i].told, result), 0);
	is_int(thrum_join(comers[i].task), result);
}

static void ended(int i, intptr_t result, int its_call)
{
	if (thrum_result(comers[i].told) == -EINPROGRESS)
		is_int(thrum_join(comers[i].task), result);
	is_int(comers[i].call, its_call);
	future_drop(comers[i].told);
}

TASK_TEST(others_wait_and_have_its_result, 2)
{
	come_all(5);
	tell(0, 9);
	must(thrum_once_done(&once));
	for (int i = 0; i < 5; i++)
		ended(i, 9, i == 0);
	is_int(turns_of(ONCE), 0);
}

TASK_TEST(after_a_failure_the_next_one_calls, 1)
{
	come_all(5);
	for (int i = 0; i < 3; i++) {
		tell(i, -EIO - i);
		settle();
		is_int(comers[i + 1].call, i + 2);
		is_int(turns_of(ONCE), 3 - i);
	}
	tell(3, 4);
	for (int i = 0; i < 5; i++)
		ended(i, 4, i < 4 ? i + 1 : 0);
	is_int(calls, 4);
}

/* Whoever failed comes by again before the next one, which has been let go on: its second call. */
static struct comer again;

static intptr_t task_comes_again(void *comer)
{
	is_int(thrum_once(&once, fn_waits, comer), -EIO);
	return thrum_once(&once, fn_waits, &again);
}

static void come_again(int others)
{
	begin();
	comers[0] = (struct comer){.told = future_new()};
	again = (struct comer){.told = future_new()};
	must((comers[0].task = thrum_spawn(task_comes_again, &comers[0])));
	settle();
	for (int i = 1; i <= others; i++)
		come(i);
}

/* It fails at once: two have been let go on, one of them waits again, before the third. */
TASK_TEST(one_that_comes_by_and_fails, 1)
{
	come_again(3);
	is_int(thrum_future_set(again.told, -ENOENT), 0);
	is_int(thrum_future_set(comers[0].told, -EIO), 0);
	is_int(thrum_join(comers[0].task), -ENOENT);
	settle();
	is_int(again.call, 2);
	is_int(comers[1].call, 3);
	is_int(turns_of(ONCE), 2);
	tell(1, -EIO);
	settle();
	is_int(comers[2].call, 4);
	tell(2, 5);
	future_drop(again.told);
	for (int i = 0; i < 4; i++)
		ended(i, 5, (const int[]){1, 3, 4, 0}[i]);
}

/* Its call lasts: the one that was let go on waits again, before the others. */
TASK_TEST(one_that_comes_by_and_stays, 1)
{
	come_again(2);
	is_int(thrum_future_set(comers[0].told, -EIO), 0);
	settle();
	is_int(again.call, 2);
	is_int(comers[1].call, 0);
	is_int(turns_of(ONCE), 2);
	is_int(thrum_future_set(again.told, -EIO), 0);
	is_int(thrum_join(comers[0].task), -EIO);
	settle();
	is_int(comers[1].call, 3);
	tell(1, 8);
	future_drop(again.told);
	for (int i = 0; i < 3; i++)
		ended(i, 8, (const int[]){1, 3, 0}[i]);
}

/* ---- Cut short ---- */

TASK_TEST(who_calls_is_cancelled, 1)
{
	come_all(3);
	thrum_cancel(comers[0].task); /* its wait inside says so */
	settle();
	is_int(comers[1].call, 2);
	ended(0, -ECANCELED, 1);
	tell(1, 3);
	ended(1, 3, 2);
	ended(2, 3, 0);
}

static intptr_t task_comes_and_cancels(void *comer)
{
	is_int(thrum_once(&once, fn_waits, comer), -EIO);
	is_int(thrum_cancel(comers[1].task), 0);
	return 0;
}

/* Cancelled before it is let go on, or just after that, which is no reason not to call. */
TASK_TEST(who_is_to_call_next_is_cancelled, 1)
{
	for (int after = 0; after < 2; after++) {
		begin();
		comers[0] = (struct comer){.told = future_new()};
		comers[0].task =
		    thrum_spawn(after ? task_comes_and_cancels : task_comes, &comers[0]);
		settle();
		for (int i = 1; i < 4; i++)
			come(i);
		if (!after)
			thrum_cancel(comers[1].task);
		is_int(thrum_future_set(comers[0].told, -EIO), 0);
		is_int(thrum_join(comers[0].task), after ? 0 : -EIO);
		settle();
		is_int(comers[2].call, after ? 3 : 2);
		tell(2, 7);
		ended(0, 0, 1);
		ended(1, -ECANCELED, after ? 2 : 0);
		ended(2, 7, comers[2].call);
		ended(3, 7, 0);
	}
}

/* What is done is given, whoever asks. */
static intptr_t task_cancelled(void *unused)
{
	(void)unused;
	is_int(thrum_cancel(thrum_self()), 0);
	return call(5);
}

static void call_has(struct thrum_future *f, void *unused)
{
	(void)f;
	(void)unused;
	must(thrum_once_done(&once));
	is_int(call(5), 9);
}

static void child_has(void)
{
	must(thrum_once_done(&once));
	is_int(call(5), 9);
}

TASK_TEST(what_is_done_is_given, 1)
{
	struct thrum_future *f;
	struct thrum_timeout t;

	begin();
	is_int(call(9), 9);
	is_int(thrum_join(thrum_spawn(task_cancelled, NULL)), 9);
	thrum_timeout_begin(&t, 0);
	is_int(call(5), 9);
	must(!thrum_timeout_end(&t));
	f = thrum_spawn(task_return, NULL);
	is_int(thrum_future_on_done(f, call_has, NULL), 0);
	is_int(thrum_join(f), 0);
	settle();
	passes(child_has);
	is_int(calls, 1);
}

/* ---- From inside ---- */

static intptr_t fn_comes_again(void *unused)
{
	intptr_t r = thrum_once(&once, fn_comes_again, unused);

	calls++;
	must(!thrum_once_done(&once));
	return r == -EDEADLK ? 3 : r;
}

static intptr_t comes_again(void *unused)
{
	begin();
	is_int(thrum_once(&once, fn_comes_again, unused), 3);
	is_int(calls, 1);
	return 0;
}

static intptr_t fn_of_another(void *other)
{
	return thrum_once(other, fn_counts, as_arg(4));
}

START_TEST(from_inside_it_would_wait_for_itself)
{
	static struct thrum_once other;

	is_int(comes_again(NULL), 0);
	is_int(run_virtual(1, comes_again, NULL), 0);
	begin();
	is_int(thrum_once(&once, fn_of_another, &other), 4);
	must(thrum_once_done(&other));
}
END_TEST

static void child_comes(void)
{
	is_int(call(5), -ENOTSUP);
	must(!thrum_once_done(&once));
}

TASK_TEST(in_a_forked_child_nobody_calls, 1)
{
	begin();
	passes(child_comes);
	come_all(2);
	passes(child_comes);
	tell(0, 1);
	ended(0, 1, 1);
	ended(1, 1, 0);
	is_int(calls, 1);
}

/* ---- Several at once ---- */

struct shared {
	struct thrum_once once;
	struct atomic32 users, made;
	unsigned failures, made_plainly;
};

static void shared_begin(void *shared)
{
	struct shared *s = shared;

	memset(s, 0, sizeof(*s));
	store_relaxed(&s->users, OWNERS);
	s->failures = (unsigned)((uintptr_t)shared >> 6) % 3;
}

static intptr_t fn_makes(void *shared)
{
	struct shared *s = shared;

	if (s->failures) {
		s->failures--;
		return -EIO;
	}
	is_int(fetch_add_relaxed(&s->made, 1), 0);
	if ((uintptr_t)s & 64)
		thread_yield();
	s->made_plainly = 77;
	return (intptr_t)s;
}

static bool shared_use(void *shared, int who)
{
	struct shared *s = shared;
	intptr_t r;

	(void)who;
	do
		r = thrum_once(&s->once, fn_makes, s);
	while (r == -EIO);
	is_int(r, (intptr_t)s);
	is_int(s->made_plainly, 77);
	must(thrum_once_done(&s->once));
	return fetch_sub_acq_rel(&s->users, 1) == 1;
}

START_TEST(all_see_what_the_first_one_did)
{
	use_owned(sizeof(struct shared), shared_begin, shared_use, 10 + scaled(200));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    it_is_called_once,
	    a_failure_does_not_count,
	    others_wait_and_have_its_result,
	    after_a_failure_the_next_one_calls,
	    one_that_comes_by_and_fails,
	    one_that_comes_by_and_stays,
	    who_calls_is_cancelled,
	    who_is_to_call_next_is_cancelled,
	    what_is_done_is_given,
	    from_inside_it_would_wait_for_itself,
	    in_a_forked_child_nobody_calls,
	    all_see_what_the_first_one_did,
	};

	return RUN_TESTS_FOR("once", 60, tests);
}
