/* SPDX-License-Identifier: MIT */
/*
 * chan_life.c - a channel's birth, close and end.  The argument stands in chan.c.
 */
#include "sync/chan.h"

#include "base/assert.h"
#include "base/os.h"
#include "sched/fork_check.h"

#include <errno.h>
#include <thrum/chan.h>

#define CLOSED THRUM__CHAN_CLOSED

/* ---- The end ---- */

void thrum_chan_close(struct thrum_chan *c)
{
	uint32_t v;

	if (thrum__in_forked_child())
		return;
	v = thrum__hold(&c->word);
	if (v & CLOSED) {
		thrum__drop(&c->word, v);
		return;
	}
	store_release(&c->word, v | CLOSED | THRUM__HELD); /* T5, O1 of chan.c */
	thrum__waitqueue_grant_all(&c->senders, &c->word, thrum__chan_flags(c)); /* T5 */
	thrum__chan_hold(c);
	if (thrum__chan_is_over(c))
		thrum__waitqueue_grant_all(&c->receivers, &c->word, thrum__chan_flags(c)); /* T5 */
	else
		thrum__chan_drop(c);
}

bool thrum_chan_is_closed(const struct thrum_chan *c)
{
	return load_acquire(&c->word) & CLOSED; /* O1 of chan.c */
}

size_t thrum_chan_count(const struct thrum_chan *chan)
{
	struct thrum_chan *c = (struct thrum_chan *)(uintptr_t)chan;
	uint32_t v;
	size_t count;

	if (thrum__in_forked_child())
		return 0;
	v = thrum__hold(&c->word);
	count = c->store.count;
	thrum__drop(&c->word, v);
	return count;
}

/* ---- Life ---- */

bool thrum__chan_init(struct thrum_chan *c, size_t item_size, size_t capacity,
		      const struct thrum__order *order)
{
	c->senders = c->receivers = (struct thrum__waitqueue){{NULL, NULL}};
	c->reserved = 0;
	c->accepted = 0;
	c->drop = NULL;
	if (!thrum__store_init(&c->store, item_size, capacity, order))
		return false;
	store_relaxed(&c->word, 0);
	store_relaxed(&c->word, thrum__chan_flags(c));
	thrum__refs_publish(&c->refs, 1);
	return true;
}

void thrum__chan_fini(struct thrum_chan *c)
{
	ENSURE(thrum__waitqueue_is_empty(&c->senders) && thrum__waitqueue_is_empty(&c->receivers),
	       "release a channel's last reference when nobody waits at it");
	if (c->drop)
		thrum__store_drop_all(&c->store, c->drop);
	thrum__store_fini(&c->store);
}

struct thrum_chan *thrum_chan_create_drop(size_t item_size, size_t capacity,
					  void (*drop)(void *item))
{
	static const struct thrum__order fifo = {THRUM__FIFO, NULL};
	struct thrum_chan *c = thrum__os_alloc_aligned(CACHE_LINE, sizeof(*c));

	if (!c)
		return NULL;
	if (!thrum__chan_init(c, item_size, capacity, &fifo)) {
		thrum__os_free(c);
		return NULL;
	}
	c->drop = drop;
	return c;
}

struct thrum_chan *thrum_chan_create(size_t item_size, size_t capacity)
{
	return thrum_chan_create_drop(item_size, capacity, NULL);
}

void thrum_chan_retain(struct thrum_chan *c)
{
	if (c)
		thrum__refs_retain(&c->refs);
}

void thrum_chan_release(struct thrum_chan *c)
{
	if (!c || thrum__in_forked_child() || !thrum__refs_release(&c->refs))
		return;
	thrum__chan_fini(c);
	thrum__os_free(c);
}
