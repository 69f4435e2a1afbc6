/* SPDX-License-Identifier: MIT */
/*
 * WHAT    The gate of a runtime: who may enter, what lives inside, and when all of it is over.
 *         Tasks are counted by whoever spawns and whoever ends them, each on its own, and the
 *         stopper sums up (Mattern's four counters, 1987, with the two of a moment read in one
 *         order).  Rejected: one count of living tasks (a shared line for each spawn and each end);
 *         a lock for those who enter (a wake from outside would take it).
 *
 * WORD    shut; quiet: a bell; submitted; visitors, calls_due: tallies; for each worker its lives:
 *         spawned, ended.
 *
 * STATES  OPEN; SHUT: no task starts; ENDED: shut, none lives and no call is due; EMPTY: and nobody
 *         is inside, nor can come in any more (that is the caller's part).
 *
 * MOVES   T1 OPEN -> SHUT            shut
 *         T2 spawned, submitted + 1  before the task can be found
 *         T3 spawned, submitted - 1  it was taken back and never ran
 *         T4 ended + 1               the task is over: its worker
 *         T5, T6 visitors + 1, - 1   enter, leave
 *         T7, T8 calls_due + 1, - 1  before a call is queued, after it was made
 *         T9 quiet rings             a worker that rests, or one that took a task back, when the
 *                                    gate is shut
 *
 * OWNERS  lives: its worker writes.  The rest: all, by read-modify-write.
 *
 * CALLERS of lives: its worker.  submitted, unsubmitted, enter, leave: threads that are no workers.
 *         went_quiet: each worker after its last T4 or T8, before it sleeps or rests.  shut,
 *         living, await_end: any number; await_empty: one, after await_end.
 *
 * ORDER   O1 fence_heavy after T1 pairs with O2 fence_light between what a walk looks at, and T2,
 *            and a spawner's look at shut: the walk finds the task, or the spawner that it must
 *            not start.  It pairs with O2 in went_quiet as well: if that does not ring, the
 *            stopper's first look sees the T3, T4 or T8 before it.
 *         O3 release at T4 pairs with O4 acquire in living: what the task did is seen, and T2 of
 *            the task itself and of all that it spawned.
 *         The tallies' orders: what a visitor did, its T7 included, is seen by who finds none
 *         inside; what a call did by who finds none due.  The bell's: a stopper sleeps on a count
 *         after which it has looked.
 *         Weaker O1, O2: a task that nobody asks to end, or a stopper that sleeps for ever.  Weaker
 *         O3, O4: memory that goes while somebody writes it.
 *
 * INVARIANT I1 if living returns 0 there was a moment during it at which no task lived.  I2 after
 *         T1 and a walk each task that has started was asked to end.  I3 a stopper sleeps only
 *         while something lives or is due, or T9 is to come.  I4 after await_empty nobody touches
 *         what the gate guards but the caller and the workers.
 *
 * PROOF   I1: let E be the sum of ended, taken first, S that of spawned, taken after it, and t the
 *         moment between.  What E counts had ended at t.  S counts all that had been spawned at t,
 *         but for tasks taken back, which never lived: T2 comes before T4, by way of the queues
 *         that the task went through, so O3 and O4 show it.  So S = E means that at t all had
 *         ended.  What does not live spawns nothing, and a submission after T1 is taken back.  The
 *         second walk over the workers finds all whose tasks the first has counted.
 *         I2: O1, O2.  I3: after the last T3, T4 or T8 its thread looks at shut.  If that is 0, the
 *         stopper's first look sees the move; else the bell rings after it.
 *         I4: T5 is seen: it happens before the end of a task that lived until then, or was made
 *         under the lock that closes the way in.  After the last T6 all T7 of visitors are seen,
 *         and the workers make those calls.
 *         All is wait-free, but that await_end and await_empty wait.
 *
 * RECLAIM after await_empty, and the end of the workers.
 *
 * TEST    tests/model/scen_gate.c; tests/unit/test_stop.c, test_registry.c
 */
#include "core/gate.h"

#include <errno.h>

void thrum__gate_init(struct thrum__gate *g,
		      const struct thrum__lives *(*lives)(void *arg, unsigned i), void *arg)
{
	*g = (struct thrum__gate){.lives = lives, .arg = arg};
}

void thrum__gate_went_quiet(struct thrum__gate *g)
{
	fence_light(); /* O2 */
	if (UNLIKELY(load_relaxed(&g->shut)))
		thrum__bell_ring(&g->quiet); /* T9 */
}

void thrum__gate_unsubmitted(struct thrum__gate *g)
{
	fetch_sub_relaxed(&g->submitted, 1); /* T3 */
	thrum__gate_went_quiet(g);           /* a stopper may have counted it */
}

void thrum__gate_shut(struct thrum__gate *g)
{
	store_relaxed(&g->shut, 1); /* T1 */
	fence_heavy();              /* O1 */
}

uint64_t thrum__gate_living(const struct thrum__gate *g)
{
	uint64_t ended = 0, spawned = 0;
	const struct thrum__lives *l;

	for (unsigned i = 0; (l = g->lives(g->arg, i)); i++)
		ended += load_acquire(&l->ended); /* O4 */
	for (unsigned i = 0; (l = g->lives(g->arg, i)); i++)
		spawned += load_relaxed(&l->spawned);
	return spawned + load_relaxed(&g->submitted) - ended;
}

bool thrum__gate_has_ended(const struct thrum__gate *g)
{
	return thrum__gate_living(g) == 0 && !thrum__tally_any(&g->calls_due);
}

bool thrum__gate_await_end(struct thrum__gate *g, int64_t deadline_ns)
{
	int err = 0;

	for (;;) {
		uint32_t seen = thrum__bell_listen(&g->quiet);

		if (thrum__gate_has_ended(g))
			return true;
		if (err == -ETIMEDOUT)
			return false;
		err = thrum__bell_wait(&g->quiet, seen, deadline_ns);
	}
}

void thrum__gate_await_empty(struct thrum__gate *g)
{
	while (thrum__tally_any(&g->visitors) || thrum__tally_any(&g->calls_due))
		thread_yield();
}
