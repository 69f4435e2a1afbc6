/* SPDX-License-Identifier: MIT */
/*
 * WHAT    A lock biased towards one thread: Dekker's handshake of the owner with the one other that
 *         passed a flag among the others.  The owner's side is two plain stores and a light fence,
 *         the other's a heavy one; a heavy fence costs a microsecond, so it suits what others want
 *         a thousand times a second and the owner a million times.  Rejected: a mutex or a spin
 *         lock (a locked instruction for each timer that the owner starts); a request that the
 *         owner grants (one that computes for ever never looks).
 *
 * WORD    inside: 1: the owner is in or asks.  taken: 1: another is in or asks.
 *
 * STATES  FREE; OWNED: inside, and taken was 0 when looked at after it; TAKEN: taken, and inside
 *         was 0 when looked at after it.
 *
 * MOVES   T1 inside 0 -> 1   the owner asks; is in if taken is 0 after that
 *         T2 inside 1 -> 0   the owner leaves, or steps back before one who has taken
 *         T3 taken 0 -> 1    another asks, after the others; is in if inside is 0 after that
 *         T4 taken 1 -> 0    it leaves, or gives up as the owner is in
 *
 * OWNERS  inside: the owner writes.  taken: whoever's T3 it was writes T4.
 *
 * CALLERS enter, leave: the owner, in turns.  try_take, untake: anyone else, beside all others; so
 *         ask, after_asks and come_in, which are try_take in pieces: one fence does for several
 *         locks that were asked for before it.
 *         The owner's part may go to another thread, if that sees what the last one did.
 *
 * ORDER   O1 fence_light after T1 pairs with O2 fence_heavy after T3: the owner sees taken, or the
 *            other sees inside.  Weaker: both are in.
 *         O3 release at T2, also when stepping back, pairs with O5 acquire of inside after T3: what
 *            the owner did is seen by who takes next.
 *         O6 release at T4, also when giving up, pairs with O4 acquire of taken after T1 and in the
 *            owner's wait, and with O7 acquire at T3: the next one sees what this one did.  Among
 *            the others the heavy fence between would do, but ThreadSanitizer sees no fences.
 *
 * INVARIANT I1 never two in.
 *
 * PROOF   Others exclude each other by the CAS of T3.  Let the owner's T1 and another's T3 both be
 *         made and neither taken back.  If the owner's O1 comes before O2, the other reads inside
 *         after O2 and sees 1: it is not in.  Else the owner reads taken after O2 and sees 1: it
 *         steps back.  Try_take is wait-free, and so are its pieces: they look a bounded number
 *         of times.  Enter is blocking: it waits for the one that has taken or asked, and gives its
 *         CPU away meanwhile.  Takers without pause could keep it out; this is for such as come now
 *         and then.
 *
 * RECLAIM none.
 *
 * TEST    tests/model/scen_bias.c; tests/unit/test_bias.c
 */
#include "core/bias.h"

/* Looks at an owner that is in before giving up: it stays for some hundred nanoseconds, or longer
 * if its thread was put off its CPU just there. */
#ifdef THRUM_MODEL
#define LOOKS 2
#else
#define LOOKS 64
#endif

void thrum__bias_init(struct thrum__bias *b)
{
	store_relaxed(&b->inside, 0);
	store_relaxed(&b->taken, 0);
}

void thrum__bias_enter_slow(struct thrum__bias *b)
{
	do {
		store_release(&b->inside, 0); /* T2; O3 */
		while (load_relaxed(&b->taken))
			thread_yield();
		store_relaxed(&b->inside, 1); /* T1 */
		fence_light();                /* O1 */
	} while (load_acquire(&b->taken));    /* O4 */
}

bool thrum__bias_ask(struct thrum__bias *b)
{
	uint32_t none = 0;

	return cas_acquire(&b->taken, &none, 1); /* T3; O7 */
}

void thrum__bias_after_asks(void)
{
	fence_heavy(); /* O2 */
}

bool thrum__bias_come_in(struct thrum__bias *b)
{
	for (int i = 0; i < LOOKS; i++) {
		if (!load_acquire(&b->inside)) /* O5 */
			return true;
		spin_hint();
	}
	store_release(&b->taken, 0); /* T4; O6 */
	return false;
}

bool thrum__bias_try_take(struct thrum__bias *b)
{
	if (!thrum__bias_ask(b))
		return false;
	thrum__bias_after_asks();
	return thrum__bias_come_in(b);
}

void thrum__bias_untake(struct thrum__bias *b)
{
	store_release(&b->taken, 0); /* T4; O6 */
}
