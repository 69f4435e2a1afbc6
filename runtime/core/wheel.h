/* SPDX-License-Identifier: MIT */
/*
 * wheel.h - the timers of one worker: what is due, in the exact order of the deadlines, and when
 * the next one is.
 *
 * One thread owns a wheel and makes every call on it.  An entry is a value: (deadline, party, seq).
 * Nobody takes one out: a timer that is no longer wanted stays until its time comes, and the
 * callback finds by seq that it is stale. So that abandoned timers cost no memory, the owner notes
 * how many there are and compacts when thrum__wheel_compact_due says so.
 */
#ifndef THRUM_CORE_WHEEL_H
#define THRUM_CORE_WHEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/wheel_chunks.h"

#define WHEEL_BITS 6                   /* of a deadline, for each level */
#define WHEEL_SLOTS (1u << WHEEL_BITS) /* of a level: one word of bits says which hold entries */
#define WHEEL_LEVELS 11                /* 11 * 6 >= 63 bits */
#define WHEEL_RUN_MAX 48               /* entries of a slot that are sorted rather than spread */

struct thrum__wheel_slot {
	struct thrum__wheel_chunk *tail; /* of a ring: tail->next is the head; NULL: empty */
	int64_t min_ns;                  /* the earliest deadline; meaningless while empty */
};

/* An entry that was due when it came; equal deadlines go by the order of insertion. */
struct thrum__wheel_late {
	struct thrum__wheel_entry e;
	uint64_t order;
};

typedef void thrum__wheel_fire_fn(void *arg, void *party, uint64_t seq);
typedef bool thrum__wheel_stale_fn(void *party, uint64_t seq);

struct thrum__wheel {
	int64_t base_ns; /* slots are relative to it; no entry in a slot is earlier; 0 or more */
	int64_t due_last_ns; /* base_ns or base_ns - 1: an insertion up to here goes to late */
	uint32_t levels;     /* bit l: bits[l] is not 0 */
	uint32_t run_at;     /* next entry of run to fire */
	uint32_t run_len;
	bool firing;    /* inside advance */
	size_t slotted; /* entries in slots and in run */
	size_t stale;   /* noted since the last compaction */
	struct thrum__wheel_chunks chunks;
	thrum__wheel_fire_fn *fire;
	void *fire_arg;
	struct thrum__wheel_late *late; /* a binary heap */
	size_t late_len, late_cap;
	uint64_t late_order;
	uint64_t bits[WHEEL_LEVELS];
	struct thrum__wheel_slot slots[WHEEL_LEVELS][WHEEL_SLOTS];
	struct thrum__wheel_entry run[WHEEL_RUN_MAX]; /* sorted; all due */
};

/* init takes no memory; fini drops what is left without firing it. */
void thrum__wheel_init(struct thrum__wheel *w, int64_t start_ns, thrum__wheel_fire_fn *fire,
		       void *fire_arg);
void thrum__wheel_fini(struct thrum__wheel *w);

/*
 * Insert.  A deadline in the past fires at the next advance; THRUM_FOREVER is not stored, as it
 * never comes.
 * Returns 0, or -ENOMEM and nothing was stored.
 */
int thrum__wheel_insert(struct thrum__wheel *w, int64_t deadline_ns, void *party, uint64_t seq);

/*
 * Fire every entry whose deadline is @now_ns or earlier, in the order of the deadlines and, where
 * they are equal, of insertion.  Never early, needs no memory.  The callback may insert; what it
 * inserts and is due fires in this same call, so it must not do so without end.  A @now_ns below an
 * earlier one fires nothing new.  Returns how many fired.
 */
size_t thrum__wheel_advance(struct thrum__wheel *w, int64_t now_ns);

/* The earliest deadline of all, stale ones included, exactly; INT64_MAX: none.  Costs little. */
int64_t thrum__wheel_next_ns(const struct thrum__wheel *w);

/*
 * The same without the stale: drops those that stand before it.  For a clock that jumps there, and
 * for a long sleep: it costs up to a pass over the earliest slot, which may hold them all.
 */
int64_t thrum__wheel_next_live_ns(struct thrum__wheel *w, thrum__wheel_stale_fn *stale);
/* For a short one: the same where the earliest slot has few entries, else as if none were stale. */
int64_t thrum__wheel_next_bound_ns(struct thrum__wheel *w, thrum__wheel_stale_fn *stale);

/* Entries held, stale ones included. */
static inline size_t thrum__wheel_count(const struct thrum__wheel *w)
{
	return w->slotted + w->late_len;
}

/* The owner cancelled one of its entries. */
static inline void thrum__wheel_note_stale(struct thrum__wheel *w)
{
	w->stale++;
}

/*
 * Is it time to compact?  @remote_stale: cancelled by other threads since the last compaction,
 * which the caller counts. True once the stale are more than half of the live and 1024: a pass over
 * n entries per n / 3 cancels, at most.
 */
bool thrum__wheel_compact_due(const struct thrum__wheel *w, size_t remote_stale);

/* Drop every entry that @stale calls so; one pass; keeps the order, needs no memory.  Not from the
 * callback. */
void thrum__wheel_compact(struct thrum__wheel *w, thrum__wheel_stale_fn *stale);

#endif
