/* SPDX-License-Identifier: MIT */
/* op.h - the one loop of every I/O call; op.c tells how. */
#ifndef THRUM_IO_OP_H
#define THRUM_IO_OP_H

#include "base/os_net.h"
#include "poll/descriptor.h"
#include "sched/await.h"

struct thrum_runtime;

/* What an attempt returns when it is neither a result nor an error; no kernel has such errors. */
#define THRUM__OP_AGAIN (-5001) /* at once, not when the descriptor is ready */
#define THRUM__OP_LOOK (-5002)  /* the kernel has no way to say "only if it need not wait" */
#define THRUM__OP_POOL (-5003)  /* the pool is to do it: a file, and the disk is needed */
#define THRUM__OP_FULL (-5004)  /* of thrum__op_block: the pool's queue is full */

/*
 * A call on a descriptor.  It is the first member of what the call needs besides and lives in the
 * caller's frame.  Who makes one sets what stands above the line, the rest is zero.
 */
struct thrum__op {
	const char *place; /* for reports on its jobs */
	int fd;
	bool out;      /* it waits for the descriptor's out edge */
	bool once;     /* it does not wait: -EAGAIN is a result */
	bool may_skip; /* a read: what is known to be empty need not be tried */
	bool keep;     /* an error does not hide what was done before: see done */
	/* Does what can be done without blocking the thread: a result, -errno (-EAGAIN: wait,
	 * -EINTR: again) or one of the above. */
	ssize_t (*attempt)(struct thrum__op *op);
	/* The call itself, on a thread of the pool; NULL if attempt never asks for it. */
	ssize_t (*block)(struct thrum__op *op);
	/* Judges what they returned, or -errno of the wait: the call's result, or THRUM__OP_AGAIN
	 * as there is more to do; NULL: it is the result. */
	ssize_t (*account)(struct thrum__op *op, ssize_t r);
	struct thrum__descriptor *also; /* another that it uses and is inside of; or NULL */
	bool both;                      /* it waits for that one too, in the other direction */
	int also_fd;                    /* ... whose number this is */
	/* ---- */
	size_t done; /* moved so far */
	struct thrum__task *task;
	struct thrum__descriptor *d; /* while inside */
	uint64_t tick;               /* of its edge, before the last attempt */
	bool looked;                 /* block runs after a look: it may move little */
	int mode;                    /* enum mode: once it was asked for */
};

static inline struct thrum_runtime *thrum__op_runtime(const struct thrum__op *op)
{
	return op->task->future.runtime;
}

/* What every call checks first: 0, or what to return. */
int thrum__op_entry(struct thrum__op *op);
/* The whole call: a result or -errno. */
ssize_t thrum__op_run(struct thrum__op *op);
/* The same for one that has been checked; and its part while inside. */
ssize_t thrum__op_start(struct thrum__op *op);
ssize_t thrum__op_drive(struct thrum__op *op);
/* op->block on the file class of the pool: what it returned, or -errno: it did not start. */
ssize_t thrum__op_block(struct thrum__op *op);
/* The same for a call that may have to wait for others: a cancel, a deadline or a close ends it. */
ssize_t thrum__op_block_waiting(struct thrum__op *op);
/* One of these two as a whole call, of what needs no descriptor to be inside of. */
ssize_t thrum__op_on_pool(struct thrum__op *op, ssize_t (*how)(struct thrum__op *op));

/* Waits @ns, or until cancelled, past its deadline or closed: 0 or -errno.  While inside. */
int thrum__op_pause(struct thrum__op *op, int64_t ns);
/* The next pause: from 1 ms, doubled, to 100 ms. */
int64_t thrum__op_backoff_ns(int64_t last_ns);

/* The kind of the descriptor as last seen; and as it is now: -errno if it cannot be told. */
int thrum__op_kind(const struct thrum__op *op);
int thrum__op_kind_now(struct thrum__op *op);
void thrum__op_kind_seen(struct thrum__op *op, enum thrum__descriptor_kind kind);
/* Does the page cache hold @n bytes of a file at @at, as far as the first and the last one tell?
 * So too where reading is an error. */
bool thrum__op_is_cached(int fd, off_t at, size_t n);
/* A read got less than it asked for: on a TCP socket the next one waits without an attempt. */
void thrum__op_got_less(struct thrum__op *op);
/* Is it in non-blocking mode?  Asked once for a call.  What cannot be asked is taken for it. */
bool thrum__op_is_nonblocking(struct thrum__op *op);

/* A task that seldom waits must not starve others: gives way when its turn is over. */
void thrum__op_take_turn(void);

#endif
