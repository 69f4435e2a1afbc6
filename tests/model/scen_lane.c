/* SPDX-License-Identifier: MIT */
/*
 * scen_lane.c - core/lane.c: each fork is popped by its owner or taken by one thief, once; a taken
 * one carries the thief's mark; with sched/idle.c none lies while everybody sleeps.
 *
 * An item may be pushed again after its join: `made` counts, and `run` and `taken` follow it.
 */
#include "explorer.h"

#include "core/lane.h"
#include "sched/idle.h"

#include <string.h>

#define ITEMS 4

struct item {
	unsigned made;  /* by the owner, before it pushes */
	unsigned taken; /* the mark: which one */
	unsigned run;
};

static struct thrum__lane lane;
static struct item items[ITEMS];
static void *slots[ITEMS + 2];
static unsigned pushed, popped, stolen, taken_back;

static void start_with(size_t room, bool locked_only)
{
	memset(items, 0, sizeof(items));
	pushed = popped = stolen = taken_back = 0;
	thrum__lane_init(&lane, slots, room, locked_only);
	model_name(&lane.front.head, "head");
	model_name(&lane.front.stop, "stop");
	model_name(&lane.front.split, "split");
	model_name(&lane.top, "top");
	model_name(&lane.lock, "lock");
}

static void start(void)
{
	start_with(ITEMS, false);
	thrum__lane_heed(&lane);
}

static void start_attentive(void)
{
	start_with(ITEMS, false);
}

static void start_locked_only(void)
{
	start_with(ITEMS, true);
}

static void start_small(void)
{
	start_with(1, false);
	thrum__lane_heed(&lane);
}

/* ---- What a thread does with one item ---- */

static void make(struct item *item)
{
	plain_write(&item->made, item->made + 1);
	pushed++;
}

static void run(struct item *item, unsigned *count)
{
	unsigned which = plain_read(&item->made);

	model_assert(item->run == which - 1);
	item->run = which;
	++*count;
}

static void mark_and_run(struct item *item, unsigned *count)
{
	plain_write(&item->taken, plain_read(&item->made));
	run(item, count);
	thrum__lane_taken(&lane);
}

/* False: there was no room, and it ran at once. */
static bool push(int i)
{
	struct item *item = &items[i];

	make(item);
	if (thrum_fork_push(&lane.front, item))
		return true;
	if (thrum__lane_share(&lane)) {
		run(item, &popped);
		return false;
	}
	thrum__lane_heed(&lane);
	return true;
}

static void join(int i)
{
	struct item *item = &items[i];

	if (thrum_fork_pop(&lane.front, item) || thrum__lane_pop(&lane, item) == THRUM__LANE_OURS)
		run(item, &popped);
	else
		model_assert(plain_read(&item->taken) == item->made);
}

static bool take(bool force)
{
	struct item *item = thrum__lane_take(&lane, force);

	if (item)
		mark_and_run(item, &stolen);
	return item;
}

/* One is there already, which is for thieves. */
static void start_offered(int i)
{
	make(&items[i]);
	model_assert(!thrum_fork_push(&lane.front, &items[i]));
	model_assert(!thrum__lane_share(&lane));
}

/* ---- Threads ---- */

static void owner_one(void)
{
	push(0);
	join(0);
}

static void owner_two(void)
{
	push(0);
	push(1);
	join(1);
	join(0);
}

/* The same item at the same place again. */
static void owner_again(void)
{
	owner_one();
	owner_one();
}

/* It is offered. */
static void owner_joins_again(void)
{
	join(0);
	owner_one();
}

static void owner_up_and_down(void)
{
	push(0);
	push(1);
	join(1);
	push(2);
	join(2);
	join(0);
}

static void owner_shares(void)
{
	push(0);
	thrum__lane_share(&lane);
	push(1);
	join(1);
	join(0);
}

/* One place: a later one finds no room, unless those before were taken. */
static void owner_full(void)
{
	bool second, third;

	push(0);
	second = push(1);
	third = push(2);
	if (third)
		join(2);
	if (second)
		join(1);
	join(0);
}

static void owner_lets_go(void)
{
	struct item *item;

	push(0);
	push(1);
	while ((item = thrum__lane_take_back(&lane)))
		mark_and_run(item, &taken_back);
	model_assert(thrum__lane_is_clear(&lane));
}

