/* SPDX-License-Identifier: MIT */
/*
 * test_descriptor.c - the table of descriptors over a poller that notes what it is told: watches,
 * lives of a number, trust that was misplaced, closing, events late and in time.
 */
#include <check.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/wait.h>

#include "base/os.h"
#include "child.h"
#include "poll/descriptor.h"
#include "suite.h"

/* What the poller has of one number, and what it says next. */
static struct {
	int watches, unwatches;
	int fd;
	uint64_t tag;
	bool has;
	int error; /* of every watch, if not 0 */
	int error_after_unwatch;
	void (*meanwhile)(void); /* once, within the next watch, after it was done */
} told;

static struct thrum__descriptors ds;
static struct thrum__descriptor *d;
static int number; /* the last that was entered */

static int note_watch(struct thrum__poller *p, int fd, uint64_t tag)
{
	void (*meanwhile)(void) = told.meanwhile;

	ck_assert_ptr_eq(p, ds.poller);
	told.watches++;
	if (told.error)
		return told.error;
	if (told.has)
		return -EEXIST;
	told.has = true;
	told.fd = fd;
	told.tag = tag;
	told.meanwhile = NULL;
	if (meanwhile)
		meanwhile();
	return 0;
}

static int note_unwatch(struct thrum__poller *p, int fd)
{
	ck_assert_ptr_eq(p, ds.poller);
	ck_assert_int_eq(fd, told.fd);
	told.unwatches++;
	told.has = false;
	told.error = told.error_after_unwatch;
	return 0;
}

static void begin(void)
{
	static const struct thrum__poller_ops ops = {
	    .watch = note_watch,
	    .unwatch = note_unwatch,
	};
	static struct thrum__poller poller = {&ops};

	memset(&told, 0, sizeof(told));
	thrum__descriptors_init(&ds, &poller);
	thrum__descriptors_trust(&ds);
}

static void end(void)
{
	thrum__descriptors_fini(&ds);
}

static void enter(int fd)
{
	ck_assert_int_eq(thrum__descriptor_enter(&ds, fd, &d), 0);
	number = fd;
}

static void event(uint64_t tag, uint32_t ready)
{
	struct thrum__poll_event e = {tag, ready};

	thrum__descriptors_dispatch(&ds, &e, 1);
}

static void close_now(int fd)
{
	struct thrum__descriptor *c;

	ck_assert_int_eq(thrum__descriptor_close_begin(&ds, fd, &c), 0);
	ck_assert(thrum__descriptor_is_drained(c));
	thrum__descriptor_close_finish(c);
	told.has = false;
	thrum__descriptor_close_end(c);
}

START_TEST(a_descriptor_is_a_cache_line)
{
	enter(3);
	ck_assert_uint_eq(sizeof(*d), CACHE_LINE);
	ck_assert_uint_eq((uintptr_t)d % CACHE_LINE, 0);
	thrum__descriptor_leave(d);
}
END_TEST

START_TEST(numbers_have_their_own)
{
	int fds[] = {0,
		     1,
		     THRUM__FD_CHUNK - 1,
		     THRUM__FD_CHUNK,
		     19999,
		     THRUM__FD_CHUNK * THRUM__FD_CHUNKS - 1};
	struct thrum__descriptor *at[6], *again;

	for (int i = 0; i < 6; i++) {
		enter(fds[i]);
		at[i] = d;
		for (int k = 0; k < i; k++)
			ck_assert_ptr_ne(at[k], d);
		ck_assert_uint_eq(load_relaxed(&d->kind), THRUM__FD_UNKNOWN);
	}
	for (int i = 0; i < 6; i++) {
		ck_assert_int_eq(thrum__descriptor_enter(&ds, fds[i], &again), 0);
		ck_assert_ptr_eq(again, at[i]);
		thrum__descriptor_leave(again);
		thrum__descriptor_leave(again);
	}
}
END_TEST

START_TEST(what_is_no_number)
{
	int fds[] = {-1, INT_MIN, THRUM__FD_CHUNK * THRUM__FD_CHUNKS, INT_MAX};

	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(thrum__descriptor_enter(&ds, fds[i], &d), -EBADF);
		ck_assert_int_eq(thrum__descriptor_close_begin(&ds, fds[i], &d), -EBADF);
		thrum__descriptor_made(&ds, fds[i]);
	}
}
END_TEST

