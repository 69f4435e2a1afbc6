/* SPDX-License-Identifier: MIT */
/*
 * sync_storm.h - for sync_storm.c and its parts: who plays, with what, and what is counted.
 */
#ifndef THRUM_STRESS_SYNC_STORM_H
#define THRUM_STRESS_SYNC_STORM_H

#include <errno.h>

#include "base/atomic.h"
#include "support.h"

#include <thrum/broadcast.h>
#include <thrum/chan.h>
#include <thrum/meet.h>
#include <thrum/queue.h>
#include <thrum/sync.h>
#include <thrum/token.h>

enum { STORED, BARE, RESERVED, CHANS };
enum role { SENDER, RECEIVER, LOCKER, DRAINER, BOX_DRAINER, OUTSIDER, CLOSER };

#define CANCELLED 8 /* tasks that may be */
#define TASKS (CANCELLED + 2)
#define THREAD TASKS
#define MAIN (TASKS + 1)
#define PARTIES (TASKS + 2)
#define CALLS 64 /* of a party, in a round */
#define BOX 3
#define ONCES 4

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

/* What each may use at any time; sync_storm_things.h. */
struct things {
	struct thrum_rwlock lock;
	struct atomic32 inside; /* readers, or a writer */
	uint64_t first, second; /* the same, but while a writer is inside */
	struct atomic64 writes;
	struct thrum_queue *queue;
	struct thrum_broadcast *news;
	struct thrum_listener listeners[PARTIES];
	struct atomic64 news_sent;
	struct thrum_watch *watch;
	struct atomic64 watch_set;
	struct {
		struct thrum_once once;
		struct atomic32 calling, succeeded;
		struct atomic64 value;
	} onces[ONCES];
	struct thrum_future *future;
	struct thrum_token *token;
	struct atomic32 future_set, token_asked;
};

struct party {
	struct round *round;
	enum role role;
	uint64_t index, random;
	uint64_t sent;                 /* or tried to */
	uint64_t last[CHANS][PARTIES]; /* from whom, on which channel */
	uint64_t last_news[PARTIES];   /* from whom */
	uint64_t heard;                /* news */
	uint64_t seen;                 /* the version of the watch */
	bool is_cancelled;
};

struct round {
	struct thrum_chan *chans[CHANS];
	struct thrum_sem sem;
	unsigned permits;
	struct atomic32 held;
	struct box box;
	struct things things;
	struct thrum_wait_group busy; /* those who send */
	struct atomic32 started;
	struct thrum_future *tasks[TASKS];
	struct party parties[PARTIES];
};

static struct {
	struct atomic64 calls, cancelled, late, none, closed;
	struct atomic64 sent, sent_sum, received, received_sum, left, left_sum, boxed;
	struct atomic64 put, put_sum, got, got_sum, thrown_away, thrown_away_sum; /* of queues */
	struct atomic64 writes, news, missed, watched, once_failed, once_done, rung, answered;
	struct atomic64 let_go, gave_up; /* of crowds */
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

static inline void count_item(struct atomic64 *items, struct atomic64 *sum, const struct item *item)
{
	CHECK(item->check == stir(item->id));
	fetch_add_relaxed(items, 1);
	fetch_add_relaxed(sum, item->check);
}

static inline void sent(const struct item *item)
{
	count_item(&n.sent, &n.sent_sum, item);
}

/* Of one maker in their order, each once. */
static inline void comes_after(uint64_t last[PARTIES], const struct item *item)
{
	uint64_t from = item->id >> 32;

	CHECK(from < PARTIES && last[from] < item->id);
	last[from] = item->id;
}

static inline void received(struct party *p, unsigned chan, const struct item *item)
{
	comes_after(p->last[chan], item);
	count_item(&n.received, &n.received_sum, item);
}

static inline void left(void *item)
{
	count_item(&n.left, &n.left_sum, item);
}

#endif
