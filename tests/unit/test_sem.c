/* SPDX-License-Identifier: MIT */
/*
 * test_sem.c - the semaphore: permits go to those that wait in the order in which they came, one
 * that wants many is not passed, none gets lost.  What it has in common with others that wait is in
 * test_stand.c.
 */
#include "sync/sem.h"

#include "outcome.h"
#include "owned.h"
#include "standing.h"
#include "storm.h"

#define SEM (&standings[3])

static void value_is(unsigned n)
{
	is_int(thrum_sem_value(&sem), n);
}

START_TEST(permits_are_counted)
{
	static struct thrum_sem by_init, s = THRUM_SEM_INIT(3);

	memset(&by_init, 0xff, sizeof(by_init));
	thrum_sem_init(&by_init, 3);
	is_int(thrum_sem_value(&by_init), 3);
	is_int(thrum_sem_value(&s), 3);
	is_int(thrum_sem_wait(&s), 0);
	is_int(thrum_sem_wait_until(&s, 0), 0);
	is_int(thrum_sem_try_wait(&s), 0);
	is_int(thrum_sem_value(&s), 0);
	is_int(thrum_sem_try_wait(&s), -EAGAIN);
	is_int(thrum_sem_try_wait_many(&s, 0), 0);
	is_int(thrum_sem_wait_many(&s, 0, 0), 0);
	is_int(thrum_sem_post(&s), 0);
	is_int(thrum_sem_try_wait_many(&s, 2), -EAGAIN);
	is_int(thrum_sem_post_many(&s, 4), 0);
	is_int(thrum_sem_post_many(&s, 0), 0);
	is_int(thrum_sem_value(&s), 5);
	is_int(thrum_sem_wait_many(&s, 3, THRUM_FOREVER), 0);
	is_int(thrum_sem_try_wait_many(&s, 2), 0);
	is_int(thrum_sem_value(&s), 0);
	thrum_sem_fini(&s);
	is_int(thrum_sem_try_wait_many(&by_init, 3), 0);
	thrum_sem_fini(&by_init);
}
END_TEST

START_TEST(more_than_the_most)
{
	thrum_sem_init(&sem, THRUM_SEM_MAX - 1);
	is_int(thrum_sem_post_many(&sem, 2), -EOVERFLOW);
	is_int(thrum_sem_post_many(&sem, UINT32_MAX), -EOVERFLOW);
	value_is(THRUM_SEM_MAX - 1);
	is_int(thrum_sem_post(&sem), 0);
	is_int(thrum_sem_post(&sem), -EOVERFLOW);
	is_int(thrum_sem_post_many(&sem, 0), 0);
	value_is(THRUM_SEM_MAX);
	is_int(thrum_sem_wait_many(&sem, THRUM_SEM_MAX + 1u, THRUM_FOREVER), -EINVAL);
	is_int(thrum_sem_wait_many(&sem, UINT32_MAX, 0), -EINVAL);
	is_int(thrum_sem_try_wait_many(&sem, THRUM_SEM_MAX + 1u), -EINVAL);
	is_int(thrum_sem_wait_many(&sem, THRUM_SEM_MAX, 0), 0);
	value_is(0);
	thrum_sem_fini(&sem);
}
END_TEST

/* Who holds the word for a moment has no permit: it is looked at again. */
START_TEST(who_comes_waits_for_the_word)
{
	struct word_holder h;

	thrum_sem_init(&sem, 3);
	word_hold(&h, SEM);
	word_go(&h);
	is_int(thrum_sem_try_wait_many(&sem, 2), 0);
	thread_end(h.thread);
	word_hold(&h, SEM);
	word_go(&h);
	is_int(thrum_sem_wait(&sem), 0);
	thread_end(h.thread);
	word_hold(&h, SEM);
	word_go(&h);
	is_int(thrum_sem_try_wait(&sem), -EAGAIN);
	is_int(thrum_sem_post(&sem), 0);
	thread_end(h.thread);
	value_is(1);
	thrum_sem_fini(&sem);
}
END_TEST

/* ---- Whose turn it is ---- */

struct asker {
	unsigned n;
	struct thrum_future *task;
	int place; /* in the order in which they had theirs */
};

