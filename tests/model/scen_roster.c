/* SPDX-License-Identifier: MIT */
/*
 * scen_roster.c - who is inside a scope (runtime/core/roster.c).
 *
 * The roster's memory is the opener's: it goes as soon as the opener knows that the scope is over,
 * and an operation on it after that is reported.  Each who is inside writes what it did; whoever is
 * the last, and the opener, must see all of it.
 */
#include "explorer.h"

#include "base/assert.h"
#include "core/refs.h"
#include "core/roster.h"

#include <string.h>

/* One of those inside, who may be listed. */
struct child {
	struct thrum__member member;
	struct atomic32 refs;
	struct model_event told;
	int taken; /* written by hold, then by the child after its strike */
};

static struct thrum__roster *r;
static struct child fixed[2];
static int did[MODEL_MAX_THREADS]; /* by those inside, before their last leave */
static struct model_event ended;   /* the last has left */
static struct model_event gone;    /* the visitor needs the memory no more */
static unsigned overs, firsts;     /* how often: it was over; a cancel was the first */
static unsigned came, listed, refused, taken, struck;
static bool closed_before;
static struct atomic32 said; /* that the scope is cancelled */

static void start_with(unsigned inside)
{
	r = model_alloc(sizeof(*r));
	thrum__roster_init(r);
	for (unsigned i = 0; i < inside; i++)
		model_assert(thrum__roster_enter(r));
	memset(fixed, 0, sizeof(fixed));
	memset(did, 0, sizeof(did));
	for (unsigned i = 0; i < 2; i++)
		model_event_init(&fixed[i].told);
	model_event_init(&ended);
	model_event_init(&gone);
	store_relaxed(&said, 0);
	closed_before = false;
	overs = firsts = came = listed = refused = taken = struck = 0;
	model_name(&r->word, "word");
	model_name(&r->first, "first");
	model_name(&fixed[0].member, "member 0");
	model_name(&fixed[1].member, "member 1");
	model_name(&said, "said");
}

static void start1(void)
{
	start_with(1);
}

static void start2(void)
{
	start_with(2);
}

static void start3(void)
{
	start_with(3);
}

/* The last to leave is as the opener, who waits in close. */
static void start3_closed(void)
{
	start_with(3);
	model_assert(!thrum__roster_close(r));
	closed_before = true;
}

/* It was over once, and nothing is left. */
static void check(void)
{
	model_assert(overs == 1);
	model_assert(listed == taken + struck);
	model_assert(model_live() == 0);
}

/* The opener, when it is over: all that was done is seen, and nobody does more. */
static void end_all(void)
{
	for (unsigned i = 0; i < MODEL_MAX_THREADS; i++)
		plain_write(&did[i], 2);
	model_assert(!thrum__roster_count(r));
	model_assert(!plain_read(&r->first));
}

static void leave(void)
{
	if (!thrum__roster_leave(r))
		return;
	/* The last: it sees what the others did, and tells the opener. */
	overs++;
	for (unsigned i = 0; i < MODEL_MAX_THREADS; i++)
		(void)plain_read(&did[i]);
	if (closed_before) {
		end_all();
		model_free(r);
	} else {
		model_event_set(&ended);
	}
}

static void work_leave(void)
{
	plain_write(&did[model_thread()], 1);
	leave();
}

/* The opener's end: the frame goes. */
static void close_free(void)
{
	if (thrum__roster_close(r))
		overs++;
	else
		model_event_wait(&ended);
	end_all();
	model_free(r);
}

/* Under the lock. */
static void hold(struct thrum__member *m)
{
	struct child *c = container_of(m, struct child, member);

	model_assert(plain_read(&c->taken) == 0);
	plain_write(&c->taken, 1);
	taken++;
}

static bool enlist(struct child *c)
{
	if (thrum__roster_enlist(r, &c->member)) {
		listed++;
		return true;
	}
	model_assert(thrum__roster_is_cancelled(r));
	refused++;
	return false;
}

