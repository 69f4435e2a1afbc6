/* SPDX-License-Identifier: MIT */
/*
 * parallel.c - parallel for, reduce, invoke.
 *
 * A RANGE  is worked on by chunks, in order, by one fiber.  It is divided lazily (Tzannes, Caragea,
 * Barua, Vishkin: Lazy binary-splitting, PPoPP 2010): between chunks it looks whether work is
 * wanted, and only then forks the upper half of what is left.  It is when a worker asked or sleeps,
 * which is looked at after each chunk, or when none of this fiber's forks is left for others
 * (core/lane.h).  So an idle worker waits for one chunk at most, and a range that nobody takes from
 * is divided no more often than it has bits.  When a call waits, the fork becomes a task, and the
 * range is divided again: while calls wait, others begin.  The halves nest in the caller's stack,
 * no deeper than the range has bits; with less than half of the stack left there are no more.
 *
 * LOOKS   The longer ones, with cancels and failures elsewhere, come after batches of chunks that
 * take LOOK_NS by the clock, or after each chunk if that takes longer.
 *
 * CHUNKS  With a grain they start at its multiples from the range's begin on.  Without one, each
 * piece lets its chunks grow or shrink until they take LOOK_NS; a half starts with what its other
 * half had found.
 *
 * THE END  `ended` keeps chunks from beginning: one failed, or a hard cancel was seen.  Each piece
 * returns its own error; a half's goes after that of the lower half, so what comes out is the
 * lowest one's.  All halves are joined in any case.
 *
 * ACCUMULATORS  A half that is forked has its own, from the identity, and is combined into that of
 * the lower one after the join.  Small ones lie in the frame.
 *
 * What can fail: nothing.  Without memory for an accumulator a range is not divided; a fork that
 * found neither stack nor memory is run by whoever joins it.
 */
#include "flow/parallel.h"

#include "sched/await.h"
#include "sched/fork.h"

#include <string.h>

#include <thrum/parallel.h>

/* How long it takes from look to look, if chunks are short; how many chunks that is at most. */
#define LOOK_NS 8000
#define BATCH_MAX 256
/* Accumulators that lie in the frame. */
#define SMALL 128

/* Part of a loop's range. */
struct range {
	struct thrum__loop *loop;
	void *acc;
	size_t begin, end;
	size_t chunk; /* indexes of each */
	size_t batch; /* chunks between two looks */
	bool alone;
};

/* The upper half of a range. */
struct half {
	struct thrum__side side;
	struct range range;
	int err;
	_Alignas(16) char small[SMALL];
};

unsigned thrum__flow_width(void)
{
	struct thrum__worker *w = thrum__current_worker();

	return w ? w->runtime->idle.at_once : 0;
}

/* ---- Looks ---- */

/* The running worker's lane; NULL in a forked child.  To be asked for anew after everything that
 * may suspend. */
static inline struct thrum__lane *my_lane(void)
{
#ifdef THRUM_FORK_CALLS
	struct thrum__worker *w = thrum__current_worker();

	return w ? &w->lane : NULL;
#else
	return (struct thrum__lane *)thrum_fork_here(); /* front comes first */
#endif
}

static inline bool is_asked(void)
{
	struct thrum__lane *l = my_lane();

	return UNLIKELY(l && thrum__lane_asked(l));
}

/* Has @r to be divided? */
static bool is_wanted(struct range *r)
{
	struct thrum__lane *l = my_lane();

	if (r->alone || r->end - r->begin <= r->chunk || !l || !thrum__lane_wants(l))
		return false;
	r->alone = (char *)__builtin_frame_address(0) <= l->front.stack_low;
	return !r->alone;
}

/* The size that takes LOOK_NS, or comes closer to that, after @size took @ns. */
static size_t adapt(size_t size, size_t most, int64_t ns)
{
	if (ns > 2 * LOOK_NS)
		return size > 1 ? size / 2 : 1;
	if (ns < LOOK_NS / 8)
		size = size < most / 8 ? size * 8 : most;
	else if (ns < LOOK_NS / 2)
		size = size < most / 2 ? size * 2 : most;
	return size;
}

/* ---- A range ---- */

static int divide(struct range *r);

/* Some chunks, until somebody asks for work. */
static inline __attribute__((always_inline)) int run_as(struct range *r, bool maps)
{
	struct thrum__loop *loop = r->loop;
	int (*body)(size_t, size_t, void *) = loop->body;
	int (*map)(void *, size_t, size_t, void *) = loop->map;
	void *acc = r->acc, *arg = loop->arg;
	size_t begin = r->begin, chunk = r->chunk, whole = (r->end - begin) / chunk;
	size_t until = begin + (whole < r->batch ? whole : r->batch) * chunk;
	bool alone = r->alone;
	int err;

	if (!whole) { /* the last one, a shorter one */
		until = r->end;
		chunk = until - begin;
	}
	do {
		size_t end = begin + chunk;

		err = maps ? map(acc, begin, end, arg) : body(begin, end, arg);
		begin = end;
	} while (LIKELY(err >= 0) && begin != until && (alone || !is_asked()));
	r->begin = begin;
	return err < 0 ? err : 0;
}