static int places;

static intptr_t task_asks(void *asker)
{
	struct asker *a = asker;
	int err = thrum_sem_wait_many(&sem, a->n, THRUM_FOREVER);

	if (!err)
		a->place = places++;
	return err;
}

static struct asker askers[6];

/* Each of @wants waits, in this order; 0: no more. */
static void ask(const unsigned *wants)
{
	places = 0;
	for (int i = 0; i < 6; i++)
		askers[i] = (struct asker){.place = -1};
	for (int i = 0; wants[i]; i++) {
		askers[i].n = wants[i];
		must((askers[i].task = thrum_spawn(task_asks, &askers[i])));
		settle();
		is_int(turns_of(SEM), i + 1);
	}
}

static void has(int i, int place)
{
	is_int(thrum_join(askers[i].task), 0);
	is_int(askers[i].place, place);
}

/* Those at the front that permits are there for go on, and no others. */
static void waiting(unsigned n, unsigned left)
{
	settle();
	is_int(turns_of(SEM), n);
	value_is(left);
}

TASK_TEST(in_the_order_in_which_they_came, 1)
{
	thrum_sem_init(&sem, 0);
	ask((const unsigned[]){1, 2, 1, 0});
	is_int(thrum_sem_post(&sem), 0);
	is_int(thrum_sem_try_wait(&sem), -EAGAIN); /* it is the first one's */
	waiting(2, 0);
	is_int(thrum_sem_post(&sem), 0);
	is_int(thrum_sem_try_wait(&sem), -EAGAIN); /* there is one, and others wait */
	is_int(thrum_sem_try_wait_many(&sem, 0), 0);
	waiting(2, 1);
	is_int(thrum_sem_post_many(&sem, 4), 0);
	value_is(2);
	has(0, 0);
	has(1, 1);
	has(2, 2);
	is_int(thrum_sem_try_wait_many(&sem, 2), 0);
	thrum_sem_fini(&sem);
}

TASK_TEST(who_wants_many_is_not_passed, 1)
{
	thrum_sem_init(&sem, 2);
	ask((const unsigned[]){3, 1, 0});
	waiting(2, 2);
	for (int i = 0; i < 3; i++)
		is_int(thrum_sem_try_wait(&sem), -EAGAIN);
	is_int(thrum_sem_wait_many(&sem, 0, THRUM_FOREVER), 0);
	is_int(thrum_sem_wait_until(&sem, thrum_now() + 5), -ETIMEDOUT);
	waiting(2, 2);
	is_int(thrum_sem_post(&sem), 0);
	has(0, 0);
	waiting(1, 0);
	is_int(thrum_sem_post(&sem), 0);
	has(1, 1);
	thrum_sem_fini(&sem);
}

/* Who wants many leaves: those behind it that want fewer go on. */
TASK_TEST(who_leaves_lets_smaller_ones_go, 1)
{
	for (int settled = 0; settled < 2; settled++) {
		thrum_sem_init(&sem, 2);
		ask((const unsigned[]){3, 1, 1, 1, 0});
		thrum_cancel(askers[0].task);
		if (settled)
			waiting(1, 0);
		is_int(thrum_join(askers[0].task), -ECANCELED);
		has(1, 0);
		has(2, 1);
		is_int(turns_of(SEM), 1);
		thrum_cancel(askers[3].task);
		is_int(thrum_join(askers[3].task), -ECANCELED);
		value_is(0);
		thrum_sem_fini(&sem);
	}
}

/* One behind it leaves: nobody is let go, and nothing is lost. */
TASK_TEST(who_leaves_from_the_middle_changes_nothing, 1)
{
	thrum_sem_init(&sem, 2);
	ask((const unsigned[]){3, 2, 1, 0});
	thrum_cancel(askers[1].task);
	is_int(thrum_join(askers[1].task), -ECANCELED);
	waiting(2, 2);
	is_int(thrum_sem_post_many(&sem, 2), 0);
	has(0, 0);
	has(2, 1);
	value_is(0);
	thrum_sem_fini(&sem);
}

