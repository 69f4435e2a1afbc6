/* SPDX-License-Identifier: MIT */
/*
 * WHAT    The idle protocol.  Work that appears while somebody sleeps must wake one worker, soon; a
 *         burst must not wake all; and a spawn on a busy machine must pay for nothing but two
 *         loads.  As in Go's scheduler a count of searchers throttles the wakes: whoever wakes a
 *         sleeper counts it as searching from that moment, so at most one wake is in flight, and
 *         the last searcher that finds work wakes the next.  Sleepers are bits: clearing a bit is
 *         the right to wake that worker, so nobody is chosen twice and nothing can
 *         underflow.  Rejected: a counter of sleepers beside a list (a sleeper that leaves by
 *         itself and a waker can disagree); a stack of sleepers (a worker whose timer ends its
 *         sleep cannot leave from the middle); a lock (one held thread would stop every wake).
 *
 * WORD    searching: how many search, wakes in flight included.  asleep: bit i: worker i sleeps and
 *         was not chosen.
 *
 * STATES  of a worker: BUSY; SEARCHING (counted); ASLEEP (its bit is set); CHOSEN (its bit was
 *         cleared by a waker, it is counted as searching, its wake is on the way); then SEARCHING.
 *
 * MOVES   T1 BUSY -> SEARCHING                search_begin: searching + 1, unless half the workers
 *            search
 *         T2 SEARCHING -> BUSY                search_found, search_end: searching - 1
 *         T3 SEARCHING or BUSY -> ASLEEP      sleep_begin: bit set, then searching - 1, then the
 *            heavy fence
 *         T4 searching 0 -> 1                 a notifier takes the one place for a wake in flight
 *         T5 ASLEEP -> CHOSEN                 it clears a bit that was set; then wake()
 *         T6 searching - 1                    it found no bit: gives the place back and looks again
 *         T7 ASLEEP -> BUSY                   sleep_cancel by the worker itself, bit still set
 *         T8 ASLEEP -> CHOSEN, searching + 1  idle_wake: a certain worker is wanted
 *         T9 ASLEEP -> SEARCHING, searching + 1  sleep_undo: the last look found work
 *
 * OWNERS  both words: all, by read-modify-write.
 *
 * CALLERS notify, idle_wake: anyone, any number.  The rest: the worker itself, in the order of its
 *         states.
 *
 * ORDER   O1 fence_light in notify, between the work and the look at searching and asleep, pairs
 *            with O2 fence_heavy in sleep_begin, between the announcement and the last look at the
 *            sources: the notifier sees the bit or the sleeper sees the work.
 *         O3 in search_found: fence_seq_cst between searching - 1 and the look at asleep,
 *            fence_heavy between that and the look for work; they pair with O2 and O1: for a
 *            notifier that relied on this searcher, either a sleeper that missed its work is seen,
 *            or there is none to be woken.  A light fence in place of the first is not enough: a
 *            sleeper's heavy one reaches notifier and searcher at different times.
 *         O4 fence_seq_cst after T6, between searching - 1 and the look at asleep, pairs with O1
 *            and O2: a notifier that relied on this wake in flight, and a sleeper that announced
 *            itself after the look for bits.
 *         O5 acquire at T5, T8 pairs with O6 release at T3: what the worker wrote before its sleep
 *            (it emptied its wake signal, say) is seen by the waker and comes before what wake()
 *            writes.
 *         Weaker O1 to O4: work lies while workers sleep.
 *
 * INVARIANT I1 searching >= workers that search + CHOSEN ones.  I2 if work is visible, nobody is
 *         BUSY near it, and a worker is ASLEEP, then somebody searches, or is about to look (T6's
 *         second look, T3's last look, search_found's).
 *         I3 each CHOSEN worker gets one wake.
 *
 * PROOF   I3: a fetch_and that returns the bit set is unique for each setting of it.  I2: let N
 *         publish work W and return because searching > 0 at its load.  Whoever held that place
 *         leaves it by T2 (found: O3 and a look, then notify), by T3 (O2 and a look; if that finds
 *         work it searches again, T9, for there may be more) or by T6 (O4 and a look at asleep,
 *         then again): each leaves after N's load in the order of searching, so by the fences its
 *         look sees W or the sleepers.  search_end alone is for leaving with the loop's own look at
 *         every source still to come.  If N returns because no bit is set, every worker that sleeps
 *         later announces itself after N's load and sees W by O1/O2.  notify is lock-free: its loop
 *         repeats only after another worker's T3.
 *
 * RECLAIM none.
 *
 * TEST    tests/model/scen_idle.c; tests/unit/test_idle.c; tests/stress/wakes.c
 */
#include "sched/idle.h"

