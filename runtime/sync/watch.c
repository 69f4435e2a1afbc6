/* SPDX-License-Identifier: MIT */
/*
 * WHAT    The watch: the last value, its version, and a queue of those that wait for another.
 *
 * WORD    31     0
 *         HELD   CLOSED
 *
 * STATES  open; CLOSED, for good.  HELD (core/hold.h): the holder's.
 *
 * MOVES   all of them holding the word
 *         T1 open: another value and version, and all turns go on  set
 *         T2 -> CLOSED, and all turns go on                        close
 *         T3 the value and its version are had                     get, next
 *         T4 a turn comes, of one that has this version; open      next
 *         T5 a turn leaves                                         next, cut short
 *
 * OWNERS  value, version, queue: who holds the word.
 *
 * CALLERS any number of all, each with a reference.
 *
 * ORDER   what was done before a set is seen by who gets the value: both have held the word
 *            (core/hold.h: O1, O2).
 *
 * INVARIANT I1 value is that of version.  I2 while nobody holds the word a turn in the queue is of
 *         one that has this version, and it is open.  I3 the last value is had before -EPIPE.
 *
 * PROOF   All happens holding the word: I1.  T4 comes only where the version is the caller's and
 *         CLOSED is clear; T1 and T2 take all turns along, in the hold in which that changes: I2.
 *         Between two lots of them the word and the queue are those of who comes, and the word is
 *         given back as it was found.  next looks at the version first: I3.  Who was granted has
 *         nothing yet and looks again, so nothing is lost with one that goes.
 *         Blocking on the holder; the longest hold is a copy of THRUM_CHAN_ITEM_MAX bytes, 32
 *         claims and a look at each dropped turn.
 *
 * RECLAIM with the last reference (core/refs.h); nobody waits then.
 *
 * What can fail: memory at creation; a wait's timer, a thread's parker.
 *
 * TEST    tests/model/scen_watch.c; tests/unit/test_watch.c
 */
#include "core/refs.h"
#include "core/waitqueue.h"

#include "base/assert.h"
#include "base/os.h"
#include "sched/fork_check.h"
#include "sched/stand.h"
#include "sync/store.h"

#include <errno.h>
#include <thrum/broadcast.h>
#include <thrum/chan.h>
#include <thrum/time.h>

#define CLOSED 1u

struct thrum_watch {
	struct atomic32 word; /* HELD, CLOSED */
	struct atomic32 refs;
	struct thrum__waitqueue queue;
	uint64_t version;
	size_t size;
	char value[];
};

struct thrum_watch *thrum_watch_create(size_t size, const void *value)
{
	struct thrum_watch *w;

	if (size > THRUM_CHAN_ITEM_MAX)
		return NULL;
	w = thrum__os_alloc(sizeof(*w) + size);
	if (!w)
		return NULL;
	store_relaxed(&w->word, 0);
	w->queue = (struct thrum__waitqueue){{NULL, NULL}};
	w->version = 1;
	w->size = size;
	thrum__item_copy(w->value, value, size);
	thrum__refs_publish(&w->refs, 1);
	return w;
}

void thrum_watch_retain(struct thrum_watch *w)
{
	if (w)
		thrum__refs_retain(&w->refs);
}

void thrum_watch_release(struct thrum_watch *w)
{
	if (!w || thrum__in_forked_child() || !thrum__refs_release(&w->refs))
		return;
	ENSURE(thrum__waitqueue_is_empty(&w->queue),
	       "release a watch's last reference when nobody waits at it");
	thrum__os_free(w);
}

int thrum_watch_set(struct thrum_watch *w, const void *value)
{
	uint32_t v;

	if (thrum__in_forked_child())
		return -ENOTSUP;
	v = thrum__hold(&w->word);
	if (v & CLOSED) {
		thrum__drop(&w->word, v);
		return -EPIPE;
	}
	thrum__item_copy(w->value, value, w->size);
	w->version++;
	thrum__waitqueue_grant_all(&w->queue, &w->word, v);
	return 0;
}

void thrum_watch_close(struct thrum_watch *w)
{
	if (thrum__in_forked_child())
		return;
	thrum__waitqueue_grant_all(&w->queue, &w->word, thrum__hold(&w->word) | CLOSED);
}

/* Holding. */
static uint64_t get(const struct thrum_watch *w, void *value)
{
	if (value)
		thrum__item_copy(value, w->value, w->size);
	return w->version;
}

uint64_t thrum_watch_get(struct thrum_watch *w, void *value)
{
	uint64_t version;
	uint32_t v;

	if (thrum__in_forked_child())
		return 0;
	v = thrum__hold(&w->word);
	version = get(w, value);
	thrum__drop(&w->word, v);
	return version;
}

int thrum_watch_next_until(struct thrum_watch *w, uint64_t *version, void *value,
			   int64_t deadline_ns)
{
	struct thrum__stander me;
	struct thrum__turn turn;
	int err = thrum__stand_check_turn();

	if (!err)
		err = thrum__stand_begin(&me);
	if (err)
		return err;
	for (;; thrum__stand_again(&me)) {
		uint32_t v = thrum__hold(&w->word);

		if (w->version != *version || v & CLOSED) {
			if (w->version == *version)
				err = -EPIPE;
			else
				*version = get(w, value);
			thrum__drop(&w->word, v);
			break;
		}
		thrum__turn_init(&turn, me.parker, me.seq);
		thrum__waitqueue_push(&w->queue, &turn);
		err = thrum__stand_in(&me, &turn, &w->word, &v, deadline_ns, false);
		if (err) {
			thrum__drop(&w->word, v);
			break;
		}
	}
	return thrum__stand_end(&me, err, deadline_ns);
}

int thrum_watch_next(struct thrum_watch *w, uint64_t *version, void *value)
{
	return thrum_watch_next_until(w, version, value, THRUM_FOREVER);
}
