/* SPDX-License-Identifier: MIT */
/*
 * test_give_back_locks.c - what gives a lock or the like back, signals or tries does all of its
 * work in a task that was asked to stop, and says nothing of that; and once gives what is there.
 */
#include "asked.h"

static struct thrum_future *waiter_of(thrum_fn fn, void *thing)
{
	struct thrum_future *f = thrum_spawn(fn, thing);

	must(f);
	return f;
}

/* ---- Mutexes ---- */

static intptr_t task_locks(void *mutex)
{
	int err = thrum_mutex_lock(mutex);

	if (!err)
		thrum_mutex_unlock(mutex);
	return err;
}

DOES_ITS_WORK(thrum_mutex_unlock)
{
	struct thrum_mutex m = THRUM_MUTEX_INIT;
	struct thrum_future *waiter;

	is_int(thrum_mutex_lock(&m), 0);
	waiter = waiter_of(task_locks, &m);
	ready(t);
	thrum_mutex_unlock(&m);
	is_under(t, end_of(waiter), 0);
	thrum_mutex_fini(&m);
}

DOES_ITS_WORK(thrum_mutex_try_lock)
{
	struct thrum_mutex m = THRUM_MUTEX_INIT;

	ready(t);
	is_under(t, thrum_mutex_try_lock(&m), 0);
	is_under(t, thrum_mutex_try_lock(&m), -EBUSY);
	thrum_mutex_unlock(&m);
	thrum_mutex_fini(&m);
}

/* ---- Readers and writers ---- */

static intptr_t task_reads(void *lock)
{
	int err = thrum_rwlock_read_lock(lock);

	if (!err)
		thrum_rwlock_read_unlock(lock);
	return err;
}

static intptr_t task_writes(void *lock)
{
	int err = thrum_rwlock_write_lock(lock);

	if (!err)
		thrum_rwlock_write_unlock(lock);
	return err;
}

DOES_ITS_WORK(thrum_rwlock_read_unlock)
{
	struct thrum_rwlock l = THRUM_RWLOCK_INIT;
	struct thrum_future *waiter;

	is_int(thrum_rwlock_read_lock(&l), 0);
	waiter = waiter_of(task_writes, &l);
	ready(t);
	thrum_rwlock_read_unlock(&l);
	is_under(t, end_of(waiter), 0);
	thrum_rwlock_fini(&l);
}

DOES_ITS_WORK(thrum_rwlock_write_unlock)
{
	struct thrum_rwlock l = THRUM_RWLOCK_INIT;
	struct thrum_future *reader, *writer;

	is_int(thrum_rwlock_write_lock(&l), 0);
	reader = waiter_of(task_reads, &l);
	writer = waiter_of(task_writes, &l);
	ready(t);
	thrum_rwlock_write_unlock(&l);
	is_under(t, end_of(reader), 0);
	is_under(t, end_of(writer), 0);
	thrum_rwlock_fini(&l);
}

DOES_ITS_WORK(thrum_rwlock_downgrade)
{
	struct thrum_rwlock l = THRUM_RWLOCK_INIT;
	struct thrum_future *waiter;

	is_int(thrum_rwlock_write_lock(&l), 0);
	waiter = waiter_of(task_reads, &l);
	ready(t);
	thrum_rwlock_downgrade(&l);
	is_under(t, end_of(waiter), 0);
	is_under(t, thrum_rwlock_try_write_lock(&l), -EBUSY);
	thrum_rwlock_read_unlock(&l);
	thrum_rwlock_fini(&l);
}

DOES_ITS_WORK(thrum_rwlock_try_read_lock)
{
	struct thrum_rwlock l = THRUM_RWLOCK_INIT;

	ready(t);
	is_under(t, thrum_rwlock_try_read_lock(&l), 0);
	thrum_rwlock_read_unlock(&l);
	is_int(thrum_rwlock_try_write_lock(&l), 0);
	is_under(t, thrum_rwlock_try_read_lock(&l), -EBUSY);
	thrum_rwlock_write_unlock(&l);
	thrum_rwlock_fini(&l);
}

DOES_ITS_WORK(thrum_rwlock_try_write_lock)
{
	struct thrum_rwlock l = THRUM_RWLOCK_INIT;

	ready(t);
	is_under(t, thrum_rwlock_try_write_lock(&l), 0);
	is_under(t, thrum_rwlock_try_write_lock(&l), -EBUSY);
	thrum_rwlock_write_unlock(&l);
	thrum_rwlock_fini(&l);
}

/* ---- Semaphores ---- */

static intptr_t task_takes_three(void *sem)
{
	return thrum_sem_wait_many(sem, 3, THRUM_FOREVER);
}

