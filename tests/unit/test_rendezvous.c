/* SPDX-License-Identifier: MIT */
/*
 * test_rendezvous.c - barriers of tasks (sync/barrier.c): all wait for all, each has its number,
 * and it begins anew; who is cut short has not come, unless all had.  What it has in common with
 * others that wait is in test_stand.c.
 */
#include "outcome.h"
#include "owned.h"
#include "standing.h"
#include "storm.h"

#define BARRIER (&standings[7])

START_TEST(one_alone_waits_for_nobody)
{
	memset(&barrier, 0xff, sizeof(barrier));
	thrum_barrier_init(&barrier, 1);
	for (int i = 0; i < 3; i++) {
		is_int(thrum_barrier_wait(&barrier), 0);
		is_int(thrum_barrier_wait_until(&barrier, 0), 0);
	}
	thrum_barrier_fini(&barrier);
}
END_TEST

/* Comes @times times. */
struct visitor {
	int times, number;
	struct thrum_future *task;
};

static struct visitor visitors[8];
static int came;

static intptr_t task_comes(void *visitor)
{
	struct visitor *v = visitor;

	v->number = -1;
	for (int i = 0; i < v->times; i++) {
		v->number = thrum_barrier_wait(&barrier);
		came++;
		if (v->number < 0)
			return v->number;
	}
	return 0;
}

static void come(int i, int times)
{
	visitors[i].times = times;
	must((visitors[i].task = thrum_spawn(task_comes, &visitors[i])));
	settle();
}

static void has_number(int i, int n)
{
	is_int(thrum_join(visitors[i].task), n < 0 ? n : 0);
	is_int(visitors[i].number, n);
}

TASK_TEST(each_has_a_number_in_the_order_in_which_they_came, 1)
{
	thrum_barrier_init(&barrier, 4);
	for (int round = 0; round < 3; round++) {
		came = 0;
		for (int i = 0; i < 3; i++)
			come((i + round) % 3, 1);
		is_int(came, 0);
		is_int(thrum_barrier_wait(&barrier), 3);
		is_int(came, 0); /* the last one does not wait */
		for (int i = 0; i < 3; i++)
			has_number((i + round) % 3, i);
	}
	thrum_barrier_fini(&barrier);
}

/* Who goes on and comes again at once is the first of the next round. */
TASK_TEST(it_begins_anew, 1)
{
	thrum_barrier_init(&barrier, 2);
	came = 0;
	come(0, 3);
	for (int i = 0; i < 3; i++) {
		is_int(came, i);
		is_int(thrum_barrier_wait(&barrier), 1);
		settle();
	}
	has_number(0, 0);
	thrum_barrier_fini(&barrier);
}

TASK_TEST(another_comes_in_the_place_of_one_that_is_cut_short, 1)
{
	thrum_barrier_init(&barrier, 3);
	come(0, 1);
	come(1, 1);
	thrum_cancel(visitors[0].task);
	has_number(0, -ECANCELED);
	is_int(thrum_barrier_wait_until(&barrier, thrum_now() + 5), -ETIMEDOUT);
	is_int(turns_of(BARRIER), 1);
	come(2, 1);
	is_int(thrum_barrier_wait(&barrier), 2);
	has_number(1, 0); /* as if that one had not come */
	has_number(2, 1);
	thrum_barrier_fini(&barrier);
}

/* They have all come, and one of them has just been cancelled. */
TASK_TEST(when_all_have_come_nobody_is_cut_short, 1)
{
	struct thrum_timeout t;

	for (int late = 0; late < 2; late++) {
		thrum_barrier_init(&barrier, 3);
		come(0, 2);
		come(1, 1);
		if (!late)
			thrum_cancel(visitors[0].task);
		thrum_timeout_begin(&t, THRUM_FOREVER);
		is_int(thrum_barrier_wait(&barrier), 2);
		must(!thrum_timeout_end(&t));
		if (late)
			thrum_cancel(visitors[0].task);
		has_number(0, -ECANCELED); /* the second time */
		is_int(visitors[0].number, -ECANCELED);
		has_number(1, 0 + 1);
		is_int(turns_of(BARRIER), 0);
		thrum_barrier_fini(&barrier);
	}
}

static intptr_t task_is_late(void *unused)
{
	struct thrum_timeout t;
	int n;

	(void)unused;
	thrum_timeout_begin(&t, 10);
	n = thrum_barrier_wait(&barrier);
	is_int(thrum_timeout_end(&t), n == -ETIMEDOUT);
	return n;
}

/* Its deadline passes when they have all come, at the same time, or before: the timeout is told
 * only if it was cut short. */
TASK_TEST(a_deadline_beside_the_last_one, 1)
{
	for (int64_t at = 9; at < 12; at++) {
		int64_t now = thrum_now();
		struct thrum_future *f;
		int n;

		thrum_barrier_init(&barrier, 2);
		f = thrum_spawn(task_is_late, NULL);
		is_int(thrum_sleep_until(now + at), 0);
		n = thrum_barrier_wait_until(&barrier, now + 20);
		must(n == (at < 10 ? 1 : at > 10 ? -ETIMEDOUT : n));
		is_int(thrum_join(f), n == 1 ? 0 : -ETIMEDOUT);
		thrum_barrier_fini(&barrier);
	}
}

/* ---- Many, again and again ---- */

#define PARTIES 100
#define ROUNDS 20

static unsigned marks[PARTIES];
static struct atomic64 numbers;

