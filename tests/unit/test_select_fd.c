/* SPDX-License-Identifier: MIT */
/*
 * test_select_fd.c - descriptors as branches of a select: what is there at once, what comes,
 * errors, a close meanwhile; beside the other kinds; who may not wait for one.
 */
#define _GNU_SOURCE
#include "child.h"
#include "io_test.h"
#include "select_test.h"

static struct thrum_branch in(int fd)
{
	return thrum_on_fd(fd, POLLIN);
}

static void write_one(int fd)
{
	is_int(thrum_write(fd, "x", 1), 1);
}

static void read_one(int fd)
{
	char c;

	is_int(thrum_read(fd, &c, 1), 1);
}

/* Branches that wait in a task of their own. */
struct waits {
	struct thrum_branch b[20];
	size_t n;
};

static intptr_t task_waits(void *waits)
{
	struct waits *w = waits;

	return thrum_select(w->b, w->n);
}

/* Returns when it waits, or is about to and cannot be earlier than that. */
static struct thrum_future *spawn_waits(struct waits *w)
{
	struct thrum_future *f;

	mark_results(w->b, w->n);
	f = thrum_spawn(task_waits, w);
	must(f);
	while (strcmp(thrum_state_name(f), "waiting") != 0)
		is_int(thrum_yield(), 0);
	return f;
}

static void has_won(struct waits *w, struct thrum_future *f, ssize_t won, intptr_t result)
{
	is_int(thrum_join(f), won);
	has_one_result(w->b, w->n, won, result);
}

IO_TEST(what_is_there_at_once)
{
	struct thrum_branch b[3];
	int ends[2], file = thrum_open("/proc/self/exe", O_RDONLY, 0);

	for (int kind = 0; kind < PAIR_KINDS; kind++) {
		pair_make(ends, (enum pair_kind)kind, kind % 2);
		b[0] = in(ends[0]);
		b[1] = thrum_on_fd(ends[1], POLLOUT);
		b[2] = thrum_on_none();
		is_int(thrum_try_select(b, 1), -EAGAIN);
		is_int(thrum_try_select(b, 3), 1);
		is_int(b[1].result, POLLOUT);
		is_int(thrum_select(b, 3), 1);
		write_one(ends[1]);
		is_int(thrum_select(b, 1), 0);
		is_int(b[0].result, POLLIN);
		read_one(ends[0]); /* nothing was read by that */
		is_int(thrum_try_select(b, 1), -EAGAIN);
		pair_close(ends);
	}
	b[0] = thrum_on_fd(file, POLLIN | POLLOUT); /* cannot be watched, and need not be */
	is_int(thrum_select(b, 1), 0);
	is_int(b[0].result, POLLIN | POLLOUT);
	is_int(thrum_close(file), 0);
}

/* More than eight, too. */
IO_TEST(one_of_several_descriptors)
{
	static const size_t counts[] = {1, 8, 9, 20};

	for (int i = 0; i < 4; i++) {
		struct waits w = {.n = counts[i]};
		int ends[20][2];

		for (size_t k = 0; k < w.n; k++) {
			pair_make(ends[k], (enum pair_kind)(k % PAIR_KINDS), k & 1);
			w.b[k] = in(ends[k][0]);
		}
		for (size_t k = 0; k < w.n; k += 3) {
			struct thrum_future *f = spawn_waits(&w);

			write_one(ends[k][1]);
			has_won(&w, f, (ssize_t)k, POLLIN);
			read_one(ends[k][0]);
		}
		for (size_t k = 0; k < w.n; k++)
			pair_close(ends[k]);
	}
}

IO_TEST(room_to_write)
{
	struct waits w = {.n = 2};
	struct thrum_future *f;
	char some[4096];
	int ends[2];

	pair_make(ends, UNIX, true);
	fill_up(ends[1]);
	w.b[0] = in(ends[1]); /* one descriptor in two branches */
	w.b[1] = thrum_on_fd(ends[1], POLLOUT);
	is_int(thrum_try_select(w.b, 2), -EAGAIN);
	f = spawn_waits(&w);
	while (!thrum_done(f)) {
		must(read(ends[0], some, sizeof(some)) > 0 || errno == EAGAIN);
		is_int(thrum_yield(), 0);
	}
	has_won(&w, f, 1, POLLOUT);
	fill_up(ends[1]);
	w.b[1] = thrum_on_fd(ends[1], POLLOUT | POLLIN); /* two events in one branch */
	w.b[0] = thrum_on_none();
	f = spawn_waits(&w);
	write_one(ends[0]);
	has_won(&w, f, 1, POLLIN);
	pair_close(ends);
}

