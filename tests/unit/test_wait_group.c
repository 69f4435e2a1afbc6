/* SPDX-License-Identifier: MIT */
/*
 * test_wait_group.c - wait groups: those that wait go on when all that was added is done, and its
 * frame may go then.  What it has in common with others that wait is in test_stand.c.
 */
#include "outcome.h"
#include "owned.h"
#include "standing.h"

#define GROUP (&standings[8])
#define MOST ((1u << 30) - 1) /* that are not done */

START_TEST(it_counts)
{
	static struct thrum_wait_group zero;

	memset(&group, 0xff, sizeof(group));
	thrum_wait_group_init(&group);
	must(!memcmp(&group, &zero, sizeof(zero)));
	is_int(thrum_wait_group_wait(&group), 0); /* for nothing */
	for (unsigned n = 0; n < 3; n++) {
		thrum_wait_group_add(&group, n);
		for (unsigned i = 0; i < n; i++) {
			is_int(thrum_wait_group_wait_until(&group, 0), -ETIMEDOUT);
			thrum_wait_group_done(&group);
		}
		is_int(thrum_wait_group_wait(&group), 0);
		is_int(thrum_wait_group_wait_until(&group, 0), 0);
	}
	thrum_wait_group_add(&group, MOST);
	thrum_wait_group_done(&group);
	thrum_wait_group_add(&group, 1);
	thrum_wait_group_init(&group);
	thrum_wait_group_fini(&group);
}
END_TEST

/* It is looked at again by one that could not yet stand in the queue. */
START_TEST(done_just_before_one_waits)
{
	struct word_holder h;

	thrum_wait_group_init(&group);
	thrum_wait_group_add(&group, 1);
	word_hold(&h, GROUP);
	h.v = 0;
	word_go(&h);
	is_int(thrum_wait_group_wait(&group), 0);
	thread_end(h.thread);
	thrum_wait_group_fini(&group);
}
END_TEST

static struct thrum_future *fs[100];

static intptr_t task_waits(void *unused)
{
	(void)unused;
	return thrum_wait_group_wait(&group);
}

static void spawn(int n)
{
	for (int i = 0; i < n; i++)
		must((fs[i] = thrum_spawn(task_waits, NULL)));
	settle();
	is_int(turns_of(GROUP), n);
}

static void end(int n)
{
	for (int i = 0; i < n; i++)
		is_int(thrum_join(fs[i]), 0);
	is_int(turns_of(GROUP), 0);
	thrum_wait_group_fini(&group);
}

/* Some more are added while others wait for them. */
TASK_TEST(all_go_on_when_the_last_one_is_done, 1)
{
	thrum_wait_group_init(&group);
	for (int n = 1; n <= 100; n += n < 3 || (n > 30 && n < 34) || (n > 62 && n < 66) ? 1 : 15) {
		thrum_wait_group_add(&group, 2);
		spawn(n);
		thrum_wait_group_done(&group);
		thrum_wait_group_add(&group, 2);
		thrum_wait_group_add(&group, 0);
		thrum_wait_group_done(&group);
		thrum_wait_group_done(&group);
		settle();
		is_int(turns_of(GROUP), n);
		thrum_wait_group_done(&group);
		end(n);
	}
}

TASK_TEST(those_that_leave_change_nothing_for_others, 1)
{
	thrum_wait_group_init(&group);
	thrum_wait_group_add(&group, 2);
	spawn(3);
	for (int i = 0; i < 2; i++) {
		thrum_cancel(fs[i]);
		is_int(thrum_join(fs[i]), -ECANCELED);
		is_int(turns_of(GROUP), 2 - i);
	}
	thrum_wait_group_done(&group);
	thrum_cancel(fs[2]);
	is_int(thrum_join(fs[2]), -ECANCELED);
	is_int(load_relaxed(word_of(GROUP)), 1); /* as if nobody had waited */
	thrum_wait_group_add(&group, 1);
	thrum_wait_group_done(&group);
	is_int(thrum_wait_group_wait_until(&group, thrum_now() + 5), -ETIMEDOUT);
	thrum_wait_group_done(&group);
	end(0);
}

