/* SPDX-License-Identifier: MIT */
/* test_history_locks.c - histories of locks beside their serial model. */
#include "linear_locks.h"
#include "rounds.h"

#include <thrum/sync.h>

static struct locks_model *model_of(struct round *r)
{
	return (struct locks_model *)r->history.first;
}

/* ---- Semaphores ---- */

static struct thrum_sem sem;

static void make_sem(struct round *r)
{
	unsigned permits = draw(&r->random, 4);

	thrum_sem_init(&sem, permits);
	model_of(r)->permits = (int)permits;
}

static void unmake_sem(struct round *r)
{
	(void)r;
	thrum_sem_fini(&sem);
}

static void sem_wait_some(struct party *p)
{
	struct operation *o = begin(p, SEM_WAIT);
	struct limit l;

	o->arg = 1 + (int)draw(&p->random, 3);
	limit_begin(p, &l);
	if (o->arg > 1)
		end(p, o, thrum_sem_wait_many(&sem, (unsigned)o->arg, l.until_ns));
	else if (l.until_ns == THRUM_FOREVER)
		end(p, o, thrum_sem_wait(&sem));
	else
		end(p, o, thrum_sem_wait_until(&sem, l.until_ns));
	limit_end(p, &l, o->result);
}

static void sem_try_some(struct party *p)
{
	struct operation *o = begin(p, SEM_TRY);

	o->arg = 1 + (int)draw(&p->random, 3);
	end(p, o, thrum_sem_try_wait_many(&sem, (unsigned)o->arg));
}

static void call_sem(struct party *p)
{
	unsigned what = draw(&p->random, 8);
	struct operation *o;

	if (what < 4) {
		sem_wait_some(p);
	} else if (what < 5) {
		sem_try_some(p);
	} else if (what < 6) {
		o = begin(p, SEM_VALUE);
		end(p, o, (int)thrum_sem_value(&sem));
	} else {
		o = begin(p, SEM_POST);
		o->arg = 1 + (int)draw(&p->random, 3);
		end(p, o, thrum_sem_post_many(&sem, (unsigned)o->arg));
	}
}

START_TEST(semaphores_are_linear)
{
	static const struct subject s = {
	    .name = "semaphore",
	    .model = &lock_linear,
	    .cost = 1,
	    .make = make_sem,
	    .call = call_sem,
	    .unmake = unmake_sem,
	};

	play(&s, 1200);
}
END_TEST

/* ---- Readers and writers ---- */

static struct thrum_rwlock rwlock;

static void make_rwlock(struct round *r)
{
	thrum_rwlock_init(&rwlock);
	model_of(r)->permits = RW_ALL;
}

static void unmake_rwlock(struct round *r)
{
	(void)r;
	thrum_rwlock_fini(&rwlock);
}

static void rwlock_lock(struct party *p)
{
	struct operation *o = begin(p, RW_LOCK);
	struct limit l;

	o->arg = chance(p, 2) ? 1 : RW_ALL;
	limit_begin(p, &l);
	if (o->arg == 1 && l.until_ns == THRUM_FOREVER)
		end(p, o, thrum_rwlock_read_lock(&rwlock));
	else if (o->arg == 1)
		end(p, o, thrum_rwlock_read_lock_until(&rwlock, l.until_ns));
	else if (l.until_ns == THRUM_FOREVER)
		end(p, o, thrum_rwlock_write_lock(&rwlock));
	else
		end(p, o, thrum_rwlock_write_lock_until(&rwlock, l.until_ns));
	limit_end(p, &l, o->result);
	p->held = o->result ? 0 : o->arg;
}

static void rwlock_try(struct party *p)
{
	struct operation *o = begin(p, RW_TRY);

	o->arg = chance(p, 2) ? 1 : RW_ALL;
	end(p, o,
	    o->arg == 1 ? thrum_rwlock_try_read_lock(&rwlock)
			: thrum_rwlock_try_write_lock(&rwlock));
	must(o->result == 0 || o->result == -EBUSY);
	p->held = o->result ? 0 : o->arg;
}

static void rwlock_unlock(struct party *p)
{
	struct operation *o;

	if (!p->held)
		return;
	o = begin(p, RW_UNLOCK);
	o->arg = p->held;
	if (p->held == 1)
		thrum_rwlock_read_unlock(&rwlock);
	else
		thrum_rwlock_write_unlock(&rwlock);
	end(p, o, 0);
	p->held = 0;
}

