/* SPDX-License-Identifier: MIT */
/*
 * splice.c - splice: neither end may hold the worker.
 *
 * SPLICE_F_NONBLOCK makes the kernel's call wait for no pipe, whatever mode that is in; it says
 * nothing of the other end, which decides what is done:
 *   a pipe too             the call is made at once.
 *   in non-blocking mode   the same.
 *   a file                 the pool makes the call; a worker if it is read at an offset that the
 *                          page cache holds (op.c).  Nobody there waits for the pipe.
 *   in blocking mode       looked at, and the pool moves a little (op.c).  As the kernel would
 *                          refuse before it waits, what it will refuse is asked for at once.
 * What would block does not say for which end, so both are watched and waited for.  A call returns
 * as soon as it has moved something and would wait for more, but to a blocking socket all goes that
 * the pipe has, as with the kernel's.
 *
 * OWNERS  *@off_in, *@off_out: the call, until it returns; a job while it runs.
 */
#define _GNU_SOURCE /* SPLICE_F_NONBLOCK */
#include "io/op.h"

#include "sched/sigpipe.h"
#include "sched/worker.h"

#include <limits.h>

#define FLAGS (SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT)
#define CHUNK ((size_t)128 << 10)       /* in one call on a worker */
#define POOL_CHUNK ((size_t)1 << 20)    /* ... on the pool, to where nothing blocks but the disk */
#define SOCKET_CHUNK ((size_t)16 << 10) /* ... to what has room for something */

/* Its op is on the end that is no pipe, or on @out; beside it (also) is the pipe. */
struct splicer {
	struct thrum__op op;
	int in, out;
	off_t *off_in, *off_out;
	size_t total;
	size_t chunk; /* what the last call was asked to move */
	unsigned flags;
	bool alike;    /* both ends are pipes; or none, which is refused */
	bool accepted; /* the kernel would not refuse it */
	bool asked;    /* it has said "would block" since the last look at the pipe */
};

static struct splicer *splicer_of(struct thrum__op *op)
{
	return container_of(op, struct splicer, op);
}

static ssize_t move(struct splicer *s, size_t chunk)
{
	unsigned flags = s->flags | SPLICE_F_NONBLOCK;
	size_t rest = s->total - s->op.done;
	struct thrum__sigpipe held;
	ssize_t r;

	s->chunk = rest < chunk || rest > SSIZE_MAX ? rest : chunk;
	if (s->op.out && thrum__op_kind(&s->op) == THRUM__FD_FILE)
		return thrum__os_splice(s->in, s->off_in, s->out, s->off_out, s->chunk, flags);
	thrum__sigpipe_hold(&held);
	r = thrum__os_splice(s->in, s->off_in, s->out, s->off_out, s->chunk, flags);
	thrum__sigpipe_let(&held, r == -EPIPE || (r > 0 && (size_t)r < s->chunk));
	return r;
}

static bool is_cached(const struct splicer *s)
{
	size_t rest = s->total - s->op.done;

	return !s->op.out && s->off_in && *s->off_in >= 0 &&
	       thrum__op_is_cached(s->in, *s->off_in, rest < CHUNK ? rest : CHUNK);
}

/* On the pool. */
static ssize_t block(struct thrum__op *op)
{
	struct splicer *s = splicer_of(op);
	size_t chunk = op->out ? SOCKET_CHUNK : CHUNK;
	ssize_t r;

	if (!op->looked)
		chunk = POOL_CHUNK;
	else if (op->out && op->once)
		chunk = PIPE_BUF; /* there is room for it */
	r = move(s, chunk);
	s->asked = r == -EAGAIN;
	return s->asked && op->done ? 0 : r; /* others took the rest */
}

/* Says the kernel no before it looks at what it would wait for?  A device that has offsets does not
 * block. */
static bool is_refused(struct splicer *s)
{
	const off_t *of_pipe = s->op.out ? s->off_in : s->off_out;
	const off_t *of_other = s->op.out ? s->off_out : s->off_in;
	int in, out;

	if (s->accepted)
		return false;
	in = thrum__os_get_flags(s->in);
	out = thrum__os_get_flags(s->out);
	s->accepted = in >= 0 && out >= 0 && (in & O_ACCMODE) != O_WRONLY &&
		      (out & O_ACCMODE) != O_RDONLY && !((in | out) & O_PATH) &&
		      !(out & O_APPEND) && !of_pipe && !of_other && s->total <= SSIZE_MAX;
	return !s->accepted;
}

