/* SPDX-License-Identifier: MIT */
/*
 * children.h - for the tests of waiting for child processes: children that live until they are told
 * how to end, and tasks that wait for them in every way.
 *
 * Who includes it defines _GNU_SOURCE.
 */
#ifndef TESTS_UNIT_CHILDREN_H
#define TESTS_UNIT_CHILDREN_H

#include <signal.h>
#include <sys/wait.h>

#include "io_test.h"
#include "sched/worker.h"

/* ---- Children ---- */

struct child {
	pid_t pid;
	int control; /* a byte is its exit code; an end alone is one, too */
};

static inline struct child child_start(void)
{
	struct child c;
	unsigned char code = 99;
	int ends[2];

	must(pipe2(ends, O_CLOEXEC) == 0);
	c.pid = fork();
	must(c.pid >= 0);
	if (c.pid == 0) {
		/* Nobody else's end is held open here. */
		dup2(ends[0], 0);
		close_range(3, ~0u, 0);
		(void)!read(0, &code, 1);
		_exit(code);
	}
	close(ends[0]);
	c.control = ends[1];
	return c;
}

/* It may go on to its end meanwhile. */
static inline void child_tell(struct child *c, int code)
{
	unsigned char byte = (unsigned char)code;

	must(write(c->control, &byte, 1) == 1);
	close(c->control);
}

/* It has ended, and nobody has heard of it. */
static inline void child_end(struct child *c, int code)
{
	siginfo_t info;

	child_tell(c, code);
	must(waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOWAIT) == 0);
}

static inline void is_exit(int status, int code)
{
	must(WIFEXITED(status));
	is_int(WEXITSTATUS(status), code);
}

/* ---- Waiters ---- */

/* The ways to ask for one child: by its descriptor, then by a thread. */
enum how { PID, PID_STOPS, ANY, GROUP, HOWS };

struct wait {
	pid_t pid;
	int options;
	int status;
	int64_t timeout_ns; /* 0: none */
};

static inline struct wait wait_of(enum how how, pid_t child)
{
	const pid_t pids[HOWS] = {child, child, -1, 0};

	return (struct wait){
	    .pid = pids[how], .options = how == PID_STOPS ? WUNTRACED : 0, .status = 12345};
}

static inline intptr_t task_waits(void *wait)
{
	struct wait *w = wait;
	struct thrum_timeout t;
	pid_t r;

	thrum_timeout_begin(&t, w->timeout_ns ? w->timeout_ns : THRUM_FOREVER);
	r = thrum_waitpid(w->pid, &w->status, w->options);
	is_int(thrum_timeout_end(&t), r == -ETIMEDOUT);
	return r;
}

static inline unsigned in_flight(void)
{
	return thrum__job_pool_in_flight(&thrum__current_worker()->runtime->blocking);
}

/* Waits in its way, by a descriptor and nothing else, or by a thread; as @jobs others do. */
static inline struct thrum_future *spawn_beside(unsigned jobs, struct wait *w)
{
	bool by_descriptor = w->pid > 0 && !w->options;
	struct thrum_future *f;
	int fds;

	while (in_flight() != jobs) /* one that has ended may count for a moment */
		is_int(thrum_yield(), 0);
	fds = fds_open();
	must((f = thrum_spawn(task_waits, w)));
	while (by_descriptor ? fds_open() == fds : in_flight() == jobs)
		is_int(thrum_yield(), 0);
	yield_often();
	must(!thrum_done(f));
	is_int(in_flight(), jobs + !by_descriptor);
	is_int(fds_open(), fds + by_descriptor);
	return f;
}

static inline struct thrum_future *spawn_inside(struct wait *w)
{
	return spawn_beside(0, w);
}

static inline void no_child_is_left(void)
{
	is_int(waitpid(-1, NULL, WNOHANG), -1);
	is_int(errno, ECHILD);
}

#endif
