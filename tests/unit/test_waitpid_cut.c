/* SPDX-License-Identifier: MIT */
/*
 * test_waitpid_cut.c - waits for children that are cut short, that a tracer holds up, or that fail:
 * none is ever lost.
 */
#define _GNU_SOURCE /* close_range, pipe2 */
#include "children.h"

#include <sys/ptrace.h>

/* ---- Cut short ---- */

static void is_still_there(struct child *c)
{
	int status;

	child_tell(c, 44);
	is_int(thrum_waitpid(c->pid, &status, 0), c->pid);
	is_exit(status, 44);
	no_child_is_left();
}

IO_TEST(a_cancel)
{
	for (int how = 0; how < HOWS; how++) {
		struct child c = child_start();
		struct wait w = wait_of((enum how)how, c.pid);
		struct thrum_future *f = spawn_inside(&w);

		thrum_cancel(f);
		is_int(thrum_join(f), -ECANCELED);
		is_int(w.status, 12345);
		is_still_there(&c);
	}
}

static intptr_t task_cancelled_before(void *wait)
{
	thrum_cancel(thrum_self());
	is_int(task_waits(wait), -ECANCELED);
	((struct wait *)wait)->options |= WNOHANG;
	return task_waits(wait);
}

IO_TEST(cancelled_before)
{
	for (int how = 0; how < HOWS; how++) {
		struct child c = child_start();
		struct wait w = wait_of((enum how)how, c.pid);

		child_end(&c, 7);
		is_int(thrum_join(thrum_spawn(task_cancelled_before, &w)), -ECANCELED);
		is_int(waitpid(c.pid, NULL, WNOHANG), c.pid);
	}
}

/* What the wait reaped is its result; what it did not is the next one's. */
static void race(enum how how)
{
	struct child c = child_start();
	struct wait w = wait_of(how, c.pid);
	struct thrum_future *f = spawn_inside(&w);
	intptr_t r;

	child_tell(&c, 5);
	thrum_cancel(f);
	r = thrum_join(f);
	if (r == -ECANCELED)
		is_int(thrum_waitpid(c.pid, &w.status, 0), c.pid);
	else
		is_int(r, c.pid);
	is_exit(w.status, 5);
}

IO_TEST(a_cancel_as_it_ends)
{
	for (int i = 0; i < 100; i++)
		race((enum how)(i % HOWS));
	no_child_is_left();
}

IO_TEST(a_deadline)
{
	for (int how = 0; how < HOWS; how++) {
		struct child c = child_start();
		struct wait w = wait_of((enum how)how, c.pid);

		w.timeout_ns = THRUM_MS(2);
		is_int(task_waits(&w), -ETIMEDOUT);
		is_int(w.status, 12345);
		is_still_there(&c);
	}
}

/* A wait by descriptor does not hold the virtual clock. */
IO_TEST_AS(run_virtual(1, an_exact_deadline_task, NULL), an_exact_deadline)
{
	struct child c = child_start();
	struct wait w = wait_of(PID, c.pid);
	int64_t begin = thrum_now();

	w.timeout_ns = THRUM_SEC(3600);
	is_int(task_waits(&w), -ETIMEDOUT);
	is_int(thrum_now() - begin, THRUM_SEC(3600));
	is_still_there(&c);
}

static intptr_t task_leaves_waiters(void *waits)
{
	struct wait *ws = waits;

	for (int how = 0; how < HOWS; how++)
		thrum_release(spawn_beside(how ? (unsigned)how - 1 : 0, &ws[how]));
	return 5;
}

/* The end of a runtime is a cancel. */
START_TEST(a_run_ends_beside_it)
{
	for (unsigned workers = 1; workers < 3; workers++) {
		struct child c = child_start();
		struct wait ws[HOWS];

		for (int how = 0; how < HOWS; how++)
			ws[how] = wait_of((enum how)how, c.pid);
		is_int(run_real(workers, task_leaves_waiters, ws), 5);
		child_tell(&c, 0);
		is_int(waitpid(c.pid, NULL, 0), c.pid);
	}
}
END_TEST

/* ---- Held up ---- */

/* Attaches to @pid and says so; when told, lets go of it. */
static struct child tracer_start(pid_t pid, char *said)
{
	int ends[2], told[2];
	struct child c;

