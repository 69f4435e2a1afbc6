/* SPDX-License-Identifier: MIT */
/*
 * errand.h - work for one at a time, of which no request is lost; and notes of what is asked for.
 *
 * WHAT    The errand: many find that something has to be looked at; one at a time looks.  Who comes
 *         while it is being done leaves word and goes, and it is done once more, from its
 *         beginning, for all that came meanwhile.  Rejected: a lock (whoever comes would wait, and
 *         a signal handler cannot); a count of comers (it wraps where nobody comes to do it).
 *         The note: something has come and nobody has heard of it; several count as one.
 *
 *	if (thrum__errand_ask(e))
 *		do {
 *			thrum__errand_take(e);
 *			... look at everything and do what is to be done ...
 *		} while (!thrum__errand_finish(e));
 *
 *         The loop may run on another thread than the ask, which has it run then.
 *
 * WORD    errand: 0 FREE, 1 ASKED, 2 TAKEN.  note: 1: there.
 *
 * STATES  FREE; ASKED: one asker sees to it that it is done, and that has not begun; TAKEN: it is
 *         being done.  ASKED is also: being done, and asked for again.
 *
 * MOVES   T1 FREE -> ASKED    ask: true: the caller sees to it
 *         T2 ASKED, TAKEN -> ASKED   ask: false: whoever does it begins anew
 *         T3 ASKED -> TAKEN   take
 *         T4 TAKEN -> FREE    finish; not if ASKED: then T3 follows again
 *         T5 any -> FREE      drop, by who does it and will ask again itself
 *         T6 note -> 1        leave
 *         T7 note -> 0        note_take: true: it was there
 *
 * OWNERS  T3 to T5: whoever's T1 it was, or the one that it had do it.
 *
 * CALLERS ask, leave, note_take: anyone, any number; ask and leave also in a signal handler.
 *
 * ORDER   O1 release at T1, T2 (why it is asked for) and at T4, T5 (what was done) pairs with O2
 *            acquire at T3, and at T1: who does it sees both, and who has it done may use again
 *            what it had it done with.  Every move is a read-modify-write, T5 too: the next T3 sees
 *            also what an ask was for that T5 dropped.
 *         O3 release at T6 pairs with O4 acquire at T7: what came before the note.
 *         Weaker O1, O2: it is done, and what was asked for is not seen.
 *
 * INVARIANT I1 one does it at a time.  I2 after an ask it is begun once more, or was dropped after
 *         that.
 *
 * PROOF   T1 leaves FREE once, and only who does it goes back there: I1.  Between T3 and T4 the
 *         word is TAKEN, or an ask has come and T4 fails: I2.  T4 fails only because of an ask: the
 *         loop ends when nobody comes.  All moves are wait-free.
 *
 * RECLAIM none.
 *
 * TEST    tests/model/scen_errand.c; tests/unit/test_timer.c, test_signal.c
 */
#ifndef THRUM_CORE_ERRAND_H
#define THRUM_CORE_ERRAND_H

#include "base/atomic.h"

/* All zero is FREE. */
struct thrum__errand {
	struct atomic32 state; /* enum thrum__errand_state */
};

enum thrum__errand_state { THRUM__ERRAND_FREE, THRUM__ERRAND_ASKED, THRUM__ERRAND_TAKEN };

/* Nobody else may be at it (after a fork). */
static inline void thrum__errand_init(struct thrum__errand *e)
{
	store_relaxed(&e->state, THRUM__ERRAND_FREE);
}

/* After what it is asked for was made visible.  True: the caller does it, or has it done. */
static inline bool thrum__errand_ask(struct thrum__errand *e)
{
	/* T1, T2; O1, O2 */
	return exchange_acq_rel(&e->state, THRUM__ERRAND_ASKED) == THRUM__ERRAND_FREE;
}

/* Who does it, before its first look: all that has been asked for until now is seen. */
static inline void thrum__errand_take(struct thrum__errand *e)
{
	exchange_acquire(&e->state, THRUM__ERRAND_TAKEN); /* T3; O2 */
}

/* Done.  False: asked for again meanwhile: take, and do it again. */
static inline bool thrum__errand_finish(struct thrum__errand *e)
{
	uint32_t taken = THRUM__ERRAND_TAKEN;

	return cas_release(&e->state, &taken, THRUM__ERRAND_FREE); /* T4; O1 */
}

/* Ends it, whoever has asked meanwhile: the caller asks again itself and looks for them, too. */
static inline void thrum__errand_drop(struct thrum__errand *e)
{
	exchange_release(&e->state, THRUM__ERRAND_FREE); /* T5; O1 */
}

/* All zero: there is none. */
struct thrum__note {
	struct atomic32 there;
};

static inline void thrum__note_init(struct thrum__note *n)
{
	store_relaxed(&n->there, 0);
}

static inline void thrum__note_leave(struct thrum__note *n)
{
	exchange_release(&n->there, 1); /* T6; O3 */
}

/* True: it was there, and is the caller's. */
static inline bool thrum__note_take(struct thrum__note *n)
{
	return exchange_acquire(&n->there, 0); /* T7; O4 */
}

#endif
