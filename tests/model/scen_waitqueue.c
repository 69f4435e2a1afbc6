/* SPDX-License-Identifier: MIT */
/*
 * scen_waitqueue.c - core/waitqueue.c under a word that is held (core/hold.h), and what of the
 * parker it goes through: who waits is granted its turn, or not, exactly once.
 *
 * The queue is that of permits, so that none may be lost; its moves are T1 to T6 of the queue, and
 * T1 to T3 of the word.
 */
#include "sync_world.h"

#include "base/assert.h"
#include "core/waitqueue.h"
#include "sched/stand.h"

#include <errno.h>
#include <thrum/time.h>

enum { TOLD = 7 };

struct line {
	struct atomic32 word;
	struct thrum__waitqueue queue;
	unsigned permits; /* who holds the word */
	unsigned users;   /* likewise: who will still come */
};

static struct line *line;
static int made[2];     /* before each permit that is given */
static unsigned had;    /* permits that were had */
static unsigned failed; /* waits that were cut short */

static struct line *line_new(const char *name)
{
	struct line *l = model_alloc(sizeof(*l));

	store_relaxed(&l->word, 0);
	plain_write(&l->queue.ends.next, NULL);
	plain_write(&l->permits, 0);
	plain_write(&l->users, 0);
	model_name(&l->word, name);
	return l;
}

static void start(unsigned threads)
{
	world_start(threads, 1);
	line = line_new("word");
	plain_write(&made[0], 0);
	plain_write(&made[1], 0);
	had = failed = 0;
}

/* ---- Permits, one at a time ---- */

static void give(struct line *l, int *what)
{
	struct thrum__granted g = {NULL, NULL};
	struct thrum__turn *t;
	uint32_t v;

	plain_write(what, 1);
	v = thrum__hold(&l->word);
	t = thrum__waitqueue_claim(&l->queue);
	if (t) {
		plain_write(&t->note, TOLD);
		thrum__turn_grant(t, &g);
	} else {
		plain_write(&l->permits, plain_read(&l->permits) + 1);
	}
	thrum__drop(&l->word, v);
	thrum__granted_resume(&g);
}

/* The next permit, or why not. */
static intptr_t take(intptr_t deadline_ns)
{
	struct thrum__stander me;
	struct thrum__turn turn;
	uint32_t v;
	int err = thrum__stand_begin(&me);

	thrum__turn_init(&turn, me.parker, me.seq);
	v = thrum__hold(&line->word);
	if (plain_read(&line->permits)) {
		plain_write(&line->permits, plain_read(&line->permits) - 1);
		thrum__drop(&line->word, v);
	} else {
		thrum__waitqueue_push(&line->queue, &turn);
		err = thrum__stand_in(&me, &turn, &line->word, &v, deadline_ns, false);
		if (err)
			thrum__drop(&line->word, v);
		else
			model_assert(plain_read(&turn.note) == TOLD);
	}
	return thrum__stand_end(&me, err, deadline_ns);
}

/* True: had, and what was made before one of those given is seen. */
static bool take_one(intptr_t deadline_ns)
{
	intptr_t err = in_frame(take, deadline_ns);

	if (err) {
		model_assert(err == -ETIMEDOUT || err == -ECANCELED);
		failed++;
		return false;
	}
	had++;
	return true;
}

static void take_first(void)
{
	if (take_one(THRUM_FOREVER))
		model_assert(plain_read(&made[0]) == 1);
}

static void give_first(void)
{
	give(line, &made[0]);
}

static void time_out_first(void)
{
	time_out(0, 0);
}

static void cancel_first(void)
{
	cancel(0);
}

/* None is lost, none is had twice. */
static void check(void)
{
	world_check();
	model_assert(line->word.v == 0);
	model_assert(thrum__waitqueue_is_empty(&line->queue));
	model_assert(had + line->permits == (unsigned)(made[0] + made[1]));
}

static void start_one(void)
{
	start(1);
}

SCENARIO(waitqueue_grant, .setup = start_one, .thread = {take_first, give_first}, .check = check,
	 .min_executions = 1000, .covers = "T1 T2 T4 T6");
