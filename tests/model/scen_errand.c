/* SPDX-License-Identifier: MIT */
/*
 * scen_errand.c - core/errand.h: whatever is asked for is done, by one at a time; and its notes.
 *
 * What is asked for is a relaxed flag: who is at it may fail to see it unless the errand's orders
 * make him.  What he does is a count in a plain variable.
 */
#include "explorer.h"

#include "core/errand.h"

#define COMERS 4

static struct thrum__errand errand;
static struct thrum__note note;
static struct atomic32 wanted[COMERS];
static bool served[COMERS];
static unsigned done; /* how many were served; plain: who is at it writes */
static int inside;
static int cause; /* what happened before a note was left */
static unsigned heard;
static unsigned call; /* with which it is done elsewhere: whoever has it done writes it */
static struct model_event due;

static void start(void)
{
	thrum__errand_init(&errand);
	thrum__note_init(&note);
	for (unsigned i = 0; i < COMERS; i++) {
		store_relaxed(&wanted[i], 0);
		served[i] = false;
	}
	plain_write(&done, 0);
	plain_write(&cause, 0);
	plain_write(&call, 0);
	inside = 0;
	heard = 0;
	model_event_init(&due);
	model_name(&errand.state, "errand");
	model_name(&note.there, "note");
	model_name(&done, "done");
}

/* Looks for what is wanted and does it: was there anything? */
static bool serve(void)
{
	bool any = false;

	model_assert(inside == 0);
	inside++;
	for (unsigned i = 0; i < COMERS; i++) {
		if (served[i] || !load_relaxed(&wanted[i]))
			continue;
		served[i] = any = true;
		plain_write(&done, plain_read(&done) + 1);
	}
	inside--;
	return any;
}

static void do_it(void)
{
	do {
		thrum__errand_take(&errand);
		serve();
	} while (!thrum__errand_finish(&errand));
}

static void want(unsigned i)
{
	store_relaxed(&wanted[i], 1);
}

static void come(unsigned i)
{
	want(i);
	if (thrum__errand_ask(&errand))
		do_it();
}

static void comer0(void)
{
	come(0);
}

static void comer1_then_3(void)
{
	come(1);
	come(3);
}

static void comer2(void)
{
	come(2);
}

static void comer_twice(void)
{
	come(0);
	come(2);
}

static void all_served(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < COMERS; i++) {
		model_assert(served[i] == (wanted[i].v != 0));
		n += served[i];
	}
	model_assert(done == n && errand.state.v == THRUM__ERRAND_FREE);
}

/* One comes while another is at it, or just as that ends. */
SCENARIO(errand_two_comers, .bound = 5, .setup = start, .thread = {comer_twice, comer1_then_3},
	 .check = all_served, .observes_order = true, .min_executions = 10000,
	 .covers = "T1 T2 T3 T4");
SCENARIO(errand_three_comers, .setup = start, .thread = {comer0, comer1_then_3, comer2},
	 .check = all_served, .observes_order = true, .min_executions = 10000,
	 .covers = "T1 T2 T3 T4");

/*
 * As the virtual clock does it (timer.c): who has found something drops the errand and comes again
 * until nothing is left, so whoever left word meanwhile is served.
 */
static void come_until_none(unsigned i)
{
	bool any = true;

	want(i);
	while (any && thrum__errand_ask(&errand)) {
		do {
			thrum__errand_take(&errand);
			any = serve();
			if (any) {
				thrum__errand_drop(&errand);
				break;
			}
		} while (!thrum__errand_finish(&errand));
	}
}

static void clock0(void)
{
	come_until_none(0);
}

static void clock1(void)
{
	come_until_none(1);
}

static void clock2(void)
{
	come_until_none(2);
}

SCENARIO(errand_drop, .setup = start, .thread = {clock0, clock1, clock2}, .check = all_served,
	 .observes_order = true, .stale = 1, .min_executions = 10000, .covers = "T1 T2 T3 T4 T5");

/*
 * As signals are told (signal.c): who asks first has another thread do it, once for each time that
 * it was asked for anew; a note says what has come.
 */
static void signal_comes(unsigned i)
{
	want(i);
	thrum__note_leave(&note);
	if (!thrum__errand_ask(&errand))
		return;
	plain_write(&call, i + 1);
	model_event_set(&due);
}

static void signal0(void)
{
	signal_comes(0);
}

static void signal_twice(void)
{
	signal_comes(1);
	signal_comes(2);
}

static void service(void)
{
	for (;;) {
		model_event_wait(&due);
		model_assert(plain_read(&call) != 0);
		thrum__errand_take(&errand);
		heard += thrum__note_take(&note);
		serve();
		if (!thrum__errand_finish(&errand))
			model_event_set(&due);
	}
}

static void all_heard(void)
{
	all_served();
	model_assert(done == 3 && heard >= 1 && heard <= 3);
	model_assert(!note.there.v && !due.count.v);
}

SCENARIO(errand_elsewhere, .setup = start, .thread = {service, signal0, signal_twice},
	 .check = all_heard, .may_sleep = 1, .observes_order = true, .min_executions = 10000,
	 .covers = "T1 T2 T3 T4 T6 T7");

/* A note that was taken and put back: who takes it then sees why it was left first. */
static void leaves_note(void)
{
	plain_write(&cause, 1);
	thrum__note_leave(&note);
}

static void takes_and_puts_back(void)
{
	if (thrum__note_take(&note))
		thrum__note_leave(&note);
}

static void takes(void)
{
	if (!thrum__note_take(&note))
		return;
	model_assert(plain_read(&cause) == 1);
	heard++;
}

static void note_once(void)
{
	model_assert(heard + note.there.v == 1);
}

SCENARIO(errand_note, .setup = start, .thread = {leaves_note, takes_and_puts_back, takes},
	 .check = note_once, .covers = "T6 T7");
