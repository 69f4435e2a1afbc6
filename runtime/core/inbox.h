/* SPDX-License-Identifier: MIT */
/*
 * inbox.h - a list that any thread adds to and one party at a time empties.  The argument stands in
 * inbox.c.
 */
#ifndef THRUM_CORE_INBOX_H
#define THRUM_CORE_INBOX_H

#include "base/atomic.h"

/* The link inside an item. */
struct thrum__link {
	struct thrum__link *next;
};

struct thrum__inbox {
	struct atomicptr newest;
};

void thrum__inbox_init(struct thrum__inbox *b);
/* Anyone.  Cannot fail: the item brings its link. */
void thrum__inbox_push(struct thrum__inbox *b, struct thrum__link *item);
/* Anyone: all items, oldest first, linked by next; NULL: empty. */
struct thrum__link *thrum__inbox_take_all(struct thrum__inbox *b);
/* Anyone: was it empty a moment ago? */
bool thrum__inbox_is_empty(const struct thrum__inbox *b);

#endif
