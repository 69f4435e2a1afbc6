/* SPDX-License-Identifier: MIT */
/*
 * sync_storm.h - for sync_storm.c: who plays, with what, and what is counted.
 */
#ifndef THRUM_STRESS_SYNC_STORM_H
#define THRUM_STRESS_SYNC_STORM_H

#include <errno.h>

#include "base/atomic.h"
#include "support.h"

#include <thrum/chan.h>
#include <thrum/meet.h>
#include <thrum/sync.h>

enum { STORED, BARE, RESERVED, CHANS };
enum role { SENDER, RECEIVER, LOCKER, DRAINER, BOX_DRAINER, OUTSIDER, CLOSER };

#define CANCELLED 8 /* tasks that may be */
#define TASKS (CANCELLED + 2)
#define THREAD TASKS
#define MAIN (TASKS + 1)
#define PARTIES (TASKS + 2)
#define CALLS 64 /* of a party, in a round */
#define BOX 3
#define CROWD 80

struct item {
	uint64_t id, check;
};

/* The fields but lock and conditions are of whoever has it. */
struct box {
	struct thrum_mutex lock;
	struct thrum_cond has_room, has_item;
	unsigned inside, count;
	uint64_t items[BOX];
	uint64_t put, put_sum, got, got_sum;
	bool closed;
};

struct party {
	struct round *round;
	enum role role;
	uint64_t index, random;
	uint64_t sent;                 /* or tried to */
	uint64_t last[CHANS][PARTIES]; /* from whom, on which channel */
	bool is_cancelled;
};

struct round {
	struct thrum_chan *chans[CHANS];
	struct thrum_sem sem;
	unsigned permits;
	struct atomic32 held;
	struct box box;
	struct thrum_wait_group busy; /* those who send */
	struct atomic32 started;
	struct thrum_future *tasks[TASKS];
	struct party parties[PARTIES];
};

static struct {
	struct atomic64 calls, cancelled, late, none, closed;
	struct atomic64 sent, sent_sum, received, received_sum, left, left_sum, boxed;
} n;

static inline uint64_t count(struct atomic64 *counter)
{
	return load_relaxed(counter);
}

static inline uint64_t stir(uint64_t x)
{
	x = (x ^ x >> 31) * 0xBF58476D1CE4E5B9u;
	return (x ^ x >> 29) | 1;
}

static inline bool chance(struct party *p, uint64_t one_in)
{
	return random_below(&p->random, one_in) == 0;
}

/* What a call returned: the same. */
static inline int told(struct party *p, intptr_t r)
{
	fetch_add_relaxed(&n.calls, 1);
	switch (r) {
	case -ECANCELED:
		CHECK(p->role != OUTSIDER && thrum_cancel_requested() == THRUM_HARD);
		p->is_cancelled = true;
		fetch_add_relaxed(&n.cancelled, 1);
		break;
	case -ETIMEDOUT:
		fetch_add_relaxed(&n.late, 1);
		break;
	case -EAGAIN:
	case -EBUSY:
		fetch_add_relaxed(&n.none, 1);
		break;
	case -EPIPE:
		fetch_add_relaxed(&n.closed, 1);
		break;
	default:
		CHECK(r >= 0);
	}
	return (int)r;
}

/* Soon; or never, if a wait without is known to end. */
static inline int64_t until(struct party *p, bool ends)
{
	if (ends && chance(p, 2))
		return THRUM_FOREVER;
	return thrum_now() + THRUM_US((int64_t)random_below(&p->random, 40));
}

/* ---- Items ---- */

static inline struct item new_item(struct party *p)
{
	uint64_t id = p->index << 32 | ++p->sent;

	return (struct item){id, stir(id)};
}

static inline void sent(const struct item *item)
{
	fetch_add_relaxed(&n.sent, 1);
	fetch_add_relaxed(&n.sent_sum, item->check);
}

static inline void received(struct party *p, unsigned chan, const struct item *item)
{
	uint64_t from = item->id >> 32;

	CHECK(from < PARTIES && item->check == stir(item->id));
	CHECK(p->last[chan][from] < item->id); /* in their order, each once */
	p->last[chan][from] = item->id;
	fetch_add_relaxed(&n.received, 1);
	fetch_add_relaxed(&n.received_sum, item->check);
}

static inline void left(void *item)
{
	const struct item *i = item;

	CHECK(i->check == stir(i->id));
	fetch_add_relaxed(&n.left, 1);
	fetch_add_relaxed(&n.left_sum, i->check);
}

#endif
