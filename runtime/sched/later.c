/* SPDX-License-Identifier: MIT */
/*
 * later.c - tasks that start at a time or when a descriptor is readable, and have no stack until
 * then.
 *
 * Such a task is made like any other, but is parked by its parker instead of queued: its first wait
 * is for its start, and hears a cancel, which starts it early.  What would start it, a timer or a
 * node on the descriptor's edge, lies in the descriptor of the task itself, in fields that a task
 * needs only when it runs; whatever fires first, unpark queues the task, and a worker that takes it
 * and finds no stack gives it one.  Before its function is called, disarm takes the other things
 * back.
 *
 * READABLE  The edge's tick is read, then the descriptor is looked at, then the node is hung: what
 * comes after the look raises the edge.  The task is inside a call on the descriptor as long as it
 * waits, so closing it (which raises the edge) waits until the task has started.
 *
 * FALSE   An edge is raised for nothing too: another reader was faster, a watch failed, the poller
 * reports late.  So a worker that takes the task looks again, and if a read would block it hangs it
 * on the edge once more, as a new wait, and goes on without it.  But a look is a system call, 0.3
 * us of the 6 from an event to what is read, and a server would pay it for each request.  It is
 * left out where the poller reports truly and nobody else was inside a call on the descriptor, at
 * the event or now.  There a start for nothing is left, if rare: a reader that came and went
 * meanwhile.
 *
 * OWNERS  armed, timer, ready, ready_fd, wait_seq: the spawner until it parks the task, then the
 * worker that starts it, or parks it again.  Whoever raises the edge reads wait_seq and writes
 * rivalled before gone.
 *
 * What can fail: what spawn.c names; the timer (-ENOMEM); the descriptor: -EBADF, -ENOMEM, -ENOSPC.
 *
 * ORDER   thrum__waiter_let_go pairs with the acquire of thrum__edge_withdraw.
 */
#include "sched/spawn.h"

#include "sched/await.h"
#include "sched/worker.h"

/* The fields that an armed task used otherwise, as task.c makes them. */
static void reset(struct thrum__task *t)
{
	thrum__task_rest(t);
	t->future.result = 0;
	t->armed = THRUM__UNARMED;
}

static struct thrum__descriptor *descriptor_of(struct thrum__task *t)
{
	return (struct thrum__descriptor *)t->future.result;
}

void thrum__spawn_disarm(struct thrum__task *t)
{
	if (t->armed == THRUM__UNTIL_READABLE) {
		struct thrum__descriptor *d = descriptor_of(t);

		thrum__edge_withdraw(&d->in, &t->ready);
		thrum__descriptor_leave(d);
	} else if (thrum__parker_why(&t->parker) != THRUM__BY_TIMER) {
		thrum__timer_forget(&t->timer);
	}
	reset(t);
}

/* Is anybody inside beside a task that waits to start? */
static bool has_rivals(const struct thrum__descriptor *d)
{
	return (load_relaxed(&d->users) & ~THRUM__FD_CLOSING) > 1;
}

static void ready_fire(struct thrum__waiter *n)
{
	struct thrum__task *t = container_of(n, struct thrum__task, ready);
	uint64_t seq = t->wait_seq;

	t->rivalled = has_rivals(descriptor_of(t));
	/* The task may start, and end, as soon as gone is seen; its parker's memory stays. */
	thrum__waiter_let_go(n);
	thrum__parker_fire(&t->parker, seq, THRUM__BY_NODE);
}

static void arm(struct thrum__task *t, enum thrum__armed armed)
{
	t->armed = (uint8_t)armed;
	t->wait_seq = thrum__parker_seq(&t->parker);
}

/* What starts @t can fire now.  From here on it may run, but not end: the caller's reference. */
static struct thrum_future *park(struct thrum__worker *w, struct thrum__task *t)
{
	if (!thrum__parker_park(&t->parker, t->wait_seq, false))
		thrum__worker_ready(w, t);
	return &t->future;
}

static struct thrum_future *spawn_now(const struct thrum__spawn *how)
{
	struct thrum_future *f = NULL;

	return thrum__spawn(how, &f) ? NULL : f;
}

struct thrum_future *thrum_spawn_after_at(const char *place, int64_t ns, thrum_fn fn, void *arg,
					  void (*drop)(void *))
{
	struct thrum__spawn how = {.place = place, .fn = fn, .arg = arg, .drop = drop};
	struct thrum__worker *w = thrum__current_worker();
	struct thrum__task *t;
	int64_t deadline;

	if (!w || ns <= 0)
		return spawn_now(&how);
	if (thrum__spawn_make(w, &how, &t))
		return NULL;
	arm(t, THRUM__UNTIL_TIME);
	deadline = thrum__deadline_after(thrum__runtime_now_ns(w->runtime), ns);
	if (thrum__spawn_publish(w, &how, t) ||
	    thrum__timer_start(&t->timer, w, &t->parker, t->wait_seq, deadline)) {
		reset(t);
		thrum__spawn_undo(w, &how, t);
		return NULL;
	}
	return park(w, t);
}

