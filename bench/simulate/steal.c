/* SPDX-License-Identifier: MIT */
/* steal.c - see steal.h.  Each function says which one it mirrors. */
#include "steal.h"

#define STEAL_MORE 15
#define LONG_LINE 4096
#define LONELY 3
#define RESTLESS 4
#define RESTLESS_STILL 2
#define STANDS_NS 2000

/* thrum__worker_random */
static uint64_t next_random(struct worker *w)
{
	uint64_t x = w->random;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	w->random = x;
	return x * 0x2545F4914F6CDD1Du;
}

/* thrum__steal_is_restless */
bool is_restless(const struct worker *w)
{
	return w->moves >= (w->dozed ? RESTLESS_STILL : RESTLESS);
}

/* is_lonely */
static bool is_lonely(struct worker *w, const struct worker *victim, enum greed greed)
{
	uint32_t progress = load_relaxed(&victim->progress);
	uint32_t *looks = &w->lonely[victim->index].looks;

	if (w->lonely[victim->index].progress != progress) {
		w->lonely[victim->index].progress = progress;
		*looks = 0;
		w->moves += may_doze();
	}
	return (greed == LAST && !is_restless(w)) || (greed != POLITE && ++*looks >= LONELY);
}

/* made_by_all */
static uint64_t made_by_all(void)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < world.workers_count; i++)
		sum += load_relaxed(&world.workers[i].progress);
	return sum;
}

/* note_haul */
static void note_haul(struct worker *w, unsigned tasks)
{
	if (!may_doze()) /* may_be_away */
		return;
	if (!w->hauls.count)
		thrum__hauls_begin(&w->hauls, thrum__hauls_ask(&w->hauls) ? made_by_all() : 0,
				   (int64_t)clock_ns());
	thrum__hauls_note(&w->hauls, tasks);
}

/* goes_on */
static bool goes_on(const struct worker *w)
{
	uint32_t progress = load_relaxed(&w->progress);
	uint64_t end = clock_ns() + STANDS_NS;

	do {
		if (load_relaxed(&w->progress) != progress)
			return true;
		spin_hint();
	} while (clock_ns() < end);
	return false;
}

/* others_go_on */
static bool others_go_on(void)
{
	bool any = false;

	for (unsigned i = 0; i < world.workers_count; i++) {
		const struct worker *other = &world.workers[i];

		if (!load_relaxed(&other->inside) && !thrum__deque_count(&other->spawned) &&
		    !thrum__ready_count(&other->ready))
			continue;
		if (!goes_on(other))
			return false;
		any = true;
	}
	return any;
}

/* thrum__steal_rests */
bool steal_rests(struct worker *w)
{
	uint64_t made, now;

	if (!w->hauls.away && !w->hauls.count)
		return false;
	if (!may_doze()) {
		thrum__hauls_forget(&w->hauls);
		return false;
	}
	now = clock_ns();
	if (!w->hauls.away && !thrum__hauls_are_due(&w->hauls, (int64_t)now))
		return false;
	made = made_by_all();
	if (!w->hauls.away)
		return thrum__hauls_leave(&w->hauls, made, (int64_t)now);
	return thrum__hauls_stay(&w->hauls, made, (int64_t)now, others_go_on());
}

/* steal_more */
static uint32_t steal_more(struct worker *w, struct worker *victim)
{
	uint64_t n = thrum__deque_count(&victim->spawned) / 2;
	uint32_t i;

	for (i = 0; i < n && i < STEAL_MORE; i++) {
		struct task *t = thrum__deque_steal(&victim->spawned);

		if (!t)
			break;
		ENSURE(!thrum__deque_push(&w->spawned, t), "no memory for a simulated task");
	}
	return i;
}

/* steal_more_woken */
static void steal_more_woken(struct worker *w, struct worker *victim)
{
	struct task *t;

	for (int i = 0; i < STEAL_MORE && (t = thrum__ready_take(&victim->ready)); i++)
		ENSURE(!thrum__ready_push(&w->ready, t), "no memory for a simulated task");
}

/* steal_queued */
static struct task *steal_queued(struct worker *w, struct worker *victim, enum greed greed)
{
	uint64_t spawned = thrum__deque_count(&victim->spawned);
	uint64_t woken = thrum__ready_count(&victim->ready);
	struct task *t;

	if (spawned + woken == 1 && !is_lonely(w, victim, greed))
		return NULL;
	w->lonely[victim->index].looks = 0;
	if (woken > 1 || !spawned) {
		t = woken ? thrum__ready_take(&victim->ready) : NULL;
		if (t && woken >= LONG_LINE)
			steal_more_woken(w, victim);
		return t;
	}
	t = thrum__deque_steal(&victim->spawned);
	if (t)
		note_haul(w, 1 + steal_more(w, victim));
	return t;
}

/* thrum__steal, with steal_from */
struct task *steal(struct worker *w, enum greed greed)
{
	unsigned n = world.workers_count;
	unsigned start = (unsigned)(next_random(w) % n);

	for (unsigned i = 0; i < n; i++) {
		struct worker *victim = &world.workers[(start + i) % n];
		struct task *t;

		if (victim != w && (t = steal_queued(w, victim, greed)))
			return t;
	}
	return NULL;
}
