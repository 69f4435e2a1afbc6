/* SPDX-License-Identifier: MIT */
/* scen_places.c - things that visitors find, and that go (runtime/core/places.h). */
#include "explorer.h"

#include "core/places.h"

static struct thrum__places places;
static int *thing, *other;

static void start(void)
{
	static const struct thrum__places empty;

	places = empty;
	thing = model_alloc(sizeof(*thing));
	other = model_alloc(sizeof(*other));
	plain_write(thing, 1);
	plain_write(other, 1);
	model_name(&places.inside, "inside");
	model_name(&places.place[0], "place 0");
	model_name(&places.place[1], "place 1");
}

static void start_there(void)
{
	start();
	model_assert(thrum__places_put(&places, thing));
}

static void visit(void)
{
	thrum__places_enter(&places);
	for (unsigned i = 0; i < 2; i++) {
		int *found = thrum__places_at(&places, i);

		if (found)
			model_assert(plain_read(found) == 1);
	}
	thrum__places_leave(&places);
}

static void visit_twice(void)
{
	visit();
	visit();
}

/* Nobody reads it any more. */
static void take(int *which)
{
	thrum__places_take(&places, which);
	plain_write(which, 2);
	model_free(which);
}

static void put_take(void)
{
	plain_write(other, 1);
	model_assert(thrum__places_put(&places, other));
	take(other);
}

static void take_put(void)
{
	take(thing);
	model_assert(thrum__places_put(&places, other));
}

static void taker(void)
{
	take(thing);
	model_free(other);
}

static void put_take_all(void)
{
	put_take();
	take(thing);
}

/* The caller's lock excludes put and take; what is left at the end goes. */
static void end(void)
{
	if (places.place[0].v)
		model_free(other);
	model_assert(model_live() == 0);
	model_assert(places.inside.v == 0);
}

SCENARIO(places_take, .setup = start_there, .thread = {visit_twice, visit, taker}, .check = end,
	 .bounded_spin = true, .min_executions = 1000, .covers = "T2 T3 T4");
SCENARIO(places_put_take, .setup = start_there, .thread = {visit_twice, put_take_all}, .check = end,
	 .bounded_spin = true, .min_executions = 1000, .covers = "T1 T2 T3 T4");
SCENARIO(places_take_put, .setup = start_there, .thread = {visit_twice, take_put}, .check = end,
	 .bounded_spin = true, .min_executions = 1000, .covers = "T1 T2 T3 T4");
