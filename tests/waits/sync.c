/* SPDX-License-Identifier: MIT */
/*
 * sync.c - waits for mutexes, readers' and writers' locks, semaphores and conditions.
 *
 * Whatever is cut short: who was not told that it has a lock or permits does not, and who was is
 * the one that gives them back; so at the end all are there.  One that leaves lets those behind it
 * go on.  A wait for a condition has the mutex again, however it ends.
 */
#include "ledger.h"

#include <thrum/sync.h>

#define FAR THRUM_SEC(1000)
#define USERS 5

/* How somebody comes to what is locked: without a limit, with one that is not reached, or is. */
struct user {
	int64_t limit_ns;
	unsigned want; /* permits; of a lock: 1 to read, else to write */
	bool downgrades;
};

static struct atomic32 inside;

/* It has so much of what there is @most of. */
static int stay(unsigned n, unsigned most)
{
	int err;

	EXPECT(fetch_add_relaxed(&inside, n) + n <= most);
	err = thrum_sleep(THRUM_MS(2));
	fetch_sub_relaxed(&inside, n);
	return err;
}

static int64_t until_of(const struct user *u)
{
	return u->limit_ns == THRUM_FOREVER ? THRUM_FOREVER : thrum_now() + u->limit_ns;
}

/* One who gave up in time is not one who was cut short. */
static int of_user(const struct user *u, int err)
{
	EXPECT(!err || was_cut(err));
	say("user", err);
	give();
	return err == -ETIMEDOUT && u->limit_ns < FAR ? 0 : err;
}

static int used(const struct user users[USERS], thrum_fn fn)
{
	struct thrum_future *fs[USERS];

	for (int i = 0; i < USERS; i++)
		fs[i] = spawn_taken(fn, (void *)(uintptr_t)&users[i]);
	return stop_all(fs, USERS, THRUM_MS(30));
}

/* ---- Mutex ---- */

static struct thrum_mutex mutex = THRUM_MUTEX_INIT;

static intptr_t lock_mutex(void *user)
{
	const struct user *u = user;
	int err = u->limit_ns == THRUM_FOREVER ? thrum_mutex_lock(&mutex)
					       : thrum_mutex_lock_until(&mutex, until_of(u));

	if (!err) {
		err = stay(1, 1);
		thrum_mutex_unlock(&mutex);
	}
	return of_user(u, err);
}

static bool mutex_is_free(void)
{
	bool is_free = thrum_mutex_try_lock(&mutex) == 0;

	if (is_free)
		thrum_mutex_unlock(&mutex);
	return is_free;
}

static int mutexes(void)
{
	static const struct user users[USERS] = {{THRUM_FOREVER, 1, false},
						 {THRUM_FOREVER, 1, false},
						 {THRUM_MS(1), 1, false},
						 {FAR, 1, false},
						 {THRUM_FOREVER, 1, false}};
	int err = used(users, lock_mutex);

	EXPECT(mutex_is_free());
	return err;
}

/* ---- Readers and writers ---- */

static struct thrum_rwlock rwlock = THRUM_RWLOCK_INIT;

static int read_or_write(const struct user *u)
{
	bool writes = u->want > 1;

	if (u->limit_ns == THRUM_FOREVER)
		return writes ? thrum_rwlock_write_lock(&rwlock) : thrum_rwlock_read_lock(&rwlock);
	return writes ? thrum_rwlock_write_lock_until(&rwlock, until_of(u))
		      : thrum_rwlock_read_lock_until(&rwlock, until_of(u));
}

static intptr_t lock_rwlock(void *user)
{
	const struct user *u = user;
	int err = read_or_write(u), more = 0;

	if (!err) {
		err = stay(u->want, USERS);
		if (u->downgrades) {
			thrum_rwlock_downgrade(&rwlock);
			more = stay(1, USERS);
		}
		if (u->want > 1 && !u->downgrades)
			thrum_rwlock_write_unlock(&rwlock);
		else
			thrum_rwlock_read_unlock(&rwlock);
	}
	return of_user(u, first(err, more));
}

static int rwlocks(void)
{
	static const struct user before[USERS] = {{THRUM_FOREVER, 1, false},
						  {THRUM_FOREVER, USERS, true},
						  {THRUM_MS(1), 1, false},
						  {FAR, 1, false},
						  {FAR, USERS, false}};
	static const struct user after[USERS] = {{THRUM_FOREVER, USERS, false},
						 {THRUM_FOREVER, 1, false},
						 {THRUM_MS(3), USERS, false},
						 {FAR, 1, false},
						 {THRUM_FOREVER, 1, false}};
	int err = used(before, lock_rwlock);

	err = first(err, used(after, lock_rwlock));
	EXPECT(thrum_rwlock_try_write_lock(&rwlock) == 0);
	thrum_rwlock_write_unlock(&rwlock);
	return err;
}