/* One that was cancelled when the last one is done. */
TASK_TEST(cut_short_beside_the_last_one, 1)
{
	thrum_wait_group_init(&group);
	thrum_wait_group_add(&group, 1);
	spawn(2);
	thrum_cancel(fs[0]);
	thrum_wait_group_done(&group);
	thrum_cancel(fs[1]);
	is_int(thrum_join(fs[0]), -ECANCELED);
	is_int(thrum_join(fs[1]), 0);
	end(0);
}

/* ---- In the frame of who waits ---- */

#define PAGES 5

struct page {
	struct thrum_wait_group *group;
	unsigned *written; /* its own */
};

static intptr_t task_writes(void *page)
{
	struct page *p = page;

	if ((uintptr_t)p->written % 3 == 0)
		(void)!thrum_yield();
	++*p->written;
	thrum_wait_group_done(p->group);
	return 0;
}

static void *thread_writes(void *page)
{
	is_int(task_writes(page), 0);
	return NULL;
}

/* It returns when all are done, and nobody touches its frame any more. */
static __attribute__((noinline)) unsigned wait_in_a_frame(unsigned round)
{
	struct thrum_wait_group pages = {{0}};
	unsigned written[PAGES] = {0}, sum = 0;
	struct page outside = {&pages, &written[PAGES - 1]};
	bool by_thread = round % 64 == 0;
	pthread_t thread = {0};

	thrum_wait_group_add(&pages, by_thread);
	if (by_thread)
		thread = thread_of(thread_writes, &outside);
	for (int i = 0; i < PAGES - 1; i++) {
		struct page p = {&pages, &written[i]};

		thrum_wait_group_add(&pages, 1);
		thrum_release(thrum_spawn_copy(task_writes, &p, sizeof(p)));
	}
	is_int(thrum_wait_group_wait(&pages), 0);
	for (int i = 0; i < PAGES; i++)
		sum += written[i];
	is_int(sum, PAGES - !by_thread);
	thrum_wait_group_fini(&pages);
	memset((void *)&pages, 0xff, sizeof(pages));
	if (by_thread)
		thread_end(thread);
	for (size_t i = 0; i < sizeof(pages); i++)
		is_int(((volatile unsigned char *)&pages)[i], 0xff);
	return sum;
}

static intptr_t main_waits_in_frames(void *rounds)
{
	for (unsigned i = 0; i < (unsigned)(intptr_t)rounds; i++)
		must(wait_in_a_frame(i) > 0);
	return 0;
}

START_TEST(in_the_frame_of_who_waits)
{
	intptr_t rounds = 200 + scaled(20000);

	is_int(run_virtual(1, main_waits_in_frames, as_arg(rounds / 4)), 0);
	is_int(run_real(2, main_waits_in_frames, as_arg(rounds)), 0);
}
END_TEST

static void work_begin(void *g)
{
	thrum_wait_group_init(g);
	thrum_wait_group_add(g, OWNERS - 1);
}

static bool work(void *g, int who)
{
	if (who < OWNERS - 1) {
		let_one_wait(g, 0x40000000);
		thrum_wait_group_done(g);
		return false;
	}
	is_int(thrum_wait_group_wait(g), 0);
	thrum_wait_group_fini(g);
	return true;
}

START_TEST(who_waited_frees_it)
{
	use_owned(sizeof(struct thrum_wait_group), work_begin, work, 10 + scaled(200));
}
END_TEST

/* ---- Some wait, some give up, again and again ---- */

static struct atomic32 done;

static intptr_t task_works(void *pause)
{
	for (intptr_t i = 0; i < (intptr_t)pause; i++)
		is_int(thrum_yield(), 0);
	fetch_add_relaxed(&done, 1);
	thrum_wait_group_done(&group);
	return 0;
}

static intptr_t task_waits_in_time(void *ns)
{
	int err = thrum_wait_group_wait_until(&group, thrum_now() + (intptr_t)ns);

	must(err == 0 || err == -ETIMEDOUT);
	if (err == 0)
		is_int(load_relaxed(&done), 8);
	return err;
}

static intptr_t task_waits_for_all(void *unused)
{
	is_int(task_waits(unused), 0);
	is_int(load_relaxed(&done), 8);
	return 0;
}

