/* SPDX-License-Identifier: MIT */
/*
 * WHAT    Dekker's handshake of a watcher that wants to sleep with those it watches: each wakes up
 *         by itself, thousands of times a second perhaps, and must pay for no more than a load as
 *         long as the watcher does not sleep.  Rejected: a count of those awake that the first one
 *         raises (a locked instruction in each of their sleeps, on a line that all share); ticking
 *         for ever (a program that sleeps would never be at rest).
 *
 * WORD    state: AWAKE, ASLEEP, OVER.
 *
 * MOVES   T1 AWAKE -> ASLEEP   begin, before its last look; not after T4
 *         T2 ASLEEP -> AWAKE   end
 *         T3 ASLEEP -> AWAKE   poke, then a wake
 *         T4 any -> OVER       stop, then a wake
 *
 * CALLERS begin, sleep, end, nap: the thread.  poke: any number, beside each other.  stop: one,
 *         once.
 *
 * ORDER   O1 fence_heavy between T1 and the look at the others pairs with O2 fence_light between
 *            what shows one awake, by itself or by who woke it, and that one's look at the word:
 *            the watcher sees it awake, or it sees ASLEEP and pokes.  Weaker: the watcher sleeps
 *            while somebody is held in a task.
 *         Nothing else goes through the word.
 *
 * INVARIANT I1 while one that has returned from poke is awake, and was seen asleep by no look of
 *         the watcher since, the watcher does not sleep.
 *
 * PROOF   Let a poke find another state than ASLEEP, or the watcher's T2 be before its CAS: then
 *         T1 of the next sleep comes after its O2 in the sense of the fences, so the look that
 *         follows sees that one awake.  Else T3 leaves ASLEEP, and the futex compares with that:
 *         I1.  After T4 no move leaves OVER: T1 to T3 are CASes from other states.  Wait-free but
 *         for the sleep.
 *
 * RECLAIM the word stays until the thread is joined and nobody pokes any more.
 *
 * TEST    tests/model/scen_doze.c; tests/unit/test_doze.c, test_monitor.c
 */
#include "core/doze.h"

#include "base/os.h"

bool thrum__doze_begin(struct thrum__doze *d)
{
	uint32_t awake = THRUM__DOZE_AWAKE;

	if (!cas_relaxed(&d->state, &awake, THRUM__DOZE_ASLEEP)) /* T1 */
		return false;
	fence_heavy(); /* O1 */
	return true;
}

void thrum__doze_sleep(struct thrum__doze *d, int64_t deadline_ns)
{
	thrum__os_futex_wait(&d->state.v, THRUM__DOZE_ASLEEP, deadline_ns);
}

void thrum__doze_end(struct thrum__doze *d)
{
	uint32_t asleep = THRUM__DOZE_ASLEEP;

	cas_relaxed(&d->state, &asleep, THRUM__DOZE_AWAKE); /* T2 */
}

void thrum__doze_nap(struct thrum__doze *d, int64_t deadline_ns)
{
	thrum__os_futex_wait(&d->state.v, THRUM__DOZE_AWAKE, deadline_ns);
}

void thrum__doze_wake(struct thrum__doze *d)
{
	uint32_t asleep = THRUM__DOZE_ASLEEP;

	if (cas_relaxed(&d->state, &asleep, THRUM__DOZE_AWAKE)) /* T3 */
		thrum__os_futex_wake(&d->state.v, 1);
}

void thrum__doze_stop(struct thrum__doze *d)
{
	store_relaxed(&d->state, THRUM__DOZE_OVER); /* T4 */
	thrum__os_futex_wake(&d->state.v, 1);
}
