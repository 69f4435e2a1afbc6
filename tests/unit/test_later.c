/* SPDX-License-Identifier: MIT */
/*
 * test_later.c - tasks that start at a time or when a descriptor is readable: when they start, what
 * a cancel, a close and a runtime's end do to them before, and what they cost until then.
 */
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thrum/io.h>

#include "base/assert.h"
#include "base/os.h"
#include "fiber/sanitize.h"
#include "run.h"
#include "sched/await.h"
#include "sched/spawn.h"
#include "sched/worker.h"

static struct thrum_future *made(struct thrum_future *f)
{
	must(f);
	return f;
}

/* At a time: */

static intptr_t task_now(void *unused)
{
	(void)unused;
	return (intptr_t)thrum_now();
}

TASK_TEST(it_starts_at_its_time, 1)
{
	struct thrum_future *f = made(thrum_spawn_after(50, task_now, NULL));

	is_text(thrum_state_name(f), "waiting to start");
	is_text(thrum_name(f), "task_now");
	must(!thrum__task_of(f)->fiber);
	is_int(thrum_sleep(49), 0);
	is_int(thrum_result(f), -EINPROGRESS);
	is_int(thrum_join(f), 50);
	is_int(thrum_now(), 50);
	is_int(thrum_join(made(thrum_spawn_after(0, task_now, NULL))), 50);
	is_int(thrum_join(made(thrum_spawn_after(-1, task_now, NULL))), 50);
	is_int(thrum_join(made(thrum_spawn_after(INT64_MIN, task_now, NULL))), 50);
	is_int(thrum_join(made(thrum_spawn_after_drop(7, task_now, NULL, free))), 57);
	is_int(thrum_join(made((thrum_spawn_after)(3, task_now, NULL))), 60);
	is_int(thrum_join(made((thrum_spawn_after_drop)(3, task_now, NULL, free))), 63);
}

#define SEVERAL 50

struct order {
	int next, seen[SEVERAL];
};

struct nth {
	struct order *order;
	int n;
};

static intptr_t task_nth(void *nth)
{
	struct nth *n = nth;

	n->order->seen[n->order->next++] = n->n;
	return n->n;
}

TASK_TEST(they_start_in_the_order_of_their_times, 1)
{
	struct order o = {0};
	struct nth ns[SEVERAL];
	struct thrum_future *fs[SEVERAL];

	for (int i = 0; i < SEVERAL; i++) {
		int at = i * 7 % SEVERAL; /* all of 0 to 49, mixed */

		ns[i] = (struct nth){&o, at};
		fs[i] = made(thrum_spawn_after(10 + at, task_nth, &ns[i]));
	}
	for (int i = 0; i < SEVERAL; i++)
		is_int(thrum_join(fs[i]), ns[i].n);
	for (int i = 0; i < SEVERAL; i++)
		is_int(o.seen[i], i);
}

static struct atomic32 dropped;

static void count_drop(void *arg)
{
	is_int((intptr_t)arg, 5);
	fetch_add_relaxed(&dropped, 1);
}

static intptr_t task_never_runs(void *unused)
{
	(void)unused;
	must(!"it runs");
	return 0;
}

static intptr_t task_cancelled_before(void *seen)
{
	*(int64_t *)seen = thrum_now();
	is_int(thrum_cancel_requested(), THRUM_HARD);
	is_int(thrum_sleep(1), -ECANCELED);
	return 9;
}

static void cancelled_before(struct thrum_future *plain, int64_t *seen, struct thrum_future *drop)
{
	*seen = -1;
	settle();
	is_int(*seen, -1);
	is_int(thrum_cancel(plain), 0);
	is_int(thrum_join(plain), 9);
	is_int(*seen, thrum_now());
	store_relaxed(&dropped, 0);
	is_int(thrum_cancel(drop), 0);
	is_int(thrum_join(drop), -ECANCELED);
	is_int(load_relaxed(&dropped), 1);
}

TASK_TEST(a_cancel_starts_it_early, 1)
{
	const int64_t ns[] = {1000, THRUM_FOREVER, THRUM_FOREVER - 1};
	int64_t seen;

	for (int i = 0; i < 3; i++)
		cancelled_before(
		    made(thrum_spawn_after(ns[i], task_cancelled_before, &seen)), &seen,
		    made(thrum_spawn_after_drop(ns[i], task_never_runs, as_arg(5), count_drop)));
	is_int(thrum_now(), 3);
	is_int(thrum_sleep(5000), 0); /* their timers fire nobody else's waits */
	is_int(thrum_now(), 5003);
}

