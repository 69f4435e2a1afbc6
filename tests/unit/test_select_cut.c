/* SPDX-License-Identifier: MIT */
/*
 * test_select_cut.c - what ends a select otherwise, with nothing done: cancels and deadlines,
 * before and in the wait; its own times beside those; tokens at any depth; threads; no memory; who
 * may not wait.
 */
#include <poll.h>
#include <unistd.h>

#include "base/os.h"
#include "child.h"
#include "select_test.h"
#include "token_test.h"

/* ---- Cancels ---- */

static intptr_t task_was_cancelled(void *world)
{
	is_int(thrum_cancel(thrum_self()), 0);
	is_int(world_select(world), -ECANCELED);
	return world_select(world);
}

TASK_TEST(one_who_was_cancelled_does_nothing, 1)
{
	for (int kind = -1; kind < TIME; kind++) {
		struct world w;

		world_init(&w, 1, 4);
		happen(&w, kind);
		is_int(thrum_join(thrum_spawn(task_was_cancelled, &w)), -ECANCELED);
		has_one_result(w.b, w.n, -1, 0);
		is_int(w.got, OWN);
		if (kind == RECV)
			is_next(w.in, GIVEN);
		else if (kind == SEND)
			is_int(try_send(w.out, 0), 0);
		check_effect(&w, -1);
		world_end(&w);
	}
}

TASK_TEST(a_cancelled_select_does_nothing, 1)
{
	for (size_t i = 0; i < 4; i++) {
		struct thrum_future *f;
		struct world w;

		world_init(&w, i % 2, i < 2 ? 0 : 30);
		f = stands(task_selects, &w);
		is_int(thrum_cancel(f), 0);
		is_int(thrum_join(f), -ECANCELED);
		has_one_result(w.b, w.n, -1, 0);
		check_effect(&w, -1);
		world_end(&w);
	}
}

/* Before it runs again: who was first decides. */
TASK_TEST(what_happened_before_the_cancel_wins, 1)
{
	for (int kind = 0; kind < TIME; kind++)
		for (size_t capacity = 0; capacity < 2; capacity++) {
			struct thrum_future *f;
			struct world w;

			world_init(&w, capacity, 0);
			f = stands(task_selects, &w);
			happen(&w, kind);
			is_int(thrum_cancel(f), 0);
			is_int(thrum_join(f), kind);
			has_one_result(w.b, w.n, kind, 0);
			check_effect(&w, kind);
			world_end(&w);
		}
}

TASK_TEST(what_happened_after_the_cancel_is_not_done, 1)
{
	for (int kind = 0; kind < TIME; kind++) {
		struct thrum_future *f;
		struct world w;

		world_init(&w, 1, 0);
		f = stands(task_selects, &w);
		is_int(thrum_cancel(f), 0);
		happen(&w, kind);
		is_int(thrum_join(f), -ECANCELED);
		has_one_result(w.b, w.n, -1, 0);
		if (kind == RECV)
			is_next(w.in, GIVEN);
		else if (kind == SEND)
			is_int(try_send(w.out, 0), 0);
		check_effect(&w, -1);
		world_end(&w);
	}
}

/* ---- Deadlines around it, and its own ---- */

#define NEVER THRUM_FOREVER

struct times {
	int64_t own[2], around;
	ssize_t won; /* of own */
};

static int64_t at(int64_t start, int64_t ns)
{
	return ns == NEVER ? NEVER : start + ns;
}

static void select_in_time(const struct times *k, size_t more)
{
	int64_t start = thrum_now();
	struct thrum_timeout outer, t;
	struct world w;

	world_init(&w, 0, more);
	for (int i = 0; i < 2; i++)
		w.b[FUTURE + i] = thrum_on_time(at(start, k->own[i]));
	mark_results(w.b, w.n);
	thrum_timeout_begin(&outer, THRUM_SEC(100));
	thrum_timeout_begin_until(&t, at(start, k->around));
	is_int(world_select(&w), k->won < 0 ? -ETIMEDOUT : FUTURE + k->won);
	is_int(thrum_timeout_end(&t), k->won < 0);
	is_int(thrum_timeout_end(&outer), false);
	is_int(thrum_now(), start + 10);
	has_one_result(w.b, w.n, k->won < 0 ? -1 : FUTURE + k->won, 0);
	check_effect(&w, -1);
	world_end(&w);
}

/* The timeout is told of what it ended, and of nothing else. */
TASK_TEST(the_nearest_time_ends_it, 1)
{
	static const struct times cases[] = {
	    {{10, NEVER}, NEVER, 0}, {{20, 10}, NEVER, 1},     {{10, NEVER}, 20, 0},
	    {{20, 10}, 20, 1},       {{20, 30}, 10, -1},       {{10, NEVER}, 10, 0},
	    {{NEVER, 10}, 11, 1},    {{NEVER, NEVER}, 10, -1}, {{NEVER, 11}, 10, -1},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		select_in_time(&cases[i], 0);
		select_in_time(&cases[i], 10);
	}
}

