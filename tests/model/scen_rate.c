/* SPDX-License-Identifier: MIT */
/*
 * scen_rate.c - permits and the line of those who wait for some (runtime/core/rate.c).
 *
 * One permit each 10 ns and two at once.  Each thread has a clock of its own, which it sets to the
 * time that it was told to wait for.  At the end no stretch of time has more permits than it may,
 * and the line is empty.  The turns are in memory that goes as soon as they are out of the line.
 */
#include "explorer.h"

#include "core/rate.h"

#define EACH 10
#define BURST 2

struct waiter {
	struct thrum__rate_turn turn;
	struct model_event first;
};

static struct thrum__rate r;
static struct {
	int64_t at, n;
} taken[8];
static unsigned count;

static void start(void)
{
	thrum__rate_init(&r, 1, EACH, BURST);
	count = 0;
	model_name(&r.word, "word");
	model_name(&r.full_low, "full");
	model_name(&r.first, "first");
	model_name(&r.last, "last");
}

/* One is left. */
static void start_less(void)
{
	start();
	model_assert(thrum__rate_try(&r, 1, 0));
	taken[count].at = 0;
	taken[count++].n = 1;
}

static void tell(struct thrum__rate_turn *turn)
{
	model_check_live(turn);
	model_event_set(&((struct waiter *)turn)->first);
}

static void got(int64_t at, int64_t n)
{
	taken[count].at = at;
	taken[count++].n = n;
}

static struct waiter *waiter_new(uint64_t n)
{
	struct waiter *w = model_alloc(sizeof(*w));

	thrum__rate_turn_init(&w->turn, n, tell);
	model_event_init(&w->first);
	return w;
}

static void take(uint64_t n)
{
	struct waiter *w = waiter_new(n);
	int64_t now = 0, when = 0;
	enum thrum__rate_says says;

	while ((says = thrum__rate_ask(&r, &w->turn, now, &when)) != THRUM__RATE_TAKEN) {
		if (says == THRUM__RATE_FIRST) {
			model_assert(when > now);
			now = when;
		} else {
			model_event_wait(&w->first);
		}
	}
	got(now, (int64_t)n);
	model_free(w);
}

static void take_one(void)
{
	take(1);
}

static void take_two(void)
{
	take(2);
}

/* Gives up, unless it need not wait. */
static void take_or_leave(void)
{
	struct waiter *w = waiter_new(2);
	int64_t when = 0;

	if (thrum__rate_ask(&r, &w->turn, 0, &when) == THRUM__RATE_TAKEN)
		got(0, 2);
	else
		thrum__rate_leave(&r, &w->turn);
	model_free(w);
}

static void try_one(void)
{
	if (thrum__rate_try(&r, 1, 0))
		got(0, 1);
}

static void check(void)
{
	for (unsigned i = 0; i < count; i++) {
		for (unsigned k = 0; k < count; k++) {
			int64_t sum = 0;

			for (unsigned j = 0; j < count; j++)
				if (taken[j].at >= taken[i].at && taken[j].at <= taken[k].at)
					sum += taken[j].n;
			model_assert(taken[k].at < taken[i].at ||
				     (sum - BURST) * EACH <= taken[k].at - taken[i].at);
		}
	}
	model_assert(!r.first && !r.last && r.word.v == 0);
	model_assert(model_live() == 0);
}

SCENARIO(rate_two_take, .setup = start_less, .thread = {take_two, take_one}, .check = check,
	 .covers = "T1 T2 T3 T4 T5 T6");
SCENARIO(rate_take_take_leave, .setup = start_less, .thread = {take_two, take_one, take_or_leave},
	 .bound = 2, .check = check, .min_executions = 10000, .covers = "T1 T2 T3 T4 T5 T6");
SCENARIO(rate_two_leave, .setup = start_less, .thread = {take_two, take_or_leave, take_or_leave},
	 .bound = 2, .check = check, .min_executions = 10000, .covers = "T1 T2 T3 T4 T5 T6");
SCENARIO(rate_try_beside, .setup = start, .thread = {try_one, take_two, take_or_leave}, .bound = 2,
	 .check = check, .min_executions = 10000, .covers = "T1 T2 T3 T4 T5 T6");