TASK_TEST(a_soft_request_starts_nothing, 1)
{
	struct thrum_future *f = made(thrum_spawn_after(20, task_now, NULL));

	thrum__task_cancel(thrum__task_of(f), THRUM__PARKER_SOFT);
	is_int(thrum_join(f), 20);
}

TASK_TEST(a_join_waits_and_cancels, 1)
{
	struct thrum_timeout t;

	thrum_timeout_begin(&t, 10);
	is_int(thrum_join(made(thrum_spawn_after(5, task_now, NULL))), 5);
	store_relaxed(&dropped, 0);
	is_int(
	    thrum_join(made(thrum_spawn_after_drop(100, task_never_runs, as_arg(5), count_drop))),
	    -ECANCELED);
	must(thrum_timeout_end(&t));
	is_int(load_relaxed(&dropped), 1);
	is_int(thrum_now(), 10);
}

static intptr_t task_uses_all(void *unused)
{
	struct thrum_timeout t;

	(void)unused;
	is_int(thrum_set_name("later"), 0);
	thrum_timeout_begin(&t, 5);
	is_int(thrum_sleep(THRUM_FOREVER), -ETIMEDOUT);
	must(thrum_timeout_end(&t));
	is_int(thrum_join(thrum_spawn(task_sleep, as_arg(1))), 0);
	return (intptr_t)thrum_now();
}

/* What was the timer's before is the task's own now. */
TASK_TEST(started_it_is_a_task_like_any_other, 2)
{
	struct thrum_future *f = made(thrum_spawn_after(10, task_uses_all, NULL));

	is_int(thrum_await(f), 16);
	is_text(thrum_name(f), "later");
	thrum_release(f);
}

static intptr_t task_leaves_some(void *unused)
{
	(void)unused;
	for (int i = 0; i < SEVERAL; i++) {
		thrum_release(made(thrum_spawn_after(THRUM_SEC(3600), task_now, NULL)));
		thrum_release(made(
		    thrum_spawn_after_drop(THRUM_FOREVER, task_never_runs, as_arg(5), count_drop)));
	}
	return 1;
}

START_TEST(a_runtime_that_stops_cancels_them)
{
	store_relaxed(&dropped, 0);
	is_int(run_virtual(1, task_leaves_some, NULL), 1);
	is_int(load_relaxed(&dropped), SEVERAL);
	is_int(run_real(2, task_leaves_some, NULL), 1);
	is_int(load_relaxed(&dropped), 2 * SEVERAL);
}
END_TEST

static intptr_t task_counts_limit(void *unused)
{
	struct thrum_future *fs[4];

	(void)unused;
	for (int i = 0; i < 4; i++) /* the main task is one of five */
		fs[i] = made(thrum_spawn_after(100, task_return, as_arg(i)));
	must(!thrum_spawn_after(100, task_return, NULL));
	must(!thrum_spawn(task_return, NULL));
	for (int i = 0; i < 4; i++)
		is_int(thrum_join(fs[i]), i);
	is_int(thrum_join(made(thrum_spawn_after(100, task_return, as_arg(4)))), 4);
	return 1;
}

START_TEST(they_count_as_live_tasks)
{
	struct thrum_config c = config_of(1, THRUM_CLOCK_VIRTUAL);

	c.tasks_max = 5;
	is_int(thrum_run_with(&c, task_counts_limit, NULL), 1);
}
END_TEST

static intptr_t task_spawns_while_stopping(void *result)
{
	is_int(thrum_sleep(THRUM_FOREVER), -ECANCELED);
	*(struct thrum_future **)result = thrum_spawn_after(10, task_now, NULL);
	return 0;
}

static intptr_t task_starts_one(void *result)
{
	thrum_release(made(thrum_spawn(task_spawns_while_stopping, result)));
	settle();
	return 1;
}

START_TEST(none_is_made_while_stopping)
{
	struct thrum_future *f = (void *)8;

	is_int(run_virtual(1, task_starts_one, &f), 1);
	must(!f);
}
END_TEST

#ifdef THRUM_FAULTS
/* Each point where memory or a call may fail: nothing, or all of it. */
TASK_TEST(what_fails_leaves_nothing, 1)
{
	int ends[2], failed = 0;

	must(pipe(ends) == 0);
	for (uint64_t n = 1; n < 20; n++) {
		struct thrum_future *after, *readable;

		thrum__fault_set(n, false);
		after = thrum_spawn_after_drop(10, task_never_runs, as_arg(5), count_drop);
		readable =
		    thrum_spawn_when_readable_drop(ends[0], task_never_runs, as_arg(5), count_drop);
		thrum__fault_set(0, false);
		failed += !after + !readable;
		store_relaxed(&dropped, 0);
		for (int i = 0; i < 2; i++) {
			struct thrum_future *f = i ? readable : after;

			if (!f)
				continue;
			thrum_cancel(f);
			is_int(thrum_join(f), -ECANCELED);
		}
		is_int(load_relaxed(&dropped), !!after + !!readable);
	}
	must(failed > 0);
	is_int(thrum_close(ends[0]), 0); /* nobody is inside */
	close(ends[1]);
}
#endif