START_TEST(trusted_is_watched_once)
{
	thrum__descriptor_made(&ds, 7);
	enter(7);
	ck_assert_uint_eq(load_relaxed(&ds.watching), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(thrum__descriptor_watch(&ds, d, number), 0);
	ck_assert_uint_eq(load_relaxed(&ds.watching), 1);
	ck_assert_int_eq(told.watches, 1);
	ck_assert_int_eq(told.unwatches, 0);
	ck_assert_int_eq(told.fd, 7);
	ck_assert_uint_eq(told.tag, (UINT64_C(1) << 32) | 7);
	thrum__descriptor_leave(d);
}
END_TEST

START_TEST(trusted_only_while_somebody_verifies)
{
	static struct thrum__descriptors nobody;
	struct thrum__descriptors *all[] = {&nobody, &ds};

	thrum__descriptors_init(&nobody, ds.poller);
	for (int i = 0; i < 2; i++) {
		thrum__descriptor_made(all[i], 7);
		ck_assert_int_eq(thrum__descriptor_enter(all[i], 7, &d), 0);
		ck_assert(thrum__descriptor_is_trusted(d) == i);
		thrum__descriptor_opened(all[i], 7);
		ck_assert(!thrum__descriptor_is_trusted(d));
		thrum__descriptor_leave(d);
	}
	thrum__descriptors_fini(&nobody);
}
END_TEST

/* It may be another thing each time. */
START_TEST(others_are_watched_before_each_wait)
{
	enter(7);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(thrum__descriptor_watch(&ds, d, number), 0);
	ck_assert_int_eq(told.watches, 3);
	ck_assert_int_eq(told.unwatches, 0);
	told.has = false; /* closed, and the number used again */
	ck_assert_int_eq(thrum__descriptor_watch(&ds, d, number), 0);
	ck_assert(told.has);
	thrum__descriptor_leave(d);
}
END_TEST

/* What the poller has of the number comes from before: it must not keep that tag. */
START_TEST(a_watch_of_an_earlier_life_is_replaced)
{
	enter(7);
	ck_assert_int_eq(thrum__descriptor_watch(&ds, d, number), 0);
	ck_assert_uint_eq(told.tag, 7);
	thrum__descriptor_leave(d);
	close_now(7);
	told.has = true; /* a duplicate has kept the file open, and comes back */
	enter(7);
	ck_assert_int_eq(thrum__descriptor_watch(&ds, d, number), 0);
	ck_assert_int_eq(told.unwatches, 1);
	ck_assert_uint_eq(told.tag, (UINT64_C(1) << 32) | 7);
	thrum__descriptor_leave(d);
}
END_TEST

static void make_7(void)
{
	thrum__descriptor_made(&ds, 7);
}

/* The same while a call is at the poller. */
START_TEST(a_watch_that_comes_late_is_replaced)
{
	enter(7);
	told.meanwhile = make_7;
	ck_assert_int_eq(thrum__descriptor_watch(&ds, d, number), 0);
	ck_assert_int_eq(told.unwatches, 1);
	ck_assert(told.has);
	ck_assert_uint_eq(told.tag, (UINT64_C(1) << 32) | 7);
	ck_assert_int_eq(thrum__descriptor_watch(&ds, d, number), 0);
	ck_assert_int_eq(told.unwatches, 1);
	thrum__descriptor_leave(d);
}
END_TEST

START_TEST(an_error_of_the_poller_is_told_to_all)
{
	int errors[] = {-EPERM, -ENOMEM, -ENOSPC, -EBADF};
	uint64_t in, out;

	thrum__descriptor_made(&ds, 7);
	enter(7);
	for (int i = 0; i < 4; i++) {
		in = thrum__edge_tick(&d->in);
		out = thrum__edge_tick(&d->out);
		told.error = errors[i];
		ck_assert_int_eq(thrum__descriptor_watch(&ds, d, number), errors[i]);
		ck_assert_uint_eq(thrum__edge_tick(&d->in), in + 1);
		ck_assert_uint_eq(thrum__edge_tick(&d->out), out + 1);
	}
	told.error = 0;
	ck_assert_int_eq(thrum__descriptor_watch(&ds, d, number), 0);
	ck_assert(told.has);
	thrum__descriptor_leave(d);
}
END_TEST

/* The new owner has watched, a late call spoils that and can't repair it: he has to ask again. */
static void make_7_and_watch(void)
{
	make_7();
	ck_assert_int_eq(thrum__descriptor_watch(&ds, d, number), 0);
	told.error_after_unwatch = -ENOMEM;
}

START_TEST(a_spoilt_watch_is_not_trusted)
{
	uint64_t in;

	enter(7);
	in = thrum__edge_tick(&d->in);
	told.meanwhile = make_7_and_watch;
	ck_assert_int_eq(thrum__descriptor_watch(&ds, d, number), -ENOMEM);
	ck_assert_uint_gt(thrum__edge_tick(&d->in), in);
	ck_assert(!told.has);
	told.error = 0;
	ck_assert_int_eq(thrum__descriptor_watch(&ds, d, number), 0);
	ck_assert(told.has);
	thrum__descriptor_leave(d);
}
END_TEST

START_TEST(events_go_where_they_belong)
{
	struct {
		uint32_t ready;
		unsigned in, out;
	} rows[] = {
	    {THRUM__READY_IN, 1, 0},
	    {THRUM__READY_OUT, 0, 1},
	    {THRUM__READY_ERROR, 1, 1},
	    {THRUM__READY_IN | THRUM__READY_OUT, 1, 1},
	    {THRUM__READY_IN | THRUM__READY_OUT | THRUM__READY_ERROR, 1, 1},
	    {0, 0, 0},
	};

	thrum__descriptor_made(&ds, 300);
	enter(300);
	ck_assert_int_eq(thrum__descriptor_watch(&ds, d, number), 0);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t in = thrum__edge_tick(&d->in), out = thrum__edge_tick(&d->out);

		event(told.tag, rows[i].ready);
		ck_assert_uint_eq(thrum__edge_tick(&d->in), in + rows[i].in);
		ck_assert_uint_eq(thrum__edge_tick(&d->out), out + rows[i].out);
	}
	thrum__descriptor_leave(d);
}
END_TEST