TASK_TEST(what_has_passed_before, 1)
{
	struct thrum_timeout t;
	struct world w;

	world_init(&w, 1, 0);
	w.b[TIME] = thrum_on_time(thrum_now());
	mark_results(w.b, w.n);
	is_int(thrum_try_select(w.b, w.n), TIME);
	w.b[TIME].result = UNTOUCHED;
	happen(&w, RECV);
	thrum_timeout_begin(&t, 0);
	is_int(world_select(&w), -ETIMEDOUT);
	is_int(thrum_timeout_end(&t), true);
	has_one_result(w.b, w.n, -1, 0);
	is_next(w.in, GIVEN);
	check_effect(&w, -1);
	world_end(&w);
}

static intptr_t task_selects_at_its_end(void *world)
{
	struct world *w = world;
	struct thrum_timeout t;
	ssize_t won;

	thrum_timeout_begin(&t, SOON_NS);
	won = world_select(w);
	is_int(thrum_timeout_end(&t), won == -ETIMEDOUT);
	return won;
}

/* Something comes about at the same nanosecond: one of both, and what is said is so. */
TASK_TEST(at_the_last_moment, 1)
{
	for (int kind = 0; kind < TIME; kind++) {
		struct thrum_future *f;
		struct world w;
		ssize_t won;

		world_init(&w, 1, 0);
		f = stands(task_selects_at_its_end, &w);
		is_int(thrum_sleep(SOON_NS - 1), 0);
		happen(&w, kind);
		won = thrum_join(f);
		must(won == kind || won == -ETIMEDOUT);
		has_one_result(w.b, w.n, won < 0 ? -1 : won, 0);
		if (won < 0 && kind == RECV)
			is_next(w.in, GIVEN);
		else if (won < 0 && kind == SEND)
			is_int(try_send(w.out, 0), 0);
		check_effect(&w, won);
		world_end(&w);
	}
}

/* ---- Tokens ---- */

/* A hard request is a soft one as well; a soft one is no hard one. */
TASK_TEST(levels_of_a_token, 1)
{
	for (int asked = THRUM_SOFT; asked <= THRUM_HARD; asked++)
		for (int level = THRUM_SOFT; level <= THRUM_HARD; level++)
			for (int waits = 0; waits < 2; waits++) {
				struct thrum_token *t = token_under(NULL);
				struct world w = {.n = 2};
				struct thrum_future *f = NULL;

				w.b[0] = thrum_on_token(t, level);
				w.b[1] = thrum_on_time(thrum_now() + 100);
				if (waits)
					f = stands(task_selects, &w);
				is_int(thrum_token_cancel(t, asked, 0), 0);
				is_int(f ? thrum_join(f) : world_select(&w), asked < level);
				thrum_token_release(t);
			}
}

#define DEPTH 70

/* Those below are reached by a thread beside. */
TASK_TEST(a_token_far_below, 2)
{
	for (int level = THRUM_SOFT; level <= THRUM_HARD; level++) {
		struct thrum_token *t[DEPTH] = {token_under(NULL)};
		static struct world w[DEPTH];
		struct thrum_branch last;
		struct thrum_future *f[DEPTH];

		for (int i = 1; i < DEPTH; i++)
			t[i] = token_under(t[i - 1]);
		for (int i = 0; i < DEPTH; i++) {
			w[i] = (struct world){.n = 2};
			w[i].b[0] = thrum_on_none();
			w[i].b[1] = thrum_on_token(t[i], level);
			f[i] = stands(task_selects, &w[i]);
		}
		is_int(thrum_token_cancel(t[0], level, 0), 0);
		last = thrum_on_token(t[DEPTH - 1], level);
		is_int(thrum_try_select(&last, 1), 0); /* at once */
		for (int i = 0; i < DEPTH; i++)
			is_int(thrum_join(f[i]), 1);
		for (int i = DEPTH; i-- > 0;)
			thrum_token_release(t[i]);
	}
}

/* ---- Threads ---- */

struct late {
	struct world w;
	ssize_t won;
};

static void *thread_selects(void *late)
{
	struct late *l = late;

	l->won = world_select(&l->w);
	return NULL;
}

