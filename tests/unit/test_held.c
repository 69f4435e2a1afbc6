/* SPDX-License-Identifier: MIT */
/* test_held.c - unit tests of base/held.c, and of what is told of a task that waits while it holds
 * a lock of the OS.  Without THRUM_DEBUG, and under ThreadSanitizer, there is nothing to test. */
#define _GNU_SOURCE /* the clocklock family */
#include <errno.h>
#include <time.h>

#include "base/held.h"
#include "run.h"

#ifdef THRUM__SEES_LOCKS

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, other = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_spinlock_t spin;
static struct thrum__held newest;

START_TEST(what_is_given_back_is_not_held)
{
	is_int(thrum__held_forget(&newest), 0);
	is_int(pthread_mutex_lock(&mutex), 0);
	is_int(pthread_mutex_lock(&other), 0);
	is_int(pthread_mutex_unlock(&mutex), 0); /* in any order */
	is_int(thrum__held_forget(&newest), 1);
	must(newest.lock == &other);
	is_int(pthread_mutex_unlock(&other), 0); /* which it knows nothing of */
	is_int(pthread_mutex_lock(&mutex), 0);
	is_int(pthread_mutex_trylock(&mutex), EBUSY);
	is_int(pthread_mutex_unlock(&mutex), 0);
	is_int(thrum__held_forget(&newest), 0);
}
END_TEST

#define IS_SEEN(take, which, give)                        \
	do {                                              \
		is_int(take, 0);                          \
		is_int(thrum__held_forget(&newest), 1);   \
		must(newest.lock == (const void *)which); \
		is_int(give, 0);                          \
		is_int(take, 0);                          \
		is_int(give, 0);                          \
		is_int(thrum__held_forget(NULL), 0);      \
	} while (0)

START_TEST(each_call_is_seen)
{
	struct timespec late;

	must(clock_gettime(CLOCK_REALTIME, &late) == 0);
	late.tv_sec += 1000;
	must(pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE) == 0);
	IS_SEEN(pthread_mutex_lock(&mutex), &mutex, pthread_mutex_unlock(&mutex));
	IS_SEEN(pthread_mutex_trylock(&mutex), &mutex, pthread_mutex_unlock(&mutex));
	IS_SEEN(pthread_mutex_timedlock(&mutex, &late), &mutex, pthread_mutex_unlock(&mutex));
	IS_SEEN(pthread_mutex_clocklock(&mutex, CLOCK_REALTIME, &late), &mutex,
		pthread_mutex_unlock(&mutex));
	IS_SEEN(pthread_rwlock_rdlock(&rwlock), &rwlock, pthread_rwlock_unlock(&rwlock));
	IS_SEEN(pthread_rwlock_wrlock(&rwlock), &rwlock, pthread_rwlock_unlock(&rwlock));
	IS_SEEN(pthread_rwlock_tryrdlock(&rwlock), &rwlock, pthread_rwlock_unlock(&rwlock));
	IS_SEEN(pthread_rwlock_trywrlock(&rwlock), &rwlock, pthread_rwlock_unlock(&rwlock));
	IS_SEEN(pthread_rwlock_timedrdlock(&rwlock, &late), &rwlock,
		pthread_rwlock_unlock(&rwlock));
	IS_SEEN(pthread_rwlock_timedwrlock(&rwlock, &late), &rwlock,
		pthread_rwlock_unlock(&rwlock));
	IS_SEEN(pthread_rwlock_clockrdlock(&rwlock, CLOCK_REALTIME, &late), &rwlock,
		pthread_rwlock_unlock(&rwlock));
	IS_SEEN(pthread_rwlock_clockwrlock(&rwlock, CLOCK_REALTIME, &late), &rwlock,
		pthread_rwlock_unlock(&rwlock));
	IS_SEEN(pthread_spin_lock(&spin), &spin, pthread_spin_unlock(&spin));
	IS_SEEN(pthread_spin_trylock(&spin), &spin, pthread_spin_unlock(&spin));
}
END_TEST

START_TEST(more_than_fit_do_no_harm)
{
	static pthread_mutex_t many[40];

	for (int i = 0; i < 40; i++)
		must(pthread_mutex_init(&many[i], NULL) == 0 && pthread_mutex_lock(&many[i]) == 0);
	for (int i = 1; i < 40; i++)
		is_int(pthread_mutex_unlock(&many[i]), 0);
	is_int(thrum__held_forget(&newest), 1);
	must(newest.lock == &many[0]);
	is_int(pthread_mutex_unlock(&many[0]), 0);
}
END_TEST

/* ---- In tasks ---- */

static struct reports got;

static void run_reporting(thrum_fn fn, unsigned workers)
{
	struct thrum_config c = reporting(&got, workers);

	got = (struct reports)REPORTS_INIT;
	is_int(thrum_run_with(&c, fn, NULL), 0);
}

static void is_told(int count)
{
	is_int(got.count, count);
	if (count)
		is_int(got.what, THRUM_REPORT_HELD);
}

static intptr_t sleeps(void *unused)
{
	char lock[40];

	(void)unused;
	is_int(thrum_set_name("sleeper"), 0);
	is_int(pthread_mutex_lock(&mutex), 0);
	is_int(thrum_sleep(5), 0);
	is_int(pthread_mutex_unlock(&mutex), 0);
	snprintf(lock, sizeof(lock), " (at %p), made at ", (void *)&mutex);
	has_text(got.text, lock);
	return 0;
}

