/* SPDX-License-Identifier: MIT */
/*
 * scen_rwlock.c - sync/rwlock.c: readers together, a writer alone, which see what the last writer
 * did; nobody who waits is forgotten; and it goes with the last one that unlocks it, while others
 * may still return from their unlock.
 */
#include "sync_world.h"

#include "sync/rwlock.h"

#include <errno.h>
#include <stddef.h>
#include <thrum/time.h>

static struct thrum_rwlock *l;
static int left_half, right_half; /* as the last writer left them */
static unsigned cut;
static struct atomic32 users; /* who has not left yet */

static void start(unsigned threads, unsigned calls)
{
	world_start(threads, calls);
	l = model_alloc(sizeof(*l));
	thrum_rwlock_init(l);
	plain_write(&left_half, 0);
	plain_write(&right_half, 0);
	cut = 0;
	store_relaxed(&users, threads);
	thrum__at_a_time = 1;
	model_name(l, "rwlock");
	model_name(&users, "users");
}

/* By one that will not have it any more, and has come back from its unlock, or is about to come
 * back: the last one takes it along. */
static void leave(void)
{
	if (fetch_sub_acq_rel(&users, 1) > 1)
		return;
	thrum_rwlock_fini(l);
	model_free(l);
}

static void check(void)
{
	world_check();
	model_assert(left_half == right_half);
	world_check_memory();
}

static intptr_t read_lock(intptr_t deadline_ns)
{
	return thrum_rwlock_read_lock_until(l, deadline_ns);
}

static intptr_t write_lock(intptr_t deadline_ns)
{
	return thrum_rwlock_write_lock_until(l, deadline_ns);
}

/* False: it was cut short. */
static bool is_had(intptr_t err)
{
	model_assert(!err || err == -ECANCELED || err == -ETIMEDOUT);
	cut += err != 0;
	return !err;
}

static void look(void)
{
	model_assert(plain_read(&left_half) == plain_read(&right_half));
}

static void change(void)
{
	plain_write(&left_half, plain_read(&left_half) + 1);
	plain_write(&right_half, plain_read(&right_half) + 1);
}

static void read_by(int64_t deadline_ns)
{
	if (!is_had(in_frame(read_lock, deadline_ns)))
		return;
	look();
	thrum_rwlock_read_unlock(l);
}

static void write_by(int64_t deadline_ns)
{
	if (!is_had(in_frame(write_lock, deadline_ns)))
		return;
	change();
	thrum_rwlock_write_unlock(l);
}

static void reads(void)
{
	read_by(THRUM_FOREVER);
	leave();
}

static void writes(void)
{
	write_by(THRUM_FOREVER);
	leave();
}

static void reads_twice(void)
{
	read_by(THRUM_FOREVER);
	reads();
}

static void start_two(void)
{
	start(2, 2);
}

static void start_three(void)
{
	start(3, 1);
}

SCENARIO(rwlock_two, .bounded_spin = true, .setup = start_two, .thread = {reads_twice, writes},
	 .check = check, .stale = 1, .min_executions = 100, .covers = "T1 T2 T3 T4 T5 T6 T7 T8 T9");
SCENARIO(rwlock_readers, .bounded_spin = true, .setup = start_three,
	 .thread = {reads, writes, reads}, .check = check, .stale = 1, .min_executions = 1000,
	 .covers = "T1 T2 T3 T4 T5 T6 T7 T8 T9");
SCENARIO(rwlock_writers, .bounded_spin = true, .setup = start_three,
	 .thread = {writes, writes, reads}, .check = check, .bound = 2, .stale = 1,
	 .min_executions = 1000, .covers = "T1 T2 T3 T4 T5 T6 T7 T8 T9");

/* ---- Whoever reads takes it along, knowing that the others have been in ---- */

static int to_come;

static void start_owned(void)
{
	start(3, 1);
	plain_write(&to_come, 3);
}

/* Each in turn: a writer counts; who finds that it is the last one frees it. */
static void writes_and_frees(void)
{
	struct thrum_rwlock *mine = l;
	bool is_last;

	model_assert(in_frame(write_lock, THRUM_FOREVER) == 0);
	change();
	is_last = plain_read(&to_come) == 1;
	plain_write(&to_come, plain_read(&to_come) - 1);
	thrum_rwlock_write_unlock(mine);
	if (is_last) {
		thrum_rwlock_fini(mine);
		model_free(mine);
	}
}

/* It becomes a reader, beside those that it let in, and is the last if it counts last. */
static void downgrades_and_frees(void)
{
	struct thrum_rwlock *mine = l;
	bool is_last;

	model_assert(in_frame(write_lock, THRUM_FOREVER) == 0);
	is_last = plain_read(&to_come) == 1;
	plain_write(&to_come, plain_read(&to_come) - 1);
	thrum_rwlock_downgrade(mine);
	look();
	thrum_rwlock_read_unlock(mine);
	if (is_last) {
		thrum_rwlock_fini(mine);
		model_free(mine);
	}
}

SCENARIO(rwlock_gone, .bounded_spin = true, .setup = start_owned,
	 .thread = {writes_and_frees, writes_and_frees, downgrades_and_frees}, .check = check,
	 .bound = 2, .stale = 1, .min_executions = 1000, .covers = "T3 T4 T5 T6 T7 T8");