START_TEST(events_of_an_earlier_life_are_dropped)
{
	uint64_t old, tick;

	enter(7);
	ck_assert_int_eq(thrum__descriptor_watch(&ds, d, number), 0);
	old = told.tag;
	thrum__descriptor_leave(d);
	close_now(7);
	for (int i = 0; i < 2; i++) {
		tick = thrum__edge_tick(&d->in);
		event(old, THRUM__READY_IN);
		ck_assert_uint_eq(thrum__edge_tick(&d->in), tick);
		enter(7);
		ck_assert_int_eq(thrum__descriptor_watch(&ds, d, number), 0);
		event(told.tag, THRUM__READY_IN);
		ck_assert_uint_eq(thrum__edge_tick(&d->in), tick + 1);
		thrum__descriptor_leave(d);
		old = told.tag;
		told.has = false;
		make_7();
	}
}
END_TEST

/* ---- Trust ---- */

static void watch_trusted(int fd)
{
	thrum__descriptor_made(&ds, fd);
	enter(fd);
	ck_assert_int_eq(thrum__descriptor_watch(&ds, d, fd), 0);
	told.watches = 0;
}

/* How often the poller is asked by so many calls of verify. */
static int asked_by(int calls, bool all)
{
	told.watches = 0;
	while (calls--)
		thrum__descriptors_verify(&ds, all);
	return told.watches;
}

START_TEST(a_wait_that_lasts_is_verified_once)
{
	thrum__descriptors_verify(&ds, true); /* nothing was watched ever */
	watch_trusted(300);
	ck_assert_int_eq(asked_by(1, false), 0);
	ck_assert_int_eq(asked_by(1, false), 1);
	ck_assert_int_eq(asked_by(9, false), 0);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(thrum__descriptor_watch(&ds, d, number), 0);
		ck_assert_int_eq(asked_by(1, false), 0);
	}
	ck_assert_int_eq(asked_by(1, false), 1);
	ck_assert_int_eq(thrum__descriptor_watch(&ds, d, number), 0);
	ck_assert_int_eq(asked_by(1, true), 1);
	ck_assert_int_eq(asked_by(9, true), 0);
	ck_assert_int_eq(told.unwatches, 0);
	thrum__descriptor_leave(d);
	thrum__descriptor_made(&ds, 300); /* it has not been watched */
	told.has = false;
	ck_assert_int_eq(asked_by(9, true), 0);
}
END_TEST