/* Without any runtime; until the thread waits for all. */
START_TEST(a_thread_selects)
{
	for (int kind = 0; kind < TIME; kind++)
		for (size_t more = 0; more < 20; more += 10) {
			struct late l;
			pthread_t thread;

			world_init(&l.w, kind % 2, more);
			thread = thread_of(thread_selects, &l);
			while (!load_relaxed(&thrum__token_of(l.w.token[1])->level[1].word))
				thread_yield();
			happen(&l.w, kind);
			thread_end(thread);
			is_int(l.won, kind);
			has_one_result(l.w.b, l.w.n, kind, 0);
			check_effect(&l.w, kind);
			world_end(&l.w);
		}
}
END_TEST

START_TEST(a_thread_s_select_has_its_time)
{
	struct world w;

	world_init(&w, 1, 0);
	for (int i = 0; i < 2; i++) {
		w.b[TIME] = thrum_on_time(i ? 0 : thrum_now() + THRUM_US(100));
		mark_results(w.b, w.n);
		is_int(world_select(&w), TIME);
		must(thrum_now() >= w.b[TIME].at_ns);
		has_one_result(w.b, w.n, TIME, 0);
	}
	check_effect(&w, -1);
	world_end(&w);
}
END_TEST

/* ---- Memory ---- */

static struct atomic32 no_memory, asked_for;

/* What the linker puts before the library's own; the build file says so. */
void *__real_thrum__os_alloc(size_t size);
void *__wrap_thrum__os_alloc(size_t size);
void *__real_thrum__os_alloc_aligned(size_t alignment, size_t size);
void *__wrap_thrum__os_alloc_aligned(size_t alignment, size_t size);

/* Is there none? */
static bool asks_for_memory(void)
{
	if (!load_acquire(&no_memory))
		return false;
	fetch_add_relaxed(&asked_for, 1);
	return true;
}

void *__wrap_thrum__os_alloc(size_t size)
{
	return asks_for_memory() ? NULL : __real_thrum__os_alloc(size);
}

void *__wrap_thrum__os_alloc_aligned(size_t alignment, size_t size)
{
	return asks_for_memory() ? NULL : __real_thrum__os_alloc_aligned(alignment, size);
}

/* A select of eight branches, with a descriptor. */
struct with_fd {
	struct world w;
	int ends[2];
	int kind; /* what happens: FD as well, or TIME: nothing else */
};

#define FD KINDS

static intptr_t task_happens(void *select)
{
	struct with_fd *s = select;

	if (s->kind == FD)
		must(write(s->ends[1], "x", 1) == 1);
	else
		happen(&s->w, s->kind);
	return 0;
}

/* @until_ns from now is its time.  When it waits @s->kind happens.  @needs: memory it asks for and
 * does not get. */
static void select_with_fd(struct with_fd *s, int64_t until_ns, bool memory, bool needs)
{
	struct thrum_future *f = NULL;
	ssize_t won;

	world_init(&s->w, 0, 8 - KINDS);
	s->w.b[TIME] = thrum_on_time(at(thrum_now(), until_ns));
	s->w.b[FD] = thrum_on_fd(s->ends[0], POLLIN);
	mark_results(s->w.b, s->w.n);
	if (!needs && s->kind != TIME)
		must((f = thrum_spawn(task_happens, s)));
	store_relaxed(&asked_for, 0);
	store_release(&no_memory, !memory);
	won = world_select(&s->w);
	store_release(&no_memory, 0);
	is_int(load_relaxed(&asked_for) != 0, needs);
	if (f)
		is_int(thrum_join(f), 0);
	if (!needs) {
		is_int(won, s->kind);
		has_one_result(s->w.b, s->w.n, won, won == FD ? POLLIN : 0);
	} else if (won == FD) {
		has_one_result(s->w.b, s->w.n, FD, -ENOMEM);
	} else {
		is_int(won, -ENOMEM);
		has_one_result(s->w.b, s->w.n, -1, 0);
	}
	check_effect(&s->w, needs ? -1 : won);
	world_end(&s->w);
}

/* A runtime's first timer takes some, and what it knows of the descriptor. */
TASK_TEST(what_was_waited_for_before_needs_no_memory, 1)
{
	static const int kinds[] = {TIME, SEND, RECV, FUTURE, SOFT, HARD, TIME};
	struct with_fd s = {.kind = FUTURE};
	char c;

	must(pipe(s.ends) == 0);
	select_with_fd(&s, NEVER, false, true);
	select_with_fd(&s, NEVER, true, false);
	select_with_fd(&s, NEVER, false, false);
	select_with_fd(&s, SOON_NS, false, true);
	select_with_fd(&s, SOON_NS, true, false);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		s.kind = kinds[i];
		select_with_fd(&s, SOON_NS, false, false);
	}
	s.kind = FD;
	select_with_fd(&s, THRUM_SEC(1), false, false);
	is_int(thrum_read(s.ends[0], &c, 1), 1);
	is_int(thrum_close(s.ends[0]) | thrum_close(s.ends[1]), 0);
}