/* Errors and hang-ups come unasked. */
IO_TEST(the_other_end_goes)
{
	struct waits w = {.n = 1};
	struct thrum_future *f;
	int ends[2];

	for (int events = 0; events < 2; events++) {
		pair_make(ends, PIPE, false);
		w.b[0] = thrum_on_fd(ends[0], events ? POLLIN : 0);
		is_int(thrum_try_select(w.b, 1), -EAGAIN);
		f = spawn_waits(&w);
		is_int(thrum_close(ends[1]), 0);
		has_won(&w, f, 0, POLLHUP);
		is_int(thrum_select(w.b, 1), 0);
		is_int(thrum_close(ends[0]), 0);
	}
}

/* The branch wins, with the error. */
IO_TEST(what_is_no_descriptor)
{
	struct thrum_branch b[2] = {thrum_on_none(), in(0)};
	int ends[2];

	pair_make(ends, PIPE, false);
	pair_close(ends);
	b[1] = in(ends[0]);
	is_int(thrum_try_select(b, 2), 1);
	is_int(b[1].result, -EBADF);
	b[1].result = UNTOUCHED;
	is_int(thrum_select(b, 2), 1);
	is_int(b[1].result, -EBADF);
	b[1] = in(-1); /* as good as none */
	b[0] = thrum_on_time(thrum_now() + THRUM_US(10));
	is_int(thrum_try_select(b + 1, 1), -EAGAIN);
	is_int(thrum_select(b, 2), 0);
	b[0] = thrum_on_none();
	b[1] = in(1 << 30);
	is_int(thrum_select(b, 2), 1);
	is_int(b[1].result, -EBADF);
}

/* ---- Beside the others ---- */

IO_TEST(a_descriptor_beside_all_other_kinds)
{
	for (int kind = 0; kind <= KINDS; kind++)
		for (size_t more = 1; more < 12 && kind != TIME; more += 10) {
			struct thrum_future *f;
			struct world w;
			int ends[2];

			pair_make(ends, UNIX, false);
			world_init(&w, kind % 2, more);
			w.b[KINDS] = in(ends[0]);
			mark_results(w.b, w.n);
			f = thrum_spawn(task_selects, &w);
			must(f);
			while (strcmp(thrum_state_name(f), "waiting") != 0)
				is_int(thrum_yield(), 0);
			if (kind < KINDS)
				happen(&w, kind);
			else
				write_one(ends[1]);
			is_int(thrum_join(f), kind);
			has_one_result(w.b, w.n, kind, kind < KINDS ? 0 : POLLIN);
			check_effect(&w, kind);
			world_end(&w);
			pair_close(ends); /* nobody is inside any more */
		}
}

IO_TEST(a_time_beside_a_descriptor)
{
	struct thrum_timeout t;
	struct thrum_branch b[2];
	int64_t start = thrum_now();
	int ends[2];

	pair_make(ends, PIPE, true);
	b[0] = in(ends[0]);
	b[1] = thrum_on_time(start + THRUM_MS(2));
	is_int(thrum_select(b, 2), 1);
	must(thrum_now() >= start + THRUM_MS(2));
	is_int(b[1].result, 0);
	b[1] = thrum_on_none();
	mark_results(b, 2);
	thrum_timeout_begin(&t, THRUM_MS(2));
	is_int(thrum_select(b, 2), -ETIMEDOUT);
	is_int(thrum_timeout_end(&t), true);
	has_one_result(b, 2, -1, 0);
	pair_close(ends);
}

IO_TEST(a_cancelled_wait_for_a_descriptor)
{
	struct waits w = {.n = 2};
	struct thrum_future *f;
	int ends[2];

	pair_make(ends, TCP, true);
	w.b[0] = in(ends[0]);
	w.b[1] = in(ends[1]);
	f = spawn_waits(&w);
	is_int(thrum_cancel(f), 0);
	has_won(&w, f, -ECANCELED, 0);
	write_one(ends[1]);
	read_one(ends[0]);
	pair_close(ends);
}

/* Several wait for one: who finds something has won. */
IO_TEST(several_selects_wait_for_one_descriptor)
{
	struct waits w[3];
	struct thrum_future *f[3];
	int ends[2];

	pair_make(ends, UNIX, false);
	for (int i = 0; i < 3; i++) {
		w[i] = (struct waits){.n = 1, .b = {in(ends[0])}};
		f[i] = spawn_waits(&w[i]);
	}
	write_one(ends[1]);
	for (int i = 0; i < 3; i++)
		has_won(&w[i], f[i], 0, POLLIN);
	pair_close(ends);
}