static void owner_lets_go_and_joins(void)
{
	owner_lets_go();
	join(1);
	join(0);
}

/* No memory for more. */
static void owner_lets_one_go(void)
{
	struct item *item;

	push(0);
	push(1);
	item = thrum__lane_take_back(&lane);
	if (item)
		mark_and_run(item, &taken_back);
	join(1);
	join(0);
}

static void owner_pushes(void)
{
	push(0);
	push(1);
	push(2);
}

static void thief(void)
{
	take(true);
}

static void thief_twice(void)
{
	take(true);
	take(true);
}

static void polite(void)
{
	take(false);
}

static void polite_then_thief(void)
{
	take(false);
	take(true);
}

static void thief_then_polite(void)
{
	take(true);
	take(false);
}

static void asks(void)
{
	take(false);
	thrum__lane_ask(&lane);
	take(false);
}

/* ---- Ends ---- */

static void is_in_order(void)
{
	model_assert(lane.lock.v == 0);
	model_assert(lane.base <= lane.top.v && lane.top.v <= lane.front.split.v);
	model_assert(lane.front.split.v <= lane.front.head.v || lane.locked_only);
	model_assert(lane.front.head.v <= lane.end);
}

static void each_once(void)
{
	for (int i = 0; i < ITEMS; i++)
		model_assert(items[i].run == items[i].made);
	model_assert(pushed == popped + stolen + taken_back);
	model_assert(thrum__lane_is_clear(&lane));
	is_in_order();
}

/* Nobody joined: the oldest were taken, the others lie there. */
static void oldest_first(void)
{
	for (unsigned i = 0; i < ITEMS; i++)
		model_assert(items[i].run == (i < stolen));
	model_assert(lane.top.v == lane.base + stolen);
	model_assert(lane.front.head.v == lane.base + pushed);
	is_in_order();
}

SCENARIO(lane_thief, .setup = start, .thread = {owner_two, thief_twice}, .check = each_once,
	 .bounded_spin = true, .min_executions = 10000, .covers = "T1 T2 T3 T5 T6");

SCENARIO(lane_two_thieves, .setup = start, .thread = {owner_one, thief, thief}, .check = each_once,
	 .bounded_spin = true, .min_executions = 10000, .covers = "T1 T2 T3 T5 T6");

SCENARIO(lane_up_and_down, .setup = start, .thread = {owner_up_and_down, thief}, .check = each_once,
	 .bounded_spin = true, .min_executions = 10000, .covers = "T1 T2 T3 T5 T6");

SCENARIO(lane_same_again, .setup = start, .thread = {owner_again, thief_twice}, .check = each_once,
	 .bounded_spin = true, .min_executions = 10000, .covers = "T1 T2 T3 T5 T6");

static void start_shared(void)
{
	start_attentive();
	start_offered(0);
	thrum__lane_heed(&lane);
}
SCENARIO(lane_shared_again, .stale = 2, .setup = start_shared,
	 .thread = {owner_joins_again, polite, thief}, .check = each_once, .bounded_spin = true,
	 .min_executions = 10000, .covers = "T1 T2 T3 T4 T5 T6");

SCENARIO(lane_shared, .setup = start, .thread = {owner_shares, asks}, .check = each_once,
	 .bounded_spin = true, .min_executions = 10000, .covers = "T1 T2 T3 T4 T6 T8");

SCENARIO(lane_attentive, .setup = start_attentive, .thread = {owner_two, asks}, .check = each_once,
	 .bounded_spin = true, .min_executions = 10000, .covers = "T1 T2 T3 T4 T6 T8");

SCENARIO(lane_locked_only, .setup = start_locked_only, .thread = {owner_two, thief_twice},
	 .check = each_once, .bounded_spin = true, .min_executions = 10000, .covers = "T1 T3 T6");

SCENARIO(lane_locked_only_two, .setup = start_locked_only, .thread = {owner_pushes, thief, thief},
	 .check = oldest_first, .min_executions = 10000, .covers = "T1 T6");

SCENARIO(lane_full, .setup = start_small, .thread = {owner_full, polite_then_thief},
	 .check = each_once, .bounded_spin = true, .min_executions = 10000,
	 .covers = "T1 T2 T3 T4 T5 T6");