static void rwlock_downgrade(struct party *p)
{
	struct operation *o = begin(p, RW_UNLOCK);

	o->arg = p->held - 1;
	thrum_rwlock_downgrade(&rwlock);
	end(p, o, 0);
	p->held = 1;
}

static void call_rwlock(struct party *p)
{
	if (p->held > 1 && chance(p, 2))
		rwlock_downgrade(p);
	else if (p->held)
		rwlock_unlock(p);
	else if (chance(p, 3))
		rwlock_try(p);
	else
		rwlock_lock(p);
}

START_TEST(rwlocks_are_linear)
{
	static const struct subject s = {
	    .name = "rwlock",
	    .model = &lock_linear,
	    .cost = 1,
	    .make = make_rwlock,
	    .call = call_rwlock,
	    .give_back = rwlock_unlock,
	    .unmake = unmake_rwlock,
	};

	play(&s, 1200);
}
END_TEST

/* ---- Mutexes, with a condition or without ---- */

static struct thrum_mutex mutex;
static struct thrum_cond cond;

static void make_mutex(struct round *r)
{
	(void)r;
	thrum_mutex_init(&mutex);
	thrum_cond_init(&cond);
}

static void unmake_mutex(struct round *r)
{
	(void)r;
	thrum_cond_fini(&cond);
	thrum_mutex_fini(&mutex);
}

static void mutex_lock(struct party *p)
{
	bool tries = chance(p, 3);
	struct operation *o = begin(p, tries ? MUTEX_TRY : MUTEX_LOCK);
	struct limit l;

	limit_begin(p, &l);
	if (tries)
		end(p, o, thrum_mutex_try_lock(&mutex));
	else if (l.until_ns == THRUM_FOREVER)
		end(p, o, thrum_mutex_lock(&mutex));
	else
		end(p, o, thrum_mutex_lock_until(&mutex, l.until_ns));
	limit_end(p, &l, o->result);
	p->held = !o->result;
}

static void mutex_unlock(struct party *p)
{
	struct operation *o;

	if (!p->held)
		return;
	o = begin(p, MUTEX_UNLOCK);
	thrum_mutex_unlock(&mutex);
	end(p, o, 0);
	p->held = 0;
}

static void call_mutex(struct party *p)
{
	if (p->held)
		mutex_unlock(p);
	else
		mutex_lock(p);
}

START_TEST(mutexes_are_linear)
{
	static const struct subject s = {
	    .name = "mutex",
	    .model = &lock_linear,
	    .cost = 1,
	    .make = make_mutex,
	    .call = call_mutex,
	    .give_back = mutex_unlock,
	    .unmake = unmake_mutex,
	};

	play(&s, 800);
}
END_TEST

static void cond_wait(struct party *p)
{
	struct operation *o = begin(p, COND_WAIT);
	struct limit l;

	limit_begin(p, &l);
	if (l.until_ns == THRUM_FOREVER)
		end(p, o, thrum_cond_wait(&cond, &mutex));
	else
		end(p, o, thrum_cond_wait_until(&cond, &mutex, l.until_ns));
	limit_end(p, &l, o->result);
	then(p, MUTEX_UNLOCK, false);
	then(p, MUTEX_LOCK, true);
}

static void cond_wake(struct party *p)
{
	bool all = chance(p, 3);
	struct operation *o = begin(p, all ? COND_BROADCAST : COND_SIGNAL);

	if (all)
		thrum_cond_broadcast(&cond);
	else
		thrum_cond_signal(&cond);
	end(p, o, 0);
}

static void call_cond(struct party *p)
{
	unsigned what = draw(&p->random, 8);

	if (what < 2)
		cond_wake(p);
	else if (p->held && what < 6)
		cond_wait(p);
	else if (p->held)
		mutex_unlock(p);
	else
		mutex_lock(p);
}

START_TEST(conditions_are_linear)
{
	static const struct subject s = {
	    .name = "condition",
	    .model = &lock_linear,
	    .cost = 3,
	    .make = make_mutex,
	    .call = call_cond,
	    .give_back = mutex_unlock,
	    .unmake = unmake_mutex,
	};

	play(&s, 1200);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    semaphores_are_linear,
	    rwlocks_are_linear,
	    mutexes_are_linear,
	    conditions_are_linear,
	};

	return RUN_TESTS_FOR("history_locks", 60, tests);
}