static intptr_t main_repeats(void *rounds)
{
	thrum_wait_group_init(&group);
	for (intptr_t i = 0; i < (intptr_t)rounds; i++) {
		struct thrum_future *waiters[6];

		store_relaxed(&done, 0);
		thrum_wait_group_add(&group, 8);
		for (intptr_t k = 0; k < 6; k++)
			waiters[k] = k % 2
					 ? thrum_spawn(task_waits_for_all, NULL)
					 : thrum_spawn(task_waits_in_time, as_arg(i % 50 * k * 50));
		for (intptr_t k = 0; k < 8; k++)
			is_int(thrum_go(task_works, as_arg((i + k) % 3)), 0);
		is_int(thrum_wait_group_wait(&group), 0);
		is_int(load_relaxed(&done), 8);
		for (int k = 0; k < 6; k++)
			must(thrum_join(waiters[k]) == 0 || k % 2 == 0);
	}
	end(0);
	return 0;
}

START_TEST(again_and_again)
{
	is_int(run_virtual(1, main_repeats, as_arg(50 + scaled(1000))), 0);
	is_int(run_real(2, main_repeats, as_arg(50 + scaled(5000))), 0);
}
END_TEST

/* ---- Misuse; where nobody may wait ---- */

static void more_than_added(void)
{
	thrum_wait_group_init(&group);
	thrum_wait_group_add(&group, 1);
	thrum_wait_group_done(&group);
	thrum_wait_group_done(&group);
}

static void too_many(void)
{
	thrum_wait_group_init(&group);
	thrum_wait_group_add(&group, MOST);
	thrum_wait_group_add(&group, 1);
}

static void far_too_many(void)
{
	thrum_wait_group_init(&group);
	thrum_wait_group_add(&group, UINT32_MAX);
}

static void end_undone(void)
{
	thrum_wait_group_init(&group);
	thrum_wait_group_add(&group, 1);
	thrum_wait_group_fini(&group);
}

static intptr_t task_adds_too_many(void *unused)
{
	(void)unused;
	thrum_wait_group_init(&group);
	thrum_wait_group_add(&group, 1);
	spawn(1);
	thrum_wait_group_add(&group, MOST);
	return 0;
}

static void too_many_awaited(void)
{
	(void)!run_virtual(1, task_adds_too_many, NULL);
}

START_TEST(misuse_is_caught)
{
	aborts(more_than_added, "no more are done than were added");
	aborts(too_many, "a wait group counts up to 2^30");
	aborts(far_too_many, "a wait group counts up to 2^30");
	aborts(too_many_awaited, "a wait group counts up to 2^30");
	aborts(end_undone, "end a wait group when all are done");
}
END_TEST

static void call_is_done(struct thrum_future *f, void *unused)
{
	(void)f;
	(void)unused;
	thrum_wait_group_add(&group, 1);
	thrum_wait_group_done(&group);
	thrum_wait_group_done(&group);
}

TASK_TEST(a_callback_may_be_the_last_one, 1)
{
	struct thrum_future *f = thrum_spawn(task_return, NULL);

	thrum_wait_group_init(&group);
	thrum_wait_group_add(&group, 1);
	spawn(2);
	is_int(thrum_future_on_done(f, call_is_done, NULL), 0);
	end(2);
	is_int(thrum_join(f), 0);
}

static void child_uses(void)
{
	is_int(thrum_wait_group_wait(&group), -ENOTSUP);
	thrum_wait_group_add(&group, 1);
	thrum_wait_group_done(&group);
	thrum_wait_group_done(&group);
	thrum_wait_group_done(&group);
	store_relaxed(word_of(GROUP), THRUM__HELD);
	thrum_wait_group_add(&group, 1);
	thrum_wait_group_done(&group);
	is_int(thrum_wait_group_wait(&group), -ENOTSUP);
	thrum_wait_group_fini(&group);
}

TASK_TEST(in_a_forked_child, 1)
{
	thrum_wait_group_init(&group);
	thrum_wait_group_add(&group, 1);
	spawn(1);
	passes(child_uses);
	thrum_wait_group_done(&group);
	end(1);
}

int main(void)
{
	const TTest *const tests[] = {
	    it_counts,
	    done_just_before_one_waits,
	    all_go_on_when_the_last_one_is_done,
	    those_that_leave_change_nothing_for_others,
	    cut_short_beside_the_last_one,
	    in_the_frame_of_who_waits,
	    who_waited_frees_it,
	    again_and_again,
	    misuse_is_caught,
	    a_callback_may_be_the_last_one,
	    in_a_forked_child,
	};

	return RUN_TESTS_FOR("wait_group", 60, tests);
}
