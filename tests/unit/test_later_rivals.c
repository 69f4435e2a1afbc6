/* SPDX-License-Identifier: MIT */
/*
 * test_later_rivals.c - tasks that wait for the same descriptor to become readable, and one of them
 * is faster: the other waits again, still without a stack, and data, a cancel, a close and the
 * runtime's end start or end it as before.
 */
#define _GNU_SOURCE /* pipe2 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <thrum/io.h>

#include "base/atomic.h"
#include "run.h"
#include "sched/task.h"

static struct atomic32 dropped;

static struct thrum_future *made(struct thrum_future *f)
{
	must(f);
	return f;
}

static void count_drop(void *unused)
{
	(void)unused;
	fetch_add_relaxed(&dropped, 1);
}

/* Never waits. */
static intptr_t task_takes(void *fd)
{
	char c;

	return read((int)(intptr_t)fd, &c, 1) == 1 ? 1 : -errno;
}

/* Two wait for one byte: who comes too late waits again, and is as if nothing had been. */
static struct thrum_future *late_one(int ends[2])
{
	struct thrum_future *fs[2];
	int late;

	for (int i = 0; i < 2; i++)
		fs[i] = made(thrum_spawn_when_readable_drop(ends[0], task_takes, as_arg(ends[0]),
							    count_drop));
	must(write(ends[1], "x", 1) == 1);
	while (!thrum_done(fs[0]) && !thrum_done(fs[1]))
		is_int(thrum_yield(), 0);
	late = thrum_done(fs[0]);
	is_int(thrum_join(fs[!late]), 1);
	yield_often();
	is_text(thrum_state_name(fs[late]), "waiting to start");
	must(!thrum__task_of(fs[late])->fiber);
	return fs[late];
}

static intptr_t task_late(void *unused)
{
	struct thrum_future *f;
	int ends[2];
	intptr_t r;

	(void)unused;
	must(pipe2(ends, O_NONBLOCK) == 0);
	for (int i = 0; i < 20; i++) {
		f = late_one(ends);
		must(write(ends[1], "y", 1) == 1);
		is_int(thrum_join(f), 1);
		f = late_one(ends);
		store_relaxed(&dropped, 0);
		is_int(thrum_cancel(f), 0);
		is_int(thrum_join(f), -ECANCELED);
		is_int(load_relaxed(&dropped), 1);
	}
	f = late_one(ends);
	is_int(thrum_close(ends[0]), 0);
	r = thrum_join(f);
	must(r == -EBADF || r == -EAGAIN);
	close(ends[1]);
	must(pipe2(ends, O_NONBLOCK) == 0);
	thrum_release(late_one(ends)); /* the runtime's end cancels it */
	store_relaxed(&dropped, 0);
	return ends[0] + ends[1] * 1000;
}

START_TEST(who_comes_too_late_waits_again)
{
	struct thrum_config c = config_of(1, THRUM_CLOCK_REAL);
	intptr_t ends;

	c.stall_ns = THRUM_FOREVER; /* no spare: the two are taken one after the other */
	ends = thrum_run_with(&c, task_late, NULL);
	must(ends > 0);
	is_int(load_relaxed(&dropped), 1);
	close((int)(ends % 1000));
	close((int)(ends / 1000));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    who_comes_too_late_waits_again,
	};

	return RUN_TESTS("later_rivals", tests);
}
