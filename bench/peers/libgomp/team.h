/* SPDX-License-Identifier: MIT */
/*
 * team.h - OpenMP's threads, started before anything is timed.
 */
#ifndef THRUM_BENCH_LIBGOMP_TEAM_H
#define THRUM_BENCH_LIBGOMP_TEAM_H

#include <omp.h>

static inline void team_start(unsigned threads)
{
	omp_set_dynamic(0);
	omp_set_num_threads((int)threads);
#pragma omp parallel
	{
#pragma omp barrier
	}
}

#endif
