/* SPDX-License-Identifier: MIT */
/*
 * close.c - thrum_close: nobody comes in any more, who is inside leaves with -EBADF, then close(2).
 *
 * The number is the process's, so the calls of all runtimes are meant: each of their tables begins
 * and finishes with it, under one lock, so that of two who close one number one finds that it
 * closes.  A table that knew nothing of the number, and a runtime that came later, may get a call
 * inside that finds the file still there; it is raised when that has been closed.
 *
 * OWNERS  what CLOSING holds off, in all tables: who began.  A runtime whose call is waited for is
 *         visited (sched/registry.c), so that it stays.
 *
 * It waits for those inside however long a job of theirs on the pool takes (one that waits for
 * others is brought out: sched/blocking_wait.c), and hears neither cancel nor deadline.  Closing a
 * file that was written may wait for its storage (over a network, above all): that is done by the
 * pool, if it takes the job.  A blocking socket with SO_LINGER holds its worker, as asked for.
 *
 * What can fail: nothing but what close(2) says; the descriptor is closed whatever it says.
 */
#include "io/op.h"

#include "sched/blocking.h"
#include "sched/fork_check.h"
#include "sched/registry.h"
#include "sched/worker.h"

#include <fcntl.h>
#include <pthread.h>

struct closing {
	int fd;
	bool begun_already;
	struct thrum_runtime *busy; /* visited: somebody is inside there */
};

/* Held while all tables are asked and begin. */
static pthread_mutex_t begin_lock = PTHREAD_MUTEX_INITIALIZER;

static intptr_t close_job(void *fd)
{
	return thrum__os_close((int)(intptr_t)fd);
}

static int close_now(int fd, bool may_wait)
{
	intptr_t result;

	/* An error means that the job did not start. */
	if (may_wait && !thrum__blocking_call(THRUM__JOBS_FILE, "? thrum_close", close_job,
					      (void *)(intptr_t)fd, &result))
		return (int)result;
	return thrum__os_close(fd);
}

static bool was_written(const struct thrum__op *op)
{
	return thrum__op_kind(op) == THRUM__FD_FILE &&
	       (thrum__os_get_flags(op->fd) & O_ACCMODE) != O_RDONLY;
}

/* Returns when nobody is inside any more. */
static void drain(struct thrum__descriptor *d)
{
	for (;;) {
		uint64_t tick = thrum__edge_tick(&d->drained);

		if (thrum__descriptor_is_drained(d))
			return;
		(void)thrum__wait_edge(&d->drained, tick, THRUM_FOREVER, true);
	}
}

/* ---- Of all runtimes, with thrum__registry_each ---- */

static struct thrum__descriptor *known(struct thrum_runtime *rt, const struct closing *c)
{
	return thrum__descriptor_known(&rt->descriptors, c->fd);
}

static void ask(struct thrum_runtime *rt, void *closing)
{
	struct closing *c = closing;
	struct thrum__descriptor *d = known(rt, c);

	c->begun_already |= d && thrum__descriptor_is_closing(d);
}

static void begin(struct thrum_runtime *rt, void *closing)
{
	struct closing *c = closing;
	struct thrum__descriptor *d = known(rt, c);

	if (d)
		(void)thrum__descriptor_close_begin(&rt->descriptors, c->fd, &d);
}

static void find_busy(struct thrum_runtime *rt, void *closing)
{
	struct closing *c = closing;
	struct thrum__descriptor *d = known(rt, c);

	if (c->busy || !d || !thrum__descriptor_is_closing(d) || thrum__descriptor_is_drained(d))
		return;
	thrum__registry_enter_live(rt);
	c->busy = rt;
}

static void finish(struct thrum_runtime *rt, void *closing)
{
	struct thrum__descriptor *d = known(rt, closing);

	if (d && thrum__descriptor_is_closing(d))
		thrum__descriptor_close_finish(d);
}

static void end(struct thrum_runtime *rt, void *closing)
{
	struct thrum__descriptor *d = known(rt, closing);

	if (d)
		thrum__descriptor_close_end(d);
}

/* In the other runtimes; and in this one, @own, where nothing has begun. */
static int begin_all(struct closing *c, struct thrum__descriptors *own,
		     struct thrum__descriptor **d)
{
	int err = 0;

	pthread_mutex_lock(&begin_lock);
	thrum__registry_each(ask, c);
	if (c->begun_already)
		err = -EBADF;
	else
		err = thrum__descriptor_close_begin(own, c->fd, d);
	if (!err)
		thrum__registry_each(begin, c);
	pthread_mutex_unlock(&begin_lock);
	return err;
}

static void drain_all(struct closing *c)
{
	for (;;) {
		c->busy = NULL;
		thrum__registry_each(find_busy, c);
		if (!c->busy)
			return;
		drain(known(c->busy, c));
		thrum__registry_leave(c->busy);
	}
}

/* ---- The call ---- */

int thrum_close(int fd)
{
	struct thrum__op op = {.fd = fd, .task = thrum__current_task()};
	struct closing c = {.fd = fd};
	struct thrum__descriptors *own;
	bool may_wait, all;
	int err;

	if (!op.task) /* a forked child has nobody inside, and gives back what it got */
		return thrum__in_forked_child() ? thrum__os_close(fd) : thrum__no_task();
	own = &thrum__op_runtime(&op)->descriptors;
	all = thrum__registry_has_several();
	err = all ? begin_all(&c, own, &op.d) : thrum__descriptor_close_begin(own, fd, &op.d);
	if (err)
		return err;
	/* Without it no call was ever made on it here, and there is no memory to note this one. */
	if (op.d)
		drain(op.d);
	if (all)
		drain_all(&c);
	may_wait = op.d && was_written(&op);
	if (all)
		thrum__registry_each(finish, &c);
	else if (op.d)
		thrum__descriptor_close_finish(op.d);
	err = close_now(fd, may_wait);
	if (op.d)
		thrum__descriptor_close_end(op.d);
	if (thrum__registry_has_several())
		thrum__registry_each(end, &c);
	return err;
}
