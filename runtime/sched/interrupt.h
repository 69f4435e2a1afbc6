/* SPDX-License-Identifier: MIT */
/* interrupt.h - SIGINT and SIGTERM as requests to a main task; interrupt.c tells how. */
#ifndef THRUM_SCHED_INTERRUPT_H
#define THRUM_SCHED_INTERRUPT_H

#include "core/errand.h"
#include "sched/callback.h"
#include "sched/tether.h"

#include <signal.h>
#include <thrum/token.h>

struct thrum_runtime;

/* What a main task is asked through: the runtime's. */
struct thrum__root {
	struct thrum_runtime *runtime;
	struct thrum_token *token;
	int64_t soft_ns; /* between the soft request and the hard one */
	struct atomic32 signals;
	struct atomic32 reason; /* the last of them */
	struct thrum__errand acting;
	struct thrum__deferred call;
};

/* From now on signals ask @root, which has a runtime and a token.  -EAGAIN: too many roots have it
 * already; -EINVAL: sigaction failed.  No signal asks @root then. */
int thrum__interrupt_begin(struct thrum__root *root);
/* No signal does any more, and no handler is at it. */
void thrum__interrupt_end(struct thrum__root *root);
/* The program waits for @sig itself from now on, by @action; *@found, written first: what it is to
 * put back.  Else what sigaction returned, and nothing is changed. */
int thrum__interrupt_hand_over(int sig, const struct sigaction *action, struct sigaction *found);

#endif