/* ---- Who is next is cut short: a reader behind it goes on ---- */

static bool second_had;

static void reads_second(void)
{
	model_assert(in_frame(read_lock, THRUM_FOREVER) == 0);
	look();
	second_had = true;
	thrum_rwlock_read_unlock(l);
	leave();
}

static bool second_has_had(void *unused)
{
	(void)unused;
	return second_had;
}

/* Holds it, as a reader, until the other reader has had it. */
static void reads_until_second_had(void)
{
	await_wait_of(1);
	if (model_choose(2))
		cancel(1);
	else
		time_out(1, 0);
	model_block_until(second_has_had, NULL);
	look();
	thrum_rwlock_read_unlock(l);
	leave();
}

static void start_read(void)
{
	start(3, 1);
	second_had = false;
	model_assert(thrum_rwlock_read_lock(l) == 0);
}

SCENARIO(rwlock_next_leaves, .bounded_spin = true, .setup = start_read,
	 .thread = {reads_until_second_had, writes, reads_second}, .check = check, .bound = 2,
	 .stale = 1, .min_executions = 1000, .covers = "T1 T2 T4 T7 T9");

/* ---- The last one out beside a cancel of who is next, and one who comes ---- */

static void cancel_1(void)
{
	cancel(1);
	leave();
}

static void read_unlocks(void)
{
	look();
	thrum_rwlock_read_unlock(l);
	leave();
}

static void start_unlock(void)
{
	start_read();
	store_relaxed(&users, 4);
}

SCENARIO(rwlock_cancel, .bounded_spin = true, .setup = start_unlock,
	 .thread = {read_unlocks, writes, reads, cancel_1}, .check = check, .bound = 1, .stale = 1,
	 .min_executions = 1000, .covers = "T1 T2 T4 T5 T7 T8 T9");

/* ---- A writer has it at first; several readers are let in, one by one, and some give up ---- */

static void write_unlocks(void)
{
	change();
	thrum_rwlock_write_unlock(l);
	leave();
}

static void reads_in_time(void)
{
	read_by(1);
	leave();
}

static void start_written(void)
{
	start(3, 1);
	model_assert(thrum_rwlock_write_lock(l) == 0);
}

static void start_written_outside(void)
{
	start_written();
	world_put_outside(1);
	world_put_outside(2);
}

static void write_unlocks_to_two(void)
{
	await_waits(2);
	write_unlocks();
}

SCENARIO(rwlock_let_in, .bounded_spin = true, .setup = start_written,
	 .thread = {write_unlocks, reads, reads}, .check = check, .bound = 2, .stale = 1,
	 .min_executions = 1000, .covers = "T1 T2 T6 T7 T9");
SCENARIO(rwlock_let_in_late, .bounded_spin = true, .setup = start_written_outside,
	 .thread = {write_unlocks_to_two, reads_in_time, reads_in_time}, .check = check, .bound = 2,
	 .stale = 1, .min_executions = 1000, .covers = "T1 T2 T6 T7 T9");

/* The writer stays as a reader, beside the one that waited; the other writer comes later. */
static void downgrades(void)
{
	await_wait_of(2);
	change();
	thrum_rwlock_downgrade(l);
	look();
	thrum_rwlock_read_unlock(l);
	leave();
}

SCENARIO(rwlock_downgrade, .bounded_spin = true, .setup = start_written,
	 .thread = {downgrades, writes, reads}, .check = check, .bound = 2, .stale = 1,
	 .min_executions = 1000, .covers = "T1 T2 T4 T5 T6 T7 T8 T9");

/* ---- Tries ---- */

static void tries(void)
{
	int err = thrum_rwlock_try_write_lock(l);

	model_assert(!err || err == -EBUSY);
	if (!err) {
		change();
		thrum_rwlock_downgrade(l);
	} else {
		err = thrum_rwlock_try_read_lock(l);
		model_assert(!err || err == -EBUSY);
	}
	if (!err) {
		look();
		thrum_rwlock_read_unlock(l);
	}
	leave();
}

SCENARIO(rwlock_try, .bounded_spin = true, .setup = start_three, .thread = {reads, writes, tries},
	 .check = check, .stale = 1, .min_executions = 1000,
	 .covers = "T1 T2 T3 T4 T5 T6 T7 T8 T9");

/* A reader gives up: who has just unlocked finds nobody in its way. */
static bool refused;

static void unlocks_and_tries(void)
{
	change();
	thrum_rwlock_write_unlock(l);
	refused = thrum_rwlock_try_write_lock(l) != 0;
	if (!refused)
		thrum_rwlock_write_unlock(l);
	leave();
}

static void start_written_beside_one(void)
{
	start(2, 1);
	world_put_outside(1);
	model_assert(thrum_rwlock_write_lock(l) == 0);
}

static void check_try(void)
{
	check();
	model_assert(!cut || !refused);
}

SCENARIO(rwlock_try_write, .bounded_spin = true, .setup = start_written_beside_one,
	 .thread = {unlocks_and_tries, reads_in_time}, .check = check_try, .stale = 1,
	 .min_executions = 100, .covers = "T1 T2 T3 T6 T7 T9");
