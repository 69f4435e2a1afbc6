/* SPDX-License-Identifier: MIT */
/*
 * WHAT    The semaphore: permits in one word, and a queue of those that wait for some, in the order
 *         in which they came.  Who gives hands them to the first ones: none is ever to be had by
 *         one that came later (as Go's channels and tokio's semaphore do it).  Rejected: letting
 *         those that come pass (one that wants many may wait for ever).
 *
 * WORD    31     30       29 ..... 0
 *         HELD   QUEUED   permits that are left
 *
 * STATES  free: the queue is empty.
 *         QUEUED: it has turns.
 *         HELD (core/hold.h): the holder's.
 *
 * MOVES   T1 free(p) -> free(p - n)   take, try_take, n <= p
 *         T2 free(p) -> free(p + n)   give
 *         T3 holding: the permits change, turns come, leave, and are granted
 *
 * OWNERS  word: all, by CAS; the queue: who holds the word.  wants: the turn's owner before it is
 *         pushed.
 *
 * CALLERS any number of all, beside each other.
 *
 * ORDER   O1 release at T2 (what was done before) pairs with O2 acquire at T1: who takes a permit
 *            sees what was done before it was given.  T1 and T2 are read-modify-writes, so a
 *            release reaches all later acquires (release sequence), and a holder stands between
 *            (core/hold.h: O1, O2).  Who is granted sees it through its turn (core/waitqueue.c:
 *            O1).  value orders nothing.
 *         Weaker: a permit is had before what it stands for is there.
 *
 * INVARIANT I1 permits left and granted are as many as were given and not taken back.  I2 while
 *         nobody holds the word: QUEUED is set exactly if the queue has turns; and the first one
 *         wants more than there are, or its wait has ended otherwise and its owner is on its way
 *         to leave, or whoever has just served comes back.  I3 turns are granted in the order
 *         of the queue.
 *
 * PROOF   T1 and T2 fail once QUEUED is set, so what is given afterwards is given by a holder, who
 *         serves the queue: no permit lies beside one that waits for it.  A claim that fails costs
 *         no permits: I1.  Between two batches of serve permits lie beside turns, and whoever
 *         serves comes back for them, or another holder has served them.  A turn that leaves may
 *         have been the first, with others behind it that want less: its owner serves them before
 *         it drops the word: I2.  T1, T2 lock-free; the rest blocks on the holder.
 *
 * RECLAIM the semaphore is its user's.  The last access of each call to it is one to the word, and
 *         who was granted goes on when the word has been dropped (core/waitqueue.c: I4).
 *
 * TEST    tests/model/scen_sem.c; tests/unit/test_sem.c
 */
#include "sync/sem.h"

#include "base/assert.h"
#include "sched/fork_check.h"
#include "sched/stand.h"

#include <errno.h>
#include <thrum/sync.h>
#include <thrum/time.h>

#define QUEUED THRUM__SEM_QUEUED

_Static_assert(THRUM_SEM_MAX == QUEUED - 1, "permits and flags are apart");
_Static_assert(sizeof(struct thrum__sem) <= sizeof(struct thrum_sem), "it fits");

struct sem_turn {
	struct thrum__turn turn;
	uint32_t wants;
};

static struct thrum__sem *sem_of(struct thrum_sem *s)
{
	return (struct thrum__sem *)s;
}

static inline uint32_t left_in(uint32_t v)
{
	return v & THRUM_SEM_MAX;
}

/* ---- Take ---- */

/* False: as *@v says they are not to be had; or it is held. */
static ALWAYS_INLINE bool take_free(struct thrum__sem *s, uint32_t n, uint32_t *v)
{
	*v = load_relaxed(&s->word);
	do
		if (*v >= QUEUED || *v < n)
			return false;
	while (!cas_acquire(&s->word, v, *v - n)); /* T1, O2 */
	return true;
}

/* Holding: grants some of those at the front whose wishes *@v has permits for, one at least (as
 * claim_some does); *@v is the word's new value.  True: there may be more of them. */
static bool serve_some(struct thrum__sem *s, uint32_t *v, struct thrum__granted *g)
{
	uint32_t left = left_in(*v);
	struct thrum__turn *t = NULL;
	bool is_served = false;

	for (unsigned n = 0; (n < THRUM__AT_A_TIME || !g->first) && !is_served; n++) {
		uint32_t wants;

		t = thrum__waitqueue_first(&s->queue);
		if (!t)
			break;
		wants = plain_read(&container_of(t, struct sem_turn, turn)->wants);
		is_served = wants > left && !thrum__turn_is_over(t);
		if (!is_served && thrum__turn_claim(t)) { /* T3 */
			left -= wants;
			thrum__turn_grant(t, g);
		}
	}
	*v = left | (t ? QUEUED : 0);
	return t && !is_served;
}

