/* SPDX-License-Identifier: MIT */
/*
 * test_cond.c - conditions: no signal between giving the mutex back and waiting is missed, each
 * wakes one that can use it, and whoever returns holds the mutex.  What it has in common with
 * others that wait is in test_stand.c.
 */
#include "asked.h"
#include "base/os.h"
#include "outcome.h"
#include "owned.h"
#include "sched/await.h"
#include "standing.h"
#include "storm.h"

#define MUTEX (&standings[0])
#define COND (&standings[5])

static void begin(void)
{
	static struct thrum_cond by_init = THRUM_COND_INIT;

	memset(&cond, 0xff, sizeof(cond));
	thrum_cond_init(&cond);
	must(!memcmp(&by_init, &cond, sizeof(cond)));
	thrum_mutex_init(&mutex);
}

static void end(void)
{
	is_int(turns_of(COND), 0);
	thrum_cond_fini(&cond);
	thrum_mutex_fini(&mutex);
}

static void lock(void)
{
	is_int(thrum_mutex_lock(&mutex), 0);
}

static void unlock(void)
{
	thrum_mutex_unlock(&mutex);
}

static void is_held(void)
{
	is_int(thrum_mutex_try_lock(&mutex), -EBUSY);
}

static int came[8], come;

static intptr_t task_comes(void *i)
{
	int err;

	lock();
	err = thrum_cond_wait(&cond, &mutex);
	is_held();
	came[come++] = (int)(intptr_t)i;
	unlock();
	return err;
}

static struct thrum_future *spawn(thrum_fn fn, intptr_t arg)
{
	struct thrum_future *f = thrum_spawn(fn, as_arg(arg));

	must(f);
	settle();
	return f;
}

static void spawn_waiters(struct thrum_future *fs[], int n)
{
	come = 0;
	for (int i = 0; i < n; i++)
		fs[i] = spawn(task_comes, i);
	is_int(turns_of(COND), n);
}

TASK_TEST(each_signal_wakes_the_one_that_waited_longest, 1)
{
	struct thrum_future *fs[3];

	begin();
	thrum_cond_signal(&cond); /* for nobody */
	thrum_cond_broadcast(&cond);
	spawn_waiters(fs, 3);
	for (int i = 0; i < 3; i++) {
		thrum_cond_signal(&cond);
		is_int(thrum_join(fs[i]), 0);
		settle();
		is_int(come, i + 1);
		is_int(came[i], i);
	}
	end();
}

TASK_TEST(a_broadcast_wakes_all, 1)
{
	struct thrum_future *fs[5], *late;

	begin();
	spawn_waiters(fs, 5);
	lock();
	thrum_cond_broadcast(&cond);
	late = thrum_spawn(task_comes, as_arg(5));
	settle();
	is_int(come, 0); /* they want the mutex */
	unlock();
	for (int i = 0; i < 5; i++)
		is_int(thrum_join(fs[i]), 0);
	is_int(come, 5);
	settle();
	is_int(turns_of(COND), 1); /* who came later waits on */
	thrum_cond_broadcast(&cond);
	is_int(thrum_join(late), 0);
	end();
}

#define MANY 100

static intptr_t task_waits(void *unused)
{
	int err;

	(void)unused;
	lock();
	err = thrum_cond_wait(&cond, &mutex);
	is_held();
	unlock();
	return err;
}

TASK_TEST(a_broadcast_wakes_many, 2)
{
	struct thrum_future *fs[MANY];
	int woken = 0;

	begin();
	for (int i = 0; i < MANY; i++)
		fs[i] = spawn(task_waits, 0);
	is_int(turns_of(COND), MANY);
	for (int i = 0; i < MANY; i += 7)
		thrum_cancel(fs[i]);
	thrum_cond_broadcast(&cond);
	for (int i = 0; i < MANY; i++) {
		intptr_t err = thrum_join(fs[i]);

		must(err == 0 || (err == -ECANCELED && i % 7 == 0));
		woken += err == 0;
	}
	must(woken >= MANY - (MANY + 6) / 7);
	end();
}

/* Who waits has done so before the mutex is free: also for those that do not hold it. */
static intptr_t task_signals_when_free(void *unused)
{
	(void)unused;
	lock();
	unlock();
	thrum_cond_signal(&cond);
	return 0;
}

TASK_TEST(a_signal_after_the_mutex_was_given_back_is_for_it, 2)
{
	begin();
	for (int i = 0; i < 100; i++) {
		struct thrum_future *f;

		lock();
		f = thrum_spawn(task_signals_when_free, NULL);
		is_int(thrum_cond_wait(&cond, &mutex), 0);
		is_held();
		unlock();
		is_int(thrum_join(f), 0);
	}
	end();
}

static void *thread_waits(void *unused)
{
	lock();
	is_int(thrum_cond_wait(&cond, &mutex), 0);
	unlock();
	return unused;
}

