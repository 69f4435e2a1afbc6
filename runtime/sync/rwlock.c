/* SPDX-License-Identifier: MIT */
/*
 * WHAT    The lock of readers and writers.  A writer that finds it held says that it is next: from
 *         then on nobody comes in, and it waits for those that are in.  Its unlock lets in all
 *         readers that wait, so that the next writer comes after them (Go's sync.RWMutex;
 *         Brandenburg and Anderson call it phase-fair: a reader waits for one writer at most).
 *         Writers take turns being next at a mutex, whose rules are theirs.  Rejected: one queue of
 *         both in the order in which they came, as a semaphore has it (once many tasks wait, each
 *         lock costs a switch, and the queue never gets empty again: 717 ns beside 40); letting
 *         readers pass (writers may wait for ever).
 *
 * WORD    31     30     29       28        27       26 ..... 0
 *         HELD   NEXT   PARKED   WAITING   WRITER   readers that are in
 *
 * STATES  NEXT: a writer, which has in_front, is next: none but it comes in.  PARKED, only with
 *         NEXT: its turn is on front.  WAITING: readers has turns.  WRITER: one is in.
 *         HELD (core/hold.h): the holder's.
 *
 * MOVES   T1 nothing but readers -> one more                  read_lock, try_read_lock
 *         T2 readers -> one less, but the last one if PARKED  read_unlock
 *         T3 0 -> WRITER                                      write_lock, try_write_lock
 *         T4 -> NEXT                                          write_lock, having in_front
 *         T5 nobody is in, NEXT -> WRITER                     write_lock, whose NEXT it is
 *         T6 WRITER alone -> 0; -> one reader                 write_unlock; downgrade
 *         T7 holding: a turn comes or leaves; NEXT is given up
 *         T8 holding: nobody is in, PARKED -> WRITER, for the one that is next     the last one out
 *         T9 holding: all readers that wait come in           write_unlock, downgrade; who gives
 *                                                             NEXT up
 *
 * OWNERS  word: all, by CAS; readers, front: who holds the word; NEXT and PARKED are set by who has
 *         in_front.
 *
 * CALLERS any number of all, beside each other; the unlocks: who is in.
 *
 * ORDER   O1 release at T2 and T6 (what was done inside) pairs with O2 acquire at T1, T3 and T5.
 *            All moves are read-modify-writes, so a release reaches all later acquires, and a
 *            holder stands between (core/hold.h: O1, O2).  Who is let in by T8 or T9 sees it
 *            through its turn (core/waitqueue.c: O1).  T4 orders nothing.
 *         Weaker: a writer changes what a reader has not read to the end, or misses what the last
 *         one wrote.
 *
 * INVARIANT I1 readers are in, or one writer, or nobody.  I2 one is next.  I3 while nobody holds
 *         the word: WAITING is set exactly if readers has turns, and then WRITER or NEXT is, or who
 *         let others in comes back for them.  I4 PARKED: front's turn is let in by the last one
 *         out, or its wait has ended otherwise and its owner is on its way to give NEXT up.
 *
 * PROOF   I1: T1 finds neither WRITER nor NEXT, T3 nothing, T5 neither WRITER nor readers, and T1
 *         and T3 fail while NEXT is set.  T9 is at a time when no writer is in, and as long as it
 *         lasts whoever does it has a place among the readers, so none comes in.  I2: who sets NEXT
 *         has in_front, and gives it back when it is in or has given NEXT up.  I3: a reader pushes
 *         its turn while WRITER or NEXT is set, by holding the word; WRITER goes by T6, which fails
 *         if WAITING is set, or with T9; NEXT goes with WRITER coming, or with T9 if no writer is
 *         in.  I4: T2 fails if it would leave nobody in beside PARKED; T9 looks at the end of it.
 *         Nobody waits for ever: a writer that is next, for those that are in, and the readers that
 *         its predecessor let in; a reader, for one writer.
 *         T1 to T6 lock-free; the rest blocks on the holder.
 *
 * RECLAIM the lock is its user's.  The last access of an unlock is one to the word, and of a lock
 *         one made by who is in; a lock that fails uses it until it returns.
 *
 * TEST    tests/model/scen_rwlock.c; tests/unit/test_rwlock.c
 */