SCENARIO(waitqueue_timer, .setup = start_one, .thread = {take_first, give_first, time_out_first},
	 .check = check, .min_executions = 10000, .covers = "T1 T2 T3 T4 T5 T6");
SCENARIO(waitqueue_cancel, .setup = start_one, .thread = {take_first, give_first, cancel_first},
	 .check = check, .min_executions = 10000, .covers = "T1 T2 T3 T4 T5 T6");

/* The one behind it gets what the first one is not there for any more. */

static void take_outside(void)
{
	take_one(1);
}

static void take_forever(void)
{
	model_assert(take_one(THRUM_FOREVER));
}

static void give_both(void)
{
	give(line, &made[0]);
	give(line, &made[1]);
}

static void start_pair(void)
{
	start(2);
	world_put_outside(0);
}

SCENARIO(waitqueue_next, .setup = start_pair, .thread = {take_outside, take_forever, give_both},
	 .check = check, .bound = 2, .stale = 1, .min_executions = 10000,
	 .covers = "T1 T2 T3 T4 T5 T6");

/* ---- A select: two queues, one wait ---- */

static struct line *other;
static unsigned chosen[2];

/* Leaves one of the two: true: it was granted here. */
static bool leave(struct line *l, struct thrum__turn *t)
{
	uint32_t v = thrum__hold(&l->word);
	bool is_mine = thrum__turn_leave(t);

	thrum__drop(&l->word, v);
	if (is_mine)
		thrum__turn_await_gone(t);
	return is_mine;
}

/* Holding both words, which are given back: the first permit that is there. */
static unsigned look_or_stand(struct line *lines[2], struct thrum__turn turns[2])
{
	uint32_t v[2];
	unsigned which = 0;

	for (unsigned i = 0; i < 2; i++)
		v[i] = thrum__hold(&lines[i]->word);
	while (which < 2 && !plain_read(&lines[which]->permits))
		which++;
	if (which < 2)
		plain_write(&lines[which]->permits, plain_read(&lines[which]->permits) - 1);
	for (unsigned i = 0; i < 2; i++) {
		if (which == 2)
			thrum__waitqueue_push(&lines[i]->queue, &turns[i]);
		thrum__drop(&lines[i]->word, v[i]);
	}
	return which;
}

/* 0, 1: from which it has one; 2: from none. */
static intptr_t select_one(intptr_t unused)
{
	struct line *lines[2] = {line, other};
	struct thrum__turn turns[2];
	struct thrum__stander me;
	unsigned which, granted = 2;
	int err = thrum__stand_begin(&me);

	(void)unused;
	for (unsigned i = 0; i < 2; i++)
		thrum__turn_init(&turns[i], me.parker, me.seq);
	which = look_or_stand(lines, turns);
	if (which < 2)
		return which;
	err = thrum__stand_wait(&me, THRUM_FOREVER, false);
	for (unsigned i = 0; i < 2; i++)
		if (leave(lines[i], &turns[i])) {
			model_assert(granted == 2 && plain_read(&turns[i].note) == TOLD);
			granted = i;
		}
	model_assert((granted == 2) == (err != 0));
	return granted;
}

static void selects(void)
{
	intptr_t which = in_frame(select_one, 0);

	if (which == 2) {
		failed++;
		return;
	}
	model_assert(plain_read(&made[which]) == 1);
	chosen[which]++;
}

static void give_other(void)
{
	give(other, &made[1]);
}

static void start_select(void)
{
	start(1);
	other = line_new("other word");
	chosen[0] = chosen[1] = 0;
}

static void check_select(void)
{
	struct line *lines[2] = {line, other};

	world_check();
	model_assert(chosen[0] + chosen[1] + failed == 1);
	for (unsigned i = 0; i < 2; i++) {
		model_assert(lines[i]->word.v == 0);
		model_assert(thrum__waitqueue_is_empty(&lines[i]->queue));
		model_assert(chosen[i] + lines[i]->permits == (unsigned)made[i]);
	}
}