/* What each did before it came is seen by all, and nobody is a round ahead. */
static intptr_t task_marches(void *i)
{
	for (unsigned round = 1; round <= ROUNDS; round++) {
		int n;

		marks[(size_t)i] = round;
		n = thrum_barrier_wait(&barrier);
		must(n >= 0 && n < PARTIES);
		fetch_add_relaxed(&numbers, (uint64_t)n);
		for (int k = 0; k < PARTIES; k++)
			is_int(marks[k], round);
		is_int(thrum_barrier_wait(&barrier) < 0, 0);
	}
	return 0;
}

static intptr_t main_marches(void *unused)
{
	struct thrum_scope s;

	(void)unused;
	thrum_barrier_init(&barrier, PARTIES);
	store_relaxed(&numbers, 0);
	is_int(thrum_scope_open(&s), 0);
	for (int i = 0; i < PARTIES; i++)
		is_int(thrum_scope_spawn(&s, task_marches, as_arg(i)), 0);
	is_int(thrum_scope_close(&s), 0);
	is_int(load_relaxed(&numbers), ROUNDS * (PARTIES * (PARTIES - 1) / 2));
	thrum_barrier_fini(&barrier);
	return 0;
}

START_TEST(many_march_in_step)
{
	is_int(run_virtual(1, main_marches, NULL), 0);
	is_int(run_real(2, main_marches, NULL), 0);
}
END_TEST

/* In pairs: those that are cut short leave no half behind. */
static struct atomic32 pairs;

static int meet(int64_t deadline_ns, uint32_t random)
{
	int n = CALL(thrum_barrier_wait, &barrier, deadline_ns);

	storm_pause(random);
	if (n < 0)
		return n;
	fetch_add_relaxed(&pairs, n == 1);
	return 0;
}

static struct atomic32 over;

/* As long as there are others, somebody comes. */
static void *thread_comes(void *unused)
{
	while (!load_acquire(&over)) {
		int n = thrum_barrier_wait_until(&barrier, thrum_now() + THRUM_US(100));

		must(n == -ETIMEDOUT || n == 0 || n == 1);
		if (n >= 0)
			fetch_add_relaxed(&storm_had, 1);
		fetch_add_relaxed(&pairs, n == 1);
	}
	return unused;
}

START_TEST(in_a_storm_two_meet)
{
	pthread_t thread;

	thrum_barrier_init(&barrier, 2);
	store_relaxed(&pairs, 0);
	store_relaxed(&over, 0);
	thread = thread_of(thread_comes, NULL);
	must(storm(meet, scaled(10000)) > 0);
	store_release(&over, 1);
	thread_end(thread);
	is_int(load_relaxed(&storm_had), 2 * load_relaxed(&pairs));
	is_int(turns_of(BARRIER), 0);
	thrum_barrier_fini(&barrier);
}
END_TEST

/* ---- The last one that waited frees it ---- */

struct meeting {
	struct thrum_barrier barrier;
	struct atomic32 waiting;
};

static void meeting_begin(void *meeting)
{
	struct meeting *m = meeting;

	thrum_barrier_init(&m->barrier, OWNERS);
	store_relaxed(&m->waiting, OWNERS - 1);
}

/* Who came last did not wait, and may not have returned yet. */
static bool meeting_use(void *meeting, int who)
{
	struct meeting *m = meeting;
	int n = thrum_barrier_wait(&m->barrier);

	(void)who;
	must(n >= 0);
	if (n == OWNERS - 1 || fetch_sub_acq_rel(&m->waiting, 1) > 1)
		return false;
	thrum_barrier_fini(&m->barrier);
	return true;
}

START_TEST(the_last_one_that_waited_frees_it)
{
	use_owned(sizeof(struct meeting), meeting_begin, meeting_use, 10 + scaled(200));
}
END_TEST

/* ---- Misuse; where nobody may wait ---- */

static void for_nobody(void)
{
	thrum_barrier_init(&barrier, 0);
}

static void for_too_many(void)
{
	thrum_barrier_init(&barrier, 0x80000000u);
}

static intptr_t task_ends_it(void *unused)
{
	(void)unused;
	thrum_barrier_init(&barrier, 2);
	come(0, 1);
	thrum_barrier_fini(&barrier);
	return 0;
}

static void end_awaited(void)
{
	(void)!run_virtual(1, task_ends_it, NULL);
}

START_TEST(misuse_is_caught)
{
	aborts(for_nobody, "a barrier is for 1 or more");
	aborts(for_too_many, "a barrier is for 1 or more");
	aborts(end_awaited, "end a barrier when nobody waits at it");
}
END_TEST

static void child_comes(void)
{
	is_int(thrum_barrier_wait(&barrier), -ENOTSUP);
	thrum_barrier_fini(&barrier);
	thrum_barrier_init(&barrier, 1);
	is_int(thrum_barrier_wait(&barrier), -ENOTSUP);
	thrum_barrier_fini(&barrier);
}

TASK_TEST(in_a_forked_child, 1)
{
	thrum_barrier_init(&barrier, 2);
	come(0, 1);
	passes(child_comes);
	is_int(thrum_barrier_wait(&barrier), 1);
	has_number(0, 0);
	thrum_barrier_fini(&barrier);
}

int main(void)
{
	const TTest *const tests[] = {
	    one_alone_waits_for_nobody,
	    each_has_a_number_in_the_order_in_which_they_came,
	    it_begins_anew,
	    another_comes_in_the_place_of_one_that_is_cut_short,
	    when_all_have_come_nobody_is_cut_short,
	    a_deadline_beside_the_last_one,
	    many_march_in_step,
	    in_a_storm_two_meet,
	    the_last_one_that_waited_frees_it,
	    misuse_is_caught,
	    in_a_forked_child,
	};

	return RUN_TESTS_FOR("rendezvous", 60, tests);
}