/* After the edge's tick was read.  1: a read would not block, or @d closes; 0: it would; -EBADF. */
static int look(const struct thrum__descriptor *d, int fd, uint64_t tick)
{
	int events;

	if (thrum__descriptor_is_closing(d))
		return 1;
	if (thrum__descriptor_is_empty(d, tick))
		return 0;
	do
		events = thrum__os_ready(fd, POLLIN);
	while (events == -EINTR);
	if (events > 0)
		return events & POLLNVAL ? -EBADF : 1;
	return events;
}

/* @t is made for @d, which the caller has entered and seen unreadable since @tick. */
static struct thrum_future *spawn_inside(struct thrum__worker *w, const struct thrum__spawn *how,
					 struct thrum__task *t, struct thrum__descriptor *d, int fd,
					 uint64_t tick)
{
	arm(t, THRUM__UNTIL_READABLE);
	t->future.result = (intptr_t)d;
	t->ready_fd = fd;
	t->ready.fire = ready_fire;
	store_relaxed(&t->ready.gone, 0);
	if (thrum__spawn_publish(w, how, t)) {
		reset(t);
		thrum__spawn_undo(w, how, t);
		return NULL;
	}
	while (!thrum__edge_register(&d->in, &t->ready, tick)) {
		tick = thrum__edge_tick(&d->in);
		if (look(d, fd, tick) == 0)
			continue;
		reset(t);
		thrum__descriptor_leave(d);
		thrum__worker_ready(w, t);
		return &t->future;
	}
	return park(w, t);
}

/* May what fired @t's node, which is off, have been nothing? */
static bool is_doubtful(struct thrum__worker *w, const struct thrum__task *t,
			const struct thrum__descriptor *d)
{
	return t->rivalled || has_rivals(d) || !w->runtime->poller->ops->reports_truly ||
	       thrum__descriptor_is_empty(d, thrum__edge_tick(&d->in));
}

/* The node is off.  True: a read would block, and the node is on the edge again. */
static bool hang_again(struct thrum__worker *w, struct thrum__task *t, struct thrum__descriptor *d)
{
	struct thrum__descriptors *ds = &w->runtime->descriptors;

	store_relaxed(&t->ready.gone, 0);
	for (;;) {
		uint64_t tick = thrum__edge_tick(&d->in);

		if (look(d, t->ready_fd, tick) || thrum__descriptor_watch(ds, d, t->ready_fd))
			return false;
		if (thrum__edge_register(&d->in, &t->ready, tick))
			return true;
	}
}

/* The task has no stack still: what it runs on is the worker's, which goes on with something
 * else. */
bool thrum__spawn_put_off(struct thrum__worker *w, struct thrum__task *t)
{
	struct thrum__descriptor *d;

	if (t->armed != THRUM__UNTIL_READABLE || thrum__parker_why(&t->parker) != THRUM__BY_NODE)
		return false;
	d = descriptor_of(t);
	if (LIKELY(!is_doubtful(w, t, d)))
		return false;
	thrum__edge_withdraw(&d->in, &t->ready);
	arm(t, THRUM__UNTIL_READABLE);
	if (!hang_again(w, t, d)) {
		thrum__descriptor_leave(d);
		reset(t);
		return false;
	}
	thrum__task_set_fiber(t, NULL); /* before it parks: who starts it gives it another */
	park(w, t);
	return true;
}

struct thrum_future *thrum_spawn_when_readable_at(const char *place, int fd, thrum_fn fn, void *arg,
						  void (*drop)(void *))
{
	struct thrum__spawn how = {.place = place, .fn = fn, .arg = arg, .drop = drop};
	struct thrum__worker *w = thrum__current_worker();
	struct thrum_future *f = NULL;
	struct thrum__descriptor *d;
	struct thrum__task *t;
	uint64_t tick;
	int err;

	if (!w || thrum__descriptor_enter(&w->runtime->descriptors, fd, &d))
		return NULL;
	tick = thrum__edge_tick(&d->in);
	err = look(d, fd, tick);
	if (!err)
		err = thrum__descriptor_watch(&w->runtime->descriptors, d, fd);
	if (!err) {
		err = thrum__spawn_make(w, &how, &t);
		f = err ? NULL : spawn_inside(w, &how, t, d, fd, tick);
		if (f)
			return f;
	} else if (err == 1 || err == -EPERM) {
		f = spawn_now(&how);
	}
	thrum__descriptor_leave(d);
	return f;
}

struct thrum_future *(thrum_spawn_after)(int64_t ns, thrum_fn fn, void *arg)
{
	return thrum_spawn_after_at("? task", ns, fn, arg, NULL);
}

struct thrum_future *(thrum_spawn_when_readable)(int fd, thrum_fn fn, void *arg)
{
	return thrum_spawn_when_readable_at("? task", fd, fn, arg, NULL);
}

struct thrum_future *(thrum_spawn_after_drop)(int64_t ns, thrum_fn fn, void *arg,
					      void (*drop)(void *))
{
	return thrum_spawn_after_at("? task", ns, fn, arg, drop);
}

struct thrum_future *(thrum_spawn_when_readable_drop)(int fd, thrum_fn fn, void *arg,
						      void (*drop)(void *))
{
	return thrum_spawn_when_readable_at("? task", fd, fn, arg, drop);
}