/* They were before they waited. */
START_TEST(others_are_not_verified)
{
	enter(7);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(thrum__descriptor_watch(&ds, d, number), 0);
		ck_assert_int_eq(asked_by(3, i), 0);
	}
	thrum__descriptor_leave(d);
}
END_TEST

/* Closed behind the library's back, and the number used again or not. */
START_TEST(misplaced_trust_ends)
{
	int errors[] = {0, -EBADF, -EPERM, -ENOMEM};

	for (int i = 0; i < 4; i++) {
		uint64_t in, out;

		thrum__descriptors_trust(&ds);
		told.has = false;
		watch_trusted(7);
		thrum__descriptor_emptied(d, thrum__edge_tick(&d->in));
		in = thrum__edge_tick(&d->in);
		out = thrum__edge_tick(&d->out);
		told.has = false;
		told.error = errors[i];
		ck_assert_int_eq(asked_by(9, i % 2), 1);
		ck_assert(!told.has);
		ck_assert_uint_eq(thrum__edge_tick(&d->in), in + 1);
		ck_assert_uint_eq(thrum__edge_tick(&d->out), out + 1);
		ck_assert(!thrum__descriptor_is_trusted(d));
		ck_assert(!thrum__descriptor_is_empty(d, in));
		told.error = 0;
		ck_assert_int_eq(thrum__descriptor_watch(&ds, d, number), 0);
		event(told.tag, THRUM__READY_IN);
		ck_assert_uint_eq(thrum__edge_tick(&d->in), in + 2);
		thrum__descriptor_made(&ds, 7);
		ck_assert(!thrum__descriptor_is_trusted(d));
		thrum__descriptor_leave(d);
	}
}
END_TEST

/* ... and not by a life that begins beside the look. */
START_TEST(a_new_life_beside_verify_keeps_its_trust)
{
	uint64_t in;

	watch_trusted(7);
	in = thrum__edge_tick(&d->in);
	told.has = false;
	told.meanwhile = make_7;
	ck_assert_int_eq(asked_by(1, true), 1);
	ck_assert(thrum__descriptor_is_trusted(d));
	ck_assert_uint_eq(thrum__edge_tick(&d->in), in + 1);
	ck_assert_int_eq(thrum__descriptor_watch(&ds, d, number), 0);
	ck_assert(told.has);
	event(told.tag, THRUM__READY_IN);
	ck_assert_uint_eq(thrum__edge_tick(&d->in), in + 2);
	thrum__descriptor_made(&ds, 7);
	ck_assert(thrum__descriptor_is_trusted(d));
	thrum__descriptor_leave(d);
}
END_TEST

START_TEST(close_fires_refuses_and_drains)
{
	struct thrum__descriptor *c, *none;
	uint64_t in, out, drained;

	enter(7);
	enter(7);
	in = thrum__edge_tick(&d->in);
	out = thrum__edge_tick(&d->out);
	drained = thrum__edge_tick(&d->drained);
	ck_assert(!thrum__descriptor_is_closing(d));
	ck_assert_int_eq(thrum__descriptor_close_begin(&ds, 7, &c), 0);
	ck_assert_ptr_eq(c, d);
	ck_assert(thrum__descriptor_is_closing(d));
	ck_assert_uint_gt(thrum__edge_tick(&d->in), in);
	ck_assert_uint_gt(thrum__edge_tick(&d->out), out);
	ck_assert_int_eq(thrum__descriptor_enter(&ds, 7, &none), -EBADF);
	ck_assert_int_eq(thrum__descriptor_close_begin(&ds, 7, &none), -EBADF);
	ck_assert(!thrum__descriptor_is_drained(c));
	thrum__descriptor_leave(d);
	ck_assert(!thrum__descriptor_is_drained(c));
	ck_assert_uint_eq(thrum__edge_tick(&d->drained), drained);
	thrum__descriptor_leave(d);
	ck_assert(thrum__descriptor_is_drained(c));
	ck_assert_uint_eq(thrum__edge_tick(&d->drained), drained + 1);
	thrum__descriptor_close_finish(c);
	in = thrum__edge_tick(&d->in);
	out = thrum__edge_tick(&d->out);
	thrum__descriptor_close_end(c);
	ck_assert_uint_gt(thrum__edge_tick(&d->in), in);
	ck_assert_uint_gt(thrum__edge_tick(&d->out), out);
	enter(7);
	ck_assert(!thrum__descriptor_is_closing(d));
	thrum__descriptor_leave(d);
	ck_assert_uint_eq(thrum__edge_tick(&d->drained), drained + 1);
}
END_TEST