	must(pipe2(ends, O_CLOEXEC) == 0 && pipe2(told, O_CLOEXEC) == 0);
	c.pid = fork();
	if (c.pid == 0) {
		siginfo_t info;
		char ok = ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0;

		(void)!write(told[1], &ok, 1);
		if (ok) /* it sees the end, and keeps it */
			waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | __WALL);
		(void)!write(told[1], "e", 1);
		(void)!read(ends[0], &ok, 1);
		_exit(0);
	}
	close(ends[0]);
	close(told[1]);
	c.control = ends[1];
	must(read(told[0], said, 1) == 1);
	said[1] = (char)told[0];
	return c;
}

/* Its descriptor is ready and it cannot be reaped, until the tracer lets go. */
IO_TEST(a_child_that_a_tracer_keeps)
{
	struct child c = child_start(), tracer;
	struct wait w = wait_of(PID, c.pid);
	struct thrum_future *f;
	char said[2], e;

	tracer = tracer_start(c.pid, said);
	if (said[0]) { /* else it may not */
		f = spawn_inside(&w);
		child_tell(&c, 21);
		must(read(said[1], &e, 1) == 1);
		while (!in_flight())
			is_int(thrum_yield(), 0);
		yield_often();
		must(!thrum_done(f));
		thrum_cancel(f);
		is_int(thrum_join(f), -ECANCELED);
		f = thrum_spawn(task_waits, &w);
		while (!in_flight())
			is_int(thrum_yield(), 0);
		child_tell(&tracer, 0);
		is_int(thrum_join(f), c.pid);
		is_exit(w.status, 21);
	} else {
		child_tell(&tracer, 0);
		child_tell(&c, 0);
		is_int(waitpid(c.pid, NULL, 0), c.pid);
	}
	is_int(waitpid(tracer.pid, NULL, 0), tracer.pid);
	close(said[1]);
}

#ifdef THRUM_FAULTS
struct failing {
	struct wait w;
	uint64_t n;
	bool from_then_on;
};

static intptr_t task_fails(void *failing)
{
	struct failing *f = failing;

	thrum__fault_set(f->n, f->from_then_on);
	return task_waits(&f->w);
}

/* Whichever call fails: the child, or an error and the child is still there. */
static bool fail_nth(struct failing failing)
{
	struct child c = child_start();
	struct thrum_future *f;
	intptr_t r;

	failing.w.pid = failing.w.pid > 0 ? c.pid : failing.w.pid;
	must((f = thrum_spawn(task_fails, &failing)));
	yield_often();
	thrum__fault_set(0, false);
	child_tell(&c, 4);
	r = thrum_join(f);
	if (r < 0) {
		must(r == -ENOMEM || r == -EAGAIN);
		is_int(failing.w.status, 12345);
		is_int(thrum_waitpid(c.pid, &failing.w.status, 0), c.pid);
	} else {
		is_int(r, c.pid);
	}
	is_exit(failing.w.status, 4);
	return r < 0;
}

ALONE_TEST(every_call_fails)
{
	int failed = 0;

	for (int how = 0; how < HOWS; how++)
		for (uint64_t n = 2; n < 20; n++)
			failed += fail_nth((struct failing){
			    .w = wait_of((enum how)how, 1), .n = n / 2, .from_then_on = n % 2});
	must(failed > 0);
	no_child_is_left();
}

/* pidfd_open: ENOSYS. */
ALONE_TEST(without_process_descriptors)
{
	struct child c = child_start();
	struct failing failing = {.w = wait_of(PID, c.pid), .n = 1};
	struct thrum_future *f = thrum_spawn(task_fails, &failing);

	while (!in_flight())
		is_int(thrum_yield(), 0);
	must(thrum__fault_fired());
	thrum__fault_set(0, false);
	thrum_cancel(f);
	is_int(thrum_join(f), -ECANCELED);
	is_still_there(&c);
}
#endif

int main(void)
{
	const TTest *const tests[] = {
	    a_cancel,
	    cancelled_before,
	    a_cancel_as_it_ends,
	    a_deadline,
	    an_exact_deadline,
	    a_run_ends_beside_it,
	    a_child_that_a_tracer_keeps,
#ifdef THRUM_FAULTS
	    every_call_fails,
	    without_process_descriptors,
#endif
	};

	return RUN_TESTS("waitpid_cut", tests);
}