#include "base/assert.h"

#include <stddef.h>

void thrum__idle_init(struct thrum__idle *idle, unsigned workers)
{
	ENSURE(workers > 0 && workers <= THRUM__WORKERS_MAX,
	       "the number of workers was not checked");
	idle->workers = workers;
	store_relaxed(&idle->searching, 0);
	for (unsigned i = 0; i < THRUM__IDLE_WORDS; i++)
		store_relaxed(&idle->asleep[i], 0);
}

static unsigned words(const struct thrum__idle *idle)
{
	return (idle->workers + 63) / 64;
}

static bool anyone_asleep(const struct thrum__idle *idle)
{
	for (unsigned k = 0; k < words(idle); k++)
		if (load_relaxed(&idle->asleep[k]))
			return true;
	return false;
}

/* Clears worker @i's bit: true if it was set. */
static bool choose(struct thrum__idle *idle, unsigned i)
{
	uint64_t bit = UINT64_C(1) << (i % 64);

	return fetch_and_acquire(&idle->asleep[i / 64], ~bit) & bit; /* T5, T7, T8, T9; O5 */
}

static bool wake_any(struct thrum__idle *idle)
{
	for (unsigned k = 0; k < words(idle); k++) {
		uint64_t bits = load_relaxed(&idle->asleep[k]);

		for (; bits; bits &= bits - 1) {
			unsigned i = k * 64 + (unsigned)__builtin_ctzll(bits);

			if (choose(idle, i)) {
				idle->wake(idle->arg, i);
				return true;
			}
		}
	}
	return false;
}

static NOINLINE void notify_slow(struct thrum__idle *idle)
{
	do {
		uint32_t none = 0;

		if (!cas_relaxed(&idle->searching, &none, 1)) /* T4 */
			return;
		if (wake_any(idle))
			return;
		fetch_sub_relaxed(&idle->searching, 1); /* T6 */
		fence_seq_cst();                        /* O4 */
	} while (anyone_asleep(idle));
}

void thrum__idle_notify(struct thrum__idle *idle)
{
	fence_light(); /* O1 */
	if (load_relaxed(&idle->searching) == 0 && anyone_asleep(idle))
		notify_slow(idle);
}

bool thrum__idle_wake(struct thrum__idle *idle, unsigned i)
{
	fetch_add_relaxed(&idle->searching, 1);
	if (choose(idle, i)) { /* T8 */
		idle->wake(idle->arg, i);
		return true;
	}
	thrum__idle_search_found(idle);
	return false;
}

bool thrum__idle_search_begin(struct thrum__idle *idle)
{
	uint32_t n = load_relaxed(&idle->searching);

	do {
		if (n > 0 && 2 * n >= idle->workers)
			return false;
	} while (!cas_relaxed(&idle->searching, &n, n + 1)); /* T1 */
	return true;
}

void thrum__idle_search_end(struct thrum__idle *idle)
{
	uint32_t old = fetch_sub_relaxed(&idle->searching, 1); /* T2 */

	ENSURE(old > 0, "a worker ended a search that it had not begun");
}

void thrum__idle_search_found(struct thrum__idle *idle)
{
	uint32_t old = fetch_sub_relaxed(&idle->searching, 1); /* T2 */

	ENSURE(old > 0, "a worker ended a search that it had not begun");
	if (old > 1)
		return;
	fence_seq_cst(); /* O3 */
	if (!anyone_asleep(idle))
		return;
	fence_heavy(); /* O3 */
	if (idle->has_work(idle->arg))
		notify_slow(idle);
}

void thrum__idle_sleep_begin(struct thrum__idle *idle, unsigned i, bool searching)
{
	fetch_or_release(&idle->asleep[i / 64], UINT64_C(1) << (i % 64)); /* T3; O6 */
	if (searching)
		thrum__idle_search_end(idle);
	fence_heavy(); /* O2 */
}

bool thrum__idle_sleep_cancel(struct thrum__idle *idle, unsigned i)
{
	return choose(idle, i); /* T7 */
}

bool thrum__idle_sleep_undo(struct thrum__idle *idle, unsigned i)
{
	fetch_add_relaxed(&idle->searching, 1);
	if (choose(idle, i)) /* T9 */
		return true;
	thrum__idle_search_end(idle); /* whoever chose it has counted it */
	return false;
}

bool thrum__idle_all_asleep(const struct thrum__idle *idle)
{
	for (unsigned i = 0; i < idle->workers; i += 64) {
		unsigned n = idle->workers - i < 64 ? idle->workers - i : 64;
		uint64_t all = n == 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1;

		if (load_relaxed(&idle->asleep[i / 64]) != all)
			return false;
	}
	return true;
}