/* What poll(2) says of the pipe; 0: would block; or -errno. */
static int look_at_pipe(const struct splicer *s)
{
	return s->op.out ? thrum__os_ready(s->in, POLLIN) : thrum__os_ready(s->out, POLLOUT);
}

/* The pipe would block, says poll(2), which does not know that a FIFO that nobody opened for
 * writing is at its end.  So the kernel's call has its say first, and after each such look. */
static ssize_t ask_or_wait(struct splicer *s, ssize_t how)
{
	ssize_t r = s->asked ? -EAGAIN : how;

	s->asked = false;
	return r;
}

/* The other end is a file. */
static ssize_t attempt_file(struct splicer *s)
{
	int events;

	if (is_cached(s))
		return move(s, CHUNK);
	events = s->asked ? look_at_pipe(s) : 0;
	if (events < 0)
		return events;
	return events ? THRUM__OP_POOL : ask_or_wait(s, THRUM__OP_POOL);
}

/* The other end may block, and is waited for only if the pipe is no reason to return. */
static ssize_t attempt_blocking(struct splicer *s)
{
	int events = look_at_pipe(s);

	if (events < 0)
		return events;
	if (!s->op.out && events & POLLERR)
		return -EPIPE;
	if (s->op.out && events & POLLHUP && !(events & POLLIN))
		return 0;
	if (!events && s->op.done)
		return 0;
	return events ? THRUM__OP_LOOK : ask_or_wait(s, THRUM__OP_LOOK);
}

static ssize_t attempt(struct thrum__op *op)
{
	struct splicer *s = splicer_of(op);
	int kind = thrum__op_kind(op);

	if (s->alike)
		return move(s, CHUNK);
	if (kind == THRUM__FD_UNKNOWN || kind == THRUM__FD_FILE)
		kind = thrum__op_kind_now(op);
	if (kind < 0)
		return kind;
	if (kind == THRUM__FD_FILE)
		return attempt_file(s);
	if (thrum__op_is_nonblocking(op) || is_refused(s))
		return move(s, CHUNK);
	return attempt_blocking(s);
}

static ssize_t account(struct thrum__op *op, ssize_t r)
{
	struct splicer *s = splicer_of(op);
	bool all = op->out && s->accepted; /* that the pipe has */

	if (r < 0)
		return r;
	op->done += (size_t)r;
	if (!r || op->done >= s->total || ((size_t)r < s->chunk && !all))
		return (ssize_t)op->done;
	/* From here on would-block is an end, as some bytes went. */
	op->once |= !all;
	return THRUM__OP_AGAIN;
}

static int is_pipe(int fd)
{
	struct stat st;
	int err = thrum__os_fstat(fd, &st);

	return err ? err : S_ISFIFO(st.st_mode);
}

/* While inside both. */
static ssize_t run(struct splicer *s, struct thrum__descriptor *in, struct thrum__descriptor *out)
{
	int from = is_pipe(s->in), to = is_pipe(s->out);

	if (from < 0 || to < 0)
		return from < 0 ? from : to;
	s->alike = from == to;
	s->op.out = from;
	s->op.fd = from ? s->out : s->in;
	s->op.d = from ? out : in;
	s->op.also_fd = from ? s->in : s->out;
	s->op.also = from ? in : out;
	return thrum__op_drive(&s->op);
}

ssize_t thrum_splice(int in, off_t *off_in, int out, off_t *off_out, size_t n, unsigned flags)
{
	struct splicer s = {.op = {.place = "? thrum_splice",
				   .once = flags & SPLICE_F_NONBLOCK,
				   .keep = true,
				   .attempt = attempt,
				   .block = block,
				   .account = account,
				   .both = true},
			    .in = in,
			    .out = out,
			    .off_in = off_in,
			    .off_out = off_out,
			    .total = n,
			    .flags = flags};
	struct thrum__descriptor *from, *to;
	struct thrum__descriptors *ds;
	ssize_t r = thrum__op_entry(&s.op);

	if (r || !n)
		return r;
	if (flags & ~FLAGS)
		return -EINVAL;
	ds = &thrum__op_runtime(&s.op)->descriptors;
	r = thrum__descriptor_enter(ds, in, &from);
	if (r)
		return r;
	r = thrum__descriptor_enter(ds, out, &to);
	if (!r) {
		r = run(&s, from, to);
		thrum__descriptor_leave(to);
	}
	thrum__descriptor_leave(from);
	return r;
}