/* Holding: the same for all of them; drops the word. */
static void serve(struct thrum__sem *s, uint32_t v)
{
	struct thrum__granted g = {NULL, NULL}, before = {NULL, NULL};

	while (serve_some(s, &v, &g))
		v = thrum__granted_go_on(&before, &g, &s->word, v);
	thrum__drop(&s->word, v);
	thrum__granted_resume(&before);
	thrum__granted_resume(&g);
}

static int take_slowly(struct thrum__sem *s, uint32_t n, int64_t deadline_ns)
{
	struct thrum__stander me;
	struct sem_turn mine;
	uint32_t v;
	int err = thrum__stand_begin(&me);

	if (err)
		return err;
	thrum__turn_init(&mine.turn, me.parker, me.seq);
	plain_write(&mine.wants, n);
	v = thrum__hold(&s->word);
	if (v < QUEUED && v >= n) {
		thrum__drop(&s->word, v - n); /* T3 */
	} else {
		thrum__waitqueue_push(&s->queue, &mine.turn); /* T3 */
		v |= QUEUED;
		err = thrum__stand_in(&me, &mine.turn, &s->word, &v, deadline_ns, false);
		if (err)
			serve(s, v);
	}
	return thrum__stand_end(&me, err, deadline_ns);
}

/* 0; what thrum__stand_check and the wait return. */
static ALWAYS_INLINE int take(struct thrum_sem *sem, uint32_t n, int64_t deadline_ns)
{
	int err = thrum__stand_check();
	uint32_t v;

	if (UNLIKELY(err) || UNLIKELY(n == 0))
		return err;
	return LIKELY(take_free(sem_of(sem), n, &v)) ? 0 : take_slowly(sem_of(sem), n, deadline_ns);
}

int thrum_sem_wait_many(struct thrum_sem *s, unsigned n, int64_t deadline_ns)
{
	return n > THRUM_SEM_MAX ? -EINVAL : take(s, n, deadline_ns);
}

int thrum_sem_wait_until(struct thrum_sem *s, int64_t deadline_ns)
{
	return take(s, 1, deadline_ns);
}

int thrum_sem_wait(struct thrum_sem *s)
{
	return take(s, 1, THRUM_FOREVER);
}

int thrum_sem_try_wait_many(struct thrum_sem *sem, unsigned n)
{
	struct thrum__sem *s = sem_of(sem);
	uint32_t v;
	bool can;

	if (n > THRUM_SEM_MAX)
		return -EINVAL;
	if (n == 0 || LIKELY(take_free(s, n, &v)))
		return 0;
	if (!(v & THRUM__HELD) || thrum__in_forked_child())
		return -EAGAIN;
	v = thrum__hold(&s->word);
	can = v < QUEUED && v >= n;
	thrum__drop(&s->word, can ? v - n : v); /* T3 */
	return can ? 0 : -EAGAIN;
}

int thrum_sem_try_wait(struct thrum_sem *s)
{
	return thrum_sem_try_wait_many(s, 1);
}

/* ---- Give ---- */

/* Somebody waits, or holds the word, or there would be too many. */
static NOINLINE int give_slowly(struct thrum__sem *s, uint32_t n)
{
	uint32_t v;

	if (thrum__in_forked_child())
		return 0;
	v = thrum__hold(&s->word);
	if (n > THRUM_SEM_MAX - left_in(v)) {
		thrum__drop(&s->word, v);
		return -EOVERFLOW;
	}
	serve(s, v + n); /* T3 */
	return 0;
}

int thrum_sem_post_many(struct thrum_sem *sem, unsigned n)
{
	struct thrum__sem *s = sem_of(sem);
	uint32_t v = load_relaxed(&s->word);

	do {
		if (UNLIKELY(v >= QUEUED || n > THRUM_SEM_MAX - v))
			return give_slowly(s, n);
	} while (!cas_release(&s->word, &v, v + n)); /* T2, O1 */
	return 0;
}

int thrum_sem_post(struct thrum_sem *s)
{
	return thrum_sem_post_many(s, 1);
}

unsigned thrum_sem_value(const struct thrum_sem *s)
{
	return left_in(load_relaxed(&((const struct thrum__sem *)s)->word));
}

/* ---- Birth and end ---- */

void thrum_sem_init(struct thrum_sem *sem, unsigned permits)
{
	struct thrum__sem *s = sem_of(sem);

	ENSURE(permits <= THRUM_SEM_MAX, "a semaphore has at most THRUM_SEM_MAX permits");
	s->queue = (struct thrum__waitqueue){{NULL, NULL}};
	store_relaxed(&s->word, permits);
}

void thrum_sem_fini(struct thrum_sem *s)
{
	ENSURE(load_relaxed(&sem_of(s)->word) < QUEUED || thrum__in_forked_child(),
	       "end a semaphore when nobody waits for it");
}
