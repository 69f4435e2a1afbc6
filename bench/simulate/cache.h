/* SPDX-License-Identifier: MIT */
/*
 * cache.h - what operations cost: a simulated cache line for each real one, and system calls.
 *
 * The library's files are compiled as for the explorer (THRUM_MODEL, tests/model/model_atomic.h):
 * each atomic operation comes in here, takes its time on its line and acts on the real memory.
 */
#ifndef SIMULATE_CACHE_H
#define SIMULATE_CACHE_H

#include <stdbool.h>
#include <stdint.h>

/* What is waited for, by name. */
enum place {
	PLACE_OTHER, /* slots of rings, flags */
	PLACE_WORD,  /* of idle.c */
	PLACE_TOPS,  /* of the deques */
	PLACE_BOTTOMS,
	PLACE_READY, /* both ends of the ready rings */
	PLACE_INBOX, /* of what comes from outside */
	PLACE_SLEEP, /* where they sleep: the eventfd and its set */
	PLACE_HEAVY, /* the kernel's lock around membarrier */
	PLACES,
};

extern const char *const place_names[PLACES];

/* How the kernel makes several membarriers. */
enum barriers { BARRIERS_FREE, BARRIERS_LOCKED };

/* Nanoseconds, but for sockets, barriers, shared and watching (worker.c).  Where the
 * defaults come from stands in costs.c. */
struct costs {
	uint64_t hit, locked, near, far, share, sockets, pause, clock, syscall, yield;
	uint64_t wake_min, wake_max, waker, membarrier, barriers, shared, interrupt, spawn, spin;
	uint64_t ahead, watching;
};

extern struct costs costs;

struct place_figures {
	uint64_t misses;
	uint64_t queued_ns; /* until it was one's turn */
	uint64_t moved_ns;  /* the transfers themselves */
	unsigned longest;   /* most at one line at once, the one that is served included */
};

/* Begins anew with @workers cores that are spread over the sockets. */
void cache_reset(unsigned workers);
/* The lines of @bytes from @p on are @place's. */
void cache_name(const void *p, unsigned bytes, enum place place);
/* The figures so far are forgotten; the lines stay where they are. */
void cache_forget_figures(void);
const struct place_figures *cache_figures(enum place place);
/* A locked operation on the line of @p. */
void cache_locked(void *p);
/* Told of each value of the 64-bit word at @p that is written. */
void cache_watch(const void *p, void (*changed)(uint64_t value));

#endif