SCENARIO(lane_let_go, .setup = start, .thread = {owner_lets_go_and_joins, thief_twice},
	 .check = each_once, .bounded_spin = true, .min_executions = 10000,
	 .covers = "T1 T3 T5 T6 T7");

SCENARIO(lane_one_let_go, .setup = start, .thread = {owner_lets_one_go, thief}, .check = each_once,
	 .bounded_spin = true, .min_executions = 10000, .covers = "T1 T2 T3 T5 T6 T7");

SCENARIO(lane_halves, .setup = start,
	 .thread = {owner_pushes, thief_then_polite, polite_then_thief}, .check = oldest_first,
	 .min_executions = 10000, .covers = "T1 T5 T6");

/* ---- The fiber goes on elsewhere: it sees the marks there ---- */

static struct atomic32 gone;

static void start_leaving(void)
{
	start();
	store_relaxed(&gone, 0);
	model_name(&gone, "gone");
}

static void owner_leaves(void)
{
	owner_lets_go();
	store_release(&gone, 1);
}

static void joins_elsewhere(void)
{
	if (!load_acquire(&gone))
		return;
	for (int i = 0; i < 2; i++)
		model_assert(plain_read(&items[i].taken) == 1);
}

SCENARIO(lane_left, .setup = start_leaving, .thread = {owner_leaves, thief_twice, joins_elsewhere},
	 .check = each_once, .bounded_spin = true, .min_executions = 10000,
	 .covers = "T1 T5 T6 T7");

/* ---- Sleep, with sched/idle.c: no item is hidden from a worker that sleeps ---- */

static struct thrum__idle idle;

static void wake(void *arg, unsigned n)
{
	(void)arg;
	model_assert(n == 1);
}

static bool has_work(void *arg)
{
	(void)arg;
	return thrum__lane_has(&lane);
}

static void attend(void *arg)
{
	(void)arg;
	thrum__lane_ask(&lane);
}

static bool heard(void *arg)
{
	(void)arg;
	return thrum__lane_tells(&lane);
}

static void start_idle(size_t room, unsigned asleep, unsigned searching)
{
	start_with(room, false);
	idle.wake = wake;
	idle.has_work = has_work;
	idle.attend = attend;
	idle.heard = heard;
	thrum__idle_init(&idle, 4);
	store_relaxed(&idle.word, ((uint64_t)asleep << 32) + searching);
	store_relaxed(&idle.withheld, 1);
	model_name(&idle.word, "word");
	model_name(&idle.withheld, "withheld");
}

static void tell(void)
{
	thrum__lane_heed(&lane);
	thrum__idle_notify(&idle);
}

static void push_and_tell(int i)
{
	make(&items[i]);
	if (thrum_fork_push(&lane.front, &items[i]))
		return;
	if (thrum__lane_share(&lane))
		run(&items[i], &popped);
	else
		tell();
}

/* The owner's last fork is followed by a computation without end. */
static void hog(void)
{
	push_and_tell(0);
	join(0);
	push_and_tell(1);
}

static void hog_one(void)
{
	push_and_tell(0);
}

static void hog_two(void)
{
	push_and_tell(0);
	push_and_tell(1);
}

static void hog_tells(void)
{
	tell();
	push_and_tell(0);
}

static void finds(void)
{
	thrum__lane_ask(&lane);
	if (take(false))
		thrum__idle_search_found(&idle);
}

static void finds_offered(void)
{
	if (take(false))
		thrum__idle_search_found(&idle);
}

static void goes_to_sleep(void)
{
	thrum__lane_ask(&lane);
	thrum__idle_sleep_begin(&idle, true, true);
	if (thrum__lane_has(&lane) || !thrum__lane_tells(&lane))
		thrum__idle_sleep_undo(&idle);
}

/* As sched/elsewhere.c: idle.c asks, where there may be anything to ask for. */
static void goes_to_sleep_unasked(void)
{
	thrum__idle_sleep_begin(&idle, true, true);
	if (thrum__lane_has(&lane) || !thrum__lane_tells(&lane))
		thrum__idle_sleep_undo(&idle);
}

/* Who searches will look, and so will who was chosen; who sleeps will not. */
static void none_hidden(void)
{
	uint64_t word = load_relaxed(&idle.word);

	model_assert(!thrum__lane_has(&lane) || (uint32_t)word || !(uint32_t)(word >> 32 << 2));
	is_in_order();
}

