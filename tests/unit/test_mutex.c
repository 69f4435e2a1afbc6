/* SPDX-License-Identifier: MIT */
/*
 * test_mutex.c - the mutex: one has it; who comes by may be faster than who was woken, but not for
 * ever; its memory may go as soon as the next one has it.  What it has in common with others that
 * wait is in test_stand.c.
 */
#include "sync/mutex.h"

#include "outcome.h"
#include "owned.h"
#include "standing.h"
#include "storm.h"

#define MUTEX (&standings[0])

static uint32_t word(void)
{
	return load_relaxed(word_of(MUTEX));
}

/* As mutex.c has them. */
#define QUEUED 2u
#define HANDING 8u
#define PATIENCE 16

START_TEST(one_has_it)
{
	static struct thrum_mutex by_init, m = THRUM_MUTEX_INIT;

	memset(&by_init, 0xff, sizeof(by_init));
	thrum_mutex_init(&by_init);
	must(!memcmp(&by_init, &m, sizeof(m)));
	for (int i = 0; i < 2; i++) {
		is_int(i ? thrum_mutex_lock(&m) : thrum_mutex_lock_until(&m, 0), 0);
		is_int(thrum_mutex_try_lock(&m), -EBUSY);
		is_int(thrum_mutex_lock_until(&by_init, THRUM_FOREVER), 0); /* another one */
		thrum_mutex_unlock(&by_init);
		thrum_mutex_unlock(&m);
		is_int(thrum_mutex_try_lock(&m), 0);
		is_int(thrum_mutex_try_lock(&m), -EBUSY);
		thrum_mutex_unlock(&m);
	}
	thrum_mutex_fini(&m);
	thrum_mutex_fini(&by_init);
}
END_TEST

/* Who holds the word for a moment does not have it. */
START_TEST(who_comes_waits_for_the_word)
{
	struct word_holder h;

	thrum_mutex_init(&mutex);
	word_hold(&h, MUTEX);
	word_go(&h);
	is_int(thrum_mutex_try_lock(&mutex), 0);
	thread_end(h.thread);
	word_hold(&h, MUTEX);
	word_go(&h);
	is_int(thrum_mutex_try_lock(&mutex), -EBUSY);
	thrum_mutex_unlock(&mutex);
	thread_end(h.thread);
	word_hold(&h, MUTEX);
	word_go(&h);
	is_int(thrum_mutex_lock(&mutex), 0);
	thread_end(h.thread);
	thrum_mutex_unlock(&mutex);
	thrum_mutex_fini(&mutex);
}
END_TEST

/* ---- Whose turn it is ---- */

static int came[8], come;

static intptr_t task_comes(void *i)
{
	int err = thrum_mutex_lock(&mutex);

	if (err)
		return err;
	came[come++] = (int)(intptr_t)i;
	thrum_mutex_unlock(&mutex);
	return 0;
}

static struct thrum_future *spawn(thrum_fn fn, intptr_t arg)
{
	struct thrum_future *f = thrum_spawn(fn, as_arg(arg));

	must(f);
	settle();
	return f;
}

TASK_TEST(in_the_order_in_which_they_came, 1)
{
	struct thrum_future *fs[5];

	mutex_begin(0);
	come = 0;
	for (int i = 0; i < 5; i++)
		fs[i] = spawn(task_comes, i);
	thrum_cancel(fs[3]);
	mutex_let_go();
	for (int i = 0; i < 5; i++)
		is_int(thrum_join(fs[i]), i == 3 ? -ECANCELED : 0);
	is_int(come, 4);
	for (int i = 0; i < 4; i++)
		is_int(came[i], i < 3 ? i : 4);
	mutex_end();
}

/* Those that wait are woken one at a time, and no other while one is on its way. */
TASK_TEST(who_comes_by_may_be_faster, 1)
{
	struct thrum_future *fs[2];

	mutex_begin(0);
	come = 0;
	for (int i = 0; i < 2; i++)
		fs[i] = spawn(task_comes, i);
	for (int i = 0; i < 10; i++) {
		thrum_mutex_unlock(&mutex);
		if (i % 2)
			is_int(thrum_mutex_try_lock(&mutex), 0);
		else
			is_int(thrum_mutex_lock(&mutex), 0);
		is_int(turns_of(MUTEX), 1);
	}
	is_int(come, 0);
	mutex_let_go();
	for (int i = 0; i < 2; i++)
		is_int(thrum_join(fs[i]), 0);
	is_int(came[0], 0);
	mutex_end();
}

