/* SPDX-License-Identifier: MIT */
/* poll_set.h - descriptors of a wait for one of several things; poll.c tells how. */
#ifndef THRUM_IO_POLL_SET_H
#define THRUM_IO_POLL_SET_H

#include "core/edge.h"
#include "poll/descriptor.h"

#include <poll.h>

/* The caller gives room for @n descriptors, and for two edges of each. */
struct thrum__poll_set {
	struct pollfd *fds;
	nfds_t n;
	struct thrum_runtime *runtime;
	struct thrum__descriptor **inside; /* NULL: a negative number */
	struct thrum__edge **edges;
	uint64_t *ticks;
	size_t used;
};

/* How things are, without waiting: how many are ready; -errno. */
int thrum__poll_look(struct thrum__poll_set *s);
/* Into all of them, and out: 0 or -errno, and inside of none. */
int thrum__poll_enter(struct thrum__poll_set *s);
void thrum__poll_leave(struct thrum__poll_set *s);
/* Inside: watches all that can be, and reads the ticks of the edges that are to be waited for: a
 * look comes after.  0 or -errno. */
int thrum__poll_watch(struct thrum__poll_set *s);

#endif
