/* SPDX-License-Identifier: MIT */
/*
 * lane_world.h - what the scenarios of core/lane.c stand on: a lane and some items.  An item may be
 * pushed again after its join: `made` counts, and `run` and `taken` follow it.
 */
#ifndef TESTS_MODEL_LANE_WORLD_H
#define TESTS_MODEL_LANE_WORLD_H

#include "explorer.h"

#include "core/lane.h"

#include <string.h>

#define ITEMS 4

struct item {
	unsigned made;  /* by the owner, before it pushes */
	unsigned taken; /* the mark: which one */
	unsigned run;
};

static struct thrum__lane lane;
static struct item items[ITEMS];
static void *slots[ITEMS + 2];
static unsigned pushed, popped, stolen, taken_back;

static inline void start_with(size_t room, bool locked_only)
{
	memset(items, 0, sizeof(items));
	pushed = popped = stolen = taken_back = 0;
	thrum__lane_init(&lane, slots, room, locked_only);
	model_name(&lane.front.head, "head");
	model_name(&lane.front.stop, "stop");
	model_name(&lane.front.split, "split");
	model_name(&lane.top, "top");
	model_name(&lane.lock, "lock");
}

static inline void start(void)
{
	start_with(ITEMS, false);
	thrum__lane_heed(&lane);
}

static inline void start_attentive(void)
{
	start_with(ITEMS, false);
}

static inline void start_locked_only(void)
{
	start_with(ITEMS, true);
}

static inline void start_small(void)
{
	start_with(1, false);
	thrum__lane_heed(&lane);
}

/* ---- What a thread does with one item ---- */

static inline void make(struct item *item)
{
	plain_write(&item->made, item->made + 1);
	pushed++;
}

static inline void run(struct item *item, unsigned *count)
{
	unsigned which = plain_read(&item->made);

	model_assert(item->run == which - 1);
	item->run = which;
	++*count;
}

static inline void mark_and_run(struct item *item, unsigned *count)
{
	plain_write(&item->taken, plain_read(&item->made));
	run(item, count);
	thrum__lane_taken(&lane);
}

/* False: there was no room, and it ran at once. */
static inline bool push(int i)
{
	struct item *item = &items[i];

	make(item);
	if (thrum_fork_push(&lane.front, item))
		return true;
	if (thrum__lane_share(&lane)) {
		run(item, &popped);
		return false;
	}
	thrum__lane_heed(&lane);
	return true;
}

static inline void join(int i)
{
	struct item *item = &items[i];

	if (thrum_fork_pop(&lane.front, item) || thrum__lane_pop(&lane, item) == THRUM__LANE_OURS)
		run(item, &popped);
	else
		model_assert(plain_read(&item->taken) == item->made);
}

static inline bool take(bool force)
{
	struct item *item = thrum__lane_take(&lane, force);

	if (item)
		mark_and_run(item, &stolen);
	return item;
}

/* One is there already, which is for thieves. */
static inline void start_offered(int i)
{
	make(&items[i]);
	model_assert(!thrum_fork_push(&lane.front, &items[i]));
	model_assert(!thrum__lane_share(&lane));
}

static inline void is_in_order(void)
{
	model_assert(lane.lock.v == 0);
	model_assert(lane.base <= lane.top.v && lane.top.v <= lane.front.split.v);
	model_assert(lane.front.split.v <= lane.front.head.v || lane.locked_only);
	model_assert(lane.front.head.v <= lane.end);
}

#endif
