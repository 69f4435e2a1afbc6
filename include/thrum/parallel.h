/* SPDX-License-Identifier: MIT */
/*
 * parallel.h - a loop, a sum, prefixes, a sort, some calls, on as many workers as are idle.
 *
 *	static int brighten(size_t begin, size_t end, void *image)
 *	{
 *		for (size_t row = begin; row < end; row++)
 *			brighten_row(image, row);
 *		return 0;
 *	}
 *
 *	err = thrum_parallel_for(0, image->rows, 0, brighten, image);
 *
 * Work is divided by forks (fork.h), a range lazily: where nobody is without work it is a plain
 * loop in the calling task.  Each of these returns when all of its work is done, whatever failed:
 * none is left behind.  The functions that are called run in the calling task or in tasks beside
 * it, and must not care which.  They may wait; others are called meanwhile, if need be all of them.
 *
 * A range is [begin, end), and a function is called with parts of it.  GRAIN: at most so many
 * indexes in a call, which then begins at a multiple of it from the range's begin on; 0: as many as
 * take about ten microseconds.  It is for functions whose calls should be small, or that count
 * calls: an idle worker waits for work for as long as a call takes.
 */
#ifndef THRUM_PARALLEL_H
#define THRUM_PARALLEL_H

#include <thrum/result.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * thrum_parallel_for - call @body for all of [@begin, @end): each index is in one call.
 *
 * A negative result of a call, or a hard cancel of the caller, keeps further calls from beginning
 * (elsewhere and after a cancel, but for some microseconds' worth of short ones).
 * Called from: a task.  Suspends: yes.  Cancellation point: between two calls of @body.
 * Ownership: @arg is the caller's, and shared by all calls.
 * Sees: all that the calls did.
 * Returns: 0; the negative result that stands first in the range, of the calls that were made;
 * -ECANCELED: not all were; -EINVAL: @begin is behind @end, no @body; -EPERM outside a task;
 * -ENOTSUP in a forked child.
 * Source: lazy splitting: Tzannes, Caragea, Barua, Vishkin, Lazy binary-splitting, PPoPP 2010.
 */
THRUM_MUST_CHECK int thrum_parallel_for(size_t begin, size_t end, size_t grain,
					int (*body)(size_t begin, size_t end, void *arg),
					void *arg);

/*
 * thrum_reduce - the sum of [@begin, @end) in the sense of @map and @combine.
 *
 * @map adds a part of the range to @acc; @combine adds @right, which stands for the part that
 * follows @acc's, to @acc.  It must be associative; it need not commute: parts are combined in the
 * order of the indexes.  Which parts, is chosen anew each time (floating-point sums differ in their
 * last bits).  *@acc is the identity at first (what an empty part stands for), and the sum at the
 * end.  Accumulators are copied from the identity, and each is combined exactly once, after an
 * error too, so that what they own can be handed on.
 * Called from: a task.  Suspends: yes.  Cancellation point: between two calls of @map.
 * Ownership: @acc, of @size bytes, is the library's until it returns.  Copies are 16-aligned.
 * Sees: all that the calls did.
 * Returns: as thrum_parallel_for; after an error *@acc is the sum of what was added.
 */
THRUM_MUST_CHECK int thrum_reduce(size_t begin, size_t end, size_t grain,
				  int (*map)(void *acc, size_t begin, size_t end, void *arg),
				  void (*combine)(void *acc, void *right, void *arg), void *acc,
				  size_t size, void *arg);

/*
 * thrum_scan - call @write for all of [@begin, @end) with the sum of all that stands before its
 * part.
 *
 * @map, @combine and *@acc are as in thrum_reduce.  @write finds in its @acc the sum of what stands
 * before @begin and leaves in it that of what stands before @end.  What it writes down on the way
 * are prefixes: inclusive ones if it adds an index first and writes then, else exclusive ones.
 * Some parts are mapped before they are written, others are only written; so @write must not change
 * what @map reads of other parts.  It may of its own: in place.
 * With W idle workers it takes 2/(W + 1) of the time that one takes.
 * Called from: a task.  Suspends: yes.  Cancellation point: between two calls of @map or @write.
 * Ownership: as in thrum_reduce; accumulators are plain bytes, copied and never combined away.
 * Sees: all that the calls did.
 * Returns: as thrum_parallel_for; *@acc is the sum of all, and after an error nothing of use.
 */
THRUM_MUST_CHECK int thrum_scan(size_t begin, size_t end, size_t grain,
				int (*map)(void *acc, size_t begin, size_t end, void *arg),
				void (*combine)(void *acc, void *right, void *arg),
				int (*write)(void *acc, size_t begin, size_t end, void *arg),
				void *acc, size_t size, void *arg);

/*
 * thrum_invoke - call fns[i](args[i]) for all i < @n, side by side if there are idle workers.
 *
 * All are called, whatever fails; those that nobody took, in their order.  @args NULL: each
 * argument is NULL.  @results: takes what they return; NULL: nobody wants it.
 * Called from: a task.  Suspends: yes.  Cancellation point: no: never cut short; a cancel of the
 * caller is heard where they wait.
 * Ownership: the arrays are the library's until it returns.
 * Sees: all that the calls did.
 * Returns: 0; the first of the results, in their order, that is an error; -EINVAL: no @fns; -EPERM
 * outside a task; -ENOTSUP in a forked child.
 */
THRUM_MUST_CHECK int thrum_invoke(const thrum_fn fns[], void *const args[], intptr_t results[],
				  size_t n);

/*
 * thrum_sort_stable - sort @n elements of @size bytes at @base, equal ones in the order they had.
 * thrum_sort - the same, equal ones in any order.
 *
 * @cmp: as qsort_r's: less than 0, 0, more than 0: the first goes before, is equal to, goes behind
 * the second.  For the stable one the first of the two is always the one that had stood before in
 * the array.  If it contradicts itself the order is any, and nothing worse happens.
 * Takes @n * @size bytes of memory; where there are none, thrum_sort sorts in place, slowly and by
 * one worker, and thrum_sort_stable refuses.
 * Called from: a task.  Suspends: yes.  Cancellation point: no: never cut short.
 * Ownership: the array is the library's until it returns.
 * Sees: all that the calls of @cmp did.
 * Returns: 0; -ENOMEM: no memory, and nothing was changed (thrum_sort_stable alone); -EINVAL: @size
 * 0, no @cmp; -EPERM outside a task; -ENOTSUP in a forked child.
 * Source: merge sort with parallel merges: Cormen and others, Introduction to Algorithms, ch. 27.
 */
THRUM_MUST_CHECK int thrum_sort_stable(void *base, size_t n, size_t size,
				       int (*cmp)(const void *a, const void *b, void *arg),
				       void *arg);
THRUM_MUST_CHECK int thrum_sort(void *base, size_t n, size_t size,
				int (*cmp)(const void *a, const void *b, void *arg), void *arg);

/*
 * thrum_sort_i32, thrum_sort_u32, thrum_sort_i64, thrum_sort_u64 - sort @n numbers, ascending;
 * thrum_sort_f32, thrum_sort_f64 - the same for floating-point ones.
 *
 * Floating-point numbers: -infinity, negative ones, -0, +0, positive ones, infinity, NaNs; each
 * keeps its bits.  Takes as much memory as the array has.
 * Called from: a task.  Suspends: yes.  Cancellation point: no: never cut short.
 * Ownership: the array is the library's until it returns.
 * Sees: nothing else.
 * Returns: 0; -ENOMEM: no memory, and nothing was changed; -EPERM outside a task; -ENOTSUP in a
 * forked child.
 * Source: radix sort; for the first digits by the highest one, then by the lowest (McIlroy, Bostic,
 * McIlroy, Engineering Radix Sort, 1993).
 */
THRUM_MUST_CHECK int thrum_sort_i32(int32_t *base, size_t n);
THRUM_MUST_CHECK int thrum_sort_u32(uint32_t *base, size_t n);
THRUM_MUST_CHECK int thrum_sort_i64(int64_t *base, size_t n);
THRUM_MUST_CHECK int thrum_sort_u64(uint64_t *base, size_t n);
THRUM_MUST_CHECK int thrum_sort_f32(float *base, size_t n);
THRUM_MUST_CHECK int thrum_sort_f64(double *base, size_t n);

#ifdef __cplusplus
}
#endif
#endif