START_TEST(a_new_life_forgets)
{
	make_7();
	enter(7);
	ck_assert_int_eq(thrum__descriptor_watch(&ds, d, number), 0);
	store_relaxed(&d->kind, THRUM__FD_SOCKET);
	thrum__descriptor_leave(d);
	close_now(7);
	enter(7);
	ck_assert_uint_eq(load_relaxed(&d->kind), THRUM__FD_UNKNOWN);
	ck_assert_int_eq(thrum__descriptor_watch(&ds, d, number), 0);
	ck_assert_int_eq(thrum__descriptor_watch(&ds, d, number), 0);
	ck_assert_int_eq(told.watches, 3); /* not trusted any more */
	store_relaxed(&d->kind, THRUM__FD_SOCKET);
	make_7();
	ck_assert_uint_eq(load_relaxed(&d->kind), THRUM__FD_UNKNOWN);
	thrum__descriptor_leave(d);
}
END_TEST

/* A generation's field is full; the next one is 0, and its tag fits. */
START_TEST(generations_wrap)
{
	make_7();
	enter(7);
	store_relaxed(&d->watch, UINT32_MAX & ~15u);
	ck_assert_int_eq(thrum__descriptor_watch(&ds, d, number), 0);
	ck_assert_uint_eq(told.tag, (UINT64_C(0xfffffff) << 32) | 7);
	event(told.tag, THRUM__READY_IN);
	ck_assert_uint_eq(thrum__edge_tick(&d->in), 1);
	thrum__descriptor_leave(d);
	close_now(7);
	ck_assert_uint_eq(load_relaxed(&d->watch), 0);
}
END_TEST

#ifdef THRUM_FAULTS
START_TEST(no_memory)
{
	thrum__fault_set(1, true);
	ck_assert_int_eq(thrum__descriptor_enter(&ds, 7, &d), -ENOMEM);
	thrum__descriptor_made(&ds, 7);
	d = (void *)&ds;
	ck_assert_int_eq(thrum__descriptor_close_begin(&ds, 7, &d), 0);
	ck_assert_ptr_null(d);
	ck_assert_uint_eq(thrum__fault_count(), 3);
	thrum__fault_set(0, false);
	enter(7);
	ck_assert_uint_eq(load_relaxed(&d->watch), 0);
	thrum__descriptor_leave(d);
}
END_TEST
#endif

static void leave_twice(void)
{
	if (thrum__descriptor_enter(&ds, 7, &d))
		return;
	thrum__descriptor_leave(d);
	thrum__descriptor_leave(d);
}

static void finish_early(void)
{
	if (thrum__descriptor_enter(&ds, 7, &d) || thrum__descriptor_close_begin(&ds, 7, &d))
		return;
	thrum__descriptor_close_finish(d);
}

START_TEST(misuse_ends_the_process)
{
	char err[1000];
	int status = child_run(leave_twice, err, sizeof(err));

	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	ck_assert_ptr_nonnull(strstr(err, "left once for each time"));
	status = child_run(finish_early, err, sizeof(err));
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	ck_assert_ptr_nonnull(strstr(err, "closes when nobody is inside"));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    a_descriptor_is_a_cache_line,
	    numbers_have_their_own,
	    what_is_no_number,
	    trusted_is_watched_once,
	    trusted_only_while_somebody_verifies,
	    others_are_watched_before_each_wait,
	    a_watch_of_an_earlier_life_is_replaced,
	    a_watch_that_comes_late_is_replaced,
	    an_error_of_the_poller_is_told_to_all,
	    a_spoilt_watch_is_not_trusted,
	    events_go_where_they_belong,
	    events_of_an_earlier_life_are_dropped,
	    a_wait_that_lasts_is_verified_once,
	    others_are_not_verified,
	    misplaced_trust_ends,
	    a_new_life_beside_verify_keeps_its_trust,
	    close_fires_refuses_and_drains,
	    a_new_life_forgets,
	    generations_wrap,
#ifdef THRUM_FAULTS
	    no_memory,
#endif
	    misuse_ends_the_process,
	};
	TCase *tc = tcase_create("descriptor");

	tcase_add_checked_fixture(tc, begin, end);
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tcase_add_test(tc, tests[i]);
	return run_case("descriptor", tc);
}
