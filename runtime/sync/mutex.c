/* SPDX-License-Identifier: MIT */
/*
 * WHAT    The mutex: one word, and a queue of those that wait.  An unlock wakes the first one,
 *         which then tries like all others: whoever runs already and comes by is not held up by one
 *         that has yet to get a CPU (no convoy).  One that was woken for nothing 16 times is handed
 *         it by the next unlock.  Rejected: handing it over always (each lock of two busy tasks
 *         costs two switches: the queue never gets empty again); never (who waits may wait for
 *         ever); after a time (Go's does after a millisecond; a clock makes the order of a
 *         simulated run another in each).
 *
 * WORD    31     3         2       1        0
 *         HELD   HANDING   WOKEN   QUEUED   LOCKED
 *
 * STATES  LOCKED: somebody has it.  QUEUED: the queue has turns.  WOKEN: one was woken and has not
 *         tried yet, or goes on trying: another need not be.  HANDING, only with LOCKED and QUEUED:
 *         the next unlock hands it to the first one.
 *         HELD (core/hold.h): the holder's.
 *
 * MOVES   T1 not LOCKED -> LOCKED                lock, try_lock; the one that was woken clears
 *                                                WOKEN
 *         T2 LOCKED, nothing else -> free        unlock
 *         T3 holding: LOCKED -> not LOCKED; the first one is woken (WOKEN), if none is    unlock
 *         T4 holding, HANDING: the first one has it now, LOCKED stays                     unlock
 *         T5 holding, LOCKED: a turn comes (QUEUED), first or last; perhaps HANDING       lock
 *         T6 holding: a turn leaves                                                       lock
 *
 * OWNERS  word: all, by CAS; the queue: who holds the word; owner: who has the mutex.
 *
 * CALLERS any number of lock and try_lock; unlock: who has it.
 *
 * ORDER   O1 release at T2 (what was done with the mutex) pairs with O2 acquire at T1.  T2 is a
 *            read-modify-write, and a holder stands between others (core/hold.h: O1, O2).  Who is
 *            handed it sees it through its turn (core/waitqueue.c: O1).
 *         Weaker: the next one does not see what the last one did.
 *
 * INVARIANT I1 one has it.  I2 while nobody holds the word: QUEUED is set exactly if the queue has
 *         turns; LOCKED, or WOKEN, or no turn that is not to be dropped: so somebody will look at
 *         the queue.  I3 WOKEN: there is exactly one that was woken.
 *
 * PROOF   I1: T1 finds LOCKED clear, T4 leaves it to the one that is handed it.  I2: an unlock that
 *         is not T2 looks itself; T2 fails if QUEUED is set.  WOKEN goes only when the woken one
 *         takes it by T1 (then LOCKED is set) or comes back to the queue (T5, LOCKED is set).  A
 *         turn that leaves was not claimed, so nothing was given to it.
 *         A woken one that gets no CPU (pinned to a worker that does not let go) keeps those in the
 *         queue waiting, as one that has the mutex would; who comes by is not kept.
 *         HANDING is set by a turn that is first, and goes with the next unlock, or with the last
 *         turn: so it is set with QUEUED only.
 *         T1, T2 lock-free; the rest blocks on the holder.
 *
 * RECLAIM the mutex is its user's.  The last access of unlock, and of a lock that was had, is one
 *         to the word.
 *
 * TEST    tests/model/scen_mutex.c; tests/unit/test_mutex.c
 */
#include "sync/mutex.h"

#include "base/assert.h"
#include "sched/cycle.h"
#include "sched/fork_check.h"
#include "sched/stand.h"

#include <errno.h>
#include <thrum/sync.h>
#include <thrum/time.h>

#define LOCKED 1u
#define QUEUED 2u
#define WOKEN 4u
#define HANDING 8u

/* What a turn is told. */
enum { TRY, IT_IS_YOURS };

/* Who was woken for nothing so often is handed it. */
#ifdef THRUM_MODEL
#define PATIENCE 1
#else
#define PATIENCE 16
#endif

_Static_assert(sizeof(struct thrum__mutex) <= sizeof(struct thrum_mutex), "it fits");

static struct thrum__mutex *mutex_of(struct thrum_mutex *m)
{
	return (struct thrum__mutex *)m;
}

/* ---- Who has it, in a debug build ---- */

