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
 *         A look for sleepers follows each push, so it costs one load; who goes to sleep pays, with
 *         a heavy fence.  Where workers sleep every few microseconds, as servers do, that is the
 *         wrong way round: then the protocol is turned CAREFUL, notifiers pay a fence each, and who
 *         goes to sleep pays no more than they do.  Nor does one whose fellow workers all sleep:
 *         whoever else may publish then pays a fence in any case.
 *
 * WORD    careful:1 | proven:1 | asleep:30 | searching:32.  asleep: sleep and were not chosen;
 *         searching: search, and tokens that nobody has taken yet.
 *         withheld: workers that hold work back at times (core/lane.c).
 *         total: workers that there are, asleep or not; one that will rest counts on.
 *         wake_from: with fewer asleep there is a CROWD: so many are awake, beside those that the
 *         monitor saw last held inside a task each, that one more would be of no use.
 *
 * STATES  of a worker: BUSY; SEARCHING (counted); SLEEPING (announced).  Of a token: nothing;
 *         POSTED, from the move that counts it on, though the post itself follows; taken.  Sleepers
 *         have no names: a token is for whoever takes it.
 *         Of the protocol: QUICK; TURNING (careful); CAREFUL (careful, proven).
 *
 * MOVES   T1 BUSY -> SEARCHING              search_begin: searching + 1; if half of those that run
 *            at once search without it, T2 takes it back
 *         T2 SEARCHING -> BUSY              search_found: searching - 1
 *         T3 SEARCHING or BUSY -> SLEEPING  sleep_begin: asleep + 1 (and searching - 1), then a
 *            fence
 *         T4 a token is POSTED              searching 0 -> 1, asleep - 1, by a notifier, unless
 *            there is a CROWD: asleep < wake_from; then wake(1)
 *         T5 n tokens are POSTED            wake_all: all n of asleep to searching; then wake(n)
 *         T6 SLEEPING -> SEARCHING          it takes a token, at the place of sleep: no change here
 *         T7 SLEEPING -> SEARCHING          sleep_undo: asleep - 1, searching + 1, unless asleep is
 *            0
 *         T8 QUICK -> TURNING               turn_careful; then the heavy fence
 *         T9 TURNING -> CAREFUL             turn_careful, whoever made T8
 *         T10 CAREFUL -> QUICK              turn_quick
 *         T11 withheld + 1                  withhold, by a worker before it begins to
 *         T12 withheld - 1                  offer, by the same: all is told of again
 *         T13 total + 1                     add, for a worker, before it begins
 *         T14 wake_from for n held          set_held; then T4, if there is work
 *
 * OWNERS  wake_from: the monitor writes.  All other words: all, by read-modify-write.
 *
 * CALLERS wake_one, wake_all, asleep, add, turn_careful, turn_quick: anyone, any number.  set_held:
 *         one thread at a time, again and again.  notify:
 *         workers that are not SLEEPING, or that end their sleep next.  The rest: each worker in
 *         the order of its states.  Only a SLEEPING worker takes tokens: one that merely looks at
 *         the place of sleep on its way leaves them, or the counts would no longer fit.
 *
 * ORDER   O1 fence_light in notify, between the work and the look at the word, pairs
 *            with O2 fence_heavy in sleep_begin, between the announcement and the last look at the
 *            sources: the notifier sees the sleeper or the sleeper sees the work.
 *         O3 fence_heavy in search_found, between searching - 1 and the look for work, pairs with
 *            O1: a notifier that still saw the searcher has its work seen by it.
 *         O4 release at T3 pairs with O5 acquire in asleep: who sees all asleep sees what each
 *            wrote before, its next timer say.  Each change of the word is a read-modify-write, so
 *            none hides an earlier release.
 *         O6 release at T2 pairs with O2 after T3: what a searcher asked of those who hold work
 *            back (attend) is seen by who counts itself asleep after it, and passed on by its
 *            fence.  Weaker: one that holds work back believes the last answer, while all sleep.
 *         O7 fence_seq_cst in wake_one and wake_all, between the work and the look that decides,
 *            pairs with O8, the same in sleep_begin and search_found, which stands for O2 and O3
 *            when nobody withholds, and T3 or T2 has read CAREFUL or was ALONE: it has read asleep
 *            as one less than total, which is looked at behind O8.
 *         O9 fence_heavy between T8 and T9 pairs with O1: it has seen the work of all who looked
 *            before T8; and, as T2 or T3 has read T9, with O8, which hands that on.  O7 is an O1,
 *            too.
 *         O10 fence_seq_cst after T13 pairs with O8, before the look at total.
 *         The fences order as in C++20, through what happens before (atomics.order).
 *         Weaker O1 to O3, O7 to O10: work lies while workers sleep.  Everything else is relaxed:
 *         no data goes through the word; a token brings its own order (a system call).
 *
 * INVARIANT I1 asleep + tokens not taken = SLEEPING workers.  I2 searching = SEARCHING workers +
 *         tokens not taken.  I3 if work is visible and its notifier has returned, then nobody is
 *         SLEEPING but those who are yet to look, or somebody is SEARCHING, or a token is there to
 *         be taken, or a CROWD is awake, each of which looks before it sleeps.
 *
 * PROOF   I1, I2: each move keeps both; T4, T5, T7 take from asleep only what is there, in one
 *         step with the rest.  By I1 no token is left over, and each is taken: while one is there
 *         somebody is SLEEPING.  He who asks T7 in vain may lose the last token to one that
 *         has announced itself since; then asleep > 0, and asking again succeeds.
 *         L: let N publish W, pass O1 and decide by the word as of change p; let T2 or T3 come at
 *         r > p.  Then the look after it sees W.  If it did not read CAREFUL, by O1 and O2 or O3.
 *         Else let T8 at s and T9 be the last before r.  p < s: the heavy fence between them comes
 *         after N's O1, or N would have read s; so it has seen W, and O8 hands that on.
 *         p >= s: N reads the mode that stands from s to r, and so decides by a look behind O7; if
 *         O7 came after O8 it would read r, so O8 comes after O7 and its look sees W.
 *         Or it was ALONE: asleep counts only such as total counts (a T3 that r follows comes after
 *         its worker's O10, so O8 does), and by I1 all of them were SLEEPING at r but itself.  A
 *         worker that published before its T3 has released W there, and O8 acquires it.  One that
 *         publishes later has left its sleep after r, by T7, or by a token whose T4 or T5 came
 *         after r, and reads what comes after that; or it was made later: its T13 was not seen, and
 *         by O10 and O8 it reads r or later.  So p < r is left to who is no worker, and decided by
 *         a look behind O7, which came before O8 as above: the look sees W; and to a worker that
 *         publishes while it is SLEEPING and ends its sleep next (the virtual clock's mover,
 *         timer.c): it searches then, has W in its own queue, and sees to what it leaves.
 *         I3: by L a T3 at r > p is no harm: its last look sees W.
 *         So does the look of search_found that leaves at q > p.  Now
 *         (a) N read asleep = 0 and searching = 0: all that sleep later see W.
 *         (b) N read searching > 0: whoever lowers it to 0 does so at q > p, by T3 (and sees W; if
 *         it goes on by T7 it searches again; if it was chosen meanwhile, a token was posted
 *         after p) or by search_found.  That one reads asleep in the same step: 0 is case (a) at q;
 *         else it sees W, or that W was taken, and goes on as a notifier of W whose p is later.
 *         (c) N read searching = 0, asleep > 0: T4 succeeds, and its token is a searcher as in (b);
 *         or it fails, and N decides anew with a later p.
 *         (d) N read a crowd: one at least is awake at p that the monitor did not find held; like
 *         all that are it sleeps later, if at all, and sees W then, by L.  If all of them are held
 *         in truth, W waits until T14 says so: that is told after W became visible, at last.
 *         wake_all: (a) for those that sleep later, a token for each of the others.
 *         Work that is withheld is none of N's until it is told of; that it is told takes the heavy
 *         fence (core/lane.c).  A sleeper that read withheld as 0 has asked for nothing.  Whoever
 *         withholds takes note of what was asked, after T11, and then tells of its first work: by L
 *         it sees the sleeper, or the sleeper's look sees that it has taken note, and looks again.
 *         All is lock-free but one thing: he who asks in vain waits for a
 *         waker between its T4 or T5 and its post.
 *
 * RECLAIM none.  Counts cannot wrap: they are numbers of threads.
 *
 * TEST    tests/model/scen_idle.c, scen_idle_cheap.c, scen_idle_crowd.c,
 *         scen_lane_sleep.c (T11, T12); tests/unit/test_idle.c; tests/stress/wakes.c
 */
#include "sched/idle.h"

#include "base/assert.h"

#include <stddef.h>

#define ONE_SEARCHING UINT64_C(1)
#define ONE_ASLEEP THRUM__IDLE_ASLEEP
#define IS_CAREFUL THRUM__IDLE_CAREFUL
#define IS_PROVEN (UINT64_C(1) << 62)
#define MODE (IS_CAREFUL | IS_PROVEN)

/* So many times as many workers as there are CPUs are a crowd: a task that waits gets to run no
 * sooner if one more competes for them. */
#define CROWD 2

static uint32_t searching_of(uint64_t word)
{
	return (uint32_t)word;
}

static uint32_t asleep_of(uint64_t word)
{
	return (uint32_t)((word & ~MODE) >> 32);
}

/* With @held workers awake and held.  Those beyond the first, spares, count as if they slept. */
static uint64_t wake_from(const struct thrum__idle *idle, unsigned held)
{
	unsigned asleep = 1;

	if (idle->crowd && idle->workers > idle->crowd + held)
		asleep = idle->workers - idle->crowd - held + 1;
	return asleep * ONE_ASLEEP;
}

void thrum__idle_init(struct thrum__idle *idle, unsigned workers, unsigned cpus, bool crowds)
{
	ENSURE(workers > 0 && cpus > 0, "the number of workers was not checked");
	idle->workers = workers;
	idle->at_once = workers < cpus ? workers : cpus;
	idle->crowd = crowds && workers > CROWD * cpus ? CROWD * cpus : 0;
	store_relaxed(&idle->withheld, 0);
	store_relaxed(&idle->total, workers);
	store_relaxed(&idle->word, 0);
	store_relaxed(&idle->wake_from, wake_from(idle, 0));
}

void thrum__idle_wake_one(struct thrum__idle *idle)
{
	uint64_t word;

	do {
		fence_seq_cst(); /* O7 */
		word = load_relaxed(&idle->word);
		if (searching_of(word) || (word & ~MODE) < load_relaxed(&idle->wake_from))
			return;
	} while (!cas_relaxed(&idle->word, &word, word - ONE_ASLEEP + ONE_SEARCHING)); /* T4 */
	idle->wake(idle->arg, 1);
}

void thrum__idle_wake_all(struct thrum__idle *idle)
{
	uint64_t word;

	do {
		fence_seq_cst(); /* O7 */
		word = load_relaxed(&idle->word);
		if (!asleep_of(word))
			return;
	} while (!cas_relaxed(&idle->word, &word, /* T5 */
			      (word & MODE) + searching_of(word) + asleep_of(word)));
	idle->wake(idle->arg, asleep_of(word));
}

/* Do enough search without one more? */
static bool enough_search(const struct thrum__idle *idle, uint64_t word)
{
	uint32_t n = searching_of(word);

	return n > 0 && 2 * n >= idle->at_once;
}

bool thrum__idle_search_begin(struct thrum__idle *idle)
{
	if (enough_search(idle, load_relaxed(&idle->word)))
		return false;
	/* No CAS: many that come at once would fail again and again. */
	if (!enough_search(idle, fetch_add_relaxed(&idle->word, ONE_SEARCHING))) /* T1 */
		return true;
	thrum__idle_search_found(idle);
	return false;
}

/* Is work withheld?  Then who does so is asked to tell of the next, if
 * @attends. */
static bool ask(struct thrum__idle *idle, bool attends)
{
	if (LIKELY(!load_relaxed(&idle->withheld)))
		return false;
	if (attends)
		idle->attend(idle->arg);
	return true;
}

struct look {
	bool withheld; /* work is withheld */
	bool heavy;    /* it cost a heavy fence */
};

/* Between that T2 or T3, which read @old, and the look that follows; @asked by ask. */
static struct look fence_look(struct thrum__idle *idle, uint64_t old, bool asked, bool attends)
{
	struct look look = {.withheld = asked, .heavy = asked};

	if (!asked) {
		fence_after_rmw(); /* O8 */
		look.withheld = ask(idle, attends);
		look.heavy = look.withheld || ((old & MODE) != MODE &&
					       asleep_of(old) + 1 != load_relaxed(&idle->total));
	}
	if (look.heavy)
		fence_heavy(); /* O2, O3 */
	return look;
}

void thrum__idle_search_found(struct thrum__idle *idle)
{
	uint64_t old = fetch_sub_release(&idle->word, ONE_SEARCHING); /* T2; O6 */

	ENSURE(searching_of(old) > 0, "a worker ended a search that it had not begun");
	if (searching_of(old) > 1 || !asleep_of(old))
		return;
	/* Work seen without the fence needs none: the wake takes the place that was left. */
	if (!idle->has_work(idle->arg)) {
		struct look look = fence_look(idle, old, ask(idle, true), true);

		if (!idle->has_work(idle->arg) && (!look.withheld || idle->heard(idle->arg)))
			return;
	}
	thrum__idle_wake_one(idle);
}

bool thrum__idle_sleep_begin(struct thrum__idle *idle, bool searching, bool attends)
{
	uint64_t change = ONE_ASLEEP - (searching ? ONE_SEARCHING : 0);
	bool asked = ask(idle, attends);
	uint64_t old = fetch_add_release(&idle->word, change); /* T3; O4 */

	ENSURE(!searching || searching_of(old) > 0,
	       "a worker ended a search that it had not begun");
	return fence_look(idle, old, asked, attends).heavy;
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

void thrum__idle_set_held(struct thrum__idle *idle, unsigned held)
{
	uint64_t from = wake_from(idle, held);

	if (load_relaxed(&idle->wake_from) != from)
		store_relaxed(&idle->wake_from, from);
	if (held && idle->crowd && asleep_of(load_relaxed(&idle->word)) &&
	    idle->has_work(idle->arg))
		thrum__idle_wake_one(idle);
}

void thrum__idle_turn_careful(struct thrum__idle *idle)
{
	uint64_t word = load_relaxed(&idle->word);

	do {
		if (word & IS_CAREFUL)
			return;
	} while (!cas_relaxed(&idle->word, &word, word | IS_CAREFUL)); /* T8 */
	fence_heavy();                                                 /* O9 */
	fetch_or_relaxed(&idle->word, IS_PROVEN);                      /* T9 */
}

void thrum__idle_turn_quick(struct thrum__idle *idle)
{
	uint64_t word = load_relaxed(&idle->word);

	do {
		if ((word & MODE) != MODE)
			return;
	} while (!cas_relaxed(&idle->word, &word, word & ~MODE)); /* T10 */
}

void thrum__idle_withhold(struct thrum__idle *idle)
{
	fetch_add_relaxed(&idle->withheld, 1); /* T11 */
}

void thrum__idle_offer(struct thrum__idle *idle)
{
	fetch_sub_relaxed(&idle->withheld, 1); /* T12 */
}

void thrum__idle_add(struct thrum__idle *idle)
{
	fetch_add_relaxed(&idle->total, 1); /* T13 */
	fence_seq_cst();                    /* O10 */
}