/* When a descriptor is readable: */

static intptr_t task_read(void *fd)
{
	char c[16];

	return thrum_read((int)(intptr_t)fd, c, sizeof(c));
}

static struct thrum_future *when_readable(int fd, thrum_fn fn)
{
	return made(thrum_spawn_when_readable(fd, fn, as_arg(fd)));
}

static void put(int fd, const char *text)
{
	is_int(write(fd, text, strlen(text)), strlen(text));
}

static void starts_with_data(int from, int to)
{
	struct thrum_future *f;

	put(to, "a"); /* is there already */
	is_int(thrum_join(when_readable(from, task_read)), 1);
	for (int i = 0; i < 50; i++) {
		f = when_readable(from, task_read);
		is_int(thrum_yield(), 0);
		is_text(thrum_state_name(f), "waiting to start");
		put(to, "b");
		is_int(thrum_join(f), 1);
	}
}

static intptr_t task_pipe_and_pair(void *unused)
{
	int ends[2];

	(void)unused;
	must(pipe(ends) == 0);
	starts_with_data(ends[0], ends[1]);
	is_int(thrum_close(ends[0]), 0);
	is_int(thrum_close(ends[1]), 0);
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	starts_with_data(ends[0], ends[1]);
	starts_with_data(ends[1], ends[0]);
	is_int(thrum_close(ends[0]), 0);
	is_int(thrum_close(ends[1]), 0);
	return 1;
}

START_TEST(it_starts_when_there_is_data)
{
	is_int(run_real(1, task_pipe_and_pair, NULL), 1);
	is_int(run_real(3, task_pipe_and_pair, NULL), 1);
	is_int(run_virtual(1, task_pipe_and_pair, NULL), 1);
}
END_TEST

static intptr_t task_ends(void *unused)
{
	struct thrum_future *f;
	int ends[2];

	(void)unused;
	must(pipe(ends) == 0);
	f = when_readable(ends[0], task_read);
	close(ends[1]);
	is_int(thrum_join(f), 0); /* the end */
	is_int(thrum_join(when_readable(ends[0], task_read)), 0);
	close(ends[0]);
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	f = when_readable(ends[0], task_read);
	must(shutdown(ends[1], SHUT_WR) == 0);
	is_int(thrum_join(f), 0);
	close(ends[0]);
	close(ends[1]);
	return 1;
}

START_TEST(it_starts_at_the_end_of_data)
{
	is_int(run_real(2, task_ends, NULL), 1);
}
END_TEST

static intptr_t task_file(void *unused)
{
	int fd;

	(void)unused;
	must((fd = open("/proc/self/exe", O_RDONLY)) >= 0);
	is_int(thrum_join(when_readable(fd, task_read)), 16);
	close(fd);
	must((fd = open("/dev/null", O_RDONLY)) >= 0);
	is_int(thrum_join(when_readable(fd, task_read)), 0);
	close(fd);
	must(!thrum_spawn_when_readable(fd, task_read, as_arg(fd)));
	must(!thrum_spawn_when_readable(-1, task_read, NULL));
	must(!thrum_spawn_when_readable(1 << 30, task_read, NULL));
	must(!thrum_spawn_when_readable_drop(fd, task_read, NULL, free));
	must(!(thrum_spawn_when_readable)(fd, task_read, NULL));
	must(!(thrum_spawn_when_readable_drop)(fd, task_read, NULL, free));
	return 1;
}

START_TEST(a_file_starts_it_at_once_and_nothing_never)
{
	is_int(run_real(1, task_file, NULL), 1);
}
END_TEST

static intptr_t task_close_early(void *unused)
{
	struct thrum_future *f;
	int ends[2];

	(void)unused;
	must(pipe(ends) == 0);
	f = when_readable(ends[0], task_read);
	is_int(thrum_yield(), 0);
	is_int(thrum_close(ends[0]), 0);
	is_int(thrum_join(f), -EBADF);
	close(ends[1]);
	return 1;
}

START_TEST(a_close_starts_it)
{
	is_int(run_real(1, task_close_early, NULL), 1);
	is_int(run_real(2, task_close_early, NULL), 1);
}
END_TEST

