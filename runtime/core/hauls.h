/* SPDX-License-Identifier: MIT */
/*
 * hauls.h - is what a thief takes worth its way to another core?  hauls.c tells how it finds out.
 */
#ifndef THRUM_CORE_HAULS_H
#define THRUM_CORE_HAULS_H

#include <stdbool.h>
#include <stdint.h>

/* The thief's alone; all zero is fresh. */
struct thrum__hauls {
	int64_t since_ns; /* when its notes were begun */
	uint64_t made;    /* what all workers had made by then */
	uint64_t beside;  /* what they made in a millisecond while it took its share */
	unsigned count;   /* hauls since then */
	unsigned tasks;   /* in them */
	unsigned away;    /* so many more times it leaves all to the others */
	unsigned worth;   /* so many more times it does not ask */
};

/* Does it take part in what is compared?  Else @made of begin is of no use. */
static inline bool thrum__hauls_ask(const struct thrum__hauls *h)
{
	return !h->worth;
}

/* Before the first haul's note: by @now_ns all workers have made @made. */
static inline void thrum__hauls_begin(struct thrum__hauls *h, uint64_t made, int64_t now_ns)
{
	h->made = made;
	h->since_ns = now_ns;
}

/* It has taken @tasks. */
static inline void thrum__hauls_note(struct thrum__hauls *h, unsigned tasks)
{
	h->count++;
	h->tasks += tasks;
}

/* Are there enough notes, after some time?  Then it calls thrum__hauls_leave. */
bool thrum__hauls_are_due(const struct thrum__hauls *h, int64_t now_ns);
/* Its notes are over.  True: it is to go away for a while, and calls thrum__hauls_stay then. */
bool thrum__hauls_leave(struct thrum__hauls *h, uint64_t made, int64_t now_ns);
/* It was away; @going_on: none of the others stands.  True: it is to go away once more. */
bool thrum__hauls_stay(struct thrum__hauls *h, uint64_t made, int64_t now_ns, bool going_on);

/* As if it had taken nothing. */
static inline void thrum__hauls_forget(struct thrum__hauls *h)
{
	h->count = h->tasks = h->away = 0;
}

#endif
