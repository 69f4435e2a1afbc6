/* SPDX-License-Identifier: MIT */
/*
 * WHAT    A thread's life at its keeper's word: it works while it is needed, rests in a futex when
 *         it is not, is taken up again or ends.  Rejected: ending it each time (a thread costs some
 *         30 us, and what it keeps); a mutex and a condition (whoever works looks at the word at
 *         each turn, and must pay for no more than a load).
 *
 * WORD    state.
 *
 * STATES  NONE, RUNNING, LEAVING, RESTING, ENDING: see standby.h.
 *
 * MOVES   T1 NONE -> RUNNING                 begin
 *         T2 RUNNING -> LEAVING, and back    want
 *         T3 LEAVING -> RESTING              rest; not after T2 back or T6
 *         T4 RESTING -> RUNNING              wake
 *         T5 RESTING -> ENDING               wake
 *         T6 any -> ENDING                   stop
 *         T7 ENDING -> NONE                  over
 *
 * OWNERS  what the thread works with: it, unless it rests: then whoever's T4 or T5 it was, until
 *         that move.
 *
 * CALLERS rest: the thread.  The rest: its keeper.  Looks: anyone.
 *
 * ORDER   O1 release at T3 pairs with O2 acquire at T4, T5: the keeper that takes it up sees that
 *            it is done with all it had.
 *         O3 release at T4, T5, T6 pairs with O4 acquire in rest: it sees what it is taken up for.
 *         T1 and T7 need none: a thread's making and joining order as much.
 *         Weaker: one of the two works on what the other has not put down.
 *
 * INVARIANT I1 a thread that rests was told to leave and has not been wanted since.  I2 after T4,
 *         T5 or T6 it sleeps no more.
 *
 * PROOF   Its thread writes by T3 alone, a CAS from LEAVING: it fails after T2 back and after T6,
 *         and then rest returns at once: I1.  The keeper's T2, T4, T5 are CASes too, so none of
 *         them undoes T3.  T6 is a plain store: whatever it overwrites, its keeper joins the thread
 *         next.  The futex compares with RESTING: after T4 to T6 it does not sleep, and who sleeps
 *         is woken after them: I2.
 *
 * RECLAIM the word outlives the thread: its keeper touches it after the join.
 *
 * TEST    tests/model/scen_standby.c; tests/unit/test_standby.c, test_spare.c
 */
#include "core/standby.h"

#include "base/os.h"

bool thrum__standby_rest(struct thrum__standby *s)
{
	uint32_t state = THRUM__STANDBY_LEAVING;

	if (!cas_release(&s->state, &state, THRUM__STANDBY_RESTING)) /* T3; O1 */
		return true;
	for (;;) {
		state = load_acquire(&s->state); /* O4 */
		if (state != THRUM__STANDBY_RESTING)
			return state != THRUM__STANDBY_ENDING;
		thrum__os_futex_wait(&s->state.v, THRUM__STANDBY_RESTING, INT64_MAX);
	}
}

void thrum__standby_begin(struct thrum__standby *s)
{
	store_relaxed(&s->state, THRUM__STANDBY_RUNNING); /* T1 */
}

void thrum__standby_want(struct thrum__standby *s, bool wanted)
{
	uint32_t from = wanted ? THRUM__STANDBY_LEAVING : THRUM__STANDBY_RUNNING;
	uint32_t to = wanted ? THRUM__STANDBY_RUNNING : THRUM__STANDBY_LEAVING;

	cas_relaxed(&s->state, &from, to); /* T2 */
}

bool thrum__standby_wake(struct thrum__standby *s, bool to_work)
{
	uint32_t to = to_work ? THRUM__STANDBY_RUNNING : THRUM__STANDBY_ENDING;
	uint32_t resting = THRUM__STANDBY_RESTING;

	if (!cas_acq_rel(&s->state, &resting, to)) /* T4, T5; O2, O3 */
		return false;
	thrum__os_futex_wake(&s->state.v, 1);
	return true;
}

void thrum__standby_stop(struct thrum__standby *s)
{
	store_release(&s->state, THRUM__STANDBY_ENDING); /* T6; O3 */
	thrum__os_futex_wake(&s->state.v, 1);
}

void thrum__standby_over(struct thrum__standby *s)
{
	store_relaxed(&s->state, THRUM__STANDBY_NONE); /* T7 */
}
