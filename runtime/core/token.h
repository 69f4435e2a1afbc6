/* SPDX-License-Identifier: MIT */
/*
 * token.h - a tree of tokens: a request at one reaches all below it.  The argument stands in
 * token.c.
 */
#ifndef THRUM_CORE_TOKEN_H
#define THRUM_CORE_TOKEN_H

#include "core/future.h"

/* Levels of a request, as places in level and node. */
#define THRUM__TOKEN_SOFT 0u
#define THRUM__TOKEN_HARD 1u
#define THRUM__TOKEN_LEVELS 2u

struct thrum__token;

struct thrum__token_ops {
	/* @t hears of its parent's @level later, in thrum__token_follow, on another stack: so deep
	 * a tree needs no deep stack. */
	void (*defer)(struct thrum__token *t, unsigned level);
	/* Nobody knows of @t any more. */
	void (*free)(struct thrum__token *t);
};

struct thrum__token {
	struct thrum_future level[THRUM__TOKEN_LEVELS]; /* each done once asked for; the result is
							   the reason */
	struct thrum__waiter node[THRUM__TOKEN_LEVELS]; /* on the parent's levels */
	struct thrum__token *parent;                    /* with a use of it; NULL: a root */
	const struct thrum__token_ops *ops;
	struct thrum__token *next_left; /* of those that a walk has left behind (token.c) */
	struct atomic32 users;          /* handles, children, and those that hang on its levels */
	struct atomic32 holds;          /* users, as one; nodes that hang or are being followed */
	uint32_t depth;                 /* tokens above it */
	bool hung[THRUM__TOKEN_LEVELS]; /* since it was made */
};

/* Is a token this deep told of its parent's request by defer? */
static inline bool thrum__token_defers(uint32_t depth)
{
	return depth % 16 == 15;
}

/* @t's memory is new, and its caller's use of it the only one.  @parent: NULL, or the caller uses
 * it. */
void thrum__token_init(struct thrum__token *t, struct thrum__token *parent,
		       const struct thrum__token_ops *ops, const char *place);
/* Anyone who uses @t. */
void thrum__token_use(struct thrum__token *t);
/* Gives a use of @t back. */
void thrum__token_unuse(struct thrum__token *t);
/* Asks for @level and what is below it: 0; -EALREADY: that was asked before. */
int thrum__token_reach(struct thrum__token *t, unsigned level, intptr_t reason);
/* What defer was told: the parent's @level has been asked for. */
void thrum__token_follow(struct thrum__token *t, unsigned level);
/* Takes @n off one of a token's levels, as thrum__future_withdraw does; not by a node's fire. */
bool thrum__token_withdraw(struct thrum_future *level, struct thrum__waiter *n);
/* Work that a node's fire may not do itself, as it waits or calls what is not the library's. */
struct thrum__token_work {
	struct thrum__token_work *next;
	void (*do_work)(struct thrum__token_work *work);
};
/* Does it when no walk is under way on this thread. */
void thrum__token_after_walk(struct thrum__token_work *work);
/* How many levels have been asked for, of @t or those above it; @reason: NULL, or gets what for, if
 * any. */
unsigned thrum__token_reached(const struct thrum__token *t, intptr_t *reason);

#ifdef THRUM_MODEL
/* At the beginning of an execution. */
void thrum__token_forget_walks(void);
#endif

#endif