/* Who gives up lets those behind it go on, though whoever was there first stays. */
static int readers_behind(void)
{
	static const struct user users[USERS] = {{THRUM_MS(1), USERS, false},
						 {THRUM_FOREVER, 1, false},
						 {FAR, 1, false},
						 {THRUM_MS(2), USERS, false},
						 {FAR, 1, false}};
	int err;

	EXPECT(thrum_rwlock_try_read_lock(&rwlock) == 0);
	err = used(users, lock_rwlock);
	EXPECT(thrum_rwlock_try_write_lock(&rwlock) == -EBUSY);
	thrum_rwlock_read_unlock(&rwlock);
	EXPECT(thrum_rwlock_try_write_lock(&rwlock) == 0);
	thrum_rwlock_write_unlock(&rwlock);
	return err;
}

/* ---- Semaphore ---- */

#define PERMITS 3

static struct thrum_sem sem = THRUM_SEM_INIT(PERMITS);

static intptr_t take_permits(void *user)
{
	const struct user *u = user;
	int err;

	if (u->want > 1)
		err = thrum_sem_wait_many(&sem, u->want, until_of(u));
	else if (u->limit_ns == THRUM_FOREVER)
		err = thrum_sem_wait(&sem);
	else
		err = thrum_sem_wait_until(&sem, until_of(u));
	if (!err) {
		err = stay(u->want, PERMITS);
		EXPECT(thrum_sem_post_many(&sem, u->want) == 0);
	}
	return of_user(u, err);
}

/* One that gives up, or is cut short, was the first in line: others can go on. */
static int semaphores(void)
{
	static const struct user few[USERS] = {{THRUM_FOREVER, 2, false},
					       {THRUM_MS(1), 3, false},
					       {THRUM_FOREVER, 1, false},
					       {FAR, 1, false},
					       {THRUM_FOREVER, 3, false}};
	static const struct user many[USERS] = {{THRUM_FOREVER, 3, false},
						{FAR, 1, false},
						{THRUM_FOREVER, 1, false},
						{FAR, 3, false},
						{THRUM_FOREVER, 1, false}};
	static const struct user behind[USERS] = {{THRUM_MS(1), 2, false},
						  {THRUM_FOREVER, 1, false},
						  {THRUM_MS(2), 3, false},
						  {FAR, 1, false},
						  {THRUM_FOREVER, 1, false}};
	int err = used(few, take_permits);

	err = first(err, used(many, take_permits));
	EXPECT(thrum_sem_try_wait_many(&sem, PERMITS - 1) == 0);
	err = first(err, used(behind, take_permits)); /* one is left */
	EXPECT(thrum_sem_post_many(&sem, PERMITS - 1) == 0);
	EXPECT(thrum_sem_value(&sem) == PERMITS);
	return err;
}

/* ---- Condition ---- */

#define ITEMS 4

static struct thrum_cond has_item = THRUM_COND_INIT;
static int items; /* whoever has the mutex */

/* Has the mutex for a while afterwards, so that those that are woken wait for it, too. */
static int put(int n, bool for_all)
{
	int err = thrum_mutex_lock(&mutex);

	if (err)
		return err;
	for (items += n; n > 0; n--)
		take();
	if (for_all)
		thrum_cond_broadcast(&has_item);
	else
		thrum_cond_signal(&has_item);
	err = thrum_sleep(THRUM_MS(1));
	thrum_mutex_unlock(&mutex);
	return err;
}

static intptr_t puts_some(void *unused)
{
	int err = thrum_sleep(THRUM_MS(3));

	(void)unused;
	err = first(err, put(1, false));
	err = first(err, thrum_sleep(THRUM_MS(1)));
	err = first(err, put(ITEMS - 1, true));
	give();
	return err;
}

static intptr_t gets_one(void *user)
{
	const struct user *u = user;
	int err = thrum_mutex_lock(&mutex);

	if (err)
		return of_user(u, err);
	while (!items && !err)
		err = u->limit_ns == THRUM_FOREVER
			  ? thrum_cond_wait(&has_item, &mutex)
			  : thrum_cond_wait_until(&has_item, &mutex, until_of(u));
	EXPECT(!mutex_is_free());
	if (!err) {
		items--;
		give();
	}
	thrum_mutex_unlock(&mutex);
	return of_user(u, err);
}

static int conditions(void)
{
	static const struct user users[USERS] = {{THRUM_FOREVER, 1, false},
						 {THRUM_MS(1), 1, false},
						 {FAR, 1, false},
						 {THRUM_FOREVER, 1, false},
						 {FAR, 1, false}};
	struct thrum_future *putter = spawn_taken(puts_some, NULL);
	int err = used(users, gets_one), more;

	more = stop_all(&putter, 1, 0);
	EXPECT(mutex_is_free());
	for (; items > 0; items--) /* of those that were cut short */
		give();
	thrum_cond_fini(&has_item);
	return first(err, more);
}

static intptr_t main_task(void *arg)
{
	static int (*const parts[])(void) = {mutexes, rwlocks, readers_behind, semaphores,
					     conditions};

	(void)arg;
	return all_of(parts, 5);
}

int main(void)
{
	return ledger_run(main_task);
}