/* From here on nobody touches the child but itself. */
static void strike(struct child *c)
{
	int was;

	thrum__roster_strike(r, &c->member);
	was = plain_read(&c->taken);
	model_assert(was == 0 || was == 1);
	if (!was)
		struck++;
	plain_write(&c->taken, 2);
	plain_write(&c->member.prev, NULL);
}

static void cancel_tell(void)
{
	struct thrum__member *m;

	if (!thrum__roster_cancel(r))
		return;
	firsts++;
	while ((m = thrum__roster_take(r, hold)))
		model_event_set(&container_of(m, struct child, member)->told);
}

/* Children that wait until they are told: none sleeps through the cancel. */

static void wait_told(void)
{
	struct child *c = &fixed[model_thread()];

	if (enlist(c)) {
		model_event_wait(&c->told);
		strike(c);
	}
	work_leave();
}

static void opener_cancels(void)
{
	model_assert(thrum__roster_visit(r));
	cancel_tell();
	model_assert(!thrum__roster_enter(r));
	model_assert(!thrum__roster_leave(r));
	close_free();
}

static void check_all_told(void)
{
	check();
	model_assert(firsts == 1 && listed + refused == 2 && struck == 0);
}

/* T1 to T6: two enlist and wait while the opener cancels and closes. */
SCENARIO(roster_all_are_told, .setup = start2, .thread = {wait_told, wait_told, opener_cancels},
	 .check = check_all_told, .stale = 1, .min_executions = 10000,
	 .covers = "T1 T2 T3 T4 T5 T6");

/* Children that end by themselves meanwhile. */

static void list_strike(void)
{
	struct child *c = &fixed[model_thread()];

	if (enlist(c))
		strike(c);
	work_leave();
}

static void cancel_leave(void)
{
	if (thrum__roster_cancel(r)) {
		firsts++;
		while (thrum__roster_take(r, hold))
			;
	}
	model_assert(thrum__roster_is_cancelled(r));
	work_leave();
}

static void check_listed(void)
{
	check();
	model_assert(firsts == 1 && listed + refused == 2);
}

/* T2 to T6: two enlist and end while a third cancels; the opener waits for them. */
SCENARIO(roster_cancel_beside_ends, .setup = start3_closed,
	 .thread = {list_strike, list_strike, cancel_leave}, .check = check_listed, .stale = 1,
	 .min_executions = 10000, .covers = "T2 T3 T5 T6");

static void cancel_tell_leave(void)
{
	cancel_tell();
	work_leave();
}

static void check_one_told(void)
{
	check();
	model_assert(firsts == 1 && listed + refused == 1 && struck == 0);
}

/* T2 to T6: two cancel; the first takes and tells. */
SCENARIO(roster_two_cancel, .setup = start3,
	 .thread = {wait_told, cancel_tell_leave, cancel_tell_leave, close_free},
	 .check = check_one_told, .min_executions = 10000, .covers = "T2 T3 T4 T5 T6");

/* Close beside the last leaves. */

static void enter_leave_twice(void)
{
	model_assert(thrum__roster_enter(r));
	model_assert(thrum__roster_count(r) >= 2);
	leave();
	work_leave();
}

/* T1, T2, T4: it is over once, by close or by one leave. */
SCENARIO(roster_close_beside_leaves, .setup = start3,
	 .thread = {enter_leave_twice, enter_leave_twice, work_leave, close_free}, .check = check,
	 .min_executions = 10000, .covers = "T1 T2 T4");

/* One from outside, who is not counted: a deadline's timer.  The memory waits for it. */

static void visit_cancel(void)
{
	if (thrum__roster_visit(r)) {
		model_assert(thrum__roster_count(r) >= 1);
		came++;
		cancel_tell();
		work_leave();
	}
	model_event_set(&gone);
}

static void close_wait_free(void)
{
	bool is_over = thrum__roster_close(r);

	if (is_over)
		overs++;
	else
		model_event_wait(&ended);
	model_assert(!thrum__roster_visit(r));
	end_all();
	model_event_wait(&gone);
	model_free(r);
}

