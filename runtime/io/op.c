/* SPDX-License-Identifier: MIT */
/*
 * op.c - the one loop of every I/O call.
 *
 * A call enters its descriptor and tries.  What would block is watched and waited for by the edge's
 * tick, read before the attempt, so that nothing that happens between the two is missed; then it
 * tries again.  thrum_close and an event raise the same edge; a call that finds its descriptor
 * closing leaves with -EBADF.  A worker is never blocked:
 *   - sockets have MSG_DONTWAIT, most other things RWF_NOWAIT, whatever mode they are in;
 *   - what can only be asked to block (THRUM__OP_LOOK) is looked at by poll(2), and when ready the
 *     call is made by a thread of the pool.  Of one runtime's calls on a descriptor one at a time
 *     may be in there for each direction, as two would both find it ready and one would stay.
 *     Should another process be faster, the thread waits for what comes next, until a cancel,
 *     a deadline or a close brings it out (sched/blocking_wait.c);
 *   - files, and whatever else cannot be watched, go to the pool.
 *
 * KIND    d->kind holds the kind, what kind of socket, and two bits for each direction, HELD and
 *         WANTED.
 *         free -> HELD by who goes in; HELD -> HELD|WANTED by who finds it held and waits for the
 *         edge; -> free by who comes out, who raises the edge if it was WANTED.  The one raise is
 *         its own: it moves its tick on with it, or two would wake each other for ever.
 *
 * OWNERS  struct thrum__op: the caller's frame; on the pool, the job's thread, while the caller
 *         waits for it.
 *
 * What can fail: memory and what epoll may watch (-ENOMEM, -ENOSPC), the pool (-EAGAIN, its queue
 * is full): what was done before is returned first.
 *
 * Next on a call's way: poll/descriptor.c (enter, watch), then sched/await.c (the wait).
 */
#define _GNU_SOURCE /* RWF_NOWAIT */
#include "io/op.h"

#include "base/os_fault.h"
#include "core/bitlock.h"
#include "sched/blocking.h"
#include "sched/blocking_wait.h"
#include "sched/worker.h"

#include <fcntl.h>
#include <netinet/in.h>

#define PAUSE_MIN_NS THRUM_MS(1)
#define PAUSE_MAX_NS THRUM_MS(100)

#define KIND_MASK 0xffu
#define HELD(out) (0x100u << ((out) ? 2 : 0))
#define WANTED(out) (0x200u << ((out) ? 2 : 0))
/* What kind of socket: TCP, or another; neither: was not asked. */
#define TCP 0x1000u
#define NOT_TCP 0x2000u

enum mode { MODE_UNKNOWN, MODE_BLOCKING, MODE_NONBLOCKING };

static struct thrum__edge *edge_of(const struct thrum__op *op)
{
	return op->out ? &op->d->out : &op->d->in;
}

/* What is used beside it goes the other way. */
static struct thrum__edge *edge_also(const struct thrum__op *op)
{
	return op->out ? &op->also->in : &op->also->out;
}

int thrum__op_kind(const struct thrum__op *op)
{
	return (int)(load_relaxed(&op->d->kind) & KIND_MASK);
}

void thrum__op_kind_seen(struct thrum__op *op, enum thrum__descriptor_kind kind)
{
	uint32_t old = load_relaxed(&op->d->kind);

	while ((old & KIND_MASK) != kind &&
	       !cas_relaxed(&op->d->kind, &old, (old & ~KIND_MASK) | kind))
		;
}

int thrum__op_kind_now(struct thrum__op *op)
{
	enum thrum__descriptor_kind kind = THRUM__FD_STREAM;
	struct stat st;
	int err = thrum__os_fstat(op->fd, &st);

	if (err)
		return err;
	if (S_ISSOCK(st.st_mode))
		kind = THRUM__FD_SOCKET;
	else if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) || S_ISBLK(st.st_mode))
		kind = THRUM__FD_FILE;
	thrum__op_kind_seen(op, kind);
	return (int)kind;
}

bool thrum__op_is_nonblocking(struct thrum__op *op)
{
	if (op->mode == MODE_UNKNOWN) {
		int flags = thrum__os_get_flags(op->fd);

		op->mode = flags < 0 || flags & O_NONBLOCK ? MODE_NONBLOCKING : MODE_BLOCKING;
	}
	return op->mode == MODE_NONBLOCKING;
}

