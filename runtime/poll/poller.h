/* SPDX-License-Identifier: MIT */
/*
 * poller.h - what tells a runtime which descriptors are ready: a table of operations, so that what
 * is above does not know which one is in use.
 *
 * One poller serves all workers of a runtime: each watches descriptors, any number wait at a time,
 * each event goes to one of those that wait.  Reports are edges: after one, a descriptor is not
 * reported again until something new has happened to it, so who is told must try until the call
 * would block.  Watching reports what is ready already.
 *
 * TOKENS  post(n) lets n waits end with *token true, each once, now or when they begin: that is how
 * a sleeping worker is woken (sched/idle.c).  A wait that only looks (deadline 0) takes none.
 *
 * Closing a descriptor ends its watch without a word to the poller.
 */
#ifndef THRUM_POLL_POLLER_H
#define THRUM_POLL_POLLER_H

#include <stdbool.h>
#include <stdint.h>

#define THRUM__READY_IN 1u  /* a read, or an accept, would not block: data, end, error */
#define THRUM__READY_OUT 2u /* a write would not block, or fails; a connection is made or refused */
#define THRUM__READY_ERROR 4u /* comes with both others: an error or both directions are shut */
#define THRUM__READY_MORE 8u /* comes with IN: beside data there is an end, urgent data, an error */

struct thrum__poll_event {
	uint64_t tag; /* as given to watch */
	uint32_t ready;
};

#define THRUM__POLL_BATCH 64

struct thrum__poller;

struct thrum__poller_ops {
	const char *name;
	/* What arrives at a stream socket after a read that got less than it asked for is reported
	 * (in time: a reader relies on it). */
	bool reports_after_short_read;
	/* A report was true when the wait ended: one for nothing is rare, and by chance. */
	bool reports_truly;
	/* *@out, or -errno with nothing left behind. */
	int (*create)(struct thrum__poller **out, uint64_t seed);
	void (*destroy)(struct thrum__poller *p);
	/* Any thread.  0; -EEXIST: is watched, with the tag it had; -EPERM: cannot be watched (a
	 * file); -EBADF, -ENOMEM, -ENOSPC. */
	int (*watch)(struct thrum__poller *p, int fd, uint64_t tag);
	/* Any thread.  Ends the watch of an open descriptor: 0 or -ENOENT, -EBADF. */
	int (*unwatch)(struct thrum__poller *p, int fd);
	/*
	 * Any thread.  Waits until there are events, a token is taken or CLOCK_MONOTONIC reaches
	 * @deadline_ns (0: only looks; INT64_MAX: no end); may come back for nothing, for a signal
	 * say.  Returns how many events, 0 to @max.
	 */
	int (*wait)(struct thrum__poller *p, struct thrum__poll_event *events, int max,
		    int64_t deadline_ns, bool *token);
	/* Any thread.  Is there anything to take, an event or a token?  @block: waits until there
	 * is, or for nothing; all that wait so come back.  Takes nothing. */
	bool (*await)(struct thrum__poller *p, bool block);
	/* Any thread.  Takes a token if there is one, without waiting. */
	bool (*take)(struct thrum__poller *p);
	/* Any thread.  Needs no memory and cannot fail. */
	void (*post)(struct thrum__poller *p, unsigned n);
};

struct thrum__poller {
	const struct thrum__poller_ops *ops;
};

extern const struct thrum__poller_ops thrum__poller_epoll;
#ifdef THRUM_FAULTS
/* epoll made hostile, by a seed: late, early, doubled and shuffled reports, waits that end for
 * nothing; and calls of the seam that are interrupted, cut to a byte, or would block for no reason
 * (base/os_fault.c). */
extern const struct thrum__poller_ops thrum__poller_sim;
#endif

#endif
