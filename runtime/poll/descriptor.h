/* SPDX-License-Identifier: MIT */
/*
 * descriptor.h - what a runtime knows of a descriptor: who is inside a call on it, who waits for
 * it, whether the poller watches it.  The argument stands in descriptor.c.
 *
 * A call that may have to wait:
 *
 *	err = thrum__descriptor_enter(ds, fd, &d);
 *	for (;;) {
 *		tick = thrum__edge_tick(&d->in);
 *		if (thrum__descriptor_is_closing(d)) ... -EBADF ...
 *		... try; what would not block is the result ...
 *		err = thrum__descriptor_watch(ds, d, fd);
 *		err = thrum__wait_edge(&d->in, tick, ...);
 *	}
 *	thrum__descriptor_leave(d);
 */
#ifndef THRUM_POLL_DESCRIPTOR_H
#define THRUM_POLL_DESCRIPTOR_H

#include "base/atomic.h"
#include "core/edge.h"
#include "poll/poller.h"

/* What kind of thing it was when last looked at: decides which call is tried first.  Only a hint:
 * the number may have been closed and used again behind the library's back. */
enum thrum__descriptor_kind {
	THRUM__FD_UNKNOWN,
	THRUM__FD_SOCKET,
	THRUM__FD_FILE,   /* regular: cannot be watched */
	THRUM__FD_STREAM, /* anything else that has a position of its own or none: pipe, terminal */
};

struct thrum__descriptor {
	struct thrum__edge in;      /* raised when a read might go on */
	struct thrum__edge out;     /* ... a write */
	struct thrum__edge drained; /* raised when the last call leaves a closing descriptor */
	struct atomic32 users;      /* calls inside, and CLOSING */
	struct atomic32 watch;      /* generation, CHECKED, SEEN, TRUSTED, WATCHED */
	struct atomic32 kind;       /* enum thrum__descriptor_kind */
	struct atomic32 empty;      /* by which tick of in all was read; 0: none */
} __attribute__((aligned(CACHE_LINE)));

/* Descriptors of a chunk, and chunks: numbers below 2^21. */
#ifdef THRUM_MODEL
#define THRUM__FD_CHUNK 1
#define THRUM__FD_CHUNKS 2
#else
#define THRUM__FD_CHUNK 256
#define THRUM__FD_CHUNKS 8192
#endif

/* The table of a runtime: chunks are made when first needed and stay. */
struct thrum__descriptors {
	struct thrum__poller *poller;
	struct atomic32 watching;   /* 1 once anything was watched: before that nobody need look */
	struct atomic32 trusts;     /* 1: what the library makes from now on is TRUSTED */
	struct atomic32 chunks_end; /* none was made at or above */
	struct atomicptr chunks[THRUM__FD_CHUNKS];
};

/* @poller outlives the table. */
void thrum__descriptors_init(struct thrum__descriptors *ds, struct thrum__poller *poller);
/* When nobody is inside and no event comes any more. */
void thrum__descriptors_fini(struct thrum__descriptors *ds);

/* A call on @fd begins: 0 and *@out, to be left again; -EBADF: it closes, or @fd is no descriptor's
 * number; -ENOMEM. */
int thrum__descriptor_enter(struct thrum__descriptors *ds, int fd, struct thrum__descriptor **out);
void thrum__descriptor_leave(struct thrum__descriptor *d);

#define THRUM__FD_CLOSING 0x80000000u
/* For who is inside, after it has read an edge's tick: a wait from that tick on hears of a closing
 * that is not seen here. */
static inline bool thrum__descriptor_is_closing(const struct thrum__descriptor *d)
{
	return load_relaxed(&d->users) & THRUM__FD_CLOSING;
}

/*
 * A read that got less than it asked for has emptied a TCP socket, and what comes next is told by
 * an edge: until in's tick moves on from @tick, read before that call, a read would block, and need
 * not be tried.  Not so once there was more than plain data to be read (READY_MORE: an end that
 * came with the data has no edge of its own, and a read stops before urgent data).  For TRUSTED
 * ones, as another file under the number would have an edge of its own.  31 bits of the tick are
 * kept: who does not read gets no 2^31 edges, as the socket's buffer is full before.
 */
#define THRUM__FD_TRUSTED 2u /* in watch */
#define THRUM__FD_NEVER_EMPTY 2u
static inline bool thrum__descriptor_is_trusted(const struct thrum__descriptor *d)
{
	return load_relaxed(&d->watch) & THRUM__FD_TRUSTED;
}
static inline void thrum__descriptor_emptied(struct thrum__descriptor *d, uint64_t tick)
{
	uint32_t old = load_relaxed(&d->empty);

	if (old != THRUM__FD_NEVER_EMPTY)
		(void)cas_relaxed(&d->empty, &old, (uint32_t)tick << 1 | 1u);
}
static inline bool thrum__descriptor_is_empty(const struct thrum__descriptor *d, uint64_t tick)
{
	return load_relaxed(&d->empty) == ((uint32_t)tick << 1 | 1u);
}

/* The caller is inside and about to wait: lets the poller watch it.  0; -EPERM: it cannot be
 * watched; -ENOMEM, -ENOSPC, -EBADF. */
int thrum__descriptor_watch(struct thrum__descriptors *ds, struct thrum__descriptor *d, int fd);

/* @fd was just made by the library: whatever was known of the number is forgotten, and as the
 * library will close it too, one watch is enough for its life (if not: verify).  Cannot fail:
 * without memory nothing is noted, and it is watched before each wait. */
void thrum__descriptor_made(struct thrum__descriptors *ds, int fd);

/* The same without the trust: it may be closed by anybody, and is watched before each wait. */
void thrum__descriptor_opened(struct thrum__descriptors *ds, int fd);

/* Nothing that is made is trusted before this: the caller sees to it that verify is called. */
void thrum__descriptors_trust(struct thrum__descriptors *ds);
/* Is what is trusted still watched?  Asks the poller of each wait that relied on it, once: of those
 * that have lasted since the last but one call, or of @all.  Where it is not (somebody else has
 * closed what the library made), those who wait look again, and trust ends.  One caller at a
 * time. */
void thrum__descriptors_verify(struct thrum__descriptors *ds, bool all);

/* Somebody may have closed what the library made, behind its back: from now on all that are known
 * are watched anew before each wait. */
void thrum__descriptors_distrust(struct thrum__descriptors *ds);

/*
 * Closing: begin refuses new calls and fires all that wait (-EBADF: it closes already, or @fd is no
 * descriptor's number); when nobody is inside any more (thrum__descriptor_is_drained; wait on
 * d->drained) finish makes the number ready for its next use; then the caller closes it, and end
 * tells those who came between.
 * *@out is NULL if nothing is known of @fd and there is no memory: no call is inside, the caller
 * closes it at once.  known, of any number: NULL: no call was ever made on it.
 */
int thrum__descriptor_close_begin(struct thrum__descriptors *ds, int fd,
				  struct thrum__descriptor **out);
struct thrum__descriptor *thrum__descriptor_known(struct thrum__descriptors *ds, int fd);
bool thrum__descriptor_is_drained(const struct thrum__descriptor *d);
void thrum__descriptor_close_finish(struct thrum__descriptor *d);
void thrum__descriptor_close_end(struct thrum__descriptor *d);

/* Passes events on to those who wait; stale ones (of a number's earlier life) are dropped. */
void thrum__descriptors_dispatch(struct thrum__descriptors *ds,
				 const struct thrum__poll_event *events, int n);

#endif
