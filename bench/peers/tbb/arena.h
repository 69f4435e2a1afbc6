/* SPDX-License-Identifier: MIT */
/*
 * arena.h - W threads of TBB, warm: each has run a task before the work is timed.
 */
#ifndef THRUM_BENCH_TBB_ARENA_H
#define THRUM_BENCH_TBB_ARENA_H

#include <atomic>
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

/* Runs body in an arena of that many threads, after they have met. */
template <typename Body> void in_arena(unsigned threads, const Body &body)
{
	tbb::global_control limit(tbb::global_control::max_allowed_parallelism, threads);
	tbb::task_arena arena((int)threads);
	std::atomic<unsigned> met(0);

	arena.execute([&] {
		tbb::parallel_for(
		    0u, threads,
		    [&](unsigned) {
			    met++;
			    while (met < threads)
				    ;
		    },
		    tbb::simple_partitioner());
		body();
	});
}

#endif
