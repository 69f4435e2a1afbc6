/* SPDX-License-Identifier: MIT */
/*
 * threads.h - threads that begin together, as many as the other peers have tasks: what these cost
 * where nothing but the kernel schedules them.
 */
#ifndef THRUM_BENCH_PTHREADS_THREADS_H
#define THRUM_BENCH_PTHREADS_THREADS_H

#include <pthread.h>

#include "../peer.h"

/* With --workers 1 the threads that are started after this stay on the caller's CPU, as it does. */
void threads_stay(const struct peer *p);

/* One of several threads at the same work. */
struct member {
	void *work;
	uint64_t number; /* from 0 on */
	uint64_t sum;    /* what it leaves behind */
};

/* Runs fn in n threads; adds up their sums.  Returns the time from when all had started, and were
 * let go, until the last had ended. */
int64_t threads_run(void (*fn)(struct member *me), void *work, uint64_t n, uint64_t *sum);

#endif