SCENARIO(waitqueue_select, .setup = start_select, .thread = {selects, give_first, give_other},
	 .check = check_select, .bound = 2, .stale = 1, .min_executions = 10000,
	 .covers = "T1 T2 T3 T4 T5 T6");
SCENARIO(waitqueue_select_cancel, .setup = start_select,
	 .thread = {selects, give_first, cancel_first}, .check = check_select, .bound = 2,
	 .min_executions = 10000, .covers = "T1 T2 T3 T4 T5 T6");

/* ---- A gate: all go on, and it goes with the last of those that waited ---- */

#define OPEN 1u

static struct atomic32 users; /* who will still come, or has to return */

static intptr_t pass(intptr_t deadline_ns)
{
	struct thrum__stander me;
	struct thrum__turn turn;
	uint32_t v;
	int err = thrum__stand_begin(&me);

	thrum__turn_init(&turn, me.parker, me.seq);
	v = thrum__hold(&line->word);
	if (v & OPEN) {
		thrum__drop(&line->word, v);
	} else {
		thrum__waitqueue_push(&line->queue, &turn);
		err = thrum__stand_in(&me, &turn, &line->word, &v, deadline_ns, false);
		if (err)
			thrum__drop(&line->word, v);
	}
	return thrum__stand_end(&me, err, deadline_ns);
}

static void passes_and_leaves(int64_t deadline_ns)
{
	if (in_frame(pass, deadline_ns)) {
		failed++;
		model_assert(in_frame(pass, THRUM_FOREVER) == 0);
	}
	model_assert(plain_read(&made[0]) == 1);
	had++;
	if (fetch_sub_acq_rel(&users, 1) == 1)
		model_free(line);
}

static void passes(void)
{
	passes_and_leaves(THRUM_FOREVER);
}

static void passes_if_in_time(void)
{
	passes_and_leaves(1);
}

static intptr_t open_it(intptr_t unused)
{
	uint32_t v = thrum__hold(&line->word);

	thrum__waitqueue_grant_all(&line->queue, &line->word, v | OPEN);
	return unused;
}

static void opens(void)
{
	plain_write(&made[0], 1);
	in_frame(open_it, 0);
}

static void start_gate(unsigned at_a_time)
{
	world_start(3, 2);
	line = line_new("word");
	plain_write(&made[0], 0);
	had = failed = 0;
	store_relaxed(&users, 2);
	thrum__at_a_time = at_a_time;
}

static void start_one_by_one(void)
{
	start_gate(1);
}

static void start_both_at_once(void)
{
	start_gate(2);
	world_put_outside(0);
}

static void start_one_by_one_outside(void)
{
	start_gate(1);
	world_put_outside(0);
}

static void check_gate(void)
{
	world_check();
	model_assert(had == 2);
	world_check_memory();
}

SCENARIO(waitqueue_all_one_by_one, .setup = start_one_by_one, .thread = {passes, passes, opens},
	 .check = check_gate, .bound = 2, .stale = 1, .min_executions = 10000,
	 .covers = "T1 T2 T4 T6");
SCENARIO(waitqueue_all_at_once, .setup = start_both_at_once,
	 .thread = {passes_if_in_time, passes, opens}, .check = check_gate, .bound = 2, .stale = 1,
	 .min_executions = 10000, .covers = "T1 T2 T3 T4 T5 T6");
SCENARIO(waitqueue_all_but_one, .setup = start_one_by_one_outside,
	 .thread = {passes_if_in_time, passes, opens}, .check = check_gate, .bound = 2, .stale = 1,
	 .min_executions = 10000, .covers = "T1 T2 T3 T4 T5 T6");

/* Both leave by themselves while it opens, or the second: nobody keeps it then for who opens, or
 * the first, until it is resumed. */
static void ends_waits_and_opens(void)
{
	await_waits(2);
	if (model_choose(2))
		time_out(0, 0);
	time_out(1, 0);
	opens();
}

SCENARIO(waitqueue_some_leave, .setup = start_one_by_one,
	 .thread = {passes, passes, ends_waits_and_opens}, .check = check_gate, .bound = 1,
	 .stale = 1, .min_executions = 10000, .covers = "T1 T3 T5 T6");
