/* SPDX-License-Identifier: MIT */
/*
 * spin.c - waiting loops, which would otherwise make executions endless.
 *
 * A waiting loop (spin_hint in it) yields at each turn.  A turn that read the same values as the
 * one before, wrote nothing, and could have read nothing newer, would do so again: the thread
 * sleeps until there is news.  One that ignored news is a repetition of a shorter execution, which
 * is explored, too: it ends there, pruned.  If nothing else can run, sleepers of this kind get
 * SPIN_PATIENCE turns more, for loops that give up (sched.c).
 */
#include "internal.h"

bool spin_has_news(const struct thread *t)
{
	if (t->nreads > SPIN_READS)
		return true;
	for (unsigned i = 0; i < t->nreads; i++)
		if (t->reads[i].loc->changed > t->reads[i].number)
			return true;
	return false;
}

void spin_read(struct thread *t, struct loc *l, uint64_t value, int16_t number)
{
	unsigned i = 0;

	t->turn = (t->turn ^ value ^ ((uint64_t)l->id << 56)) * 0x9E3779B97F4A7C15u + 1;
	if (t->nreads > SPIN_READS)
		return;
	while (i < t->nreads && t->reads[i].loc != l)
		i++;
	if (i == SPIN_READS) {
		t->nreads = SPIN_READS + 1;
		return;
	}
	t->reads[i] = (struct spin_read){l, number};
	if (i == t->nreads)
		t->nreads++;
}

/* A turn of a waiting loop is over. */
static void turn_over(struct thread *t)
{
	t->last_turn = t->wrote ? 0 : t->turn;
	t->turn = 1;
	t->nreads = 0;
	t->wrote = false;
}

void model_hint(struct model_site *s)
{
	struct thread *t = X.self;
	bool same, news;

	t->at = s;
	if (X.phase != RUN)
		return;
	s->reached = true;
	if (!X.spins) {
		X.spins = true;
		sched_leave(AGAIN);
	}
	sched_count();
	same = t->nreads && t->nreads <= SPIN_READS && !t->wrote && t->turn == t->last_turn &&
	       X.broken != BREAK_HINT;
	news = spin_has_news(t);
	if (!same) {
		t->impatient = false;
		t->patience = 0;
	} else if (t->patience) {
		t->patience--;
		turn_over(t);
		return;
	} else if (!news) {
		sched_sleep(SPINNING);
		turn_over(t);
		return;
	} else if (X.mode == DFS) {
		sched_leave(PRUNED);
	}
	turn_over(t);
	sched_give_way(t);
}
