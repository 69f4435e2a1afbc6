/* SPDX-License-Identifier: MIT */
/* token.h - what is behind struct thrum_token; token.c and core/token.c tell how. */
#ifndef THRUM_SCHED_TOKEN_H
#define THRUM_SCHED_TOKEN_H

#include "core/token.h"
#include "sched/callback.h"

#include <thrum/token.h>

struct thrum_token {
	struct thrum__token tree;
	struct thrum__deferred deferred[]; /* one for each level, if this depth defers */
};

static inline struct thrum__token *thrum__token_of(struct thrum_token *t)
{
	return &t->tree;
}

/* That @f, of kind LEVEL, is a part of. */
static inline struct thrum__token *thrum__token_of_level(struct thrum_future *f)
{
	return f->runtime;
}

#endif
