/* SPDX-License-Identifier: MIT */
/*
 * scen_drain.c - flow/drain.c: its owner takes what others complete, or ends it meanwhile.
 *
 * The drain is the frame of who began it: it goes the moment it has been ended, whoever is still
 * about to fire a node is caught there.  A wait is one of sched/await.c's, as in scen_await.c.  The
 * moves are the inbox's.
 */
#include "explorer.h"

#include "core/inbox.h"
#include "core/lane.h"
#include "core/parker.h"

/* The whole source: what it calls below is defined here. */
#include "flow/drain.c"

enum { FUTURES = 2 };

static struct thrum_future futures[FUTURES];
static int done_before[FUTURES]; /* what was done before each was completed */
static unsigned taken[FUTURES], references[FUTURES];
static struct thrum__parker p;
static struct model_event woken;
static struct thrum__drain *drain;
static uint64_t first;
static unsigned parked, unparked;

bool thrum__forked_child;

static unsigned index_of(const struct thrum_future *f)
{
	model_assert(f >= futures && f < futures + FUTURES);
	return (unsigned)(f - futures);
}

void thrum_retain(struct thrum_future *f)
{
	references[index_of(f)]++;
}

void thrum_release(struct thrum_future *f)
{
	model_assert(references[index_of(f)]);
	references[index_of(f)]--;
}

int thrum_cancel(struct thrum_future *f)
{
	if (!thrum__future_claim(f))
		return -EALREADY;
	thrum__future_complete(f, -ECANCELED);
	return 0;
}

int thrum__no_task(void)
{
	return -EPERM;
}

/* What base/tls.h reads by its name. */
__attribute__((used)) __thread struct thrum__worker *thrum__tls_slot;

/* In a frame of its own, which goes with the node. */
int thrum__wait_edge(struct thrum__edge *e, uint64_t tick, int64_t deadline_ns, bool deaf)
{
	struct thrum__wait_node *n = model_alloc(sizeof(*n));
	uint64_t seq = thrum__parker_seq(&p);
	int err = 0;

	(void)deadline_ns;
	thrum__wait_node_init(n, &p, seq);
	if (thrum__edge_register(e, &n->waiter, tick)) {
		if (thrum__parker_park(&p, seq, deaf)) {
			parked++;
			model_event_wait(&woken);
		}
		if (thrum__parker_why(&p) != THRUM__BY_NODE) {
			thrum__edge_withdraw(e, &n->waiter);
			err = -ETIMEDOUT;
		}
	}
	model_free(n);
	return err;
}

static void unpark(struct thrum__parker *q, void *relay, enum thrum__why why)
{
	(void)why;
	model_assert(q == &p && !relay);
	unparked++;
	model_event_set(&woken);
}

static void setup(void)
{
	thrum__parker_init(&p, unpark);
	thrum__parker_reset(&p);
	first = thrum__parker_seq(&p);
	model_event_init(&woken);
	parked = unparked = 0;
	for (unsigned i = 0; i < FUTURES; i++) {
		store_relaxed(&futures[i].word, 0);
		plain_write(&done_before[i], 0);
		taken[i] = references[i] = 0;
	}
	drain = model_alloc(sizeof(*drain));
	thrum__drain_init(drain, NULL);
	for (unsigned i = 0; i < FUTURES; i++)
		model_assert(thrum__drain_add(drain, &futures[i], i) == 0);
	model_name(&p.word, "parker");
	model_name(&futures[0].word, "future 0");
	model_name(&futures[1].word, "future 1");
}

static void check(void)
{
	model_assert(parked == unparked);
	for (unsigned i = 0; i < FUTURES; i++)
		model_assert(!references[i] && taken[i] <= 1);
	model_assert(model_live() == 0);
}

static void end(struct thrum__drain *d)
{
	thrum__drain_fini(d);
	model_free(d);
}

/* One that is done: what came before is seen. */
static bool take(struct thrum__drain *d)
{
	struct thrum_future *f;
	size_t i;

	if (!thrum__drain_take(d, &f, &i))
		return false;
	model_assert(index_of(f) == i);
	model_assert(thrum__future_is_done(f));
	model_assert(plain_read(&done_before[i]) == 1);
	taken[i]++;
	thrum_release(f);
	return true;
}

static int take_next(struct thrum__drain *d)
{
	int err = thrum__drain_wait(d, THRUM_FOREVER);

	if (!err)
		model_assert(take(d));
	return err;
}

static void complete(unsigned i)
{
	plain_write(&done_before[i], 1);
	if (thrum__future_claim(&futures[i]))
		thrum__future_complete(&futures[i], 0);
}

static void complete_0(void)
{
	complete(0);
}

static void complete_1(void)
{
	complete(1);
}

/* None is lost, and the frame goes after the last. */
static void take_both(void)
{
	struct thrum__drain *d = drain;

	model_assert(take_next(d) == 0);
	model_assert(take_next(d) == 0);
	model_assert(take_next(d) == -ENODATA);
	end(d);
	model_assert(taken[0] == 1 && taken[1] == 1);
}
SCENARIO(drain_two, .setup = setup, .thread = {take_both, complete_0, complete_1}, .check = check,
	 .bound = 2, .stale = 1, .min_executions = 10000, .covers = "T1 T2");

/* It ends with one, or both, perhaps about to be fired. */
static void take_one_and_end(void)
{
	struct thrum__drain *d = drain;

	model_assert(take_next(d) == 0);
	end(d);
}
SCENARIO(drain_end, .setup = setup, .thread = {take_one_and_end, complete_0, complete_1},
	 .check = check, .bound = 2, .stale = 1, .min_executions = 10000, .covers = "T1 T2");

static void end_at_once(void)
{
	end(drain);
}
SCENARIO(drain_end_at_once, .setup = setup, .thread = {end_at_once, complete_0, complete_1},
	 .check = check, .bound = 2, .stale = 1, .min_executions = 1000, .covers = "T1 T2");

/* A wait that is cut short loses nothing. */
static void take_until_both(void)
{
	struct thrum__drain *d = drain;
	int err;

	while ((err = take_next(d)) != -ENODATA)
		model_assert(!err || err == -ETIMEDOUT);
	end(d);
	model_assert(taken[0] == 1 && taken[1] == 1);
}

static void time_out(void)
{
	thrum__parker_fire(&p, first, THRUM__BY_TIMER);
}

static void complete_both(void)
{
	complete(0);
	complete(1);
}
SCENARIO(drain_cut_short, .setup = setup, .thread = {take_until_both, complete_both, time_out},
	 .check = check, .bound = 2, .stale = 1, .min_executions = 10000, .covers = "T1 T2");

/* What is not done is cancelled, while somebody completes it. */
static void stop(void)
{
	struct thrum__drain *d = drain;

	plain_write(&done_before[1], 1);
	thrum__drain_stop(d);
	model_assert(!d->first);
	model_assert(d->count == 2);
	for (unsigned i = 0; i < 2; i++) {
		struct thrum_future *f;
		size_t tag;

		model_assert(thrum__drain_take(d, &f, &tag));
		model_assert(thrum__future_is_done(f));
		thrum_release(f);
	}
	end(d);
}
SCENARIO(drain_stop, .setup = setup, .thread = {stop, complete_0}, .check = check,
	 .min_executions = 1000, .covers = "T1 T2");
