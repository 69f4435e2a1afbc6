/* SPDX-License-Identifier: MIT */
/* scope.h - what a task that is the child of a scope owes it; scope.c tells how. */
#ifndef THRUM_SCHED_SCOPE_H
#define THRUM_SCHED_SCOPE_H

#include "core/edge.h"
#include "core/token.h"
#include "sched/bracket.h"

/* What is in a struct thrum_scope. */
struct thrum__scope {
	struct thrum__bracket bracket; /* first: the opener's */
	struct thrum__roster roster;
	struct thrum_future done; /* the last child has ended, and the scope was closed */
	struct atomic64 failures; /* how many, and CUT (scope.c) */
	intptr_t failure;         /* what the first was; of whoever counted it, then close's */
	struct thrum_scope_failure *kept; /* the first kept_max; as failure */
	size_t kept_max;
	struct atomic32 cuts; /* 1: the opener's waits are cut short */
	uint32_t asks;        /* how: THRUM__PARKER_SCOPE or _INNER */
	int err;              /* why it could not be opened */
	bool keeps_going, limited;
	struct atomic64 room;     /* children that may still start, if limited */
	struct thrum__edge freed; /* raised when there is more */
	void (*drop)(void *);
	struct thrum_future *alarm; /* a task that starts at the deadline; NULL: none */
	struct thrum__token *token; /* with a use of it; NULL: none */
	struct thrum__waiter node;  /* on its hard level */
	bool hung;
#ifdef THRUM_DEBUG
	size_t limit;
#endif
} __attribute__((may_alias));

static inline bool thrum__scope_is_cancelled(const struct thrum__scope *s)
{
	return thrum__roster_is_cancelled(&s->roster);
}

/* Has the scope's token been cancelled, at any level? */
static inline bool thrum__scope_is_asked(const struct thrum__scope *s)
{
	return s->token && thrum__token_reached(s->token, NULL);
}

/* Is who made a fork, perhaps on another worker, asked to end, and hears it?  What a scope of its
 * own asks is for its joins to pass on. */
static inline bool thrum__maker_is_cancelled(const struct thrum__task *maker)
{
	return !thrum__parker_is_shielded(&maker->parker) &&
	       ((thrum__parker_requested(&maker->parker) & THRUM__PARKER_HARD) ||
		(maker->scope && thrum__scope_is_cancelled(maker->scope)));
}

/* The same of any task, its own scopes' requests among them; also of one that is not listed. */
static inline bool thrum__task_is_cancelled(const struct thrum__task *t)
{
	return thrum__parker_hears(&t->parker) || thrum__maker_is_cancelled(t);
}

/* @t, the current task or one that it runs in place of, is about to wait for the first time: from
 * now on a cancel of its scope comes to its parker. */
void thrum__scope_enlist(struct thrum__task *t);

static inline void thrum__scope_attend(struct thrum__task *t)
{
	if (UNLIKELY(!(t->marks & THRUM__LISTED)))
		thrum__scope_enlist(t);
}

/* The scopes that @t has open ask again what they asked before. */
void thrum__scopes_ask(struct thrum__task *t);

/* @t has returned @result, and nobody knows yet. */
void thrum__scope_child_ends(struct thrum__scope *s, struct thrum__task *t, intptr_t result);
/* It is known, and nothing is left of it: the last thing that is done for a child. */
void thrum__scope_child_ended(struct thrum__scope *s);

#endif