/* It holds the mutex as long as it does not stand in the queue. */
START_TEST(it_waits_before_it_gives_the_mutex_back)
{
	struct word_holder h;
	pthread_t waiter;

	begin();
	word_hold(&h, COND);
	waiter = thread_of(thread_waits, NULL);
	while (!load_relaxed(word_of(MUTEX)))
		thread_yield();
	for (int i = 0; i < 1000; i++) {
		is_held();
		thread_yield();
	}
	word_go(&h);
	thread_end(h.thread);
	until_turns(COND, 1);
	thrum_cond_signal(&cond);
	thread_end(waiter);
	end();
}
END_TEST

/* ---- Cut short ---- */

TASK_TEST(a_signal_is_not_used_up_by_one_that_is_cut_short, 1)
{
	struct thrum_future *fs[3];

	begin();
	spawn_waiters(fs, 3);
	thrum_cancel(fs[0]);
	thrum_cond_signal(&cond);
	thrum_cancel(fs[1]); /* too late */
	is_int(thrum_join(fs[0]), -ECANCELED);
	is_int(thrum_join(fs[1]), 0);
	is_int(turns_of(COND), 1);
	thrum_cond_signal(&cond);
	is_int(thrum_join(fs[2]), 0);
	end();
}

static intptr_t task_comes_in_time(void *unused)
{
	struct thrum_timeout t;
	int err;

	(void)unused;
	lock();
	thrum_timeout_begin(&t, 10);
	err = thrum_cond_wait(&cond, &mutex);
	is_held();
	unlock();
	is_int(thrum_timeout_end(&t), err == -ETIMEDOUT);
	return err;
}

/* Cancelled or too late, it waits for the mutex. */
TASK_TEST(who_is_cut_short_holds_the_mutex, 1)
{
	for (int times_out = 0; times_out < 2; times_out++) {
		struct thrum_future *f;

		begin();
		come = 0;
		f = times_out ? spawn(task_comes_in_time, 0) : spawn(task_comes, 0);
		lock();
		if (!times_out)
			thrum_cancel(f);
		is_int(thrum_sleep(20), 0);
		is_int(turns_of(COND), 0);
		is_int(turns_of(MUTEX), 1);
		thrum_cancel(f); /* in that wait, too */
		settle();
		must(!thrum_done(f));
		unlock();
		is_int(thrum_join(f), times_out ? -ETIMEDOUT : -ECANCELED);
		end();
	}
}

/* It is still held if there was no wait. */
static intptr_t task_cannot_wait(void *unused)
{
	(void)unused;
	lock();
	is_int(thrum_cancel(thrum_self()), 0);
	is_int(thrum_cond_wait(&cond, &mutex), -ECANCELED);
	is_held();
	is_int(thrum_cond_wait_until(&cond, &mutex, 0), -ECANCELED);
	is_held();
	unlock();
	return 0;
}

TASK_TEST(cancelled_before_it_keeps_the_mutex, 1)
{
	struct thrum_future *f;

	begin();
	f = thrum_spawn(task_cannot_wait, NULL);
	is_int(thrum_join(f), 0);
	end();
}

static intptr_t task_keeps_the_mutex(void *trial)
{
	struct trial *t = trial;

	wait_undisturbed(50);
	fetch_add_relaxed(&t->ended, 1);
	unlock();
	return 0;
}

static intptr_t task_locks_and_keeps(void *trial)
{
	lock();
	thrum_cond_signal(&cond);
	return task_keeps_the_mutex(trial);
}

/* Under every kind of request: it has the mutex when that is free, and not before. */
TRIED(thrum_cond_wait_has_its_mutex, true)
{
	struct thrum_future *f = NULL;
	int err;

	store_relaxed(&t->ended, 0);
	begin();
	lock();
	if (!t->before)
		must((f = thrum_spawn(task_locks_and_keeps, t)));
	ready(t);
	if (t->begun && !t->before)
		is_int(turns_of(MUTEX), 1);
	err = thrum_cond_wait(&cond, &mutex);
	is_under(t, err, t->before ? t->way->err : 0);
	is_held();
	is_under(t, load_relaxed(&t->ended), !t->before);
	unlock();
	if (f)
		is_under(t, end_of(f), 0);
	end();
}

#ifdef THRUM_FAULTS
/* ... whatever the memory, if it did not begin to wait. */
TASK_TEST(without_memory_it_holds_the_mutex, 1)
{
	int err;

	begin();
	lock();
	thrum__fault_set(1, true); /* the first timer needs some */
	err = thrum_cond_wait_until(&cond, &mutex, thrum_now() + 5);
	thrum__fault_set(0, false);
	is_int(err, -ENOMEM);
	is_held();
	unlock();
	end();
}
#endif

/* ---- In a storm: one place, which many want ---- */

static bool is_taken;
static unsigned taken;

static void lock_undisturbed(void)
{
	struct thrum_shield s;

	thrum_shield_begin(&s, THRUM_FOREVER);
	lock();
	(void)!thrum_shield_end(&s); /* a thread's is none */
}

