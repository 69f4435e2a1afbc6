/* SPDX-License-Identifier: MIT */
/*
 * engine.c - see engine.h.  Cores that wait for their turn, or sleep with a deadline, stand in a
 * heap by their clocks; of those with the same time the one that came first goes first.
 *
 * The fibers are the explorer's.  What was on their stacks at the end of a run is forgotten by the
 * next.  Lack of memory ends the process.
 */
#include "engine.h"

#include "fiber.h"

#include <stddef.h>

struct core {
	struct fiber fiber;
	void (*run)(void *);
	void *arg;
	uint64_t now_ns, synced_ns, turn;
	uint64_t owed_ns; /* to interrupts */
	unsigned place;   /* in the heap, from 1 on; 0: not there */
	bool asleep, woken;
};

static struct core cores[CORES_MAX];
static struct core *heap[CORES_MAX + 1];
static unsigned cores_count, heap_count;
static uint64_t turns, state;
static struct fiber outside;
static struct core *self;

static bool goes_before(const struct core *a, const struct core *b)
{
	return a->now_ns < b->now_ns || (a->now_ns == b->now_ns && a->turn < b->turn);
}

static void put_at(unsigned place, struct core *c)
{
	heap[place] = c;
	c->place = place;
}

static void sift(struct core *c)
{
	unsigned place = c->place;

	for (; place > 1 && goes_before(c, heap[place / 2]); place /= 2)
		put_at(place, heap[place / 2]);
	for (unsigned child; (child = 2 * place) <= heap_count; place = child) {
		if (child < heap_count && goes_before(heap[child + 1], heap[child]))
			child++;
		if (!goes_before(heap[child], c))
			break;
		put_at(place, heap[child]);
	}
	put_at(place, c);
}

static void heap_add(struct core *c)
{
	c->turn = turns++;
	put_at(++heap_count, c);
	sift(c);
}

static struct core *heap_first(void)
{
	struct core *first = heap[1], *last = heap[heap_count];

	first->place = 0;
	if (--heap_count) {
		put_at(1, last);
		sift(last);
	}
	return first;
}

static void switch_to(struct core *to)
{
	struct core *from = self;

	self = to;
	fiber_switch(&from->fiber, &to->fiber);
}

/* The running core is not in the heap, or does not go on. */
static void run_next(void)
{
	if (!heap_count)
		engine_stop();
	else if (heap[1] == self) /* its sleep is the next to end */
		heap_first();
	else
		switch_to(heap_first());
}

_Noreturn void engine_stop(void)
{
	struct core *last = self;

	self = NULL;
	fiber_switch(&last->fiber, &outside);
	__builtin_unreachable(); /* nobody comes back to it */
}

static void core_main(void)
{
	self->run(self->arg);
	run_next();
	__builtin_unreachable();
}

void engine_reset(uint64_t seed)
{
	cores_count = heap_count = 0;
	turns = 0;
	state = seed * 0x9E3779B97F4A7C15u + 1;
}

unsigned engine_add(void (*run)(void *), void *arg)
{
	struct core *c = &cores[cores_count];
	struct fiber fiber = c->fiber;

	if (!fiber.stack)
		fiber_create(&fiber);
	*c = (struct core){.fiber = fiber, .run = run, .arg = arg};
	fiber_prepare(&c->fiber, core_main);
	heap_add(c);
	return cores_count++;
}

void engine_run(void)
{
	self = heap_first();
	fiber_switch(&outside, &self->fiber);
}

int engine_self(void)
{
	return self ? (int)(self - cores) : -1;
}

uint64_t engine_now(void)
{
	return self ? self->now_ns : 0;
}

void engine_spend(uint64_t ns)
{
	self->now_ns += ns;
}

uint64_t engine_ahead(void)
{
	return self->now_ns - self->synced_ns;
}

void engine_sync(void)
{
	struct core *me = self;

	me->now_ns += me->owed_ns;
	me->owed_ns = 0;
	if (heap_count && heap[1]->now_ns < me->now_ns) {
		struct core *next = heap[1];

		next->place = 0; /* the two change places */
		me->turn = turns++;
		put_at(1, me);
		sift(me);
		switch_to(next);
	}
	me->synced_ns = me->now_ns;
}

bool engine_sleep(uint64_t until_ns)
{
	struct core *me = self;

	me->asleep = true;
	me->woken = false;
	if (until_ns != NEVER) {
		if (until_ns > me->now_ns)
			me->now_ns = until_ns;
		heap_add(me);
	}
	run_next();
	me->asleep = false;
	me->synced_ns = me->now_ns;
	me->owed_ns = 0;
	return me->woken;
}

void engine_wake(unsigned core, uint64_t at_ns)
{
	struct core *c = &cores[core];

	c->woken = true;
	if (!c->place) {
		c->now_ns = at_ns;
		heap_add(c);
	} else if (at_ns < c->now_ns) {
		c->now_ns = at_ns;
		sift(c);
	}
}

void engine_interrupt_others(uint64_t ns)
{
	for (unsigned i = 0; i < cores_count; i++)
		if (!cores[i].asleep && &cores[i] != self)
			cores[i].owed_ns += ns;
}

uint64_t engine_random(uint64_t below)
{
	state ^= state >> 12; /* xorshift64*, Vigna 2016 */
	state ^= state << 25;
	state ^= state >> 27;
	return ((state * 0x2545F4914F6CDD1Du) >> 11) % below;
}
