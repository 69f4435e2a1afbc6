/* SPDX-License-Identifier: MIT */
/*
 * scen_bitlock.c - core/bitlock.h: two bits of one word, held by different threads; the mark that a
 * holder finds; the last one that leaves.
 */
#include "explorer.h"

#include "core/bell.h"
#include "core/bitlock.h"

#define ONE 1u
#define OTHER 2u
#define CLOSED 4u
#define MARK_OF(bit) ((bit) << 4)

/* What the word stands in: its memory goes with the last one. */
struct thing {
	struct atomic32 word;
	unsigned one, other; /* what the bits guard */
};

static struct thing *thing;
static unsigned inside[3];
static unsigned worked, freed;

static void start(void)
{
	thing = model_alloc(sizeof(*thing));
	store_relaxed(&thing->word, 0);
	plain_write(&thing->one, 0);
	plain_write(&thing->other, 0);
	model_name(&thing->word, "word");
	inside[ONE] = inside[OTHER] = worked = freed = 0;
}

static void work(uint32_t bit)
{
	unsigned *guarded = bit == ONE ? &thing->one : &thing->other;

	model_assert(inside[bit]++ == 0);
	plain_write(guarded, plain_read(guarded) + 1);
	inside[bit]--;
	worked++;
}

/* ---- As streams do (stream.c) ---- */

static void free_if_last(uint32_t left)
{
	if (left != CLOSED)
		return;
	(void)plain_read(&thing->one);
	(void)plain_read(&thing->other);
	model_free(thing);
	freed++;
}

static void leave(uint32_t bit)
{
	free_if_last(thrum__bitlock_leave(&thing->word, bit) & ~bit);
}

static bool call(uint32_t bit)
{
	if (!thrum__bitlock_try(&thing->word, bit))
		return false;
	work(bit);
	leave(bit);
	return true;
}

/* Calls of two directions, and two of one: who finds it taken goes away. */
static void calls_one(void)
{
	call(ONE);
	call(ONE);
	call(ONE);
}

static void calls_both(void)
{
	call(ONE);
	call(OTHER);
	call(ONE);
}

static void calls_other(void)
{
	call(OTHER);
	call(OTHER);
	call(OTHER);
}

static void counts_fit(void)
{
	model_assert(thing->word.v == 0);
	model_assert(thing->one + thing->other == worked && worked >= 2);
	model_free(thing);
}

SCENARIO(bitlock_two_bits, .bound = 4, .setup = start,
	 .thread = {calls_one, calls_both, calls_other}, .check = counts_fit,
	 .observes_order = true, .min_executions = 10000, .covers = "T1 T3");

/* A close under calls that have begun: whoever is last frees, and nobody touches it then. */
static void start_under_way(void)
{
	start();
	model_assert(thrum__bitlock_try(&thing->word, ONE));
}

static void start_both_under_way(void)
{
	start_under_way();
	model_assert(thrum__bitlock_try(&thing->word, OTHER));
}

static void ends_one(void)
{
	work(ONE);
	leave(ONE);
}

static void ends_other(void)
{
	work(OTHER);
	leave(OTHER);
}

static void closes(void)
{
	bool has = thrum__bitlock_try(&thing->word, OTHER);
	uint32_t old;

	if (has)
		work(OTHER);
	else
		(void)plain_read(&thing); /* what stands beside the word is read until the mark */
	old = thrum__bitlock_mark(&thing->word, CLOSED);
	if (has)
		leave(OTHER);
	else
		free_if_last(old | CLOSED);
}

static void freed_once(void)
{
	model_assert(freed == 1 && model_live() == 0);
}

SCENARIO(bitlock_close, .setup = start_under_way, .thread = {ends_one, closes}, .check = freed_once,
	 .observes_order = true, .covers = "T1 T3 T4");
SCENARIO(bitlock_close_under_two, .setup = start_both_under_way,
	 .thread = {ends_one, ends_other, closes}, .check = freed_once, .observes_order = true,
	 .covers = "T1 T3 T4");

/* ---- As the look of a call that may block does (op.c) ---- */

static struct thrum__bell freed_bit[3];

static void start_marks(void)
{
	start();
	store_relaxed(&freed_bit[ONE].rings, 0);
	store_relaxed(&freed_bit[OTHER].rings, 0);
}

/* Who finds it held waits until its holder tells, and tries again. */
static void hold(uint32_t bit)
{
	for (;;) {
		uint32_t seen = thrum__bell_listen(&freed_bit[bit]);

		if (thrum__bitlock_try_or_mark(&thing->word, bit, MARK_OF(bit)))
			break;
		thrum__bell_wait(&freed_bit[bit], seen, INT64_MAX);
	}
	work(bit);
	if (thrum__bitlock_leave(&thing->word, bit | MARK_OF(bit)) & MARK_OF(bit))
		thrum__bell_ring(&freed_bit[bit]);
}

static void holds_one(void)
{
	hold(ONE);
}

static void holds_one_twice(void)
{
	hold(ONE);
	hold(ONE);
}

static void holds_other(void)
{
	hold(OTHER);
}

static void holds_both(void)
{
	hold(ONE);
	hold(OTHER);
}

static void holds_both_back(void)
{
	hold(OTHER);
	hold(ONE);
}

SCENARIO(bitlock_mark, .stale = 1, .setup = start_marks,
	 .thread = {holds_one_twice, holds_one, holds_other}, .check = counts_fit,
	 .observes_order = true, .min_executions = 10000, .covers = "T1 T2 T3");
SCENARIO(bitlock_mark_both, .setup = start_marks,
	 .thread = {holds_both, holds_both_back, holds_other}, .check = counts_fit, .stale = 1,
	 .observes_order = true, .min_executions = 10000, .covers = "T1 T2 T3");