static void check_visited(void)
{
	check();
	model_assert(firsts == came && listed + refused == 1);
}

/* T1 to T6: a visit that comes in puts the end off, one that is late finds it over. */
SCENARIO(roster_visit_beside_end, .setup = start1,
	 .thread = {list_strike, visit_cancel, close_wait_free}, .check = check_visited,
	 .min_executions = 10000, .covers = "T1 T2 T3 T4 T5 T6");

/* A child spawns beside a cancel and close. */

static bool came_in(void)
{
	bool is_said = load_acquire(&said);
	bool cancelled = thrum__roster_is_cancelled(r);

	if (!thrum__roster_enter(r)) {
		model_assert(thrum__roster_is_cancelled(r));
		refused++;
		return false;
	}
	model_assert(!is_said && !cancelled);
	model_assert(thrum__roster_count(r) >= 2);
	return true;
}

static void spawn_leave(void)
{
	bool once = came_in();
	bool again = came_in();

	model_assert(once || !again);
	if (once)
		leave();
	if (again)
		leave();
	work_leave();
}

static void cancel_say_leave(void)
{
	firsts += thrum__roster_cancel(r);
	store_release(&said, 1);
	work_leave();
}

static void check_spawned(void)
{
	check();
	model_assert(firsts == 1 && refused <= 2);
}

/* T1, T2, T3, T4: who came in is counted; nobody does who knows of the cancel. */
SCENARIO(roster_enter_cancel_close, .setup = start2,
	 .thread = {spawn_leave, cancel_say_leave, close_free}, .check = check_spawned,
	 .min_executions = 10000, .covers = "T1 T2 T3 T4");

/* Children whose memory goes with them. */

static struct child *child_new(uint32_t refs)
{
	struct child *c = model_alloc(sizeof(*c));

	store_relaxed(&c->refs, refs);
	plain_write(&c->taken, 0);
	return c;
}

static void list_strike_free(void)
{
	struct child *c = child_new(1);

	if (enlist(c))
		strike(c);
	model_free(c);
	work_leave();
}

/* T2 to T6: freed right after the strike, between its neighbours. */
SCENARIO(roster_freed_after_strike, .setup = start3_closed,
	 .thread = {list_strike_free, list_strike_free, cancel_leave}, .check = check_listed,
	 .stale = 1, .min_executions = 10000, .covers = "T2 T3 T5 T6");

static void drop(struct child *c)
{
	if (!thrum__refs_release(&c->refs))
		return;
	plain_write(&c->taken, 3);
	model_free(c);
}

static void hold_ref(struct thrum__member *m)
{
	thrum__refs_retain(&container_of(m, struct child, member)->refs);
	hold(m);
}

static void list_strike_drop(void)
{
	struct child *c = child_new(1);

	if (enlist(c))
		strike(c);
	drop(c);
	work_leave();
}

static void cancel_use_drop(void)
{
	struct thrum__member *m;

	model_assert(thrum__roster_visit(r));
	firsts += thrum__roster_cancel(r);
	while ((m = thrum__roster_take(r, hold_ref))) {
		struct child *c = container_of(m, struct child, member);

		model_assert(load_relaxed(&c->refs) >= 1);
		drop(c);
	}
	plain_write(&did[model_thread()], 1);
	leave();
	work_leave();
}

/* T1 to T6: who has taken it keeps it until it has used it. */
SCENARIO(roster_held_after_strike, .setup = start3_closed,
	 .thread = {list_strike_drop, list_strike_drop, cancel_use_drop}, .check = check_listed,
	 .stale = 1, .min_executions = 10000, .covers = "T1 T2 T3 T5 T6");

static void check_struck(void)
{
	check();
	model_assert(struck == 2 && !taken && !refused);
}

/* T2, T4, T5, T6: nobody cancels. */
SCENARIO(roster_ends_alone, .setup = start2, .thread = {list_strike, list_strike, close_free},
	 .check = check_struck, .min_executions = 10000, .covers = "T2 T4 T5 T6");