static bool is_cached_at(int fd, off_t at)
{
	char byte;
	struct iovec v = {&byte, 1};
	ssize_t r = thrum__os_preadv2(fd, &v, 1, at, RWF_NOWAIT);

	/* Other errors are for the call itself to tell. */
	return r != -EAGAIN && r != -EOPNOTSUPP && r != -ENOSYS && r != -EINTR;
}

bool thrum__op_is_cached(int fd, off_t at, size_t n)
{
	return is_cached_at(fd, at) && is_cached_at(fd, (off_t)((size_t)at + n - 1));
}

static bool is_tcp(struct thrum__op *op)
{
	uint32_t kind = load_relaxed(&op->d->kind);
	socklen_t n = sizeof(int);
	int protocol;

	if (!(kind & (TCP | NOT_TCP))) {
		if (thrum__os_getsockopt(op->fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &n))
			return false;
		kind = protocol == IPPROTO_TCP ? TCP : NOT_TCP;
		fetch_or_relaxed(&op->d->kind, kind);
	}
	return kind & TCP;
}

void thrum__op_got_less(struct thrum__op *op)
{
	if (thrum__descriptor_is_trusted(op->d) &&
	    thrum__op_runtime(op)->poller->ops->reports_after_short_read && is_tcp(op))
		thrum__descriptor_emptied(op->d, op->tick);
}

void thrum__op_take_turn(void)
{
	struct thrum__worker *w = thrum__tls_worker();

	if (UNLIKELY(!thrum__worker_may_stay(w)))
		thrum__worker_give_way(w);
}

static intptr_t block_job(void *op)
{
	struct thrum__op *o = op;

	return o->block(o);
}

ssize_t thrum__op_block(struct thrum__op *op)
{
	intptr_t result;
	int err = thrum__blocking_call(THRUM__JOBS_FILE, op->place, block_job, op, &result);

	if (err)
		return err == -EAGAIN ? THRUM__OP_FULL : err;
	return result;
}

static bool is_closing(const struct thrum__op *op)
{
	return thrum__descriptor_is_closing(op->d) ||
	       (op->also && thrum__descriptor_is_closing(op->also));
}

static bool job_is_over(void *op)
{
	return is_closing(op);
}

ssize_t thrum__op_block_waiting(struct thrum__op *op)
{
	struct thrum__blocking_wait how = {
	    .place = op->place, .fn = block_job, .arg = op, .is_over = job_is_over};
	intptr_t result;
	int err;

	if (op->d)
		how.hears[how.hears_count++] = edge_of(op);
	if (op->also)
		how.hears[how.hears_count++] = edge_also(op);
	err = thrum__blocking_wait(&how, &result);
	if (err)
		return err == -EAGAIN ? THRUM__OP_FULL : err;
	return result;
}

ssize_t thrum__op_on_pool(struct thrum__op *op, ssize_t (*how)(struct thrum__op *op))
{
	ssize_t r;

	do {
		r = how(op);
	} while (r == -EINTR);
	return r == THRUM__OP_FULL ? -EAGAIN : r;
}

/* One caller at a time; false: somebody is in there and will raise the edge. */
static bool look_hold(struct thrum__op *op)
{
	return thrum__bitlock_try_or_mark(&op->d->kind, HELD(op->out), WANTED(op->out));
}

static void look_free(struct thrum__op *op)
{
	uint32_t mine = HELD(op->out) | WANTED(op->out);

	if (!(thrum__bitlock_leave(&op->d->kind, mine) & WANTED(op->out)))
		return;
	thrum__edge_raise(edge_of(op));
	op->tick++;
}

static ssize_t look(struct thrum__op *op)
{
	int events = thrum__os_ready(op->fd, op->out ? POLLOUT : POLLIN);

	if (events <= 0)
		return events ? events : -EAGAIN;
	return events & POLLNVAL ? -EBADF : 0;
}

static ssize_t look_then_block(struct thrum__op *op)
{
	ssize_t r;

	if (!look_hold(op))
		return -EAGAIN;
	r = look(op);
	if (!r) {
		op->looked = true;
		r = thrum__op_block_waiting(op);
		op->looked = false;
	}
	look_free(op);
	return r;
}

