/* SPDX-License-Identifier: MIT */
/*
 * scen_sem.c - sync/sem.c: no permit is lost, none is had twice, who has one sees what was done
 * before it was posted, and nobody sleeps beside what it could have.
 */
#include "sync_world.h"

#include "sync/sem.h"

#include <errno.h>
#include <stddef.h>
#include <thrum/sync.h>
#include <thrum/time.h>

static struct thrum_sem *s;
static int made; /* before a post */
static unsigned posted, had, cut;
static struct atomic32 users; /* who will still come, or has to return, but for who posts */

static void start_with(unsigned threads, unsigned calls, unsigned permits)
{
	world_start(threads, calls);
	s = model_alloc(sizeof(*s));
	thrum_sem_init(s, permits);
	plain_write(&made, 0);
	posted = permits;
	had = cut = 0;
	store_relaxed(&users, 0);
	model_name(s, "semaphore");
	model_name(&users, "users");
}

static void check(void)
{
	world_check();
	model_assert(had + thrum_sem_value(s) == posted);
	thrum_sem_fini(s);
}

/* The semaphore went with the last one that waited. */
static void check_gone(void)
{
	world_check();
	model_assert(had == posted);
	world_check_memory();
}

static intptr_t take_many(intptr_t n)
{
	return thrum_sem_wait_many(s, (unsigned)n, THRUM_FOREVER);
}

static intptr_t take_by(intptr_t deadline_ns)
{
	return thrum_sem_wait_until(s, deadline_ns);
}

static void post(unsigned n)
{
	plain_write(&made, 1);
	posted += n;
	model_assert(thrum_sem_post_many(s, n) == 0);
}

static void posts_one(void)
{
	post(1);
}

static void posts_two(void)
{
	post(2);
}

/* True: had, and what was done before is seen. */
static bool count(intptr_t err, unsigned n)
{
	if (err) {
		model_assert(err == -ETIMEDOUT || err == -ECANCELED);
		cut++;
		return false;
	}
	had += n;
	model_assert(plain_read(&made) == 1);
	return true;
}

static void takes(void)
{
	count(in_frame(take_by, THRUM_FOREVER), 1);
}

static void takes_and_frees(void)
{
	takes();
	model_free(s);
}

static void cancel_0(void)
{
	cancel(0);
}

static void time_out_0(void)
{
	time_out(0, 0);
}

static void start_one(void)
{
	start_with(1, 1, 0);
}

SCENARIO(sem_post_wait, .setup = start_one, .thread = {takes_and_frees, posts_one},
	 .check = check_gone, .min_executions = 100, .covers = "T1 T2 T3");
SCENARIO(sem_timeout, .setup = start_one, .thread = {takes, posts_one, time_out_0}, .check = check,
	 .stale = 1, .min_executions = 15000, .covers = "T1 T2 T3");
SCENARIO(sem_cancel, .setup = start_one, .thread = {takes, posts_one, cancel_0}, .check = check,
	 .stale = 1, .min_executions = 10000, .covers = "T1 T2 T3");

/* ---- Two wait, and are granted theirs in two holds of the word ---- */

static void takes_its_own(int64_t deadline_ns)
{
	if (!count(in_frame(take_by, deadline_ns), 1))
		model_assert(count(in_frame(take_by, THRUM_FOREVER), 1));
	if (fetch_sub_acq_rel(&users, 1) == 1) {
		model_assert(thrum_sem_value(s) == 0);
		thrum_sem_fini(s);
		model_free(s);
	}
}

static void takes_for_good(void)
{
	takes_its_own(THRUM_FOREVER);
}

static void takes_in_time(void)
{
	takes_its_own(1);
}

static void start_users(void)
{
	start_with(2, 2, 0);
	thrum__at_a_time = 1;
	store_relaxed(&users, 2);
}

static void start_users_outside(void)
{
	start_users();
	world_put_outside(0);
}

SCENARIO(sem_one_by_one, .setup = start_users,
	 .thread = {takes_for_good, takes_for_good, posts_two}, .check = check_gone, .bound = 2,
	 .stale = 1, .min_executions = 10000, .covers = "T1 T2 T3");
SCENARIO(sem_one_by_one_cut, .setup = start_users_outside,
	 .thread = {takes_in_time, takes_for_good, posts_two}, .check = check_gone, .bound = 2,
	 .stale = 1, .min_executions = 10000, .covers = "T1 T2 T3");

/* One leaves by itself: the first, which serves the other one while the post has granted nobody; or
 * the second, which may come again and have the rest before the post does. */
static void ends_wait_and_posts(void)
{
	await_waits(2);
	time_out(model_choose(2), 0);
	posts_two();
}

SCENARIO(sem_one_leaves, .setup = start_users,
	 .thread = {takes_for_good, takes_for_good, ends_wait_and_posts}, .check = check_gone,
	 .bound = 2, .stale = 1, .min_executions = 1000, .covers = "T1 T2 T3");

/* ---- The first wants more than there is: the next one is served when it leaves ---- */

static void takes_two(void)
{
	count(in_frame(take_many, 2), 2);
}

static void posts_and_ends_wait(void)
{
	bool first = model_choose(2);

	await_wait_of(0);
	if (first)
		post(1);
	time_out(0, 0);
	if (!first)
		post(1);
}

static void check_served(void)
{
	check();
	model_assert(cut == 1 && had == 1);
}

static void start_two(void)
{
	start_with(2, 1, 0);
}

SCENARIO(sem_first_leaves, .setup = start_two, .thread = {takes_two, takes, posts_and_ends_wait},
	 .check = check_served, .bound = 2, .stale = 1, .min_executions = 10000,
	 .covers = "T1 T2 T3");

/* ---- As a lock, and trying ---- */

static int counter; /* who has the only permit */

static intptr_t take_one(intptr_t unused)
{
	(void)unused;
	return thrum_sem_wait(s);
}

static void use_and_post(void)
{
	plain_write(&counter, plain_read(&counter) + 1);
	model_assert(thrum_sem_post(s) == 0);
}

static void uses(void)
{
	model_assert(in_frame(take_one, 0) == 0);
	use_and_post();
}

static void tries(void)
{
	int err = thrum_sem_try_wait(s);

	model_assert(!err || err == -EAGAIN);
	if (err)
		cut++;
	else
		use_and_post();
}

static void start_lock(void)
{
	start_with(3, 1, 1);
	plain_write(&counter, 0);
}

static void check_lock(void)
{
	world_check();
	model_assert(counter + (int)cut == 3 && thrum_sem_value(s) == 1);
	thrum_sem_fini(s);
}

SCENARIO(sem_lock, .setup = start_lock, .thread = {uses, uses, uses}, .check = check_lock,
	 .bound = 2, .stale = 1, .min_executions = 1000, .covers = "T1 T2 T3");
SCENARIO(sem_try, .setup = start_lock, .thread = {uses, uses, tries}, .check = check_lock,
	 .bound = 2, .stale = 1, .min_executions = 1000, .covers = "T1 T2 T3");

/* Who tries does not pass the one that waits for more than there is. */
static void check_behind(void)
{
	world_check();
	model_assert(had == 2 && thrum_sem_value(s) == 0);
}

SCENARIO(sem_try_behind, .setup = start_lock, .thread = {takes_two, tries, posts_one},
	 .check = check_behind, .bound = 2, .stale = 1, .min_executions = 1000,
	 .covers = "T1 T2 T3");
