/* SPDX-License-Identifier: MIT */
/*
 * measure.h - what is counted in a run, by calls at the moment that something happens.
 */
#ifndef SIMULATE_MEASURE_H
#define SIMULATE_MEASURE_H

#include "cache.h"

#include <stddef.h>

struct task;

/* Of one workload with one number of workers. */
struct figures {
	uint64_t tasks, lost;   /* started; never started */
	uint64_t wakes;         /* sleepers that a post woke */
	uint64_t vain;          /* of them: slept again and had run nothing */
	unsigned searching;     /* most at once that looked into others' queues */
	unsigned counted;       /* most at once by idle.c's count: wakes in flight, and sleepers
			       * whose timer ended, are in it */
	unsigned limit;         /* what may search: half the workers, at least one */
	unsigned turns;         /* of the idle protocol: to cheap sleeps and back */
	unsigned woken;         /* most wakes within 100 us of a task */
	uint64_t p50, p99, max; /* from visible to started */
	uint64_t asleep_max;    /* the same, counted only while somebody slept */
	uint64_t ignored_max;   /* longest: work lay, one slept, none searched or was being woken */
	uint64_t span, awake;   /* first submission to last end; sum over the workers until then */
	uint64_t work, ideal; /* sum of the tasks; the shortest span that there can be (0: none) */
	struct place_figures at[PLACES]; /* until the last end */
};

/* Counting begins; forgets what was before. */
void measure_begin(unsigned workers);
void measure_end(struct figures *out);

/* @t can be found from now on; the delay of one that is @timed counts. */
void measure_visible(struct task *t);
void measure_taken(struct task *t);
void measure_ended(void);
/* A worker goes to sleep in the kernel; a post picks one (or its timer ends the sleep: not
 * @picked); it runs again. */
void measure_asleep(void);
void measure_picked(bool picked);
void measure_up(void);
void measure_vain(void);
/* One more looks into others' queues; or one less. */
void measure_search(bool begins);
/* idle.c's word has a new value. */
void measure_word(uint64_t word);

#endif