DOES_ITS_WORK(thrum_sem_post)
{
	struct thrum_sem s = THRUM_SEM_INIT(2);
	struct thrum_future *waiter = waiter_of(task_takes_three, &s);

	ready(t);
	is_under(t, thrum_sem_post(&s), 0);
	is_under(t, end_of(waiter), 0);
	is_under(t, thrum_sem_post(&s), 0);
	is_under(t, thrum_sem_value(&s), 1);
	thrum_sem_fini(&s);
}

DOES_ITS_WORK(thrum_sem_post_many)
{
	struct thrum_sem s = THRUM_SEM_INIT(0);
	struct thrum_future *waiter = waiter_of(task_takes_three, &s);

	ready(t);
	is_under(t, thrum_sem_post_many(&s, 4), 0);
	is_under(t, end_of(waiter), 0);
	is_under(t, thrum_sem_value(&s), 1);
	is_under(t, thrum_sem_post_many(&s, THRUM_SEM_MAX), -EOVERFLOW);
	thrum_sem_fini(&s);
}

DOES_ITS_WORK(thrum_sem_try_wait)
{
	struct thrum_sem s = THRUM_SEM_INIT(1);

	ready(t);
	is_under(t, thrum_sem_try_wait(&s), 0);
	is_under(t, thrum_sem_try_wait(&s), -EAGAIN);
	thrum_sem_fini(&s);
}

DOES_ITS_WORK(thrum_sem_try_wait_many)
{
	struct thrum_sem s = THRUM_SEM_INIT(5);

	ready(t);
	is_under(t, thrum_sem_try_wait_many(&s, 3), 0);
	is_under(t, thrum_sem_try_wait_many(&s, 3), -EAGAIN);
	is_under(t, thrum_sem_value(&s), 2);
	thrum_sem_fini(&s);
}

/* ---- Conditions ---- */

static struct thrum_mutex mutex = THRUM_MUTEX_INIT;

static intptr_t task_waits(void *cond)
{
	int err;

	is_int(thrum_mutex_lock(&mutex), 0);
	err = thrum_cond_wait(cond, &mutex);
	thrum_mutex_unlock(&mutex);
	return err;
}

/* Two that wait, whatever is requested. */
static void waiters_of(struct thrum_cond *c, struct thrum_future *fs[2])
{
	*c = (struct thrum_cond)THRUM_COND_INIT;
	fs[0] = waiter_of(task_waits, c);
	fs[1] = waiter_of(task_waits, c);
	settle();
}

DOES_ITS_WORK(thrum_cond_signal)
{
	struct thrum_future *fs[2];
	struct thrum_cond c;

	waiters_of(&c, fs);
	ready(t);
	thrum_cond_signal(&c);
	thrum_cond_signal(&c);
	is_under(t, end_of(fs[0]), 0);
	is_under(t, end_of(fs[1]), 0);
	thrum_cond_fini(&c);
}

DOES_ITS_WORK(thrum_cond_broadcast)
{
	struct thrum_future *fs[2];
	struct thrum_cond c;

	waiters_of(&c, fs);
	ready(t);
	thrum_cond_broadcast(&c);
	is_under(t, end_of(fs[0]), 0);
	is_under(t, end_of(fs[1]), 0);
	thrum_cond_fini(&c);
}

/* ---- Events ---- */

static intptr_t task_awaits(void *event)
{
	return thrum_event_wait(event);
}

DOES_ITS_WORK(thrum_event_set)
{
	struct thrum_event e = {{0}};
	struct thrum_future *waiter = waiter_of(task_awaits, &e);

	ready(t);
	thrum_event_set(&e);
	is_under(t, end_of(waiter), 0);
	is_under(t, thrum_event_is_set(&e), true);
	thrum_event_fini(&e);
}

DOES_ITS_WORK(thrum_event_clear)
{
	struct thrum_event e = {{0}};

	thrum_event_set(&e);
	ready(t);
	thrum_event_clear(&e);
	is_under(t, thrum_event_is_set(&e), false);
	thrum_event_fini(&e);
}

/* ---- Wait groups ---- */

static intptr_t task_waits_for_group(void *group)
{
	return thrum_wait_group_wait(group);
}

DOES_ITS_WORK(thrum_wait_group_add)
{
	struct thrum_wait_group g = {{0}};
	struct thrum_future *waiter;

	thrum_wait_group_add(&g, 1);
	waiter = waiter_of(task_waits_for_group, &g);
	ready(t);
	thrum_wait_group_add(&g, 1);
	thrum_wait_group_done(&g);
	wait_undisturbed(1);
	is_under(t, thrum_done(waiter), false);
	thrum_wait_group_done(&g);
	is_under(t, end_of(waiter), 0);
	thrum_wait_group_fini(&g);
}

