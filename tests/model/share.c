/* SPDX-License-Identifier: MIT */
/*
 * share.c - which operations other threads can't notice.
 *
 * Two executions that differ only in the order of operations that don't conflict are equivalent,
 * and one of them is enough.  What is left out is always equivalent to an execution with no more
 * preemptions that comes earlier in the search, so a search under a bound stays exhaustive:
 *   - no preemption before an operation on a place that no other thread writes (a load) or touches
 *     (a store), in any execution of the search.  Who touches what is learned; when an assumption
 *     breaks, the search begins again.
 *   - an execution is cut off when a thread comes back from a preemption and none of the operations
 *     made meanwhile conflicts with the one that it was held before (sched.c).
 * Code between two atomic operations belongs to the first, then.
 */
#include "internal.h"

#include <string.h>

enum { USES = 4096, RESTARTS_MAX = 300 };

struct use {
	const void *p;
	uint8_t readers, writers; /* threads, in all executions of this search */
};

static struct use uses[USES];
static unsigned nuses;

void share_reset(void)
{
	memset(uses, 0, sizeof(uses));
	nuses = 0;
}

static struct use *use_of(const void *p)
{
	uintptr_t a = (uintptr_t)p;
	unsigned h = (unsigned)((a >> 2) ^ (a >> 10)) & (USES - 1);

	while (uses[h].p && uses[h].p != p)
		h = (h + 1) & (USES - 1);
	if (!uses[h].p) {
		uses[h].p = p;
		nuses++;
	}
	return &uses[h];
}

static _Noreturn void search_again(void)
{
	if (++X.restarts > RESTARTS_MAX || nuses > USES / 2)
		X.reduce = false;
	sched_leave(AGAIN);
}

bool share_is_private(const void *p, enum access a, unsigned thread)
{
	uint8_t me = (uint8_t)(1u << thread), others;
	struct use *u;
	bool grew;

	if (a != ACCESS_READ && a != ACCESS_WRITE)
		return false;
	u = use_of(p);
	grew = !((a == ACCESS_READ ? u->readers : u->writers) & me);
	others = (u->readers | u->writers) & (uint8_t)~me;
	if (grew) {
		if (a == ACCESS_READ)
			u->readers |= me;
		else
			u->writers |= me;
		if (others && u->writers)
			search_again();
	}
	return a == ACCESS_READ ? !(u->writers & ~me) : !others;
}

bool steps_conflict(const struct step *a, const struct step *b)
{
	if (a->access == ACCESS_ALL || b->access == ACCESS_ALL)
		return true;
	if (a->access <= ACCESS_WRITE && b->access <= ACCESS_WRITE)
		return a->p == b->p && (a->access == ACCESS_WRITE || b->access == ACCESS_WRITE) &&
		       X.broken != BREAK_REDUCE;
	if (a->access <= ACCESS_WRITE || b->access <= ACCESS_WRITE)
		return false;
	if (a->access == ACCESS_HEAVY || b->access == ACCESS_HEAVY)
		return true;
	return a->access == ACCESS_FULL && b->access == ACCESS_FULL;
}