static intptr_t awaits(void *unused)
{
	struct thrum_future *f = spawn_sleeper(5);

	(void)unused;
	is_int(thrum_set_name("awaits"), 0);
	is_int(pthread_mutex_lock(&mutex), 0);
	is_int(pthread_rwlock_rdlock(&rwlock), 0);
	is_int(thrum_await(f), 0);
	is_int(pthread_rwlock_unlock(&rwlock), 0);
	is_int(pthread_mutex_unlock(&mutex), 0);
	thrum_release(f);
	return 0;
}

/* With nobody else to run, and then with. */
static intptr_t yields(void *unused)
{
	(void)unused;
	is_int(pthread_mutex_lock(&mutex), 0);
	is_int(thrum_yield(), 0);
	is_int(pthread_mutex_unlock(&mutex), 0);
	is_told(1);
	is_int(thrum_go(task_return, NULL), 0);
	is_int(pthread_mutex_lock(&mutex), 0);
	is_int(thrum_yield(), 0);
	is_int(pthread_mutex_unlock(&mutex), 0);
	is_told(2);
	return 0;
}

START_TEST(who_holds_one_and_waits_is_told_of)
{
	run_reporting(sleeps, 1);
	is_told(1);
	has_text(got.text, "sleeper waits and holds 1 of the OS's locks, the last taken by ");
	has_text(got.text, "test_held+0x");
	must(strtoul(strstr(got.text, "test_held+") + 10, NULL, 16) <
	     100000000); /* not an address */
	has_text(got.text, "test_held.c:");
	run_reporting(awaits, 1);
	is_told(1);
	has_text(got.text, "awaits waits and holds 2 of the OS's locks, ");
	run_reporting(yields, 1);
	is_told(2);
}
END_TEST

static intptr_t sleeps_often(void *unused)
{
	(void)unused;
	for (int i = 0; i < 5; i++) {
		is_int(pthread_mutex_lock(&mutex), 0);
		is_int(thrum_sleep(5), 0);
		is_int(pthread_mutex_unlock(&mutex), 0);
	}
	return 0;
}

START_TEST(each_place_is_told_once)
{
	run_reporting(sleeps_often, 2);
	is_told(1);
}
END_TEST

static intptr_t others_sleep(void *unused)
{
	struct thrum_future *fs[3];

	(void)unused;
	is_int(thrum_set_name("holder"), 0);
	for (int i = 0; i < 3; i++)
		fs[i] = spawn_sleeper(THRUM_MS(1));
	is_int(pthread_mutex_lock(&mutex), 0);
	is_int(thrum_sleep(5), 0); /* they wait on the thread that holds it */
	is_int(pthread_mutex_unlock(&mutex), 0);
	is_int(thrum_gather(fs, 3, NULL), 0);
	for (int i = 0; i < 3; i++)
		thrum_release(fs[i]);
	return 0;
}

START_TEST(others_are_not_blamed)
{
	run_reporting(others_sleep, 1);
	is_told(1);
	has_text(got.text, "holder waits and holds 1 ");
}
END_TEST

static intptr_t keeps_it(void *unused)
{
	(void)unused;
	return pthread_mutex_lock(&mutex);
}

static intptr_t lets_another_end_with_it(void *unused)
{
	struct thrum_future *f = thrum_spawn(keeps_it, NULL);

	(void)unused;
	is_int(thrum_await(f), 0);
	thrum_release(f);
	is_int(thrum_sleep(5), 0);
	return pthread_mutex_unlock(&mutex);
}

static intptr_t gives_back_before(void *unused)
{
	(void)unused;
	is_int(pthread_mutex_lock(&mutex), 0);
	is_int(pthread_mutex_unlock(&mutex), 0);
	is_int(thrum_sleep(5), 0);
	is_int(pthread_mutex_lock(&mutex), 0);
	is_int(thrum_join(thrum_spawn(task_return, NULL)), 0); /* in place: no wait */
	is_int(pthread_mutex_unlock(&mutex), 0);
	return 0;
}

static intptr_t job(void *unused)
{
	struct thrum_future *f = unused;

	is_int(pthread_mutex_lock(&mutex), 0);
	is_int(thrum_await(f), 0);
	is_int(pthread_mutex_unlock(&mutex), 0);
	return 0;
}

static intptr_t has_a_job_done(void *unused)
{
	struct thrum_future *f = future_new(), *j = thrum_spawn_blocking(job, f);

	(void)unused;
	is_int(thrum_yield(), 0);
	is_int(thrum_future_set(f, 0), 0);
	is_int(thrum_await(j), 0);
	thrum_release(j);
	future_drop(f);
	return 0;
}

START_TEST(nothing_is_told_of_others)
{
	run_reporting(gives_back_before, 1);
	is_told(0);
	run_reporting(has_a_job_done, 1);
	is_told(0);
	run_reporting(lets_another_end_with_it, 1);
	is_told(0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    what_is_given_back_is_not_held,     each_call_is_seen,       more_than_fit_do_no_harm,
	    who_holds_one_and_waits_is_told_of, each_place_is_told_once, others_are_not_blamed,
	    nothing_is_told_of_others,
	};

	return RUN_TESTS("held", tests);
}

#else

int main(void)
{
	puts("locks are not seen in this build");
	return 77; /* skipped */
}

#endif