/* The first one that waits is woken for nothing until it is to be handed it. */
static void wake_for_nothing(void)
{
	for (int i = 0; i < PATIENCE; i++) {
		must(!(word() & HANDING));
		thrum_mutex_unlock(&mutex);
		is_int(thrum_mutex_try_lock(&mutex), 0);
		settle();
	}
	must(word() & HANDING);
}

/* That is over when it was: who comes by may be faster again. */
static intptr_t task_is_handed_it(void *unused)
{
	(void)unused;
	is_int(thrum_mutex_lock(&mutex), 0);
	must(!(word() & HANDING));
	thrum_mutex_unlock(&mutex);
	is_int(thrum_mutex_try_lock(&mutex), 0);
	thrum_mutex_unlock(&mutex);
	return 0;
}

TASK_TEST(who_was_overtaken_often_is_handed_it, 1)
{
	struct thrum_future *fs[3];

	mutex_begin(0);
	for (int i = 0; i < 3; i++)
		fs[i] = spawn(task_is_handed_it, 0);
	wake_for_nothing();
	mutex_let_go();
	is_int(thrum_mutex_try_lock(&mutex), -EBUSY);
	must(!(word() & HANDING));
	is_int(turns_of(MUTEX), 2);
	for (int i = 0; i < 3; i++)
		is_int(thrum_join(fs[i]), 0);
	mutex_end();
}

/* Each counts for itself: one that has just come is not handed it. */
TASK_TEST(who_was_not_overtaken_is_not_handed_it, 1)
{
	struct thrum_future *fs[2];

	mutex_begin(0);
	fs[0] = spawn(task_is_handed_it, 0);
	wake_for_nothing();
	fs[1] = spawn(task_is_handed_it, 0);
	mutex_let_go();
	is_int(thrum_mutex_lock(&mutex), 0); /* behind both: the first was handed it */
	is_int(turns_of(MUTEX), 0);
	for (int i = 1; i < PATIENCE; i++) {
		thrum_mutex_unlock(&mutex);
		is_int(thrum_mutex_try_lock(&mutex), 0);
		settle();
		must(!(word() & HANDING));
	}
	thrum_mutex_unlock(&mutex);
	for (int i = 0; i < 2; i++)
		is_int(thrum_join(fs[i]), 0);
	mutex_end();
}

/* The one that it was to be handed to is cancelled: the next one is handed it, or nobody. */
TASK_TEST(who_was_to_be_handed_it_is_cancelled, 1)
{
	for (int how = 0; how < 4; how++) {
		struct thrum_future *f, *next = NULL;
		bool is_alone = how % 2;

		mutex_begin(0);
		f = spawn(task_comes, 0);
		if (!is_alone)
			next = spawn(task_is_handed_it, 0);
		wake_for_nothing();
		thrum_cancel(f);
		if (how / 2)
			settle(); /* it has left */
		mutex_let_go();
		is_int(thrum_mutex_try_lock(&mutex), is_alone ? 0 : -EBUSY);
		if (is_alone)
			thrum_mutex_unlock(&mutex);
		is_int(thrum_join(f), -ECANCELED);
		if (next)
			is_int(thrum_join(next), 0);
		is_int(word(), 0);
		mutex_end();
	}
}

/* Woken, too late, and cancelled: the next one is woken. */
TASK_TEST(who_was_woken_for_nothing_is_cancelled, 1)
{
	struct thrum_future *f, *next;

	mutex_begin(0);
	come = 0;
	f = spawn(task_comes, 0);
	next = spawn(task_comes, 1);
	thrum_mutex_unlock(&mutex);
	is_int(thrum_mutex_try_lock(&mutex), 0);
	thrum_cancel(f);
	settle();
	is_int(thrum_join(f), -ECANCELED);
	is_int(turns_of(MUTEX), 1);
	mutex_let_go();
	is_int(thrum_join(next), 0);
	is_int(come, 1);
	mutex_end();
}

static struct atomic32 enough;
static unsigned had;

