/* SPDX-License-Identifier: MIT */
/*
 * sync_world.c - waits in queues, as sched/stand.c makes them of a task and of a thread outside.
 */
#include "sync_world.h"

#include "base/assert.h"
#include "sched/stand.h"

#include <errno.h>
#include <stddef.h>
#include <thrum/time.h>

enum { FRAME = 7168, CALLS = 8 };

struct stander {
	struct thrum__parker parker;
	struct model_event woken;
	uint64_t first; /* its first wait's number */
	uint64_t seq;   /* its last one's */
	int64_t now_ns; /* of its deadlines the last one that has passed */
	int context;    /* what a switch saves */
	bool outside, has_begun, has_left;
	bool waits; /* its turn is on a queue, and nobody has unparked it */
	unsigned parked, unparked, calls;
	char *frames[CALLS];
};

static struct stander standers[MODEL_MAX_THREADS];
static unsigned nstanders, ncalls, nwaits;

unsigned thrum__at_a_time;

static void unpark(struct thrum__parker *p, void *relay, enum thrum__why why)
{
	struct stander *s = container_of(p, struct stander, parker);

	(void)why;
	model_assert(!relay);
	model_assert(plain_read(&s->context) == 1);
	s->unparked++;
	s->waits = false;
	model_event_set(&s->woken);
}

void world_start(unsigned n, unsigned calls)
{
	static const char *const names[] = {"parker 0", "parker 1", "parker 2", "parker 3"};

	model_assert(n <= 4 && calls <= CALLS);
	for (unsigned i = 0; i < n; i++) {
		struct stander *s = &standers[i];

		thrum__parker_init(&s->parker, unpark);
		thrum__parker_reset(&s->parker);
		s->first = thrum__parker_seq(&s->parker);
		s->now_ns = 0;
		model_event_init(&s->woken);
		plain_write(&s->context, 0);
		s->outside = s->has_begun = s->has_left = s->waits = false;
		s->parked = s->unparked = s->calls = 0;
		for (unsigned k = 0; k < calls; k++)
			s->frames[k] = model_alloc(FRAME);
		model_name(&s->parker.word, names[i]);
	}
	nstanders = n;
	ncalls = calls;
	nwaits = 0;
	thrum__at_a_time = 2;
}

void world_put_outside(unsigned i)
{
	standers[i].outside = true;
}

void world_check(void)
{
	for (unsigned i = 0; i < nstanders; i++)
		model_assert(standers[i].parked == standers[i].unparked);
}

void world_check_memory(void)
{
	unsigned frames = 0;

	for (unsigned i = 0; i < nstanders; i++)
		frames += ncalls - standers[i].calls;
	model_assert(model_live() == frames);
}

static struct stander *me(void)
{
	model_assert(model_thread() >= 0 && model_thread() < (int)nstanders);
	return &standers[model_thread()];
}

struct call {
	intptr_t (*fn)(intptr_t arg);
	intptr_t arg, result;
};

static void call_it(void *arg)
{
	struct call *c = arg;

	c->result = c->fn(c->arg);
}

intptr_t in_frame(intptr_t (*fn)(intptr_t arg), intptr_t arg)
{
	struct stander *s = me();
	struct call c = {fn, arg, 0};
	char *frame;

	model_assert(s->calls < ncalls);
	frame = s->frames[s->calls++];
	model_call_on(frame, FRAME, call_it, &c);
	model_free(frame);
	return c.result;
}

static bool have_begun(void *n)
{
	return nwaits >= *(unsigned *)n;
}

void await_waits(unsigned n)
{
	model_block_until(have_begun, &n);
}

static bool has_begun(void *stander)
{
	return ((struct stander *)stander)->has_begun;
}

void await_wait_of(unsigned i)
{
	model_block_until(has_begun, &standers[i]);
}

/* And its wait has not been ended while it was about to park. */
static bool really_waits(const struct stander *s)
{
	return s->waits && s->parker.word.v >> THRUM__PARKER_SEQ_SHIFT == s->seq;
}

static bool others_wait(void *mine)
{
	for (unsigned i = 0; i < nstanders; i++)
		if (&standers[i] != mine && !really_waits(&standers[i]) && !standers[i].has_left)
			return false;
	return true;
}

void await_others(void)
{
	model_block_until(others_wait, me());
}

void world_leave(void)
{
	me()->has_left = true;
}

void time_out(unsigned i, unsigned n)
{
	thrum__parker_fire(&standers[i].parker, standers[i].first + n, THRUM__BY_TIMER);
}

void cancel(unsigned i)
{
	thrum__parker_cancel(&standers[i].parker, THRUM__PARKER_HARD);
}

/* ---- What runtime/sync calls ---- */

int thrum__stand_check(void)
{
	struct stander *s;

	if (model_thread() < 0)
		return 0;
	s = me();
	return !s->outside && thrum__parker_hears(&s->parker) ? -ECANCELED : 0;
}

int thrum__stand_check_turn(void)
{
	return thrum__stand_check();
}

void thrum__stand_again(struct thrum__stander *st)
{
	st->seq = thrum__parker_seq(st->parker);
}

int thrum__stand_begin(struct thrum__stander *st)
{
	struct stander *s = me();

	st->task = NULL;
	st->parker = &s->parker;
	thrum__stand_again(st);
	return 0;
}

bool thrum__stand_begin_holding(struct thrum__stander *st)
{
	return !me()->outside && thrum__stand_begin(st) == 0;
}

/* True: its deadline passed, and nobody will resume it.  False: it was resumed. */
static bool sleeps_too_long(struct stander *s, uint64_t seq, int64_t deadline_ns)
{
	bool has_deadline = s->outside && deadline_ns != THRUM_FOREVER;

	if (has_deadline && model_choose(2) && thrum__parker_abandon(&s->parker, seq))
		return true;
	s->parked++;
	model_event_wait(&s->woken);
	return false;
}

int thrum__stand_wait(struct thrum__stander *st, int64_t deadline_ns, bool deaf)
{
	struct stander *s = me();
	bool late;

	nwaits++;
	s->seq = st->seq;
	s->waits = s->has_begun = true;
	plain_write(&s->context, 1);
	late = thrum__parker_park(&s->parker, st->seq, deaf || s->outside) &&
	       sleeps_too_long(s, st->seq, deadline_ns);
	plain_write(&s->context, 0);
	s->waits = false;
	model_assert(thrum__parker_seq(&s->parker) == st->seq + 1);
	if (late || thrum__parker_why(&s->parker) == THRUM__BY_TIMER) {
		s->now_ns = deadline_ns;
		return -ETIMEDOUT;
	}
	return thrum__parker_why(&s->parker) == THRUM__BY_CANCEL ? -ECANCELED : 0;
}

int thrum__stand_end(struct thrum__stander *s, int err, int64_t deadline_ns)
{
	(void)s;
	(void)deadline_ns;
	return err;
}

int64_t thrum_now(void)
{
	return me()->now_ns;
}

unsigned thrum__stand_pauses(void)
{
	return THRUM__LONGEST_PAUSE + 1;
}

uint64_t thrum__stand_random(void)
{
	return model_choose(2);
}

void *thrum__stand_who(void)
{
	return me();
}