static void start_searching(void)
{
	start_idle(ITEMS, 0, 2);
	thrum__lane_heed(&lane);
}
SCENARIO(lane_sleepers_are_told, .setup = start_searching,
	 .thread = {hog, goes_to_sleep, goes_to_sleep}, .check = none_hidden,
	 .min_executions = 10000, .covers = "T1 T2 T8");

static void start_two_searching(void)
{
	start_idle(ITEMS, 0, 2);
	start_offered(3);
}
SCENARIO(lane_one_finds_one_sleeps, .setup = start_two_searching,
	 .thread = {hog_tells, finds, goes_to_sleep}, .check = none_hidden, .min_executions = 10000,
	 .covers = "T1 T4 T6 T8");

static void start_one_finding(void)
{
	start_idle(ITEMS, 1, 1);
	start_offered(3);
}
SCENARIO(lane_last_finds, .setup = start_one_finding, .thread = {hog_tells, finds},
	 .check = none_hidden, .min_executions = 1000, .covers = "T1 T4 T6 T8");

static void start_two_finding(void)
{
	start_idle(ITEMS, 1, 2);
	start_offered(2);
	start_offered(3);
}
SCENARIO(lane_two_find, .setup = start_two_finding, .thread = {hog_tells, finds, finds},
	 .check = none_hidden, .min_executions = 10000, .covers = "T1 T4 T6 T8");

/* One place: its item may be gone when the next one comes, or is gone. */
static void start_small_offered(void)
{
	start_idle(1, 0, 2);
	start_offered(3);
	thrum__lane_heed(&lane);
}
SCENARIO(lane_full_tells, .stale = 2, .setup = start_small_offered,
	 .thread = {hog_one, finds_offered, goes_to_sleep}, .check = none_hidden,
	 .bounded_spin = true, .min_executions = 10000, .covers = "T1 T3 T4 T6 T8");

static void start_small_taken(void)
{
	start_idle(1, 1, 1);
	start_offered(3);
	model_assert(take(false));
	thrum__lane_heed(&lane);
}
SCENARIO(lane_full_of_taken, .setup = start_small_taken, .thread = {hog_two, finds_offered},
	 .check = none_hidden, .bounded_spin = true, .min_executions = 10000,
	 .covers = "T1 T3 T4 T6 T8");

/* ---- The first forks of all, where sleeps are cheap ---- */

static void start_unforked(void)
{
	start_idle(ITEMS, 0, 2);
	store_relaxed(&idle.withheld, 0);
	store_relaxed(&idle.word, load_relaxed(&idle.word) + (UINT64_C(3) << 62));
}

/* Its first push goes the slow way, as nobody has heeded anything; then the quick way. */
static void first_forks(void)
{
	make(&items[0]);
	model_assert(!thrum_fork_push(&lane.front, &items[0]));
	model_assert(!thrum__lane_share(&lane));
	thrum__idle_withhold(&idle);
	tell();
	join(0);
	push_and_tell(1);
}
SCENARIO(lane_first_forks, .setup = start_unforked,
	 .thread = {first_forks, goes_to_sleep_unasked, goes_to_sleep_unasked},
	 .check = none_hidden, .min_executions = 10000, .covers = "T1 T4 T8; idle T11");

static void start_unforked_quick(void)
{
	start_idle(ITEMS, 0, 2);
	store_relaxed(&idle.withheld, 0);
}

/* Another has withheld before, whose note a sleeper may not have seen. */
static void another_withholds(void)
{
	thrum__idle_withhold(&idle);
}
SCENARIO(lane_two_first_forks, .setup = start_unforked,
	 .thread = {first_forks, another_withholds, goes_to_sleep_unasked}, .check = none_hidden,
	 .min_executions = 10000, .covers = "T1 T4 T8");

/* The protocol is being turned careful, and so cannot be turned quick. */
static void turns_careful(void)
{
	thrum__idle_turn_careful(&idle);
}
SCENARIO(lane_first_forks_turning, .setup = start_unforked_quick,
	 .thread = {first_forks, turns_careful, goes_to_sleep_unasked}, .check = none_hidden,
	 .min_executions = 10000, .covers = "T1 T4 T8; idle T11");
