/* SPDX-License-Identifier: MIT */
/*
 * scen_mutex.c - sync/mutex.c: one has it, who has it sees what the last one did, nobody who waits
 * is forgotten; and it goes with the last one that unlocks it, while others may still return from
 * their unlock.
 */
#include "sync_world.h"

#include "sync/mutex.h"

#include <errno.h>
#include <thrum/sync.h>
#include <thrum/time.h>

static struct thrum_mutex *m;
static int counter;       /* what it guards */
static unsigned to_come;  /* likewise: who has not had it for the last time */
static unsigned had, cut; /* locks, and locks that were cut short */
static unsigned had_by[MODEL_MAX_THREADS];

static void start(unsigned threads, unsigned calls, unsigned locks)
{
	world_start(threads, calls);
	m = model_alloc(sizeof(*m));
	thrum_mutex_init(m);
	plain_write(&counter, 0);
	plain_write(&to_come, locks);
	had = cut = 0;
	for (unsigned i = 0; i < MODEL_MAX_THREADS; i++)
		had_by[i] = 0;
	model_name(m, "mutex");
	model_name(&counter, "counter");
}

static void check(void)
{
	world_check();
	model_assert(counter == (int)had && !to_come);
	world_check_memory();
}

static intptr_t lock(intptr_t deadline_ns)
{
	return thrum_mutex_lock_until(m, deadline_ns);
}

static intptr_t lock_deaf(intptr_t unused)
{
	thrum__mutex_lock_deaf(m);
	return unused;
}

/* Has it; the last one takes it along. */
static void use_and_unlock(void)
{
	struct thrum_mutex *mine = m;
	bool is_last = plain_read(&to_come) == 1;

	had++;
	had_by[model_thread()]++;
	plain_write(&counter, plain_read(&counter) + 1);
	plain_write(&to_come, plain_read(&to_come) - 1);
	thrum_mutex_unlock(mine);
	if (is_last) {
		thrum_mutex_fini(mine);
		model_free(mine);
	}
}

static void use(void)
{
	model_assert(in_frame(lock, THRUM_FOREVER) == 0);
	use_and_unlock();
}

/* Keeps it until the others wait for it. */
static void use_slowly(void)
{
	model_assert(in_frame(lock, THRUM_FOREVER) == 0);
	await_others();
	use_and_unlock();
}

/* If it is cut short it comes once more, and does not listen. */
static void use_by(int64_t deadline_ns)
{
	intptr_t err = in_frame(lock, deadline_ns);

	if (err) {
		model_assert(err == -ECANCELED || err == -ETIMEDOUT);
		in_frame(lock_deaf, 0);
	}
	use_and_unlock();
}

static void use_unless_cancelled(void)
{
	use_by(THRUM_FOREVER);
}

static void use_in_time(void)
{
	use_by(1);
}

static void start_two(void)
{
	start(2, 1, 2);
}

static void start_three(void)
{
	start(3, 1, 3);
}

SCENARIO(mutex_two, .bounded_spin = true, .setup = start_two, .thread = {use, use}, .check = check,
	 .min_executions = 100, .covers = "T1 T2 T3 T5");
SCENARIO(mutex_three, .bounded_spin = true, .setup = start_three, .thread = {use, use, use},
	 .check = check, .bound = 2, .stale = 1, .min_executions = 5000, .covers = "T1 T2 T3 T5");

/* ---- It is held at first, by thread 0, until others wait ---- */

static void start_held(unsigned threads, unsigned calls, unsigned locks)
{
	start(threads, calls, locks);
	model_assert(thrum_mutex_lock(m) == 0);
}

static void unlocks(void)
{
	await_waits(1);
	use_and_unlock();
}

static void unlocks_to_all(void)
{
	await_others();
	use_and_unlock();
}

static void cancel_1(void)
{
	cancel(1);
}

static void start_held_for_two(void)
{
	start_held(2, 2, 2);
}

static void start_held_for_three(void)
{
	start_held(3, 2, 3);
}

static void start_held_for_two_outside(void)
{
	start_held_for_three();
	world_put_outside(1);
}

SCENARIO(mutex_cancel, .bounded_spin = true, .setup = start_held_for_two,
	 .thread = {unlocks, use_unless_cancelled, cancel_1}, .check = check, .stale = 1,
	 .min_executions = 100000, .covers = "T1 T2 T3 T5 T6");
/* The one behind it is served when the first one leaves. */
SCENARIO(mutex_deadline, .bounded_spin = true, .setup = start_held_for_two_outside,
	 .thread = {unlocks_to_all, use_in_time, use}, .check = check, .bound = 2, .stale = 1,
	 .min_executions = 10000, .covers = "T1 T2 T3 T5 T6");
/* One comes by while another is woken. */
SCENARIO(mutex_passed, .bounded_spin = true, .setup = start_held_for_three,
	 .thread = {unlocks, use, use}, .check = check, .bound = 2, .stale = 1,
	 .min_executions = 10000, .covers = "T1 T2 T3 T5");

/* ---- Handing over: one that was passed has it next ---- */

static void unlocks_and_passes(void)
{
	unlocks_to_all();
	use_slowly();
	world_leave();
}

static void use_slowly_and_leave(void)
{
	use_slowly();
	world_leave();
}

static void use_in_time_and_leave(void)
{
	use_in_time();
	world_leave();
}

static void start_impatient(void)
{
	start_held(2, 2, 3);
}

static void start_impatient_outside(void)
{
	start_impatient();
	world_put_outside(1);
}

SCENARIO(mutex_hands, .bounded_spin = true, .setup = start_impatient,
	 .thread = {unlocks_and_passes, use_slowly_and_leave}, .check = check, .stale = 1,
	 .min_executions = 10000, .covers = "T1 T2 T3 T4 T5");
SCENARIO(mutex_hands_cut, .bounded_spin = true, .setup = start_impatient_outside,
	 .thread = {unlocks_and_passes, use_in_time_and_leave}, .check = check, .stale = 1,
	 .min_executions = 10000, .covers = "T1 T2 T3 T4 T5 T6");

/* One after the other of two that wait; who passed the first does not pass it twice. */

static void unlocks_passes_and_stands(void)
{
	unlocks_to_all();
	use_slowly();
	model_assert(in_frame(lock, THRUM_FOREVER) == 0);
	model_assert(had_by[1] + had_by[2]);
	await_others();
	use_and_unlock();
	world_leave();
}

static void start_impatient_crowd(void)
{
	start_held(3, 2, 5);
}

SCENARIO(mutex_hands_on, .bounded_spin = true, .setup = start_impatient_crowd,
	 .thread = {unlocks_passes_and_stands, use_slowly_and_leave, use_slowly_and_leave},
	 .check = check, .bound = 2, .stale = 1, .min_executions = 10000,
	 .covers = "T1 T2 T3 T4 T5 T6");

/* ---- Trying ---- */

static void try_it(void)
{
	int err = thrum_mutex_try_lock(m);

	if (err) {
		model_assert(err == -EBUSY);
		in_frame(lock_deaf, 0);
	}
	use_and_unlock();
}

SCENARIO(mutex_try, .bounded_spin = true, .setup = start_three, .thread = {try_it, use, use},
	 .check = check, .bound = 2, .stale = 1, .min_executions = 5000, .covers = "T1 T2 T3 T5");