#ifdef THRUM_FAULTS
static ssize_t select_without_memory(struct world *w)
{
	ssize_t won;

	thrum__fault_set(1, true);
	won = world_select(w);
	thrum__fault_set(0, false);
	return won;
}

static bool passed_a_fault;

static intptr_t task_makes_it_happen(void *world)
{
	is_int(thrum_sleep(SOON_NS), 0);
	passed_a_fault = thrum__fault_fired();
	thrum__fault_set(0, false);
	happen(world, SEND);
	return 0;
}

TASK_TEST(up_to_eight_branches_need_no_memory, 1)
{
	struct thrum_future *f;
	struct world w;

	world_init(&w, 1, 9 - KINDS);
	is_int(select_without_memory(&w), -ENOMEM);
	has_one_result(w.b, w.n, -1, 0);
	happen(&w, FUTURE); /* what is there needs none */
	is_int(select_without_memory(&w), FUTURE);
	check_effect(&w, FUTURE);
	world_end(&w);
	world_init(&w, 0, 8 - KINDS);
	f = stands(task_makes_it_happen, &w);
	is_int(select_without_memory(&w), SEND);
	is_int(passed_a_fault, false);
	is_int(thrum_join(f), 0);
	check_effect(&w, SEND);
	world_end(&w);
}

/* The timer would be the first of its runtime. */
TASK_TEST(without_memory_for_its_timer_it_does_nothing, 1)
{
	struct world w;

	world_init(&w, 1, 0);
	w.b[TIME] = thrum_on_time(100);
	mark_results(w.b, w.n);
	is_int(select_without_memory(&w), -ENOMEM);
	has_one_result(w.b, w.n, -1, 0);
	check_effect(&w, -1);
	world_end(&w);
}
#endif

/* ---- Who may not wait ---- */

static struct world common;

static void in_a_callback(struct thrum_future *f, void *called)
{
	(void)f;
	is_int(world_select(&common), -EDEADLK);
	is_int(thrum_try_select(common.b, common.n), -EAGAIN);
	has_one_result(common.b, common.n, -1, 0);
	happen(&common, SEND);
	is_int(world_select(&common), -EDEADLK);
	is_int(thrum_try_select(common.b, common.n), SEND);
	common.b[0] = thrum_on_fd(0, 0);
	is_int(thrum_try_select(common.b, common.n), -EPERM);
	thrum_future_set(called, 0);
}

/* A task's is made by a worker, a bare future's by the service thread. */
TASK_TEST(a_callback_may_only_try, 1)
{
	for (int bare = 0; bare < 2; bare++) {
		struct thrum_future *f = bare ? future_new() : thrum_spawn(task_return, NULL);
		struct thrum_future *called = future_new();

		world_init(&common, 1, 0);
		is_int(thrum_future_on_done(f, in_a_callback, called), 0);
		if (bare)
			is_int(thrum_future_set(f, 0), 0);
		is_int(thrum_join(f), 0);
		is_int(thrum_join(called), 0);
		is_int(common.b[SEND].result, 0);
		check_effect(&common, SEND);
		world_end(&common);
	}
}

static void in_a_child(void)
{
	is_int(world_select(&common), -ENOTSUP);
	is_int(thrum_try_select(common.b, common.n), -ENOTSUP);
	common.b[0] = thrum_on_future(NULL);
	is_int(world_select(&common), -ENOTSUP);
	is_int(thrum_try_select(common.b, common.n), -ENOTSUP);
	has_one_result(common.b + 1, common.n - 1, -1, 0);
}

TASK_TEST(a_forked_child_does_nothing, 1)
{
	char err[2000];
	int status;

	world_init(&common, 1, 0);
	status = child_run(in_a_child, err, sizeof(err));
	is_text(err, "");
	is_int(status, 0);
	check_effect(&common, -1);
	world_end(&common);
}

int main(void)
{
	const TTest *const tests[] = {
	    one_who_was_cancelled_does_nothing,
	    a_cancelled_select_does_nothing,
	    what_happened_before_the_cancel_wins,
	    what_happened_after_the_cancel_is_not_done,
	    the_nearest_time_ends_it,
	    what_has_passed_before,
	    at_the_last_moment,
	    levels_of_a_token,
	    a_token_far_below,
	    a_thread_selects,
	    a_thread_s_select_has_its_time,
	    what_was_waited_for_before_needs_no_memory,
#ifdef THRUM_FAULTS
	    up_to_eight_branches_need_no_memory,
	    without_memory_for_its_timer_it_does_nothing,
#endif
	    a_callback_may_only_try,
	    a_forked_child_does_nothing,
	};

	return RUN_TESTS("select_cut", tests);
}