#include "sync/rwlock.h"

#include "base/assert.h"
#include "sched/fork_check.h"
#include "sched/stand.h"

#include <errno.h>
#include <thrum/time.h>

#define HELD THRUM__HELD
#define NEXT THRUM__RW_NEXT
#define PARKED THRUM__RW_PARKED
#define WAITING THRUM__RW_WAITING
#define WRITER THRUM__RW_WRITER
#define READERS THRUM__RW_READERS

_Static_assert(sizeof(struct thrum__rwlock) <= sizeof(struct thrum_rwlock), "it fits");
_Static_assert(THRUM_RWLOCK_READERS_MAX <= READERS / 2, "those that are let in fit, too");

static struct thrum__rwlock *rwlock_of(struct thrum_rwlock *l)
{
	return (struct thrum__rwlock *)l;
}

static void misused(void)
{
	ENSURE(false, "unlock what you hold, as you locked it");
}

/* ---- Who comes in when others leave ---- */

/* Holding @v, nobody is in: the new value. */
static uint32_t let_next_in(struct thrum__rwlock *l, uint32_t v, struct thrum__granted *g)
{
	struct thrum__turn *t;

	if (!(v & PARKED))
		return v;
	t = thrum__waitqueue_claim(&l->front);
	if (!t)
		return v & ~PARKED;
	thrum__turn_grant(t, g);
	return (v & ~(NEXT | PARKED)) | WRITER; /* T8 */
}

/* Holding @v, no writer is in: lets all readers in that wait, or else who is next; drops it. */
static void let_in(struct thrum__rwlock *l, uint32_t v)
{
	struct thrum__waitqueue all = {{NULL, NULL}};
	struct thrum__granted g = {NULL, NULL}, before = {NULL, NULL};

	thrum__waitqueue_take_all(&all, &l->readers);
	v = (v & ~WAITING) + 1; /* the caller's own place */
	for (;;) {
		v += thrum__waitqueue_claim_some(&all, &g); /* T9 */
		if (thrum__waitqueue_is_empty(&all))
			break;
		v = thrum__granted_go_on(&before, &g, &l->word, v);
	}
	if (!(--v & READERS))
		v = let_next_in(l, v, &g);
	thrum__drop(&l->word, v);
	thrum__granted_resume(&before);
	thrum__granted_resume(&g);
}

/* ---- Readers ---- */

/* May one come in that is not next?  -EAGAIN: there are too many. */
static inline int may_read(uint32_t v)
{
	if (v & (WRITER | NEXT))
		return -EBUSY;
	return (v & READERS) >= THRUM_RWLOCK_READERS_MAX ? -EAGAIN : 0;
}

/* As may_read; *@v, too, is what it saw. */
static inline int read_passing(struct thrum__rwlock *l, uint32_t *v)
{
	int err;

	*v = load_relaxed(&l->word);
	do {
		err = *v & HELD ? -EBUSY : may_read(*v);
		if (err)
			return err;
	} while (!cas_acquire(&l->word, v, *v + 1)); /* T1; O2 */
	return 0;
}

static int read_spinning(struct thrum__rwlock *l)
{
	for (unsigned pauses = thrum__stand_pauses();; pauses *= 2) {
		uint32_t v;
		int err = read_passing(l, &v);

		/* Beside those that are parked it takes longer than a few pauses. */
		if (err != -EBUSY || pauses > THRUM__LONGEST_PAUSE || (v & (PARKED | WAITING)))
			return err;
		spin_hints(pauses);
	}
}