static int take_place(int64_t deadline_ns, uint32_t random)
{
	int err = CALL(thrum_mutex_lock, &mutex, deadline_ns);

	if (err)
		return err;
	while (is_taken && !err)
		err = deadline_ns == THRUM_FOREVER
			  ? thrum_cond_wait(&cond, &mutex)
			  : thrum_cond_wait_until(&cond, &mutex, deadline_ns);
	if (err) {
		unlock();
		return err;
	}
	is_taken = true;
	taken++;
	unlock();
	storm_pause(random);
	lock_undisturbed();
	must(is_taken);
	is_taken = false;
	if (random % 16 == 0)
		thrum_cond_broadcast(&cond);
	else if (random % 2)
		thrum_cond_signal(&cond);
	unlock();
	if (random % 16 && random % 2 == 0)
		thrum_cond_signal(&cond);
	return 0;
}

START_TEST(in_a_storm_no_signal_is_lost)
{
	begin();
	taken = 0;
	is_int(storm(take_place, scaled(10000)), taken);
	end();
}
END_TEST

/* ---- Whoever was woken frees it ---- */

struct shared {
	struct thrum_mutex lock;
	struct thrum_cond left;
	int users;
};

static void shared_begin(void *shared)
{
	struct shared *s = shared;

	thrum_mutex_init(&s->lock);
	thrum_cond_init(&s->left);
	s->users = OWNERS - 1;
}

/* The last one waits for the others, which signal with the mutex held. */
static bool shared_leave(void *shared, int who)
{
	struct shared *s = shared;

	is_int(thrum_mutex_lock(&s->lock), 0);
	if (who < OWNERS - 1) {
		if (--s->users == 0)
			who % 2 ? thrum_cond_signal(&s->left) : thrum_cond_broadcast(&s->left);
		thrum_mutex_unlock(&s->lock);
		return false;
	}
	while (s->users)
		is_int(thrum_cond_wait(&s->left, &s->lock), 0);
	thrum_mutex_unlock(&s->lock);
	thrum_cond_fini(&s->left);
	thrum_mutex_fini(&s->lock);
	return true;
}

START_TEST(who_waited_for_all_frees_it)
{
	use_owned(sizeof(struct shared), shared_begin, shared_leave, 10 + scaled(200));
}
END_TEST

/* ---- Misuse; where nobody may wait ---- */

static intptr_t task_ends_it(void *unused)
{
	(void)unused;
	begin();
	spawn(task_comes, 0);
	thrum_cond_fini(&cond);
	return 0;
}

static void end_awaited(void)
{
	(void)!run_virtual(1, task_ends_it, NULL);
}

static void wait_without_the_mutex(void)
{
	begin();
	(void)!thrum_cond_wait(&cond, &mutex);
}

START_TEST(misuse_is_caught)
{
	aborts(end_awaited, "end a condition when nobody waits for it");
	aborts(wait_without_the_mutex, "a mutex is unlocked by ");
}
END_TEST

static void call_signals(struct thrum_future *f, void *how)
{
	(void)f;
	how ? thrum_cond_broadcast(&cond) : thrum_cond_signal(&cond);
}

TASK_TEST(a_callback_may_signal, 1)
{
	for (intptr_t how = 0; how < 2; how++) {
		struct thrum_future *f = thrum_spawn(task_return, NULL), *waiter;

		begin();
		waiter = spawn(task_comes, 0);
		is_int(thrum_future_on_done(f, call_signals, as_arg(how)), 0);
		is_int(thrum_join(waiter), 0);
		is_int(thrum_join(f), 0);
		end();
	}
}

static void child_uses(void)
{
	is_int(thrum_cond_wait(&cond, &mutex), -ENOTSUP);
	is_held();
	thrum_cond_signal(&cond);
	thrum_cond_broadcast(&cond);
	thrum_cond_fini(&cond);
	store_relaxed(word_of(COND), THRUM__HELD);
	thrum_cond_signal(&cond);
	thrum_cond_broadcast(&cond);
	thrum_cond_fini(&cond);
}

TASK_TEST(in_a_forked_child_of_who_holds_the_mutex, 1)
{
	struct thrum_future *f;

	begin();
	f = spawn(task_comes, 0);
	lock();
	passes(child_uses);
	unlock();
	thrum_cond_signal(&cond);
	is_int(thrum_join(f), 0);
	end();
}

int main(void)
{
	const TTest *const tests[] = {
	    each_signal_wakes_the_one_that_waited_longest,
	    a_broadcast_wakes_all,
	    a_broadcast_wakes_many,
	    a_signal_after_the_mutex_was_given_back_is_for_it,
	    it_waits_before_it_gives_the_mutex_back,
	    a_signal_is_not_used_up_by_one_that_is_cut_short,
	    who_is_cut_short_holds_the_mutex,
	    cancelled_before_it_keeps_the_mutex,
	    thrum_cond_wait_has_its_mutex,
#ifdef THRUM_FAULTS
	    without_memory_it_holds_the_mutex,
#endif
	    in_a_storm_no_signal_is_lost,
	    who_waited_for_all_frees_it,
	    misuse_is_caught,
	    a_callback_may_signal,
	    in_a_forked_child_of_who_holds_the_mutex,
	};

	return RUN_TESTS_FOR("cond", 60, tests);
}
