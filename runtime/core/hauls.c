/* SPDX-License-Identifier: MIT */
/*
 * hauls.c - is what a thief takes worth its way to another core?
 *
 * Where tasks are over at once, the way of their lines to another core and back may cost more than
 * they do, and the owner with a thief comes to less than alone.  That depends on the tasks and on
 * how far the cores are apart, so the thief tries: it notes what all workers make during some
 * hauls, and then what they make while it is away.  If they make more then, it stays away for a
 * while, comes back for some hauls, and compares anew; if not, it does not ask again for a while.
 *
 * It never stays away from one that stands, which computes or waits: that is for the caller to see,
 * each time.  So what it leaves lies no longer than the caller is away once.
 */
#include "core/hauls.h"

/* Hauls that are looked at together: one says little. */
#define HAULS 4
/* ... in so long at least: a shorter time says little, too. */
#define WINDOW_NS 50000
/* Hauls that bring a task each so long are worth any way between two cores. */
#define SMALL_NS 500
/* Hauls are worth it if at least so much is made beside them as without: less is no noise of such
 * short times. */
#define LEFT_PERCENT 90
/* Times away until it tries again: what it loses to the hauls between is a small part of all. */
#define AWAY 16
/* Windows in which it does not ask, once its hauls were worth it: a question costs one time away.
 * Fewer if somebody stood when it came back, which may be the only reason. */
#define WORTH 32
#define PERHAPS 8

bool thrum__hauls_are_due(const struct thrum__hauls *h, int64_t now_ns)
{
	return h->count >= HAULS && now_ns - h->since_ns >= WINDOW_NS;
}

/* What was made in a millisecond since the notes were begun. */
static uint64_t pace(const struct thrum__hauls *h, uint64_t made, int64_t now_ns)
{
	uint64_t ns = (uint64_t)(now_ns - h->since_ns);

	return (made - h->made) * 1000000 / (ns ? ns : 1);
}

bool thrum__hauls_leave(struct thrum__hauls *h, uint64_t made, int64_t now_ns)
{
	bool small = now_ns - h->since_ns < (int64_t)h->tasks * SMALL_NS;

	thrum__hauls_forget(h);
	if (!small)
		return false;
	if (h->worth) {
		h->worth--;
		return false;
	}
	h->beside = pace(h, made, now_ns);
	thrum__hauls_begin(h, made, now_ns);
	h->away = AWAY;
	return true;
}

bool thrum__hauls_stay(struct thrum__hauls *h, uint64_t made, int64_t now_ns, bool going_on)
{
	if (h->away == AWAY && h->beside * 100 >= pace(h, made, now_ns) * LEFT_PERCENT) {
		h->worth = going_on ? WORTH : PERHAPS;
		going_on = false;
	}
	h->away = going_on ? h->away - 1 : 0;
	return h->away;
}