TASK_TEST(a_cancel_starts_it_unread, 2)
{
	int64_t seen;
	int ends[2];

	must(pipe(ends) == 0);
	for (int i = 0; i < 20; i++)
		cancelled_before(
		    made(thrum_spawn_when_readable(ends[0], task_cancelled_before, &seen)), &seen,
		    made(thrum_spawn_when_readable_drop(ends[0], task_never_runs, as_arg(5),
							count_drop)));
	put(ends[1], "x"); /* fires nobody */
	is_int(thrum_join(when_readable(ends[0], task_read)), 1);
	is_int(thrum_close(ends[0]), 0);
	close(ends[1]);
}

static int pipe_for_stop[2];

static intptr_t task_leaves_reader(void *unused)
{
	(void)unused;
	thrum_release(made(thrum_spawn_when_readable_drop(pipe_for_stop[0], task_never_runs,
							  as_arg(5), count_drop)));
	return 1;
}

START_TEST(a_runtime_that_stops_cancels_those_that_wait_to_read)
{
	must(pipe(pipe_for_stop) == 0);
	store_relaxed(&dropped, 0);
	is_int(run_real(2, task_leaves_reader, NULL), 1);
	is_int(load_relaxed(&dropped), 1);
	is_int(run_virtual(2, task_leaves_reader, NULL), 1);
	is_int(load_relaxed(&dropped), 2);
	close(pipe_for_stop[0]);
	close(pipe_for_stop[1]);
}
END_TEST

/* A writer on a plain thread, a close and a cancel, all at once: it starts once. */
#define RACES 300

static void *thread_write(void *fd)
{
	must(write((int)(intptr_t)fd, "x", 1) == 1 || errno == EPIPE);
	return NULL;
}

static intptr_t task_count_start(void *starts)
{
	fetch_add_relaxed((struct atomic32 *)starts, 1);
	return 3;
}

static intptr_t task_races(void *unused)
{
	(void)unused;
	for (int i = 0; i < RACES; i++) {
		struct atomic32 starts = {0};
		struct thrum_future *f;
		pthread_t t;
		int ends[2];

		must(pipe(ends) == 0);
		t = thread_of(thread_write, as_arg(ends[1]));
		f = made(thrum_spawn_when_readable(ends[0], task_count_start, &starts));
		if (i % 3 == 1)
			thrum_cancel(f);
		if (i % 3 == 2)
			is_int(thrum_close(ends[0]), 0);
		is_int(thrum_join(f), 3);
		is_int(load_relaxed(&starts), 1);
		thread_end(t);
		if (i % 3 != 2)
			is_int(thrum_close(ends[0]), 0);
		close(ends[1]);
	}
	return 1;
}

START_TEST(data_close_and_cancel_start_it_once)
{
	signal(SIGPIPE, SIG_IGN);
	is_int(run_real(2, task_races, NULL), 1);
}
END_TEST

/* What they cost: */

#define MANY 100000

static long resident_bytes(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	must(f && fscanf(f, "%*s %ld", &pages) == 1);
	fclose(f);
	return pages * sysconf(_SC_PAGESIZE);
}

static intptr_t task_many(void *each)
{
	static struct thrum_future *fs[MANY];
	long before;

	memset(fs, 1, sizeof(fs));
	before = resident_bytes();
	for (int i = 0; i < MANY; i++)
		fs[i] = made(thrum_spawn_after(THRUM_SEC(1) + i, task_return, as_arg(i)));
	*(long *)each = (resident_bytes() - before) / MANY;
	for (int i = 0; i < MANY; i++)
		is_int(thrum_join(fs[i]), i);
	is_int(thrum_now(), THRUM_SEC(1) + MANY - 1);
	return 1;
}

START_TEST(many_are_cheap)
{
	long each = 0;

	is_int(run_virtual(1, task_many, &each), 1);
	must(each > 0);
#if !defined(THRUM_ASAN) && !defined(THRUM_TSAN) && !defined(THRUM_DEBUG)
	must(each <= 256);
#endif
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    it_starts_at_its_time,
	    they_start_in_the_order_of_their_times,
	    a_cancel_starts_it_early,
	    a_soft_request_starts_nothing,
	    a_join_waits_and_cancels,
	    started_it_is_a_task_like_any_other,
	    a_runtime_that_stops_cancels_them,
	    they_count_as_live_tasks,
	    none_is_made_while_stopping,
#ifdef THRUM_FAULTS
	    what_fails_leaves_nothing,
#endif
	    it_starts_when_there_is_data,
	    it_starts_at_the_end_of_data,
	    a_file_starts_it_at_once_and_nothing_never,
	    a_close_starts_it,
	    a_cancel_starts_it_unread,
	    a_runtime_that_stops_cancels_those_that_wait_to_read,
	    data_close_and_cancel_start_it_once,
	    many_are_cheap,
	};

	return RUN_TESTS("later", tests);
}