#ifdef THRUM_DEBUG
static void owner_is_me(struct thrum__mutex *m)
{
	store_relaxed(&m->owner, thrum__stand_who());
	thrum__has_mutex(m);
}

/* In a forked child nobody is who it was. */
static void ensure_mine(const struct thrum__mutex *m)
{
	ENSURE(load_relaxed(&m->owner) == thrum__stand_who() || thrum__in_forked_child(),
	       "a mutex is unlocked by the task or thread that locked it");
}

static void owner_is_none(struct thrum__mutex *m)
{
	if (thrum__in_forked_child())
		return;
	ensure_mine(m);
	thrum__has_not_mutex(m);
	store_relaxed(&m->owner, NULL);
}

static void ensure_not_mine(const struct thrum__mutex *m)
{
	ENSURE(load_relaxed(&m->owner) != thrum__stand_who(),
	       "who has a mutex must not lock it again");
}
#else
static inline void owner_is_me(struct thrum__mutex *m)
{
	(void)m;
}

static inline void ensure_mine(const struct thrum__mutex *m)
{
	(void)m;
}

static inline void owner_is_none(struct thrum__mutex *m)
{
	(void)m;
}

static inline void ensure_not_mine(const struct thrum__mutex *m)
{
	(void)m;
}
#endif

void thrum__mutex_ensure_held(const struct thrum_mutex *m)
{
	ensure_mine((const struct thrum__mutex *)m);
}

/* ---- Lock ---- */

static inline bool take_free(struct thrum__mutex *m)
{
	uint32_t v = 0;

	return cas_acquire(&m->word, &v, LOCKED); /* T1; O2 */
}

/* Takes it if nobody has it, whoever waits.  @woken: WOKEN, which is the caller's, or 0. */
static bool take_passing(struct thrum__mutex *m, uint32_t woken)
{
	uint32_t v = load_relaxed(&m->word);

	while (!(v & (LOCKED | THRUM__HELD)))
		if (cas_acquire(&m->word, &v, (v & ~woken) | LOCKED)) /* T1; O2 */
			return true;
	return false;
}

static bool take_spinning(struct thrum__mutex *m, uint32_t woken)
{
	for (unsigned pauses = thrum__stand_pauses();; pauses *= 2) {
		if (take_passing(m, woken))
			return true;
		if (pauses > THRUM__LONGEST_PAUSE || (load_relaxed(&m->word) & HANDING))
			return false;
		spin_hints(pauses);
	}
}

/* What the wait of one that locks is made of. */
struct attempt {
	struct thrum__stander me;
	struct thrum__turn turn;
	uint32_t woken; /* WOKEN, which it is to clear; 0: it has not been woken */
	unsigned wakes; /* for nothing */
};

/* Holding @v: the caller's turn comes, and HANDING with it if it was woken often enough. */
static uint32_t queue_up(struct thrum__mutex *m, struct attempt *a, uint32_t v)
{
	thrum__turn_init(&a->turn, a->me.parker, a->me.seq);
	if (!a->woken) {
		thrum__waitqueue_push(&m->queue, &a->turn); /* T5 */
		return v | QUEUED;
	}
	thrum__waitqueue_push_first(&m->queue, &a->turn); /* T5 */
	a->woken = 0;
	return (v & ~WOKEN) | QUEUED | (++a->wakes >= PATIENCE ? HANDING : 0);
}

/* Holding @v, and a turn has left or been taken: what is true of the queue now. */
static uint32_t after_leaving(struct thrum__mutex *m, uint32_t v)
{
	return thrum__waitqueue_is_empty(&m->queue) ? v & ~(QUEUED | HANDING) : v;
}

static int wait_for_it(struct thrum__mutex *m, struct attempt *a, int64_t deadline_ns, bool deaf)
{
	for (;;) {
		uint32_t v;
		int err;

		if (a->woken && take_spinning(m, WOKEN))
			return 0;
		thrum__wants_mutex(a->me.seq, m);
		v = thrum__hold(&m->word);
		if (!(v & LOCKED)) {
			thrum__drop(&m->word, (v & ~a->woken) | LOCKED); /* T1 */
			return 0;
		}
		v = queue_up(m, a, v);
		err = thrum__stand_in(&a->me, &a->turn, &m->word, &v, deadline_ns, deaf);
		if (err) {
			thrum__drop(&m->word, after_leaving(m, v)); /* T6 */
			return err;
		}
		if (plain_read(&a->turn.note) == IT_IS_YOURS)
			return 0;
		a->woken = WOKEN;
		thrum__stand_again(&a->me);
	}
}

