/* SPDX-License-Identifier: MIT */
/* test_history_meet.c - histories of what tasks meet at, beside its serial model. */
#include "linear_locks.h"
#include "linear_once.h"
#include "rounds.h"

#include <thrum/meet.h>

static struct locks_model *model_of(struct round *r)
{
	return (struct locks_model *)r->history.first;
}

/* ---- Events ---- */

static struct thrum_event event;

static void make_event(struct round *r)
{
	(void)r;
	thrum_event_init(&event);
}

static void unmake_event(struct round *r)
{
	(void)r;
	thrum_event_fini(&event);
}

static void event_wait(struct party *p)
{
	struct operation *o = begin(p, EVENT_WAIT);
	struct limit l;

	limit_begin(p, &l);
	if (l.until_ns == THRUM_FOREVER)
		end(p, o, thrum_event_wait(&event));
	else
		end(p, o, thrum_event_wait_until(&event, l.until_ns));
	limit_end(p, &l, o->result);
}

static void call_event(struct party *p)
{
	unsigned what = draw(&p->random, 8);
	struct operation *o;

	if (what < 3) {
		event_wait(p);
	} else if (what < 5) {
		o = begin(p, EVENT_SET);
		thrum_event_set(&event);
		end(p, o, 0);
	} else if (what < 7) {
		o = begin(p, EVENT_CLEAR);
		thrum_event_clear(&event);
		end(p, o, 0);
	} else {
		o = begin(p, EVENT_IS_SET);
		end(p, o, thrum_event_is_set(&event));
	}
}

START_TEST(events_are_linear)
{
	static const struct subject s = {
	    .name = "event",
	    .model = &lock_linear,
	    .cost = 1,
	    .make = make_event,
	    .call = call_event,
	    .unmake = unmake_event,
	};

	play(&s, 800);
}
END_TEST

/* ---- Barriers ---- */

static struct thrum_barrier barrier;

static void make_barrier(struct round *r)
{
	unsigned parties = 1 + draw(&r->random, 3);

	thrum_barrier_init(&barrier, parties);
	model_of(r)->parties = (int)parties;
}

static void unmake_barrier(struct round *r)
{
	(void)r;
	thrum_barrier_fini(&barrier);
}

static void call_barrier(struct party *p)
{
	struct operation *o = begin(p, BARRIER_WAIT);
	struct limit l;

	limit_begin(p, &l);
	if (l.until_ns == THRUM_FOREVER)
		end(p, o, thrum_barrier_wait(&barrier));
	else
		end(p, o, thrum_barrier_wait_until(&barrier, l.until_ns));
	limit_end(p, &l, o->result);
}

START_TEST(barriers_are_linear)
{
	static const struct subject s = {
	    .name = "barrier",
	    .model = &lock_linear,
	    .cost = 1,
	    .make = make_barrier,
	    .call = call_barrier,
	    .unmake = unmake_barrier,
	};

	play(&s, 800);
}
END_TEST

/* ---- Wait groups ---- */

static struct thrum_wait_group group;

/* Each party has something to do. */
static void make_group(struct round *r)
{
	thrum_wait_group_init(&group);
	thrum_wait_group_add(&group, r->all);
	model_of(r)->permits = (int)r->all;
	for (unsigned i = 0; i < r->all; i++)
		r->parties[i].held = 1;
}

static void unmake_group(struct round *r)
{
	(void)r;
	thrum_wait_group_fini(&group);
}

static void group_wait(struct party *p)
{
	struct operation *o = begin(p, GROUP_WAIT);
	struct limit l;

	limit_begin(p, &l);
	if (l.until_ns == THRUM_FOREVER)
		end(p, o, thrum_wait_group_wait(&group));
	else
		end(p, o, thrum_wait_group_wait_until(&group, l.until_ns));
	limit_end(p, &l, o->result);
}

static void group_done(struct party *p)
{
	struct operation *o;

	if (!p->held)
		return;
	o = begin(p, GROUP_DONE);
	thrum_wait_group_done(&group);
	end(p, o, 0);
	p->held--;
}

/* Who has something to do may add to it. */
static void call_group(struct party *p)
{
	struct operation *o;

	if (!p->held || chance(p, 2)) {
		group_wait(p);
	} else if (chance(p, 2) || p->held > 2) {
		group_done(p);
	} else {
		o = begin(p, GROUP_ADD);
		o->arg = 1;
		thrum_wait_group_add(&group, 1);
		end(p, o, 0);
		p->held++;
	}
}

static void group_done_all(struct party *p)
{
	while (p->held)
		group_done(p);
}

START_TEST(wait_groups_are_linear)
{
	static const struct subject s = {
	    .name = "wait group",
	    .model = &lock_linear,
	    .cost = 2,
	    .make = make_group,
	    .call = call_group,
	    .give_back = group_done_all,
	    .unmake = unmake_group,
	};

	play(&s, 800);
}
END_TEST

/* ---- Once ---- */

#define FAILURE (-EIO)

static struct thrum_once once;

static void make_once(struct round *r)
{
	(void)r;
	once = (struct thrum_once)THRUM_ONCE_INIT;
}

static void unmake_once(struct round *r)
{
	(void)r; /* it holds nothing */
}

/* Others come meanwhile; no limit of the call's ends a nap. */
static void take_time(struct party *p)
{
	struct thrum_shield s;

	if (p->outside) {
		sched_yield();
		return;
	}
	thrum_shield_begin(&s, THRUM_FOREVER);
	if (p->round->is_virtual && chance(p, 2))
		is_int(thrum_sleep(NAP_NS), 0);
	else
		is_int(thrum_yield(), 0);
	must(!thrum_shield_end(&s));
}

/* The call that was begun has come so far. */
static intptr_t fn_once(void *party)
{
	struct party *p = party;
	struct operation *o = &p->ops[p->n - 1];

	o->what = ONCE_BEGIN;
	end(p, o, 0);
	take_time(p);
	o = begin(p, ONCE_END);
	o->arg = chance(p, 2) ? new_item(p) : 0;
	return o->arg ? o->arg : FAILURE;
}

static void call_once(struct party *p)
{
	struct operation *o;
	struct limit l;
	intptr_t r;

	if (chance(p, 4)) {
		o = begin(p, ONCE_IS_DONE);
		end(p, o, thrum_once_done(&once));
		return;
	}
	begin(p, ONCE_GET);
	limit_begin(p, &l);
	r = thrum_once(&once, fn_once, p);
	o = &p->ops[p->n - 1];
	end(p, o, r > 0 ? 0 : (int)r);
	limit_end(p, &l, o->result);
	if (o->what == ONCE_END)
		is_int(r, o->arg ? o->arg : FAILURE);
	else
		o->arg = r > 0 ? (int)r : 0;
}

START_TEST(onces_are_linear)
{
	static const struct subject s = {
	    .name = "once",
	    .model = &once_linear,
	    .cost = 2,
	    .make = make_once,
	    .call = call_once,
	    .unmake = unmake_once,
	};

	play(&s, 1200);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    events_are_linear,
	    barriers_are_linear,
	    wait_groups_are_linear,
	    onces_are_linear,
	};

	return RUN_TESTS_FOR("history_meet", 60, tests);
}
