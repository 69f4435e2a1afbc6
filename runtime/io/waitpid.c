/* SPDX-License-Identifier: MIT */
/*
 * waitpid.c - thrum_waitpid: waitpid(2) with WNOHANG says how things are; until it has something to
 * say the call waits for the process's descriptor, or a thread of the pool waits in its place.
 *
 * DESCRIPTOR  A pidfd tells that one process has ended, no more.  It is made before the attempt
 *         that it is waited after, so an end between the two is seen; and as an attempt that finds
 *         the child there has it still unreaped, the descriptor is that child's.  Unless somebody
 *         reaped it in between and a new one has the number: then, and while a tracer keeps an
 *         ended child for itself, the descriptor is ready and the attempt finds nothing: a thread
 *         waits (THRUM__OP_LOOK).
 * THREAD  It makes the very call that was asked for, and whoever ends the wait brings it out by a
 *         signal (sched/blocking_wait.c).  The kernel reaps or is interrupted, not both: a child
 *         that was reaped is the call's result, though the caller was cancelled.
 *
 * Rejected: SIGCHLD as a future (signal.c), whose handler would be put in the place of the
 * program's own; and looking without reaping (WNOWAIT) on the thread, which needs to be brought out
 * just as well, and may find that another was faster.
 *
 * What can fail: the descriptor, and then a thread waits; memory and what epoll may watch (-ENOMEM,
 * -ENOSPC); the pool (-EAGAIN).  No child is reaped then.
 */
#include <thrum/process.h>

#include <sys/wait.h>

#include "io/op.h"
#include "sched/worker.h"

struct waiting {
	struct thrum__op op; /* its fd: the process's descriptor; -1: none */
	pid_t pid;
	int *status;
	int options;
	bool waited; /* the descriptor was waited for, and should be ready */
};

/* On a thread of the pool. */
static ssize_t perform(struct thrum__op *op)
{
	struct waiting *w = container_of(op, struct waiting, op);

	return thrum__os_waitpid(w->pid, w->status, w->options);
}

/* 0: nothing has happened. */
static pid_t look(const struct waiting *w)
{
	return thrum__os_waitpid(w->pid, w->status, w->options | WNOHANG);
}

static ssize_t attempt(struct thrum__op *op)
{
	struct waiting *w = container_of(op, struct waiting, op);
	pid_t r = look(w);

	if (r)
		return r;
	if (w->waited)
		return THRUM__OP_LOOK;
	w->waited = true;
	return -EAGAIN;
}

static bool descriptor_tells(const struct waiting *w)
{
	return w->pid > 0 && !(w->options & (WUNTRACED | WCONTINUED));
}

static pid_t wait_by_descriptor(struct waiting *w, int fd)
{
	pid_t r;

	thrum__descriptor_opened(&thrum__op_runtime(&w->op)->descriptors, fd);
	w->op.fd = fd;
	r = (pid_t)thrum__op_start(&w->op);
	thrum__os_close(fd);
	return r;
}

static pid_t wait_for_it(struct waiting *w)
{
	int fd;

	if (descriptor_tells(w)) {
		fd = thrum__os_pidfd_open(w->pid);
		if (fd >= 0)
			return wait_by_descriptor(w, fd);
	}
	return (pid_t)thrum__op_on_pool(&w->op, thrum__op_block_waiting);
}

pid_t thrum_waitpid(pid_t pid, int *status, int options)
{
	struct waiting w = {
	    .op = {.place = "? thrum_waitpid", .fd = -1, .attempt = attempt, .block = perform},
	    .pid = pid,
	    .status = status,
	    .options = options};
	pid_t r = thrum__op_entry(&w.op);

	if (r)
		return r;
	if (options & __WNOTHREAD)
		return -EINVAL;
	r = look(&w);
	return r || options & WNOHANG ? r : wait_for_it(&w);
}
