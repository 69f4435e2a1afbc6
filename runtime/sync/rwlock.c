/* SPDX-License-Identifier: MIT */
/*
 * rwlock.c - readers and writers, in the order in which they come: a semaphore (sem.c) of which a
 * reader takes one permit and a writer all.
 *
 * What is said there holds here: a writer that waits stops the readers that come after it, and one
 * whose wait is cut short lets those behind it go on.
 */
#include "sync/sem.h"

#include "base/assert.h"
#include "sched/fork_check.h"

#include <errno.h>
#include <thrum/sync.h>
#include <thrum/time.h>

#define ALL THRUM_SEM_MAX

_Static_assert(sizeof(struct thrum__sem) <= sizeof(struct thrum_rwlock), "it fits");

static struct thrum__sem *sem_of(struct thrum_rwlock *l)
{
	return (struct thrum__sem *)l;
}

static void give(struct thrum_rwlock *l, uint32_t n)
{
	ENSURE(thrum__sem_give(sem_of(l), THRUM__SEM_TAKEN, n),
	       "unlock what you hold, as you locked it");
}

void thrum_rwlock_init(struct thrum_rwlock *l)
{
	*l = (struct thrum_rwlock)THRUM_RWLOCK_INIT;
}

void thrum_rwlock_fini(struct thrum_rwlock *l)
{
	ENSURE(thrum__in_forked_child() || (thrum__sem_is_quiet(sem_of(l)) &&
					    thrum__sem_left(sem_of(l), THRUM__SEM_TAKEN) == ALL),
	       "end a lock when nobody holds it");
}

int thrum_rwlock_read_lock_until(struct thrum_rwlock *l, int64_t deadline_ns)
{
	return thrum__sem_take(sem_of(l), THRUM__SEM_TAKEN, 1, deadline_ns);
}

int thrum_rwlock_write_lock_until(struct thrum_rwlock *l, int64_t deadline_ns)
{
	return thrum__sem_take(sem_of(l), THRUM__SEM_TAKEN, ALL, deadline_ns);
}

int thrum_rwlock_read_lock(struct thrum_rwlock *l)
{
	return thrum_rwlock_read_lock_until(l, THRUM_FOREVER);
}

int thrum_rwlock_write_lock(struct thrum_rwlock *l)
{
	return thrum_rwlock_write_lock_until(l, THRUM_FOREVER);
}

int thrum_rwlock_try_read_lock(struct thrum_rwlock *l)
{
	return thrum__sem_try_take(sem_of(l), THRUM__SEM_TAKEN, 1) ? 0 : -EBUSY;
}

int thrum_rwlock_try_write_lock(struct thrum_rwlock *l)
{
	return thrum__sem_try_take(sem_of(l), THRUM__SEM_TAKEN, ALL) ? 0 : -EBUSY;
}

void thrum_rwlock_read_unlock(struct thrum_rwlock *l)
{
	give(l, 1);
}

void thrum_rwlock_write_unlock(struct thrum_rwlock *l)
{
	give(l, ALL);
}

void thrum_rwlock_downgrade(struct thrum_rwlock *l)
{
	give(l, ALL - 1);
}
