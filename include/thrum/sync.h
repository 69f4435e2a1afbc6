/* SPDX-License-Identifier: MIT */
/*
 * sync.h - locks and the like, which suspend the task instead of the thread: mutex, rwlock,
 * semaphore, condition.  Events, barriers and others are in meet.h, channels in chan.h.
 *
 *	static struct thrum_mutex lock = THRUM_MUTEX_INIT;
 *
 *	err = thrum_mutex_lock(&lock);
 *	if (err)
 *		return err; // cancelled: not locked
 *	...
 *	thrum_mutex_unlock(&lock);
 *
 * They lie wherever their user puts them, hold no memory of their own, and are made by init or what
 * INIT says, which for all but semaphores is zero; they must not be copied or moved once in use.
 * Fini asserts that nobody holds or waits.  Who comes to hold one, and knows that nobody else will,
 * may free it, even if the one that gave it back has not returned yet (a call that waits, or gives
 * up waiting, does use it until it returns).  Tasks and outside threads may use one together, tasks
 * of several runtimes too; "anywhere" is in no signal handler (a task waits for signals: signal.h).
 *
 * Every call that waits returns 0, or with nothing taken and nothing lost:
 *	-ECANCELED   the calling task was cancelled (looked at on entry, too)
 *	-ETIMEDOUT   a deadline around the call passed, or the @deadline_ns of an _until call: a
 *	             point on thrum_now's clock; THRUM_FOREVER: none
 *	-ENOMEM      no timer for a deadline, or no memory for an outside thread's wait
 *	-EDEADLK     in a callback or another place where nobody may wait
 *	-ENOTSUP     in a forked child; there what gives back does nothing
 * What was granted to one whose wait has just ended otherwise goes to the next one.  A task that
 * was cancelled and has to lock something to clean up does so inside a shield (time.h).
 */
#ifndef THRUM_SYNC_H
#define THRUM_SYNC_H

#include <thrum/result.h>

