/* SPDX-License-Identifier: MIT */
/*
 * workload.h - what the simulated workers are given to do, and what is asked of each run.
 */
#ifndef SIMULATE_WORKLOAD_H
#define SIMULATE_WORKLOAD_H

#include "measure.h"
#include "world.h"

struct workload {
	const char *name, *about;
	/* On a core of its own: submits, and returns when all is submitted. */
	void (*source)(const struct workload *load);
	uint64_t task_ns, period_ns, count;
	bool alone; /* no other task comes within 100 us: few may be woken for it */
	/* The most that a task may wait while somebody sleeps: so long, and so long for each
	 * worker. */
	uint64_t delay_ns, delay_each_ns;
};

extern const struct workload workloads[];
extern const unsigned workloads_count;

/* Runs it; @divide: with so many times less work. */
void workload_run(const struct workload *load, unsigned workers, enum fault fault, uint64_t seed,
		  unsigned divide, struct figures *out);

#endif