DOES_ITS_WORK(thrum_wait_group_done)
{
	struct thrum_wait_group g = {{0}};
	struct thrum_future *waiter;

	thrum_wait_group_add(&g, 2);
	waiter = waiter_of(task_waits_for_group, &g);
	ready(t);
	thrum_wait_group_done(&g);
	thrum_wait_group_done(&g);
	is_under(t, end_of(waiter), 0);
	thrum_wait_group_fini(&g);
}

/* ---- Once: what is there ---- */

static intptr_t fn_gives(void *value)
{
	return (intptr_t)value;
}

NEVER_CUT(thrum_once)
{
	struct thrum_once o = THRUM_ONCE_INIT;

	is_int(thrum_once(&o, fn_gives, as_arg(6)), 6);
	ready(t);
	is_under(t, thrum_once(&o, fn_gives, as_arg(7)), 6);
}

/* ---- Births, ends, looks ---- */

ANSWER(births_and_ends, thrum_mutex_init, thrum_mutex_fini, thrum_rwlock_init, thrum_rwlock_fini,
       thrum_sem_init, thrum_sem_fini, thrum_cond_init, thrum_cond_fini, thrum_event_init,
       thrum_event_fini, thrum_barrier_init, thrum_barrier_fini, thrum_wait_group_init,
       thrum_wait_group_fini)
{
	struct thrum_mutex m;
	struct thrum_rwlock l;
	struct thrum_sem s;
	struct thrum_cond c;
	struct thrum_event e;
	struct thrum_barrier b;
	struct thrum_wait_group g;

	ready(t);
	thrum_mutex_init(&m);
	is_under(t, thrum_mutex_try_lock(&m), 0);
	thrum_mutex_unlock(&m);
	thrum_mutex_fini(&m);
	thrum_rwlock_init(&l);
	is_under(t, thrum_rwlock_try_write_lock(&l), 0);
	thrum_rwlock_write_unlock(&l);
	thrum_rwlock_fini(&l);
	thrum_sem_init(&s, 4);
	is_under(t, thrum_sem_value(&s), 4);
	thrum_sem_fini(&s);
	thrum_cond_init(&c);
	thrum_cond_signal(&c);
	thrum_cond_fini(&c);
	thrum_event_init(&e);
	is_under(t, thrum_event_is_set(&e), false);
	thrum_event_fini(&e);
	thrum_barrier_init(&b, 1);
	is_under(t, thrum_barrier_wait(&b), t->way->err);
	thrum_barrier_fini(&b);
	thrum_wait_group_init(&g);
	thrum_wait_group_add(&g, 1);
	thrum_wait_group_done(&g);
	thrum_wait_group_fini(&g);
}

ANSWER(looks, thrum_sem_value, thrum_event_is_set, thrum_once_done)
{
	struct thrum_sem s = THRUM_SEM_INIT(4);
	struct thrum_once o = THRUM_ONCE_INIT;
	struct thrum_event e = {{0}};

	is_int(thrum_once(&o, fn_gives, as_arg(6)), 6);
	thrum_event_set(&e);
	ready(t);
	is_under(t, thrum_sem_value(&s), 4);
	is_under(t, thrum_event_is_set(&e), true);
	is_under(t, thrum_once_done(&o), true);
}

int main(void)
{
	const TTest *const tests[] = {
	    thrum_mutex_unlock_does_its_work,
	    thrum_mutex_try_lock_does_its_work,
	    thrum_rwlock_read_unlock_does_its_work,
	    thrum_rwlock_write_unlock_does_its_work,
	    thrum_rwlock_downgrade_does_its_work,
	    thrum_rwlock_try_read_lock_does_its_work,
	    thrum_rwlock_try_write_lock_does_its_work,
	    thrum_sem_post_does_its_work,
	    thrum_sem_post_many_does_its_work,
	    thrum_sem_try_wait_does_its_work,
	    thrum_sem_try_wait_many_does_its_work,
	    thrum_cond_signal_does_its_work,
	    thrum_cond_broadcast_does_its_work,
	    thrum_event_set_does_its_work,
	    thrum_event_clear_does_its_work,
	    thrum_wait_group_add_does_its_work,
	    thrum_wait_group_done_does_its_work,
	    thrum_once_is_never_cut_short,
	    births_and_ends_answer,
	    looks_answer,
	};

	return RUN_TESTS_FOR("give_back_locks", 60, tests);
}