static NOINLINE int lock_slowly(struct thrum__mutex *m, int64_t deadline_ns, bool deaf)
{
	struct attempt a = {.woken = 0, .wakes = 0};
	int err;

	ensure_not_mine(m);
	if (take_spinning(m, 0))
		return 0;
	err = thrum__stand_begin(&a.me);
	if (err)
		return err;
	err = wait_for_it(m, &a, deadline_ns, deaf);
	return thrum__stand_end(&a.me, err, deadline_ns);
}

static inline int lock_it(struct thrum_mutex *mutex, int64_t deadline_ns)
{
	struct thrum__mutex *m = mutex_of(mutex);
	int err = thrum__stand_check();

	if (UNLIKELY(err))
		return err;
	if (UNLIKELY(!take_free(m)))
		err = lock_slowly(m, deadline_ns, false);
	if (!err)
		owner_is_me(m);
	return err;
}

int thrum_mutex_lock(struct thrum_mutex *m)
{
	return lock_it(m, THRUM_FOREVER);
}

int thrum_mutex_lock_until(struct thrum_mutex *m, int64_t deadline_ns)
{
	return lock_it(m, deadline_ns);
}

void thrum__mutex_lock_deaf(struct thrum_mutex *mutex)
{
	struct thrum__mutex *m = mutex_of(mutex);

	/* A thread without memory to wait with tries again and again. */
	while (!take_free(m) && lock_slowly(m, THRUM_FOREVER, true))
		thread_yield();
	owner_is_me(m);
}

static bool try_slowly(struct thrum__mutex *m)
{
	uint32_t v = load_relaxed(&m->word);

	if ((v & (LOCKED | THRUM__HELD)) == LOCKED || thrum__in_forked_child())
		return false;
	v = thrum__hold(&m->word);
	thrum__drop(&m->word, v | LOCKED); /* T1 */
	return !(v & LOCKED);
}

int thrum_mutex_try_lock(struct thrum_mutex *mutex)
{
	struct thrum__mutex *m = mutex_of(mutex);

	if (!take_free(m) && !try_slowly(m))
		return -EBUSY;
	owner_is_me(m);
	return 0;
}

/* ---- Unlock ---- */

/* Holding @v, which has LOCKED: its new value. */
static uint32_t pass_on(struct thrum__mutex *m, uint32_t v, struct thrum__granted *g)
{
	bool hands = v & HANDING;
	struct thrum__turn *t = NULL;

	if ((v & QUEUED) && (hands || !(v & WOKEN)))
		t = thrum__waitqueue_claim(&m->queue);
	if (t) {
		plain_write(&t->note, hands ? IT_IS_YOURS : TRY);
		thrum__turn_grant(t, g);
	}
	v = after_leaving(m, v);
	if (t && hands)
		return v & ~HANDING;            /* T4 */
	return (v & ~LOCKED) | (t ? WOKEN : 0); /* T3 */
}

static NOINLINE void unlock_slowly(struct thrum__mutex *m)
{
	struct thrum__granted g = {NULL, NULL};
	uint32_t v;

	if (thrum__in_forked_child())
		return;
	v = thrum__hold(&m->word);
	ENSURE(v & LOCKED, "a mutex is unlocked by who locked it");
	thrum__drop(&m->word, pass_on(m, v, &g));
	thrum__granted_resume(&g);
}

void thrum_mutex_unlock(struct thrum_mutex *mutex)
{
	struct thrum__mutex *m = mutex_of(mutex);
	uint32_t v = LOCKED;

	owner_is_none(m);
	if (UNLIKELY(!cas_release(&m->word, &v, 0))) /* T2; O1 */
		unlock_slowly(m);
}

/* ---- Birth and end ---- */

void thrum_mutex_init(struct thrum_mutex *m)
{
	*m = (struct thrum_mutex)THRUM_MUTEX_INIT;
}

void thrum_mutex_fini(struct thrum_mutex *m)
{
	ENSURE(thrum__in_forked_child() || load_relaxed(&mutex_of(m)->word) == 0,
	       "end a mutex when nobody has it");
}
