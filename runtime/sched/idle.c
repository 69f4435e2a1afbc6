/* SPDX-License-Identifier: MIT */
/*
 * WHAT    The idle protocol.  Work that appears while somebody sleeps must wake one worker, soon; a
 *         burst must not wake all; and a spawn on a busy machine must pay for nothing but one load.
 *         As in Go's scheduler a count of searchers throttles the wakes: whoever wakes a sleeper
 *         counts it as searching from that moment, so at most one wake is in flight, and the last
 *         searcher that finds work wakes the next.  Sleepers are a count beside it, in the same
 *         word: all sleep at one place, and a token posted there wakes any of them.  Rejected: a
 *         bit for each sleeper (they have no places of their own to be woken at, and two words need
 *         a fence between them); a stack of sleepers (one whose timer ends its sleep cannot leave
 *         from the middle); a lock (one held thread would stop every wake).
 *
 * WORD    asleep:32 | searching:32.  asleep: sleep and were not chosen; searching: search, and
 *         tokens that nobody has taken yet.
 *
 * STATES  of a worker: BUSY; SEARCHING (counted); SLEEPING (announced).  Of a token: nothing;
 *         POSTED, from the move that counts it on, though the post itself follows; taken.  Sleepers
 *         have no names: a token is for whoever takes it.
 *
 * MOVES   T1 BUSY -> SEARCHING              search_begin: searching + 1, unless half the workers
 *            search
 *         T2 SEARCHING -> BUSY              search_found: searching - 1
 *         T3 SEARCHING or BUSY -> SLEEPING  sleep_begin: asleep + 1 (and searching - 1), then the
 *            heavy fence
 *         T4 a token is POSTED              searching 0 -> 1, asleep - 1, by a notifier; then
 *            wake(1)
 *         T5 n tokens are POSTED            wake_all: all n of asleep to searching; then wake(n)
 *         T6 SLEEPING -> SEARCHING          it takes a token, at the place of sleep: no change here
 *         T7 SLEEPING -> SEARCHING          sleep_undo: asleep - 1, searching + 1, unless asleep is
 *            0
 *
 * OWNERS  the word: all, by read-modify-write.
 *
 * CALLERS notify, wake_all, asleep: anyone, any number.  The rest: each worker in the order of its
 *         states.  Only a SLEEPING worker takes tokens: one that merely looks at the place of sleep
 *         on its way leaves them, or the counts would no longer fit.
 *
 * ORDER   O1 fence_light in notify and wake_all, between the work and the look at the word, pairs
 *            with O2 fence_heavy in sleep_begin, between the announcement and the last look at the
 *            sources: the notifier sees the sleeper or the sleeper sees the work.
 *         O3 fence_heavy in search_found, between searching - 1 and the look for work, pairs with
 *            O1: a notifier that still saw the searcher has its work seen by it.
 *         O4 release at T3 pairs with O5 acquire in asleep: who sees all asleep sees what each
 *            wrote before, its next timer say.  Each change of the word is a read-modify-write, so
 *            none hides an earlier release.
 *         O6 release at T2 pairs with O2 after T3: what a searcher asked of those who hold work
 *            back (attend) is seen by who counts itself asleep after it, and passed on by its
 *            fence. Weaker: one that holds work back believes the last answer, while all sleep.
 *         Weaker O1 to O3: work lies while workers sleep.  Everything else is relaxed: no data goes
 *         through the word; a token brings its own order (a system call).
 *
 * INVARIANT I1 asleep + tokens not taken = SLEEPING workers.  I2 searching = SEARCHING workers +
 *         tokens not taken.  I3 if work is visible and its notifier has returned, then nobody is
 *         SLEEPING but those who are yet to look, or somebody is SEARCHING, or a token is there to
 *         be taken.
 *
 * PROOF   I1, I2: each move keeps both; T4, T5, T7 take from asleep only what is there, in one
 *         step with the rest.  By I1 no token is left over, and each is taken: while one is there
 *         somebody is SLEEPING.  He who asks T7 in vain may lose the last token to one that
 *         has announced itself since; then asleep > 0, and asking again succeeds.
 *         I3: in the order of the word's changes, let N publish W, pass O1 and read the word as of
 *         change p.  A T3 at r > p is not in what N read, so by O1 and O2 its last look sees W.
 *         So does the look of search_found that leaves at q > p, by O1 and O3.  Now
 *         (a) N read asleep = 0 and searching = 0: all that sleep later see W.
 *         (b) N read searching > 0: whoever lowers it to 0 does so at q > p, by T3 (and sees W; if
 *         it goes on by T7 it searches again; if it was chosen meanwhile, a token was posted
 *         after p) or by search_found.  That one reads asleep in the same step: 0 is case (a) at q;
 *         else it sees W, or that W was taken, and goes on as a notifier of W whose p is later.
 *         (c) N read searching = 0, asleep > 0: T4 succeeds, and its token is a searcher as in (b);
 *         or it fails, and N decides anew with a later p.
 *         wake_all: (a) for those that sleep later, a token for
 *         each of the others.  All is lock-free but one thing: he who asks in vain waits for a
 *         waker between its T4 or T5 and its post.
 *
 * RECLAIM none.  Counts cannot wrap: they are numbers of threads.
 *
 * TEST    tests/model/scen_idle.c; tests/unit/test_idle.c; tests/stress/wakes.c
 */