#ifdef __cplusplus
extern "C" {
#endif

#define THRUM_SEM_MAX 0x3fffffff
/* A semaphore with so many permits: a constant, 0 ... THRUM_SEM_MAX. */
#define THRUM_SEM_CHECKED(permits) \
	((permits) + 0 * sizeof(char[(unsigned)(permits) <= THRUM_SEM_MAX ? 1 : -1]))
#define THRUM_SEM_INIT(permits)                             \
	{                                                   \
		{                                           \
			THRUM_SEM_CHECKED(permits), 0, 0, 0 \
		}                                           \
	}

/* ---- Mutex ---- */

/* Its fields are the library's. */
struct thrum_mutex {
	uint64_t reserved[4];
};

#define THRUM_MUTEX_INIT THRUM_SEM_INIT(0)

/*
 * thrum_mutex_init - a mutex that nobody holds.  thrum_mutex_fini - it is not used any more.
 *
 * Called from: anywhere.  Suspends: no.
 */
void thrum_mutex_init(struct thrum_mutex *m);
void thrum_mutex_fini(struct thrum_mutex *m);

/*
 * thrum_mutex_lock - wait until nobody holds @m, and hold it.  thrum_mutex_lock_until - no longer
 * than @deadline_ns.
 *
 * Not recursive: who holds it and locks it again waits for ever (asserted in a debug build).  Who
 * comes may be faster than one that was woken for it, but who was woken 16 times and found it taken
 * is handed it next.
 * Called from: a task or an outside thread.  Suspends: yes.  Cancellation point: yes.
 * Sees: all that was done before the last unlock.
 * Returns: 0, or why not, as above.
 * asyncio: Lock.acquire.
 */
THRUM_MUST_CHECK int thrum_mutex_lock(struct thrum_mutex *m);
THRUM_MUST_CHECK int thrum_mutex_lock_until(struct thrum_mutex *m, int64_t deadline_ns);

/*
 * thrum_mutex_try_lock - hold @m if nobody does.
 *
 * Called from: anywhere.  Suspends: no.
 * Returns: 0; -EBUSY.
 */
THRUM_MUST_CHECK int thrum_mutex_try_lock(struct thrum_mutex *m);

/*
 * thrum_mutex_unlock - give @m back; one that waits is woken.
 *
 * Called from: the task that holds it, or the thread (asserted in a debug build).  Suspends: no.
 */
void thrum_mutex_unlock(struct thrum_mutex *m);

/* ---- Readers and writers ---- */

/* Its fields are the library's. */
struct thrum_rwlock {
	uint64_t reserved[9];
};

#define THRUM_RWLOCK_INIT \
	{                 \
		{         \
			0 \
		}         \
	}
/* Readers that may hold one at a time. */
#define THRUM_RWLOCK_READERS_MAX 0x3ffffff

/*
 * thrum_rwlock_init - a lock that nobody holds.  thrum_rwlock_fini - it is not used any more.
 *
 * Called from: anywhere.  Suspends: no.
 */
void thrum_rwlock_init(struct thrum_rwlock *l);
void thrum_rwlock_fini(struct thrum_rwlock *l);

/*
 * thrum_rwlock_read_lock - wait until no writer holds @l, and hold it beside other readers.
 * thrum_rwlock_write_lock - wait until nobody holds @l, and hold it alone.
 * thrum_rwlock_read_lock_until, thrum_rwlock_write_lock_until - no longer than @deadline_ns.
 *
 * The writer that is next keeps all others out that come later, so a task must not read-lock twice;
 * when a writer leaves, all readers that wait come before the next one.  Which one is next they
 * settle as at a mutex.  So nobody waits for ever.
 * Called from: a task or an outside thread.  Suspends: yes.  Cancellation point: yes.
 * Sees: all that was done before the unlocks that made way for it.
 * Returns: 0, or why not, as above; read_lock: -EAGAIN: THRUM_RWLOCK_READERS_MAX hold it.
 */
THRUM_MUST_CHECK int thrum_rwlock_read_lock(struct thrum_rwlock *l);
THRUM_MUST_CHECK int thrum_rwlock_write_lock(struct thrum_rwlock *l);
THRUM_MUST_CHECK int thrum_rwlock_read_lock_until(struct thrum_rwlock *l, int64_t deadline_ns);
THRUM_MUST_CHECK int thrum_rwlock_write_lock_until(struct thrum_rwlock *l, int64_t deadline_ns);

/*
 * thrum_rwlock_try_read_lock, thrum_rwlock_try_write_lock - the same if that needs no wait.
 *
 * Called from: anywhere.  Suspends: no.
 * Returns: 0; -EBUSY; read_lock: -EAGAIN, as above.
 */
THRUM_MUST_CHECK int thrum_rwlock_try_read_lock(struct thrum_rwlock *l);
THRUM_MUST_CHECK int thrum_rwlock_try_write_lock(struct thrum_rwlock *l);

/*
 * thrum_rwlock_read_unlock, thrum_rwlock_write_unlock - give @l back, as it was taken.
 * thrum_rwlock_downgrade - the writer is a reader from now on; no other writer comes between.
 *
 * Called from: who holds it.  Suspends: no.
 */
void thrum_rwlock_read_unlock(struct thrum_rwlock *l);
void thrum_rwlock_write_unlock(struct thrum_rwlock *l);
void thrum_rwlock_downgrade(struct thrum_rwlock *l);

/* ---- Semaphore ---- */

/* Its fields are the library's. */
struct thrum_sem {
	uint64_t reserved[4];
};

/*
 * thrum_sem_init - a semaphore with @permits, 0 ... THRUM_SEM_MAX (asserted).
 * thrum_sem_fini - it is not used any more; whatever it has left.
 *
 * Called from: anywhere.  Suspends: no.
 */
void thrum_sem_init(struct thrum_sem *s, unsigned permits);
void thrum_sem_fini(struct thrum_sem *s);

/*
 * thrum_sem_wait - wait for a permit and take it.  thrum_sem_wait_until - no longer than
 * @deadline_ns.  thrum_sem_wait_many - @n permits (0: none) at once, or none of them.
 *
 * In the order in which they came: one that wants many is not passed by those that want few.
 * Called from: a task or an outside thread.  Suspends: yes.  Cancellation point: yes.
 * Sees: all that was done before the permits were posted.
 * Returns: 0, or why not, as above; -EINVAL: more than THRUM_SEM_MAX.
 * asyncio: Semaphore.acquire.  tokio: Semaphore::acquire_many.
 */
THRUM_MUST_CHECK int thrum_sem_wait(struct thrum_sem *s);
THRUM_MUST_CHECK int thrum_sem_wait_until(struct thrum_sem *s, int64_t deadline_ns);
THRUM_MUST_CHECK int thrum_sem_wait_many(struct thrum_sem *s, unsigned n, int64_t deadline_ns);

/*
 * thrum_sem_try_wait - take a permit if there is one and nobody waits for it.
 * thrum_sem_try_wait_many - the same for @n.
 *
 * Called from: anywhere.  Suspends: no.
 * Returns: 0; -EAGAIN: there was none; -EINVAL: more than THRUM_SEM_MAX.
 */
THRUM_MUST_CHECK int thrum_sem_try_wait(struct thrum_sem *s);
THRUM_MUST_CHECK int thrum_sem_try_wait_many(struct thrum_sem *s, unsigned n);

/*
 * thrum_sem_post - one permit more.  thrum_sem_post_many - @n more.  Those that wait get theirs.
 *
 * Called from: anywhere.  Suspends: no.
 * Returns: 0; -EOVERFLOW: there would be more than THRUM_SEM_MAX, and nothing was posted.
 */
int thrum_sem_post(struct thrum_sem *s);
int thrum_sem_post_many(struct thrum_sem *s, unsigned n);

/*
 * thrum_sem_value - how many permits could be had a moment ago.
 *
 * Called from: anywhere.  Suspends: no.
 * Returns: their number.
 */
unsigned thrum_sem_value(const struct thrum_sem *s);

/* ---- Condition ---- */

/* Its fields are the library's. */
struct thrum_cond {
	uint64_t reserved[4];
};

#define THRUM_COND_INIT THRUM_SEM_INIT(0)

/*
 * thrum_cond_init - a condition that nobody waits for.  thrum_cond_fini - it is not used any more.
 *
 * Called from: anywhere.  Suspends: no.
 */
void thrum_cond_init(struct thrum_cond *c);
void thrum_cond_fini(struct thrum_cond *c);

/*
 * thrum_cond_wait - give @m back, wait for a signal, and hold @m again.  thrum_cond_wait_until - no
 * longer than @deadline_ns.
 *
 * It waits before it gives @m back: a signal from then on is for it.  It holds @m when it returns,
 * whatever it returns, and waits for that even if it was cancelled.  No wake for nothing; but what
 * was signalled may be over by the time, so wait in a loop, and leave it on a failure:
 *	while (!there && !err)
 *		err = thrum_cond_wait(&c, &m);
 * Called from: who holds @m, a task or an outside thread.  Suspends: yes.  Cancellation point: yes,
 * but for having @m again.
 * Sees: all that was done before the signal.
 * Returns: 0: signalled; or why not, as above: then no signal was used up.
 * asyncio: Condition.wait.
 */
THRUM_MUST_CHECK int thrum_cond_wait(struct thrum_cond *c, struct thrum_mutex *m);
THRUM_MUST_CHECK int thrum_cond_wait_until(struct thrum_cond *c, struct thrum_mutex *m,
					   int64_t deadline_ns);

/*
 * thrum_cond_signal - wake the one that has waited longest, if any waits.
 * thrum_cond_broadcast - wake all that wait.
 *
 * Called from: anywhere, with the mutex held or not.  Suspends: no.
 * asyncio: Condition.notify, notify_all.
 */
void thrum_cond_signal(struct thrum_cond *c);
void thrum_cond_broadcast(struct thrum_cond *c);

#ifdef __cplusplus
}
#endif
#endif