/* 0: what can be waited for is watched; -EPERM: nothing can. */
static int watch(struct thrum__op *op)
{
	struct thrum__descriptors *ds = &thrum__op_runtime(op)->descriptors;
	int err = thrum__descriptor_watch(ds, op->d, op->fd), more;

	if (!op->both || (err && err != -EPERM))
		return err;
	more = thrum__descriptor_watch(ds, op->also, op->also_fd);
	return more == -EPERM ? err : more;
}

/* Raised since the attempt, or closing: 0; -errno; -EPERM: it cannot be watched. */
static int wait_ready(struct thrum__op *op, uint64_t also_tick)
{
	int err = watch(op);

	if (err)
		return err;
	if (op->also) {
		struct thrum__edge *const edges[] = {edge_of(op), edge_also(op)};
		const uint64_t ticks[] = {op->tick, also_tick};

		return thrum__wait_edges(edges, ticks, 2, THRUM_FOREVER);
	}
	return thrum__wait_edge(edge_of(op), op->tick, THRUM_FOREVER, false);
}

/* One attempt, and if it would block, the wait: a result, -errno or THRUM__OP_AGAIN. */
static ssize_t step(struct thrum__op *op)
{
	uint64_t also_tick = op->also ? thrum__edge_tick(edge_also(op)) : 0;
	ssize_t r;
	int err;

	op->tick = thrum__edge_tick(edge_of(op));
	if (UNLIKELY(is_closing(op)))
		return -EBADF;
	if (op->may_skip && !op->once && thrum__descriptor_is_empty(op->d, op->tick))
		r = -EAGAIN;
	else
		r = op->attempt(op);
	if (r == THRUM__OP_LOOK)
		r = look_then_block(op);
	else if (r == THRUM__OP_POOL)
		r = thrum__op_block(op);
	if (r == -EAGAIN && op->once && thrum__perturb_made_up())
		return -EINTR;
	if (r != -EAGAIN || op->once)
		return r;
	err = wait_ready(op, also_tick);
	if (err == -EPERM && op->block)
		return thrum__op_kind(op) == THRUM__FD_FILE ? thrum__op_block(op)
							    : thrum__op_block_waiting(op);
	return err ? err : THRUM__OP_AGAIN;
}

ssize_t thrum__op_drive(struct thrum__op *op)
{
	for (;;) {
		ssize_t r = step(op);

		if (op->account && r != -EINTR && r != THRUM__OP_AGAIN)
			r = op->account(op, r);
		if (r == -EINTR || r == THRUM__OP_AGAIN) {
			thrum__op_take_turn();
			r = thrum__wait_entry(op->task);
			if (!r)
				continue;
		}
		if (r < 0 && op->keep && op->done)
			return (ssize_t)op->done;
		return r == THRUM__OP_FULL ? -EAGAIN : r;
	}
}

int thrum__op_entry(struct thrum__op *op)
{
	int err;

	op->task = thrum__current_task();
	if (!op->task)
		return thrum__no_task();
	err = thrum__wait_entry(op->task);
	if (!err)
		thrum__op_take_turn();
	return err;
}

ssize_t thrum__op_start(struct thrum__op *op)
{
	ssize_t r = thrum__descriptor_enter(&thrum__op_runtime(op)->descriptors, op->fd, &op->d);

	if (r)
		return r;
	r = thrum__op_drive(op);
	thrum__descriptor_leave(op->d);
	return r;
}

ssize_t thrum__op_run(struct thrum__op *op)
{
	int err = thrum__op_entry(op);

	return err ? err : thrum__op_start(op);
}

int64_t thrum__op_backoff_ns(int64_t last_ns)
{
	if (!last_ns)
		return PAUSE_MIN_NS;
	return last_ns < PAUSE_MAX_NS / 2 ? 2 * last_ns : PAUSE_MAX_NS;
}

/* An event ends no pause, only a close does, which raises the edge too. */
int thrum__op_pause(struct thrum__op *op, int64_t ns)
{
	struct thrum__edge *e = edge_of(op);
	int64_t now = thrum__runtime_now_ns(thrum__op_runtime(op));
	int64_t until = now + ns;
	int err = 0;

	while (!err) {
		uint64_t tick = thrum__edge_tick(e);

		if (thrum__descriptor_is_closing(op->d))
			return -EBADF;
		err = thrum__wait_edge(e, tick, until, false);
	}
	return err == -ETIMEDOUT && until <= op->task->deadline_ns ? 0 : err;
}