static intptr_t task_takes_it_again(void *unused)
{
	(void)unused;
	while (!load_relaxed(&enough)) {
		is_int(thrum_mutex_lock(&mutex), 0);
		had++;
		thrum_mutex_unlock(&mutex);
#ifdef THRUM_MIGRATE /* whoever was woken may go on here alone, and has no spare worker */
		is_int(thrum_yield(), 0);
#endif
	}
	return 0;
}

static void *thread_has_it_often(void *unused)
{
	(void)unused;
	for (int i = 0; i < 100; i++) {
		is_int(thrum_mutex_lock(&mutex), 0);
		had++;
		thrum_mutex_unlock(&mutex);
	}
	store_relaxed(&enough, 1);
	return NULL;
}

/* Two that do nothing else keep no third one from it. */
START_TEST(nobody_is_kept_from_it)
{
	struct thrum_runtime *rt = runtime_of(2, THRUM_CLOCK_REAL);
	struct thrum_future *fs[2];
	pthread_t thread;

	thrum_mutex_init(&mutex);
	store_relaxed(&enough, 0);
	had = 0;
	for (int i = 0; i < 2; i++)
		fs[i] = thrum_runtime_submit(rt, task_takes_it_again, NULL);
	thread = thread_of(thread_has_it_often, NULL);
	for (int i = 0; i < 2; i++)
		is_int(thrum_join(fs[i]), 0);
	thread_end(thread);
	must(had >= 100);
	is_int(word(), 0);
	is_int(thrum_runtime_destroy(rt), 0);
}
END_TEST

/* ---- All that was done before is seen ---- */

static unsigned counted, inside;

static int count_inside(int64_t deadline_ns, uint32_t random)
{
	int err = CALL(thrum_mutex_lock, &mutex, deadline_ns);

	if (err)
		return err;
	is_int(inside++, 0);
	storm_pause(random);
	counted++;
	is_int(--inside, 0);
	thrum_mutex_unlock(&mutex);
	return 0;
}

START_TEST(in_a_storm_one_has_it)
{
	thrum_mutex_init(&mutex);
	counted = 0;
	is_int(storm(count_inside, scaled(20000)), counted);
	is_int(word(), 0);
	thrum_mutex_fini(&mutex);
}
END_TEST

static int count_if_free(int64_t deadline_ns, uint32_t random)
{
	if (random % 2 || thrum_mutex_try_lock(&mutex))
		return count_inside(deadline_ns, random);
	is_int(inside++, 0);
	counted++;
	is_int(--inside, 0);
	thrum_mutex_unlock(&mutex);
	return 0;
}

START_TEST(in_a_storm_of_tries_one_has_it)
{
	thrum_mutex_init(&mutex);
	counted = 0;
	is_int(storm(count_if_free, scaled(5000)), counted);
	is_int(word(), 0);
	thrum_mutex_fini(&mutex);
}
END_TEST

/* ---- Whoever has it last frees it ---- */

struct shared {
	struct thrum_mutex lock;
	int users;
};

static void shared_begin(void *shared)
{
	struct shared *s = shared;

	thrum_mutex_init(&s->lock);
	s->users = OWNERS;
}

static bool shared_leave(void *shared, int who)
{
	struct shared *s = shared;
	bool is_last;

	(void)who;
	is_int(thrum_mutex_lock(&s->lock), 0);
	is_last = --s->users == 0;
	if (!is_last)
		let_one_wait(&s->lock, QUEUED);
	thrum_mutex_unlock(&s->lock);
	if (is_last)
		thrum_mutex_fini(&s->lock);
	return is_last;
}

START_TEST(the_last_one_frees_it)
{
	use_owned(sizeof(struct shared), shared_begin, shared_leave, 10 + scaled(200));
}
END_TEST

/* ---- Misuse ---- */

static void unlock_unheld(void)
{
	thrum_mutex_init(&mutex);
	thrum_mutex_unlock(&mutex);
}

static void end_held(void)
{
	mutex_begin(0);
	thrum_mutex_fini(&mutex);
}

START_TEST(misuse_is_caught)
{
	aborts(unlock_unheld, "a mutex is unlocked by ");
	aborts(end_held, "end a mutex when nobody has it");
}
END_TEST

#ifdef THRUM_DEBUG
static intptr_t task_locks_twice(void *unused)
{
	(void)unused;
	is_int(thrum_mutex_lock(&mutex), 0);
	return thrum_mutex_lock(&mutex);
}

