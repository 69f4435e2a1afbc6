/* SPDX-License-Identifier: MIT */
/*
 * scan.c - prefixes of a range, in two passes.
 *
 * With W pieces of work done at a time the range is W + 1 equal parts: the first; W - 1 in the
 * middle, cut into pieces; the last.  First pass: the first part is written at once, as nothing
 * stands before it; beside it the pieces are summed up.  Then each piece's sum is replaced by what
 * stands before it.  Second pass: the pieces are written, and beside them the last part, whose sum
 * nobody needs.  So it takes 2/(W + 1) of the time of one worker, which needs one pass.  (Two
 * passes: Blelloch, Prefix Sums and Their Applications, 1990; that both ends need only one is what
 * pays with two workers.)
 *
 * What can fail: the callbacks; without memory for the sums it is written in order by one worker.
 */
#include "flow/parallel.h"

#include "base/os.h"
#include "sched/await.h"

#include <string.h>

#include <thrum/parallel.h>

/* Pieces of each part in the middle. */
#define PIECES 4

struct scan {
	int (*map)(void *acc, size_t begin, size_t end, void *arg);
	int (*write)(void *acc, size_t begin, size_t end, void *arg);
	void *arg;
	size_t grain, size;
	size_t begin; /* of the middle */
	size_t piece; /* indexes of each */
	size_t pieces;
	char *sums;  /* of the pieces; then what stands before them */
	bool writes; /* the second pass */
	int err;
};

/* [@begin, @end) in order, by this task alone. */
static int in_order(const struct scan *s, bool write, void *acc, size_t begin, size_t end)
{
	struct thrum__loop loop = {
	    .grain = s->grain,
	    .map = write ? s->write : s->map,
	    .size = s->size,
	    .arg = s->arg,
	    .alone = true,
	};

	return thrum__loop_run(&loop, acc, begin, end);
}

static int run_pieces(size_t begin, size_t end, void *scan)
{
	struct scan *s = scan;
	int err = 0;

	for (size_t i = begin; i < end && !err; i++) {
		size_t at = s->begin + i * s->piece;

		err = in_order(s, s->writes, s->sums + i * s->size, at, at + s->piece);
	}
	return err;
}

static void run_middle(void *scan)
{
	struct scan *s = scan;

	s->err = thrum_parallel_for(0, s->pieces, 1, run_pieces, s);
}

/* A pass: the pieces and one of the ends. */
static int run_pass(struct scan *s, bool writes, void *acc, size_t begin, size_t end)
{
	struct thrum__side side;
	int err;

	s->writes = writes;
	thrum__side_fork(&side, run_middle, s);
	err = in_order(s, true, acc, begin, end);
	thrum__side_join(&side);
	return begin < s->begin ? (err ? err : s->err) : (s->err ? s->err : err);
}

/* Each sum becomes what stands before its piece; @acc: before the first, then behind the last. */
static void sums_to_prefixes(struct scan *s, void (*combine)(void *acc, void *right, void *arg),
			     void *acc, void *spare)
{
	for (size_t i = 0; i < s->pieces; i++) {
		char *sum = s->sums + i * s->size;

		memcpy(spare, sum, s->size);
		memcpy(sum, acc, s->size);
		combine(acc, spare, s->arg);
	}
}

int thrum_scan(size_t begin, size_t end, size_t grain,
	       int (*map)(void *acc, size_t begin, size_t end, void *arg),
	       void (*combine)(void *acc, void *right, void *arg),
	       int (*write)(void *acc, size_t begin, size_t end, void *arg), void *acc, size_t size,
	       void *arg)
{
	struct scan s = {.map = map, .write = write, .arg = arg, .grain = grain, .size = size};
	size_t width = thrum__flow_width(), bytes, last;
	int err;

	if (!width)
		return thrum__no_task();
	if (begin > end || !map || !combine || !write || !acc)
		return -EINVAL;
	s.pieces = (width - 1) * PIECES;
	s.piece = (end - begin) / (width + 1) / PIECES;
	if (grain)
		s.piece -= s.piece % grain;
	/* One place more: a spare. */
	if (s.pieces && s.piece && !__builtin_mul_overflow(s.pieces + 1, size, &bytes))
		s.sums = thrum__os_alloc(bytes ? bytes : 1);
	if (!s.sums)
		return in_order(&s, true, acc, begin, end);
	s.begin = begin + s.piece * PIECES;
	last = s.begin + s.piece * s.pieces;
	for (size_t i = 0; i < s.pieces; i++)
		memcpy(s.sums + i * size, acc, size);
	err = run_pass(&s, false, acc, begin, s.begin);
	if (!err) {
		sums_to_prefixes(&s, combine, acc, s.sums + s.pieces * size);
		err = run_pass(&s, true, acc, last, end);
	}
	thrum__os_free(s.sums);
	return err;
}