/* ---- Close ---- */

IO_TEST(a_close_ends_the_wait)
{
	for (size_t n = 1; n < 20; n += 9) {
		struct waits w = {.n = n};
		struct thrum_future *f;
		int ends[2], other[2];

		pair_make(ends, UNIX, n == 1);
		pair_make(other, PIPE, false);
		for (size_t i = 0; i < n; i++)
			w.b[i] = in(other[0]);
		w.b[n - 1] = in(ends[0]);
		f = spawn_waits(&w);
		is_int(thrum_close(ends[0]), 0);
		has_won(&w, f, (ssize_t)n - 1, -EBADF);
		is_int(thrum_close(ends[1]), 0);
		pair_close(other);
	}
}

/* The number is used again at once, for what is always ready, or never: the select hears of what it
 * waited for, and of nothing else. */
static void close_and_use_again(bool was_ready, bool is_ready)
{
	struct waits w = {.n = 2};
	struct thrum_future *f;
	int ends[2], other[2], again;

	pair_make(other, PIPE, false);
	pair_make(ends, PIPE, false);
	if (is_ready)
		write_one(other[1]);
	w.b[0] = in(ends[0]);
	w.b[1] = thrum_on_time(thrum_now() + THRUM_SEC(100));
	f = spawn_waits(&w);
	if (was_ready)
		must(write(ends[1], "x", 1) == 1);
	is_int(thrum_close(ends[0]), 0);
	again = dup(other[0]);
	is_int(again, ends[0]);
	is_int(thrum_join(f), 0);
	if (!was_ready || w.b[0].result != POLLIN)
		is_int(w.b[0].result, -EBADF);
	is_int(w.b[1].result, UNTOUCHED);
	is_int(thrum_close(again), 0);
	is_int(thrum_close(ends[1]), 0);
	pair_close(other);
}

IO_TEST(a_number_that_is_used_again)
{
	unsigned rounds = scaled(20000) + 50;

	for (unsigned i = 0; i < rounds; i++)
		close_and_use_again(i & 1, i & 2 || !(i & 1));
}

/* ---- Who may not wait ---- */

static struct thrum_branch common;

static void in_a_callback(struct thrum_future *f, void *called)
{
	(void)f;
	is_int(thrum_select(&common, 1), -EDEADLK);
	is_int(thrum_try_select(&common, 1), -EPERM);
	is_int(common.result, UNTOUCHED);
	thrum_future_set(called, 0);
}

static void in_a_child(void)
{
	is_int(thrum_select(&common, 1), -ENOTSUP);
	is_int(thrum_try_select(&common, 1), -ENOTSUP);
}

IO_TEST(only_a_task_may_wait_for_a_descriptor)
{
	struct thrum_future *f = thrum_spawn(task_return, NULL), *called = future_new();
	char err[2000];
	int ends[2];

	pair_make(ends, PIPE, false);
	common = thrum_on_fd(ends[1], POLLOUT); /* it is ready */
	common.result = UNTOUCHED;
	is_int(thrum_future_on_done(f, in_a_callback, called), 0);
	is_int(thrum_join(f), 0);
	is_int(thrum_join(called), 0);
	is_int(child_run(in_a_child, err, sizeof(err)), 0);
	is_text(err, "");
	is_int(thrum_select(&common, 1), 0);
	pair_close(ends);
}

START_TEST(outside_tasks_there_are_no_descriptors)
{
	struct thrum_branch b[2] = {thrum_on_future(NULL), in(0)};

	mark_results(b, 2);
	is_int(thrum_select(b, 2), -EPERM);
	is_int(thrum_try_select(b, 2), -EPERM);
	is_int(thrum_select(b, 1), 0);
	is_int(b[1].result, UNTOUCHED);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    what_is_there_at_once,
	    one_of_several_descriptors,
	    room_to_write,
	    the_other_end_goes,
	    what_is_no_descriptor,
	    a_descriptor_beside_all_other_kinds,
	    a_time_beside_a_descriptor,
	    a_cancelled_wait_for_a_descriptor,
	    several_selects_wait_for_one_descriptor,
	    a_close_ends_the_wait,
	    a_number_that_is_used_again,
	    only_a_task_may_wait_for_a_descriptor,
	    outside_tasks_there_are_no_descriptors,
	};

	return RUN_TESTS_FOR("select_fd", 60, tests);
}
