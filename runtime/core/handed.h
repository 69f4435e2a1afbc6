/* SPDX-License-Identifier: MIT */
/*
 * handed.h - tasks for one worker alone, and its wake where sleepers have no names.
 *
 * WHAT    An inbox of the worker's own, and a word by which whoever hands it something sees that it
 *         sleeps.  Then all that sleep are woken, as tokens are for whoever takes them
 *         (sched/idle.c), and nobody else goes to sleep until the worker is awake.  It costs
 *         all of them a wake, in vain, and a doze until the worker is awake (elsewhere.c), which is
 *         why pinned tasks are for what cannot be done otherwise.  Rejected: a place of its own
 *         where such a worker sleeps (it must hear of all events, too, and the first task may come
 *         while it sleeps with the others).  Not done: a signal that nothing but the sleep's own
 *         mask lets in, which would wake the worker alone.
 *
 * WORD    tasks: core/inbox.h.  sleeps: 1 from before the worker announces its sleep (idle.c: T3)
 *         until it goes on.
 *
 * MOVES   T1 give: into tasks; then, if sleeps, all sleepers are woken (idle.c: T5)
 *         T2 sleeps 0 -> 1   the worker; then it announces itself, and has a last look
 *         T3 sleeps 1 -> 0   the worker, awake; then it takes the tasks
 *
 * OWNERS  sleeps: the worker writes.
 *
 * CALLERS give, lie: anyone.  The rest: the worker.
 *
 * ORDER   O1 fence_seq_cst in give, between T1 and the look at sleeps, pairs with the fence of
 *            idle.c (O8, or O2) between T2 and the last look: the worker sees the task, or who
 *            gives sees it asleep.  It pairs with that fence of everybody else's announcement, too:
 *            what give saw before T5 is seen by a last look that comes after.
 *         Weaker: a task lies while its worker sleeps.
 *
 * INVARIANT I1 if a task lies there, and its give has returned, the worker is awake, or a token is
 *         there for it, or it is yet to look.
 *
 * PROOF   Let give find the worker asleep, and its T5 be at p in the order of idle.c's word.  If
 *         the worker announced itself after p, its last look sees the task, by O1.  Else, unless it
 *         is awake by then, T5 left asleep at 0: by I1 of idle.c as many tokens lie there as there
 *         are sleepers.  One that announces itself after p sees in its last look what give saw: a
 *         task beside a worker that sleeps (lie), unless that one has gone on; so it takes its
 *         announcement back and leaves the tokens.  If somebody has chosen it meanwhile it
 *         takes one token, and that chooser posts one.  So one remains for each that slept at p.
 *
 * RECLAIM none.
 *
 * TEST    tests/model/scen_handed.c; tests/unit/test_pinned.c
 */
#ifndef THRUM_CORE_HANDED_H
#define THRUM_CORE_HANDED_H

#include "core/inbox.h"

/* All zero: empty, and its worker is awake. */
struct thrum__handed {
	struct thrum__inbox tasks;
	struct atomic32 sleeps;
};

/* True: the worker sleeps: all that sleep are to be woken. */
static inline bool thrum__handed_give(struct thrum__handed *h, struct thrum__link *task)
{
	thrum__inbox_push(&h->tasks, task); /* T1 */
	fence_seq_cst();                    /* O1 */
	return load_relaxed(&h->sleeps);
}

static inline bool thrum__handed_any(const struct thrum__handed *h)
{
	return !thrum__inbox_is_empty(&h->tasks);
}

/* For a last look before a sleep: does anything lie beside a worker that sleeps? */
static inline bool thrum__handed_lie(const struct thrum__handed *h)
{
	return load_relaxed(&h->sleeps) && thrum__handed_any(h);
}

static inline void thrum__handed_sleep(struct thrum__handed *h)
{
	store_relaxed(&h->sleeps, 1); /* T2 */
}

static inline void thrum__handed_go_on(struct thrum__handed *h)
{
	store_relaxed(&h->sleeps, 0); /* T3 */
}

#endif
