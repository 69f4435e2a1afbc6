/* SPDX-License-Identifier: MIT */
/* blocking.h - jobs of the blocking pool as futures; blocking.c tells how. */
#ifndef THRUM_SCHED_BLOCKING_H
#define THRUM_SCHED_BLOCKING_H

#include "sched/blocking_pool.h"
#include "sched/task.h"

struct thrum_runtime;
struct thrum__spawn;
struct thrum__locals;
struct thrum__tether;

int thrum__blocking_start(struct thrum_runtime *rt);
/* Cancels what is queued and waits for what runs: 0, or -EBUSY past @deadline_ns, and each is
 * reported. */
int thrum__blocking_stop(struct thrum_runtime *rt, int64_t deadline_ns);
void thrum__blocking_fini(struct thrum_runtime *rt);

/*
 * thrum__blocking_call - the current task has fn(@arg) run on the pool's class @id and waits for
 * it.
 *
 * Returns: 0, and *@result is what fn returned; -ECANCELED, -ETIMEDOUT: it did not start and will
 * not; -EAGAIN, -ENOMEM, -ESHUTDOWN; -EPERM, -ENOTSUP outside tasks.
 */
int thrum__blocking_call(enum thrum__job_pool_class_id id, const char *place, thrum_fn fn,
			 void *arg, intptr_t *result);

/*
 * thrum__blocking_spawn - the same as a future that may be left behind: *@out has one reference.
 *
 * drop(@arg) is called once, before the future completes: when @fn has run, or was taken back.
 * Called from a task.  Returns 0; -EAGAIN, -ENOMEM, -ESHUTDOWN, -EPERM, -ENOTSUP: nothing was
 * started and @arg is the caller's.
 */
int thrum__blocking_spawn(enum thrum__job_pool_class_id id, const char *place, thrum_fn fn,
			  void *arg, void (*drop)(void *), struct thrum_future **out);
/* What a job has of who made it; NULL: none. */
struct thrum__job_has {
	struct thrum__locals *locals;
	struct thrum__tether *tether;
};
/* That of the job which this thread runs; NULL, NULL: it runs none. */
struct thrum__job_has thrum__job_here(void);
/* Cancels the job @f, once this thread may call what is not the library's; takes a reference over.
 * Once for each job. */
void thrum__job_cancel_soon(struct thrum_future *f);
/* A job whose function, argument and drop are its tether's; NULL: none was made. */
struct thrum_future *thrum__blocking_spawn_tethered(const char *place, thrum_fn fn,
						    struct thrum__tether *h);

/*
 * thrum__blocking_begin, thrum__blocking_end - a call in two halves, with the wait between them.
 *
 * begin: the task may wait (thrum__wait_entry) and the job is submitted; errors as of
 * thrum__blocking_call.  end, once the job has ended: its *@result; @f's reference is gone.  @err:
 * why the wait was cut short, 0 if what the job did counts.  Returns what the call returns.
 */
int thrum__blocking_begin(enum thrum__job_pool_class_id id, const struct thrum__spawn *how,
			  struct thrum_future **out);
int thrum__blocking_end(struct thrum_future *f, int err, intptr_t *result);

bool thrum__job_started(const struct thrum_future *f);
int thrum__job_cancel(struct thrum_future *f);

#endif