static int run_range(struct range *r)
{
	struct thrum__loop *loop = r->loop;
	int err = 0;

	while (r->begin < r->end && !load_relaxed(&loop->ended)) {
		int64_t start_ns, ns;

		if (!loop->deaf && thrum__cancel_requested() == THRUM_HARD)
			err = -ECANCELED;
		else if (is_wanted(r))
			return divide(r);
		start_ns = thrum__clock_monotonic_ns();
		if (!err)
			err = loop->map ? run_as(r, true) : run_as(r, false);
		if (err) {
			store_relaxed(&loop->ended, 1);
			return err;
		}
		ns = thrum__clock_monotonic_ns() - start_ns;
		if (loop->grain)
			r->batch = adapt(r->batch, BATCH_MAX, ns);
		else
			r->chunk = adapt(r->chunk, SIZE_MAX / 2, ns);
	}
	return 0;
}

static void run_half(void *half)
{
	struct half *h = half;

	h->err = run_range(&h->range);
}

/* An accumulator for @h; false: no memory. */
static bool give_accumulator(struct half *h)
{
	struct thrum__loop *loop = h->range.loop;

	h->range.acc = NULL;
	if (!loop->map)
		return true;
	h->range.acc = loop->size > SMALL ? thrum__os_alloc(loop->size) : h->small;
	if (!h->range.acc)
		return false;
	memcpy(h->range.acc, loop->identity, loop->size);
	return true;
}

static void combine(struct range *r, struct half *h)
{
	struct thrum__loop *loop = r->loop;

	if (!loop->map)
		return;
	loop->combine(r->acc, h->range.acc, loop->arg);
	if (h->range.acc != h->small)
		thrum__os_free(h->range.acc);
}

/* The rest of @r, which is more than a chunk, in halves. */
static int divide(struct range *r)
{
	size_t lower = (r->end - r->begin) / 2;
	struct half h;
	int err;

	lower += (r->chunk - lower % r->chunk) % r->chunk;
	h.range = *r;
	if (!give_accumulator(&h)) {
		r->alone = true;
		return run_range(r);
	}
	h.range.begin = r->end = r->begin + lower;
	thrum__side_fork(&h.side, run_half, &h);
	err = run_range(r);
	thrum__side_join(&h.side);
	combine(r, &h);
	return err ? err : h.err;
}

int thrum__loop_run(struct thrum__loop *loop, void *acc, size_t begin, size_t end)
{
	_Alignas(16) char small[SMALL];
	bool divides = loop->map && !loop->alone;
	void *identity = divides && loop->size > SMALL ? thrum__os_alloc(loop->size) : small;
	struct range r = {
	    .loop = loop,
	    .acc = acc,
	    .begin = begin,
	    .end = end,
	    .chunk = loop->grain ? loop->grain : 1,
	    .batch = 1,
	    .alone = loop->alone || !identity,
	};
	int err;

	store_relaxed(&loop->ended, 0);
	loop->identity = identity;
	if (divides && identity && acc)
		memcpy(identity, acc, loop->size);
	err = run_range(&r);
	if (identity != small)
		thrum__os_free(identity);
	return err;
}

/* ---- For, reduce ---- */

int thrum_parallel_for(size_t begin, size_t end, size_t grain,
		       int (*body)(size_t begin, size_t end, void *arg), void *arg)
{
	struct thrum__loop loop = {.grain = grain, .body = body, .arg = arg};

	if (!thrum__current_worker())
		return thrum__no_task();
	if (begin > end || !body)
		return -EINVAL;
	return thrum__loop_run(&loop, NULL, begin, end);
}

int thrum_reduce(size_t begin, size_t end, size_t grain,
		 int (*map)(void *acc, size_t begin, size_t end, void *arg),
		 void (*combine)(void *acc, void *right, void *arg), void *acc, size_t size,
		 void *arg)
{
	struct thrum__loop loop = {
	    .grain = grain, .map = map, .combine = combine, .size = size, .arg = arg};

	if (!thrum__current_worker())
		return thrum__no_task();
	if (begin > end || !map || !combine || !acc)
		return -EINVAL;
	return thrum__loop_run(&loop, acc, begin, end);
}

/* ---- Invoke ---- */

struct calls {
	const thrum_fn *fns;
	void *const *args;
	intptr_t *results;
	size_t n; /* 1 or more */
	int err;
};

static void call_all(void *calls)
{
	struct calls *c = calls;
	size_t lower = c->n / 2;
	struct thrum__side side;
	struct calls upper;
	intptr_t r;

	if (c->n == 1) {
		r = c->fns[0](c->args ? c->args[0] : NULL);
		if (c->results)
			c->results[0] = r;
		c->err = thrum_failed(r) ? (int)r : 0;
		return;
	}
	upper = (struct calls){
	    .fns = c->fns + lower,
	    .args = c->args ? c->args + lower : NULL,
	    .results = c->results ? c->results + lower : NULL,
	    .n = c->n - lower,
	};
	thrum__side_fork(&side, call_all, &upper);
	c->n = lower;
	call_all(c);
	thrum__side_join(&side);
	if (!c->err)
		c->err = upper.err;
}

int thrum_invoke(const thrum_fn fns[], void *const args[], intptr_t results[], size_t n)
{
	struct calls c = {.fns = fns, .args = args, .results = results, .n = n};

	if (!thrum__current_worker())
		return thrum__no_task();
	if (!n)
		return 0;
	if (!fns)
		return -EINVAL;
	call_all(&c);
	return c.err;
}