static NOINLINE int read_slowly(struct thrum__rwlock *l, int64_t deadline_ns)
{
	struct thrum__stander me;
	struct thrum__turn turn;
	uint32_t v;
	int err = read_spinning(l);

	if (err != -EBUSY)
		return err;
	err = thrum__stand_begin(&me);
	if (err)
		return err;
	thrum__turn_init(&turn, me.parker, me.seq);
	v = thrum__hold(&l->word);
	err = may_read(v);
	if (err != -EBUSY) {
		thrum__drop(&l->word, err ? v : v + 1); /* T1 */
	} else {
		thrum__waitqueue_push(&l->readers, &turn); /* T7 */
		v |= WAITING;
		err = thrum__stand_in(&me, &turn, &l->word, &v, deadline_ns, false);
		if (err)
			thrum__drop(&l->word, thrum__waitqueue_is_empty(&l->readers) ? v & ~WAITING
										     : v); /* T7 */
	}
	return thrum__stand_end(&me, err, deadline_ns);
}

int thrum_rwlock_read_lock_until(struct thrum_rwlock *lock, int64_t deadline_ns)
{
	struct thrum__rwlock *l = rwlock_of(lock);
	int err = thrum__stand_check();
	uint32_t v;

	if (UNLIKELY(err))
		return err;
	return LIKELY(!read_passing(l, &v)) ? 0 : read_slowly(l, deadline_ns);
}

int thrum_rwlock_read_lock(struct thrum_rwlock *l)
{
	return thrum_rwlock_read_lock_until(l, THRUM_FOREVER);
}

int thrum_rwlock_try_read_lock(struct thrum_rwlock *lock)
{
	struct thrum__rwlock *l = rwlock_of(lock);
	uint32_t v;
	int err = read_passing(l, &v);

	if (!(v & HELD) || thrum__in_forked_child())
		return err;
	v = thrum__hold(&l->word);
	err = may_read(v);
	thrum__drop(&l->word, err ? v : v + 1); /* T1 */
	return err;
}

static NOINLINE void read_unlock_slowly(struct thrum__rwlock *l)
{
	struct thrum__granted g = {NULL, NULL};
	uint32_t v;

	if (thrum__in_forked_child())
		return;
	v = thrum__hold(&l->word);
	if (!(v & READERS))
		misused();
	if (!(--v & READERS))
		v = let_next_in(l, v, &g);
	thrum__drop(&l->word, v);
	thrum__granted_resume(&g);
}

void thrum_rwlock_read_unlock(struct thrum_rwlock *lock)
{
	struct thrum__rwlock *l = rwlock_of(lock);
	uint32_t v = load_relaxed(&l->word);

	do {
		if (UNLIKELY((v & HELD) || !(v & READERS) ||
			     ((v & PARKED) && (v & READERS) == 1))) {
			read_unlock_slowly(l);
			return;
		}
	} while (!cas_release(&l->word, &v, v - 1)); /* T2; O1 */
}

/* ---- Writers ---- */

/* False: *@v is what it saw. */
static inline bool write_free(struct thrum__rwlock *l, uint32_t *v)
{
	*v = 0;
	return cas_acquire(&l->word, v, WRITER); /* T3; O2 */
}

/* Having in_front, when nobody else is next: says so, and pauses for those that are in to leave. */
static bool write_spinning(struct thrum__rwlock *l)
{
	unsigned pauses = thrum__stand_pauses();
	uint32_t v = load_relaxed(&l->word);

	for (;;) {
		if (!(v & (HELD | WRITER | READERS))) {
			if (cas_acquire(&l->word, &v, (v & ~NEXT) | WRITER)) /* T3, T5; O2 */
				return true;
		} else if (!(v & (HELD | NEXT))) {
			if (cas_relaxed(&l->word, &v, v | NEXT)) /* T4 */
				v |= NEXT;
		} else if (pauses > THRUM__LONGEST_PAUSE) {
			return false;
		} else {
			spin_hints(pauses);
			pauses *= 2;
			v = load_relaxed(&l->word);
		}
	}
}

