/* SPDX-License-Identifier: MIT */
/* config.h - from struct thrum_config and the environment to a runtime's limits; config.c has the
 * table. */
#ifndef THRUM_SCHED_CONFIG_H
#define THRUM_SCHED_CONFIG_H

#include "poll/poller.h"

#include <thrum/runtime.h>

/* What else was found out. */
struct thrum__config_found {
	const char *workers_why; /* what decided their number */
	unsigned cpus;           /* to use */
};

/* Fills *@out: every field has its final value.  0, -EINVAL, -E2BIG. */
int thrum__config_resolve(const struct thrum_config *given, struct thrum_config *out,
			  struct thrum__config_found *found);
/* Copies into @out, of @known bytes, what the caller's version of a struct that begins with its
 * size has; what it has beyond must be 0: -E2BIG.  -EINVAL: it has no size. */
int thrum__copy_known(const void *given, void *out, size_t known);
/* By THRUM_POLLER. */
const struct thrum__poller_ops *thrum__config_poller(void);

#endif