/* What was posted for one that is cancelled at once is the next one's. */
TASK_TEST(a_post_beside_a_cancel, 1)
{
	thrum_sem_init(&sem, 0);
	ask((const unsigned[]){2, 1, 1, 0});
	thrum_cancel(askers[0].task);
	is_int(thrum_sem_post(&sem), 0); /* it has not left, and would want more */
	is_int(turns_of(SEM), 1);
	is_int(thrum_join(askers[0].task), -ECANCELED);
	has(1, 0);
	thrum_cancel(askers[2].task);
	is_int(thrum_sem_post(&sem), 0);
	value_is(1);
	is_int(turns_of(SEM), 0);
	is_int(thrum_join(askers[2].task), -ECANCELED);
	value_is(1);
	thrum_sem_fini(&sem);
}

#define MANY 200

static intptr_t task_wants_one(void *unused)
{
	(void)unused;
	return thrum_sem_wait(&sem);
}

/* More than are let go at a time, and some permits more. */
TASK_TEST(many_are_let_go_at_once, 1)
{
	static struct thrum_future *fs[MANY];

	for (int n = 31; n < MANY; n += n < 34 || (n > 61 && n < 66) ? 1 : 28) {
		thrum_sem_init(&sem, 0);
		for (int i = 0; i < n; i++)
			must((fs[i] = thrum_spawn(task_wants_one, NULL)));
		settle();
		is_int(turns_of(SEM), n);
		is_int(thrum_sem_post_many(&sem, (unsigned)n + 3), 0);
		value_is(3);
		is_int(turns_of(SEM), 0);
		is_int(thrum_sem_try_wait_many(&sem, 3), 0);
		for (int i = 0; i < n; i++)
			is_int(thrum_join(fs[i]), 0);
		thrum_sem_fini(&sem);
	}
}

/* All of the most can be asked for, and there is no overflow while others wait. */
TASK_TEST(all_permits, 1)
{
	thrum_sem_init(&sem, THRUM_SEM_MAX - 1);
	ask((const unsigned[]){THRUM_SEM_MAX, THRUM_SEM_MAX, 0});
	is_int(thrum_sem_post_many(&sem, 2), -EOVERFLOW);
	waiting(2, THRUM_SEM_MAX - 1);
	is_int(thrum_sem_post(&sem), 0);
	has(0, 0);
	waiting(1, 0);
	is_int(thrum_sem_post_many(&sem, THRUM_SEM_MAX), 0);
	has(1, 1);
	value_is(0);
	thrum_sem_fini(&sem);
}

/* ---- In a storm ---- */

#define PERMITS 3

static struct atomic32 taken;
static unsigned written[PERMITS + 1]; /* under all permits */

static int take_some(int64_t deadline_ns, uint32_t random)
{
	unsigned n = random % (PERMITS + 1), now;
	int err = thrum_sem_wait_many(&sem, n, deadline_ns);

	if (err)
		return err;
	now = fetch_add_acq_rel(&taken, n) + n;
	must(now <= PERMITS);
	if (n == PERMITS)
		for (int i = 0; i <= PERMITS; i++)
			is_int(written[i]++, written[PERMITS] - (i == PERMITS));
	storm_pause(random >> 4);
	fetch_sub_release(&taken, n);
	if (n == 1)
		is_int(thrum_sem_post(&sem), 0);
	else
		is_int(thrum_sem_post_many(&sem, n), 0);
	return 0;
}

START_TEST(in_a_storm_no_permit_is_lost)
{
	thrum_sem_init(&sem, PERMITS);
	store_relaxed(&taken, 0);
	must(storm(take_some, scaled(20000)) > 0);
	value_is(PERMITS);
	is_int(turns_of(SEM), 0);
	thrum_sem_fini(&sem);
}
END_TEST

static int try_some(int64_t deadline_ns, uint32_t random)
{
	if (random % 2)
		return take_some(deadline_ns, random >> 1);
	if (thrum_sem_try_wait(&sem) == 0) {
		must(fetch_add_acq_rel(&taken, 1) < PERMITS);
		fetch_sub_release(&taken, 1);
		is_int(thrum_sem_post(&sem), 0);
	}
	return 0;
}

