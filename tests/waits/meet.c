/* SPDX-License-Identifier: MIT */
/*
 * meet.c - waits for events, at barriers, for wait groups, and for who calls once.
 *
 * Whatever is cut short: an event that was set is known to all who wait; as many come out of a
 * barrier as it is for, or none; who waits for a group sees what was done before; what is called
 * once succeeds once, and after a failure the next one calls.
 */
#include "ledger.h"

#include <thrum/meet.h>

#define FAR THRUM_SEC(1000)
#define WAITERS 4

/* How long the waiters wait; 0: for ever, in the call without a deadline. */
static const int64_t limits_ns[WAITERS] = {0, THRUM_MS(1), FAR, 0};

static int64_t until_of(const int64_t *limit_ns)
{
	return thrum_now() + *limit_ns;
}

/* One who gave up in time is not one who was cut short. */
static int of_waiter(const int64_t *limit_ns, int err)
{
	EXPECT(!err || was_cut(err));
	say("waiter", err);
	give();
	return err == -ETIMEDOUT && *limit_ns == THRUM_MS(1) ? 0 : err;
}

static void start_waiters(struct thrum_future *fs[WAITERS], thrum_fn fn)
{
	for (int i = 0; i < WAITERS; i++)
		fs[i] = spawn_taken(fn, (void *)(uintptr_t)&limits_ns[i]);
}

/* ---- Event ---- */

static struct thrum_event event;
static struct atomic32 is_told;

static intptr_t waits_for_event(void *limit_ns)
{
	const int64_t *limit = limit_ns;
	int err =
	    *limit ? thrum_event_wait_until(&event, until_of(limit)) : thrum_event_wait(&event);

	EXPECT(err || load_relaxed(&is_told));
	return of_waiter(limit, err);
}

/* It is cleared at once: all who wait know of it all the same. */
static int events(void)
{
	struct thrum_future *fs[WAITERS];
	int err;

	start_waiters(fs, waits_for_event);
	err = thrum_sleep(THRUM_MS(3));
	store_relaxed(&is_told, 1);
	thrum_event_set(&event);
	thrum_event_clear(&event);
	if (err) /* perhaps before they came */
		thrum_event_set(&event);
	err = first(err, stop_all(fs, WAITERS, THRUM_MS(1)));
	thrum_event_fini(&event);
	return err;
}

/* ---- Barrier ---- */

#define PARTIES 3

static struct thrum_barrier barrier;
static struct atomic32 came_out[PARTIES]; /* by number */
static const int64_t naps_ns[WAITERS] = {THRUM_MS(3), THRUM_MS(1), THRUM_MS(4), THRUM_MS(5)};

static intptr_t comes_twice(void *limit_ns)
{
	const int64_t *limit = limit_ns;
	int number = 0;

	for (int i = 0; i < 2 && number >= 0; i++) {
		int err = thrum_sleep(naps_ns[limit - limits_ns]);

		number = *limit ? thrum_barrier_wait_until(&barrier, until_of(limit))
				: thrum_barrier_wait(&barrier);
		EXPECT(number < PARTIES && (number >= 0 || was_cut(number)));
		EXPECT(!err || number == err); /* it stays cut short */
		say("number", number);
		if (number >= 0)
			fetch_add_relaxed(&came_out[number], 1);
	}
	return of_waiter(limit, number < 0 ? number : 0);
}

/* Four come for three, and one of them has gone before the others are there. */
static int barriers(void)
{
	struct thrum_future *fs[WAITERS];
	int err;

	thrum_barrier_init(&barrier, PARTIES);
	start_waiters(fs, comes_twice);
	err = stop_all(fs, WAITERS, THRUM_MS(30));
	for (int i = 1; i < PARTIES; i++)
		EXPECT(load_relaxed(&came_out[i]) == load_relaxed(&came_out[0]));
	thrum_barrier_fini(&barrier);
	return err;
}

/* ---- Wait group ---- */

static struct thrum_wait_group group;
static struct atomic32 not_done;

static void done(void *unused)
{
	(void)unused;
	fetch_sub_relaxed(&not_done, 1);
	thrum_wait_group_done(&group);
	give();
}

static intptr_t works(void *ns)
{
	int err = thrum_sleep((intptr_t)ns);

	done(NULL);
	return err;
}

static intptr_t waits_for_group(void *limit_ns)
{
	const int64_t *limit = limit_ns;
	int err = *limit ? thrum_wait_group_wait_until(&group, until_of(limit))
			 : thrum_wait_group_wait(&group);

	EXPECT(err || load_relaxed(&not_done) == 0);
	return of_waiter(limit, err);
}

static int groups(void)
{
	struct thrum_future *fs[WAITERS + 3] = {NULL};
	int err;

	for (int i = 0; i < 3; i++) {
		take();
		fetch_add_relaxed(&not_done, 1);
		thrum_wait_group_add(&group, 1);
		fs[WAITERS + i] =
		    thrum_spawn_drop(works, (void *)(intptr_t)THRUM_MS(1 + 2 * i), done);
		if (!fs[WAITERS + i])
			done(NULL);
	}
	start_waiters(fs, waits_for_group);
	err = stop_all(fs, WAITERS + 3, THRUM_MS(30));
	EXPECT(load_relaxed(&not_done) == 0);
	thrum_wait_group_fini(&group);
	return err;
}

/* ---- Once ---- */

#define RESULT 7

static struct thrum_once once = THRUM_ONCE_INIT;
static struct atomic32 calls, successes;

/* Fails at first, and whenever it is cut short. */
static intptr_t call(void *unused)
{
	uint32_t before = fetch_add_relaxed(&calls, 1);
	int err = thrum_sleep(THRUM_MS(2));

	(void)unused;
	if (!err && before == 0)
		err = -EIO;
	fetch_add_relaxed(&successes, !err);
	return err ? err : RESULT;
}

static intptr_t calls_once(void *limit_ns)
{
	intptr_t r = thrum_once(&once, call, NULL);

	EXPECT(r == RESULT || r == -EIO || was_cut(r));
	EXPECT(r != RESULT || load_relaxed(&successes) == 1);
	return of_waiter(limit_ns, r == RESULT || r == -EIO ? 0 : (int)r);
}

static int onces(void)
{
	struct thrum_future *fs[WAITERS];
	int err;

	start_waiters(fs, calls_once);
	err = stop_all(fs, WAITERS, THRUM_MS(30));
	EXPECT(thrum_once_done(&once) == (load_relaxed(&successes) == 1));
	EXPECT(load_relaxed(&successes) <= 1);
	say("calls", (intptr_t)load_relaxed(&calls));
	return err;
}

static intptr_t main_task(void *arg)
{
	static int (*const parts[])(void) = {events, barriers, groups, onces};

	(void)arg;
	return all_of(parts, 4);
}

int main(void)
{
	return ledger_run(main_task);
}
