/* SPDX-License-Identifier: MIT */
/* scen_lane_sleep.c - core/lane.c with sched/idle.c: no fork lies while everybody sleeps. */
#include "lane_world.h"

#include "sched/idle.h"

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
	thrum__idle_init(&idle, 4, 4, false);
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

static void be_careful(void)
{
	store_relaxed(&idle.word, load_relaxed(&idle.word) + (UINT64_C(3) << 62));
}

static void start_unforked_quick(void)
{
	start_idle(ITEMS, 0, 2);
	store_relaxed(&idle.withheld, 0);
}

static void start_unforked(void)
{
	start_unforked_quick();
	be_careful();
}

/* Its first push goes the slow way, as nobody has heeded anything. */
static void fork_first(int i)
{
	make(&items[i]);
	model_assert(!thrum_fork_push(&lane.front, &items[i]));
	model_assert(!thrum__lane_share(&lane));
	thrum__idle_withhold(&idle);
	tell();
}

static void first_forks(void)
{
	fork_first(0);
	join(0);
	push_and_tell(1);
}
SCENARIO(lane_first_forks, .stale = 1, .setup = start_unforked,
	 .thread = {first_forks, goes_to_sleep_unasked, goes_to_sleep_unasked},
	 .check = none_hidden, .min_executions = 10000, .covers = "T1 T4 T8; idle T11");

/* Another has withheld before, whose note a sleeper may not have seen. */
static void another_withholds(void)
{
	thrum__idle_withhold(&idle);
}
SCENARIO(lane_two_first_forks, .setup = start_unforked,
	 .thread = {first_forks, another_withholds, goes_to_sleep_unasked}, .check = none_hidden,
	 .min_executions = 10000, .covers = "T1 T4 T8");

/* The protocol is being turned careful meanwhile. */
static void turns_careful(void)
{
	thrum__idle_turn_careful(&idle);
}
SCENARIO(lane_first_forks_turning, .setup = start_unforked_quick,
	 .thread = {first_forks, turns_careful, goes_to_sleep_unasked}, .check = none_hidden,
	 .min_executions = 10000, .covers = "T1 T4 T8; idle T11");

/* ---- Between its forks a worker goes home, and offers what comes next by itself ---- */

static void goes_home(void)
{
	thrum__lane_ask(&lane);
	thrum__idle_offer(&idle);
}

static void forks_between_visits(void)
{
	goes_home();
	fork_first(0);
	push_and_tell(1);
}

SCENARIO(lane_home_and_again, .stale = 1, .setup = start_searching,
	 .thread = {forks_between_visits, goes_to_sleep_unasked, goes_to_sleep_unasked},
	 .check = none_hidden, .min_executions = 10000, .covers = "T1 T4 T8; idle T11 T12");

static void start_withholding_careful(void)
{
	start_searching();
	be_careful();
}
SCENARIO(lane_home_and_again_careful, .stale = 1, .setup = start_withholding_careful,
	 .thread = {forks_between_visits, goes_to_sleep_unasked, goes_to_sleep_unasked},
	 .check = none_hidden, .min_executions = 10000, .covers = "T1 T4 T8; idle T11 T12");

/* It has slept, and all others do but one, which takes it for asleep (idle.c: ALONE). */
static void start_owner_asleep(void)
{
	start_idle(ITEMS, 1, 1);
	store_relaxed(&idle.withheld, 0);
	store_relaxed(&idle.total, 2);
}

static void wakes_and_forks(void)
{
	if (!thrum__idle_sleep_undo(&idle))
		return;
	thrum__idle_search_found(&idle);
	first_forks();
}
SCENARIO(lane_last_awake, .setup = start_owner_asleep,
	 .thread = {wakes_and_forks, goes_to_sleep_unasked}, .check = none_hidden,
	 .min_executions = 1000, .covers = "T1 T4 T8; idle T2 T3 T7 T11");
