/* SPDX-License-Identifier: MIT */
/* config.h - from struct thrum_config and the environment to a runtime's limits; config.c has the
 * table. */
#ifndef THRUM_SCHED_CONFIG_H
#define THRUM_SCHED_CONFIG_H

#include <thrum/runtime.h>

/* Fills *@out: every field has its final value.  0, -EINVAL, -E2BIG.  *@workers_why: what decided
 * their number. */
int thrum__config_resolve(const struct thrum_config *given, struct thrum_config *out,
			  const char **workers_why);

#endif