static void lock_twice(void)
{
	thrum_mutex_init(&mutex);
	(void)!run_virtual(1, task_locks_twice, NULL);
}

static void lock_twice_outside(void)
{
	thrum_mutex_init(&mutex);
	task_locks_twice(NULL);
}

static intptr_t task_unlocks(void *unused)
{
	(void)unused;
	thrum_mutex_unlock(&mutex);
	return 0;
}

static void unlock_another_s(void)
{
	mutex_begin(0);
	(void)!run_virtual(1, task_unlocks, NULL);
}

static intptr_t task_locks_and_lends(void *unused)
{
	(void)unused;
	is_int(thrum_mutex_lock(&mutex), 0);
	return thrum_join(thrum_spawn(task_unlocks, NULL));
}

static void unlock_a_parent_s(void)
{
	thrum_mutex_init(&mutex);
	(void)!run_virtual(1, task_locks_and_lends, NULL);
}

START_TEST(debug_builds_know_whose_it_is)
{
	aborts(lock_twice, "who has a mutex must not lock it again");
	aborts(lock_twice_outside, "who has a mutex must not lock it again");
	aborts(unlock_another_s, "a mutex is unlocked by the task or thread that locked it");
	aborts(unlock_a_parent_s, "a mutex is unlocked by the task or thread that locked it");
}
END_TEST
#endif

/* ---- Where nobody may wait ---- */

static void call_locks(struct thrum_future *f, void *err)
{
	int *e = err;

	(void)f;
	e[0] = thrum_mutex_lock(&mutex);
	e[1] = thrum_mutex_try_lock(&mutex);
	e[2] = thrum_mutex_try_lock(&mutex);
	thrum_mutex_unlock(&mutex);
}

/* A callback may try, and wakes who waits. */
TASK_TEST(in_a_callback_one_may_try, 1)
{
	struct thrum_future *f = thrum_spawn(task_return, NULL), *waiter;
	int err[3];

	mutex_begin(0);
	come = 0;
	waiter = spawn(task_comes, 0);
	is_int(thrum_future_on_done(f, call_locks, err), 0);
	thrum_mutex_unlock(&mutex); /* the callback comes before who was woken, or after it */
	is_int(thrum_join(f), 0);
	is_int(thrum_join(waiter), 0);
	settle();
	is_int(err[0], -EDEADLK);
	is_int(err[1], 0);
	is_int(err[2], -EBUSY);
	is_int(word(), 0);
	thrum_mutex_fini(&mutex);
}

/* The child has one thread: who held the word, or was to be woken, is not there. */
static void child_uses(void)
{
	is_int(thrum_mutex_lock(&mutex), -ENOTSUP);
	is_int(thrum_mutex_lock_until(&mutex, 0), -ENOTSUP);
	is_int(thrum_mutex_try_lock(&mutex), -EBUSY);
	thrum_mutex_unlock(&mutex);
	thrum_mutex_fini(&mutex);
	store_relaxed(word_of(MUTEX), THRUM__HELD);
	is_int(thrum_mutex_try_lock(&mutex), -EBUSY);
	thrum_mutex_unlock(&mutex);
	thrum_mutex_fini(&mutex);
}

TASK_TEST(in_a_forked_child_of_who_has_it, 1)
{
	struct thrum_future *waiter;

	mutex_begin(0);
	passes(child_uses);
	waiter = spawn(task_comes, 0);
	passes(child_uses);
	mutex_let_go();
	is_int(thrum_join(waiter), 0);
	mutex_end();
}

int main(void)
{
	const TTest *const tests[] = {
	    one_has_it,
	    who_comes_waits_for_the_word,
	    in_the_order_in_which_they_came,
	    who_comes_by_may_be_faster,
	    who_was_overtaken_often_is_handed_it,
	    who_was_not_overtaken_is_not_handed_it,
	    who_was_to_be_handed_it_is_cancelled,
	    who_was_woken_for_nothing_is_cancelled,
	    nobody_is_kept_from_it,
	    in_a_storm_one_has_it,
	    in_a_storm_of_tries_one_has_it,
	    the_last_one_frees_it,
	    misuse_is_caught,
	    in_a_callback_one_may_try,
	    in_a_forked_child_of_who_has_it,
#ifdef THRUM_DEBUG
	    debug_builds_know_whose_it_is,
#endif
	};

	return RUN_TESTS_FOR("mutex", 60, tests);
}
