/* SPDX-License-Identifier: MIT */
/*
 * close.c - thrum_close: nobody comes in any more, who is inside leaves with -EBADF, then close(2).
 *
 * It waits for those inside however long a job of theirs on the pool takes, and hears neither
 * cancel nor deadline.  Closing a file that was written may wait for its storage (over a network,
 * above all): that is done by the pool, if it takes the job.  A blocking socket with SO_LINGER
 * holds its worker, as asked for.
 *
 * What can fail: nothing but what close(2) says; the descriptor is closed whatever it says.
 */
#include "io/op.h"

#include "sched/blocking.h"
#include "sched/fork_check.h"
#include "sched/worker.h"

#include <fcntl.h>

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

int thrum_close(int fd)
{
	struct thrum__op op = {.fd = fd, .task = thrum__current_task()};
	bool may_wait;
	int err;

	if (!op.task) /* a forked child has nobody inside, and gives back what it got */
		return thrum__in_forked_child() ? thrum__os_close(fd) : thrum__no_task();
	err = thrum__descriptor_close_begin(&thrum__op_runtime(&op)->descriptors, fd, &op.d);
	if (err)
		return err;
	if (!op.d) /* no call was ever made on it, and there is no memory to remember this one */
		return thrum__os_close(fd);
	drain(op.d);
	may_wait = was_written(&op);
	thrum__descriptor_close_finish(op.d);
	err = close_now(fd, may_wait);
	thrum__descriptor_close_end(op.d);
	return err;
}