#include "sched/idle.h"

#include "base/assert.h"

#include <stddef.h>

#define ONE_SEARCHING UINT64_C(1)
#define ONE_ASLEEP (UINT64_C(1) << 32)

static uint32_t searching_of(uint64_t word)
{
	return (uint32_t)word;
}

static uint32_t asleep_of(uint64_t word)
{
	return (uint32_t)(word >> 32);
}

void thrum__idle_init(struct thrum__idle *idle, unsigned workers)
{
	ENSURE(workers > 0, "the number of workers was not checked");
	idle->workers = workers;
	store_relaxed(&idle->word, 0);
}

static NOINLINE void wake_one(struct thrum__idle *idle, uint64_t word)
{
	do {
		if (searching_of(word) || !asleep_of(word))
			return;
	} while (!cas_relaxed(&idle->word, &word, word - ONE_ASLEEP + ONE_SEARCHING)); /* T4 */
	idle->wake(idle->arg, 1);
}

void thrum__idle_notify(struct thrum__idle *idle)
{
	uint64_t word;

	fence_light(); /* O1 */
	word = load_relaxed(&idle->word);
	if (UNLIKELY(searching_of(word) == 0 && asleep_of(word)))
		wake_one(idle, word);
}

void thrum__idle_wake_all(struct thrum__idle *idle)
{
	uint64_t word;

	fence_light(); /* O1 */
	word = load_relaxed(&idle->word);
	do {
		if (!asleep_of(word))
			return;
	} while (!cas_relaxed(&idle->word, &word, /* T5 */
			      (uint64_t)searching_of(word) + asleep_of(word)));
	idle->wake(idle->arg, asleep_of(word));
}

bool thrum__idle_search_begin(struct thrum__idle *idle)
{
	uint64_t word = load_relaxed(&idle->word);

	do {
		uint32_t n = searching_of(word);

		if (n > 0 && 2 * n >= idle->workers)
			return false;
	} while (!cas_relaxed(&idle->word, &word, word + ONE_SEARCHING)); /* T1 */
	return true;
}

void thrum__idle_search_found(struct thrum__idle *idle)
{
	uint64_t old = fetch_sub_release(&idle->word, ONE_SEARCHING); /* T2; O6 */

	ENSURE(searching_of(old) > 0, "a worker ended a search that it had not begun");
	if (searching_of(old) > 1 || !asleep_of(old))
		return;
	/* Work seen without the fence needs none: the wake takes the place that was left. */
	if (!idle->has_work(idle->arg)) {
		if (idle->attend)
			idle->attend(idle->arg);
		fence_heavy(); /* O3 */
		if (!idle->has_work(idle->arg) && (!idle->heard || idle->heard(idle->arg)))
			return;
	}
	wake_one(idle, load_relaxed(&idle->word));
}

void thrum__idle_sleep_begin(struct thrum__idle *idle, bool searching)
{
	uint64_t change = ONE_ASLEEP - (searching ? ONE_SEARCHING : 0);
	uint64_t old = fetch_add_release(&idle->word, change); /* T3; O4 */

	ENSURE(!searching || searching_of(old) > 0,
	       "a worker ended a search that it had not begun");
	fence_heavy(); /* O2 */
}

bool thrum__idle_sleep_undo(struct thrum__idle *idle)
{
	uint64_t word = load_relaxed(&idle->word);

	do {
		if (!asleep_of(word))
			return false;
	} while (!cas_relaxed(&idle->word, &word, word - ONE_ASLEEP + ONE_SEARCHING)); /* T7 */
	return true;
}

unsigned thrum__idle_asleep(const struct thrum__idle *idle)
{
	return asleep_of(load_acquire(&idle->word)); /* O5 */
}
