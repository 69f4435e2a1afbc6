/* SPDX-License-Identifier: MIT */
/*
 * waitlist.h - the list of waiters that a word holds: what futures and edges have in common.  The
 * argument stands in waitlist.c.
 *
 * The word is the newest waiter and three flags.  LOCKED is the list's; the others belong to who
 * owns the word, and so do the ends of the list: taking it, and giving LOCKED back.
 */
#ifndef THRUM_CORE_WAITLIST_H
#define THRUM_CORE_WAITLIST_H

#include "base/atomic.h"
#include "core/waiter.h"

#define THRUM__WAITLIST_LOCKED 2u
#define THRUM__WAITLIST_FLAGS 7u

static inline struct thrum__waiter *thrum__waitlist_newest(uint64_t w)
{
	return (struct thrum__waiter *)(uintptr_t)(w & ~(uint64_t)THRUM__WAITLIST_FLAGS);
}

/* Anyone: puts @n on.  False: the word has one of the flags @closed, and what came before it was
 * set is seen. */
bool thrum__waitlist_push(struct atomic64 *word, struct thrum__waiter *n, uint64_t closed);
/* Anyone, without LOCKED: waits for it; true: has it, @w is the word.  False: one of @closed. */
bool thrum__waitlist_lock(struct atomic64 *word, uint64_t closed, uint64_t *w);
/* The holder of LOCKED takes off @n, which is on; @w: a word seen since it holds. */
void thrum__waitlist_unlink(struct atomic64 *word, struct thrum__waiter *n, uint64_t w);
/* Whose list it is alone, taken off its word, fires it, oldest first. */
void thrum__waitlist_fire(struct thrum__waiter *newest);
/* @n was fired or will be: returns when the firing party is done with it. */
void thrum__waitlist_await_gone(struct thrum__waiter *n);

#endif