/* Having in_front: the wait of who is next. */
static int write_parking(struct thrum__rwlock *l, struct thrum__stander *me, int64_t deadline_ns)
{
	struct thrum__turn turn;
	uint32_t v;
	int err;

	thrum__turn_init(&turn, me->parker, me->seq);
	v = thrum__hold(&l->word);
	if (!(v & (WRITER | READERS))) {
		thrum__drop(&l->word, (v & ~NEXT) | WRITER); /* T5 */
		return 0;
	}
	thrum__waitqueue_push(&l->front, &turn); /* T7 */
	v |= NEXT | PARKED;
	err = thrum__stand_in(me, &turn, &l->word, &v, deadline_ns, false);
	if (!err)
		return 0;
	v &= ~(NEXT | PARKED); /* T7 */
	if (v & WRITER)
		thrum__drop(&l->word, v);
	else
		let_in(l, v);
	return err;
}

/* Having in_front, which is given back. */
static int write_in_front(struct thrum__rwlock *l, int64_t deadline_ns)
{
	struct thrum__stander me;
	int err = 0;

	if (!write_spinning(l)) {
		err = thrum__stand_begin(&me);
		if (err) {
			uint32_t v = thrum__hold(&l->word) & ~NEXT; /* T7 */

			if (v & WRITER)
				thrum__drop(&l->word, v);
			else
				let_in(l, v);
		} else {
			err =
			    thrum__stand_end(&me, write_parking(l, &me, deadline_ns), deadline_ns);
		}
	}
	thrum_mutex_unlock(&l->in_front);
	return err;
}

static NOINLINE int write_slowly(struct thrum__rwlock *l, int64_t deadline_ns)
{
	int err = thrum_mutex_lock_until(&l->in_front, deadline_ns);

	return err ? err : write_in_front(l, deadline_ns);
}

int thrum_rwlock_write_lock_until(struct thrum_rwlock *lock, int64_t deadline_ns)
{
	struct thrum__rwlock *l = rwlock_of(lock);
	int err = thrum__stand_check();
	uint32_t v;

	if (UNLIKELY(err))
		return err;
	return LIKELY(write_free(l, &v)) ? 0 : write_slowly(l, deadline_ns);
}

int thrum_rwlock_write_lock(struct thrum_rwlock *l)
{
	return thrum_rwlock_write_lock_until(l, THRUM_FOREVER);
}

int thrum_rwlock_try_write_lock(struct thrum_rwlock *lock)
{
	struct thrum__rwlock *l = rwlock_of(lock);
	uint32_t v;

	if (write_free(l, &v))
		return 0;
	if (!(v & HELD) || thrum__in_forked_child())
		return -EBUSY;
	v = thrum__hold(&l->word);
	thrum__drop(&l->word, v ? v : WRITER); /* T3 */
	return v ? -EBUSY : 0;
}

/* @stays: as a reader. */
static NOINLINE void write_unlock_slowly(struct thrum__rwlock *l, uint32_t stays)
{
	uint32_t v;

	if (thrum__in_forked_child())
		return;
	v = thrum__hold(&l->word);
	if (!(v & WRITER))
		misused();
	let_in(l, (v & ~WRITER) + stays); /* T6 */
}

void thrum_rwlock_write_unlock(struct thrum_rwlock *lock)
{
	struct thrum__rwlock *l = rwlock_of(lock);
	uint32_t v = WRITER;

	if (UNLIKELY(!cas_release(&l->word, &v, 0))) /* T6; O1 */
		write_unlock_slowly(l, 0);
}

void thrum_rwlock_downgrade(struct thrum_rwlock *lock)
{
	struct thrum__rwlock *l = rwlock_of(lock);
	uint32_t v = WRITER;

	if (UNLIKELY(!cas_release(&l->word, &v, 1))) /* T6; O1 */
		write_unlock_slowly(l, 1);
}

/* ---- Birth and end ---- */

void thrum_rwlock_init(struct thrum_rwlock *l)
{
	*l = (struct thrum_rwlock)THRUM_RWLOCK_INIT;
}

void thrum_rwlock_fini(struct thrum_rwlock *l)
{
	ENSURE(thrum__in_forked_child() || load_relaxed(&rwlock_of(l)->word) == 0,
	       "end a lock when nobody holds it");
	thrum_mutex_fini(&rwlock_of(l)->in_front);
}