START_TEST(in_a_storm_of_tries_no_permit_is_lost)
{
	thrum_sem_init(&sem, PERMITS);
	store_relaxed(&taken, 0);
	must(storm(try_some, scaled(10000)) > 0);
	value_is(PERMITS);
	is_int(turns_of(SEM), 0);
	thrum_sem_fini(&sem);
}
END_TEST

/* ---- Whoever gets the last permit frees it ---- */

static void posts_begin(void *s)
{
	thrum_sem_init(s, 0);
}

/* The last one waits for what the others post. */
static bool posts(void *s, int who)
{
	if (who < OWNERS - 1) {
		let_one_wait(s, THRUM__SEM_QUEUED);
		is_int(thrum_sem_post(s), 0);
		return false;
	}
	is_int(thrum_sem_wait_many(s, OWNERS - 1, THRUM_FOREVER), 0);
	thrum_sem_fini(s);
	return true;
}

START_TEST(the_one_that_was_posted_to_frees_it)
{
	use_owned(sizeof(struct thrum_sem), posts_begin, posts, 10 + scaled(200));
}
END_TEST

/* ---- Misuse; where nobody may wait ---- */

static void too_many(void)
{
	thrum_sem_init(&sem, THRUM_SEM_MAX + 1u);
}

static intptr_t task_ends_it(void *unused)
{
	(void)unused;
	thrum_sem_init(&sem, 0);
	must(thrum_spawn(task_wants_one, NULL));
	settle();
	thrum_sem_fini(&sem);
	return 0;
}

static void end_awaited(void)
{
	(void)!run_virtual(1, task_ends_it, NULL);
}

START_TEST(misuse_is_caught)
{
	aborts(too_many, "a semaphore has at most THRUM_SEM_MAX permits");
	aborts(end_awaited, "end a semaphore when nobody waits for it");
}
END_TEST

static void call_posts(struct thrum_future *f, void *unused)
{
	(void)f;
	(void)unused;
	is_int(thrum_sem_post_many(&sem, 2), 0);
	is_int(thrum_sem_try_wait(&sem), 0);
}

TASK_TEST(a_callback_may_post_and_try, 1)
{
	struct thrum_future *f = thrum_spawn(task_return, NULL);

	thrum_sem_init(&sem, 0);
	ask((const unsigned[]){1, 0});
	is_int(thrum_future_on_done(f, call_posts, NULL), 0);
	has(0, 0);
	is_int(thrum_join(f), 0);
	value_is(0);
	thrum_sem_fini(&sem);
}

static void child_uses(void)
{
	is_int(thrum_sem_wait(&sem), -ENOTSUP);
	is_int(thrum_sem_wait_many(&sem, 0, 0), -ENOTSUP);
	is_int(thrum_sem_post(&sem), 0);
	is_int(thrum_sem_try_wait(&sem), -EAGAIN);
	store_relaxed(word_of(SEM), THRUM__HELD | 1);
	is_int(thrum_sem_post_many(&sem, 2), 0);
	is_int(thrum_sem_try_wait(&sem), -EAGAIN);
	is_int(thrum_sem_value(&sem), 1);
	thrum_sem_fini(&sem);
}

TASK_TEST(in_a_forked_child, 1)
{
	thrum_sem_init(&sem, 0);
	ask((const unsigned[]){1, 0});
	passes(child_uses);
	is_int(thrum_sem_post(&sem), 0);
	has(0, 0);
	thrum_sem_fini(&sem);
}

int main(void)
{
	const TTest *const tests[] = {
	    permits_are_counted,
	    more_than_the_most,
	    who_comes_waits_for_the_word,
	    in_the_order_in_which_they_came,
	    who_wants_many_is_not_passed,
	    who_leaves_lets_smaller_ones_go,
	    who_leaves_from_the_middle_changes_nothing,
	    a_post_beside_a_cancel,
	    many_are_let_go_at_once,
	    all_permits,
	    in_a_storm_no_permit_is_lost,
	    in_a_storm_of_tries_no_permit_is_lost,
	    the_one_that_was_posted_to_frees_it,
	    misuse_is_caught,
	    a_callback_may_post_and_try,
	    in_a_forked_child,
	};

	return RUN_TESTS_FOR("sem", 60, tests);
}
