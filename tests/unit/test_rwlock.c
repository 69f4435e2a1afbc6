/* SPDX-License-Identifier: MIT */
/*
 * test_rwlock.c - readers beside each other, a writer alone; a writer that waits keeps readers out,
 * one that leaves lets all of them in; one that gives up lets the readers behind it go.  What it
 * has in common with others that wait is in test_stand.c.
 */
#include "sync/rwlock.h"

#include "outcome.h"
#include "owned.h"
#include "standing.h"
#include "storm.h"

#define LOCK (&standings[1])

static void try_both(int read, int write)
{
	int err = thrum_rwlock_try_read_lock(&rwlock);

	is_int(err, read);
	if (!err)
		thrum_rwlock_read_unlock(&rwlock);
	err = thrum_rwlock_try_write_lock(&rwlock);
	is_int(err, write);
	if (!err)
		thrum_rwlock_write_unlock(&rwlock);
}

START_TEST(readers_together_a_writer_alone)
{
	static struct thrum_rwlock by_init = THRUM_RWLOCK_INIT;

	memset(&rwlock, 0xff, sizeof(rwlock));
	thrum_rwlock_init(&rwlock);
	must(!memcmp(&by_init, &rwlock, sizeof(rwlock)));
	memset(&rwlock, 0, sizeof(rwlock)); /* zero is one, too */
	try_both(0, 0);
	is_int(thrum_rwlock_read_lock(&rwlock), 0);
	is_int(thrum_rwlock_read_lock_until(&rwlock, 0), 0);
	is_int(thrum_rwlock_try_read_lock(&rwlock), 0);
	for (int i = 0; i < 3; i++) {
		try_both(0, -EBUSY);
		thrum_rwlock_read_unlock(&rwlock);
	}
	try_both(0, 0);
	is_int(thrum_rwlock_write_lock(&rwlock), 0);
	try_both(-EBUSY, -EBUSY);
	thrum_rwlock_write_unlock(&rwlock);
	is_int(thrum_rwlock_write_lock_until(&rwlock, 0), 0);
	try_both(-EBUSY, -EBUSY);
	thrum_rwlock_downgrade(&rwlock);
	try_both(0, -EBUSY);
	thrum_rwlock_read_unlock(&rwlock);
	try_both(0, 0);
	thrum_rwlock_fini(&rwlock);
}
END_TEST

/* ---- Whose turn it is ---- */

/* Holds it until told. */
struct holder {
	bool writes;
	struct thrum_future *task, *go;
	bool has;
};

static struct holder holders[6];

static intptr_t task_holds(void *holder)
{
	struct holder *h = holder;
	int err = h->writes ? thrum_rwlock_write_lock(&rwlock) : thrum_rwlock_read_lock(&rwlock);

	if (err)
		return err;
	h->has = true;
	is_int(thrum_await(h->go), 0);
	h->has = false;
	if (h->writes)
		thrum_rwlock_write_unlock(&rwlock);
	else
		thrum_rwlock_read_unlock(&rwlock);
	return 0;
}

/* @who: an r or w each, in the order in which they come. */
static void come(const char *who)
{
	thrum_rwlock_init(&rwlock);
	for (int i = 0; who[i]; i++) {
		struct holder *h = &holders[i];

		*h = (struct holder){.writes = who[i] == 'w', .go = future_new()};
		must((h->task = thrum_spawn(task_holds, h)));
		settle();
	}
}

/* An x for each that has it. */
static void have(const char *who)
{
	settle();
	for (int i = 0; who[i]; i++)
		is_int(holders[i].has, who[i] == 'x');
}

static void leave(int i)
{
	is_int(thrum_future_set(holders[i].go, 0), 0);
	is_int(thrum_join(holders[i].task), 0);
	thrum_release(holders[i].go);
}

static void give_up(int i)
{
	is_int(thrum_cancel(holders[i].task), 0);
	is_int(thrum_join(holders[i].task), -ECANCELED);
	future_drop(holders[i].go);
}

TASK_TEST(readers_and_writers_take_turns, 1)
{
	come("rrwrwr");
	have("xx----");
	is_int(thrum_rwlock_try_read_lock(&rwlock), -EBUSY); /* a writer waits */
	leave(0);
	have("-x----");
	leave(1);
	have("--x---");
	leave(2); /* all readers, before the next writer */
	have("---x-x");
	try_both(-EBUSY, -EBUSY);
	leave(3);
	have("-----x");
	leave(5);
	have("----x-");
	leave(4);
	try_both(0, 0);
	thrum_rwlock_fini(&rwlock);
}

TASK_TEST(writers_come_in_turn, 1)
{
	come("wwww");
	have("x---");
	leave(0);
	have("-x--");
	leave(1);
	have("--x-");
	leave(2);
	have("---x");
	leave(3);
	thrum_rwlock_fini(&rwlock);
}

TASK_TEST(a_writer_that_gives_up_lets_readers_go, 1)
{
	come("rwrrwr");
	have("x-----");
	give_up(1);
	have("x-xx-x");
	is_int(thrum_rwlock_try_read_lock(&rwlock), -EBUSY); /* the other writer waits now */
	give_up(4);
	try_both(0, -EBUSY);
	leave(0);
	leave(2);
	leave(3);
	leave(5);
	try_both(0, 0);
	thrum_rwlock_fini(&rwlock);
}

/* One is in, and the readers wait for its end. */
TASK_TEST(a_writer_that_gives_up_beside_a_writer, 1)
{
	come("wwr");
	give_up(1);
	have("x--");
	leave(0);
	have("--x");
	leave(2);
	try_both(0, 0);
	thrum_rwlock_fini(&rwlock);
}

TASK_TEST(a_reader_that_gives_up, 1)
{
	come("wrwr");
	give_up(1);
	have("x---");
	leave(0);
	have("---x");
	leave(3);
	have("--x-");
	leave(2);
	thrum_rwlock_fini(&rwlock);
}

/* The last one out finds who was next gone. */
TASK_TEST(who_was_to_be_let_in_is_cancelled, 1)
{
	come("rwr");
	is_int(thrum_cancel(holders[1].task), 0);
	leave(0);
	is_int(thrum_join(holders[1].task), -ECANCELED);
	future_drop(holders[1].go);
	have("--x");
	leave(2);
	try_both(0, 0);
	thrum_rwlock_fini(&rwlock);
}

TASK_TEST(a_writer_becomes_a_reader, 1)
{
	come("wrrwr");
	have("x----");
	thrum_rwlock_downgrade(&rwlock);
	holders[0].writes = false;
	have("xxx-x");
	leave(0);
	leave(1);
	leave(2);
	have("----x");
	leave(4);
	have("---x-");
	leave(3);
	try_both(0, 0);
	thrum_rwlock_fini(&rwlock);
}

TASK_TEST(no_other_writer_comes_between, 1)
{
	come("ww");
	thrum_rwlock_downgrade(&rwlock);
	holders[0].writes = false;
	have("x-");
	leave(0);
	have("-x");
	leave(1);
	thrum_rwlock_fini(&rwlock);
}

START_TEST(so_many_readers_and_no_more)
{
	thrum_rwlock_init(&rwlock);
	store_relaxed(word_of(LOCK), THRUM_RWLOCK_READERS_MAX - 1);
	is_int(thrum_rwlock_read_lock(&rwlock), 0);
	for (int i = 0; i < 2; i++) {
		is_int(thrum_rwlock_read_lock(&rwlock), -EAGAIN);
		is_int(thrum_rwlock_try_read_lock(&rwlock), -EAGAIN);
		is_int(thrum_rwlock_read_lock_until(&rwlock, 0), -EAGAIN);
	}
	thrum_rwlock_read_unlock(&rwlock);
	is_int(thrum_rwlock_try_read_lock(&rwlock), 0);
	store_relaxed(word_of(LOCK), 0);
	thrum_rwlock_fini(&rwlock);
}
END_TEST

/* ---- In a storm ---- */

static struct atomic32 reading;
static unsigned writing, data[2];

static void look(void)
{
	is_int(writing, 0);
	is_int(data[0], data[1]);
}

static void read_it(uint32_t random)
{
	fetch_add_relaxed(&reading, 1);
	look();
	storm_pause(random);
	look();
	fetch_sub_relaxed(&reading, 1);
}

static int read_or_write(int64_t deadline_ns, uint32_t random)
{
	bool writes = random % 4 == 0;
	int err = writes ? CALL(thrum_rwlock_write_lock, &rwlock, deadline_ns)
			 : CALL(thrum_rwlock_read_lock, &rwlock, deadline_ns);

	if (err)
		return err;
	if (writes) {
		is_int(load_relaxed(&reading), 0);
		look();
		writing++;
		data[0]++;
		storm_pause(random >> 2);
		data[1]++;
		writing--;
		if (random % 8) {
			thrum_rwlock_write_unlock(&rwlock);
			return 0;
		}
		thrum_rwlock_downgrade(&rwlock);
	}
	read_it(random >> 3);
	thrum_rwlock_read_unlock(&rwlock);
	return 0;
}

static int try_to(int64_t deadline_ns, uint32_t random)
{
	switch (random % 3) {
	case 0:
		if (thrum_rwlock_try_read_lock(&rwlock))
			return 0;
		read_it(random);
		thrum_rwlock_read_unlock(&rwlock);
		return 0;
	case 1:
		if (thrum_rwlock_try_write_lock(&rwlock))
			return 0;
		is_int(load_relaxed(&reading), 0);
		data[0]++;
		data[1]++;
		thrum_rwlock_write_unlock(&rwlock);
		return 0;
	}
	return read_or_write(deadline_ns, random / 3);
}

static void storm_of(storm_fn *act)
{
	thrum_rwlock_init(&rwlock);
	store_relaxed(&reading, 0);
	data[0] = data[1] = writing = 0;
	must(storm(act, scaled(20000)) > 0);
	look();
	is_int(turns_of(LOCK), 0);
	thrum_rwlock_fini(&rwlock);
}

START_TEST(in_a_storm_writers_are_alone)
{
	storm_of(read_or_write);
}
END_TEST

START_TEST(in_a_storm_of_tries_writers_are_alone)
{
	storm_of(try_to);
}
END_TEST

/* ---- Whoever has it last frees it ---- */

struct shared {
	struct thrum_rwlock lock;
	struct atomic32 users;
};

static void shared_begin(void *shared)
{
	struct shared *s = shared;

	thrum_rwlock_init(&s->lock);
	store_relaxed(&s->users, OWNERS);
}

/* All read, and who is the last one makes sure that the others have left. */
static bool shared_leave(void *shared, int who)
{
	struct shared *s = shared;
	bool is_last;

	(void)who;
	is_int(thrum_rwlock_read_lock(&s->lock), 0);
	is_last = fetch_sub_acq_rel(&s->users, 1) == 1;
	if (!is_last)
		let_one_wait(&s->lock, THRUM__RW_NEXT);
	thrum_rwlock_read_unlock(&s->lock);
	if (!is_last)
		return false;
	is_int(thrum_rwlock_write_lock(&s->lock), 0);
	thrum_rwlock_write_unlock(&s->lock);
	thrum_rwlock_fini(&s->lock);
	return true;
}

START_TEST(the_last_one_frees_it)
{
	use_owned(sizeof(struct shared), shared_begin, shared_leave, 10 + scaled(200));
}
END_TEST

/* ---- Misuse; where nobody may wait ---- */

static void read_unlock_unheld(void)
{
	thrum_rwlock_init(&rwlock);
	thrum_rwlock_read_unlock(&rwlock);
}

static void write_unlock_by_a_reader(void)
{
	thrum_rwlock_init(&rwlock);
	is_int(thrum_rwlock_read_lock(&rwlock), 0);
	thrum_rwlock_write_unlock(&rwlock);
}

static void downgrade_by_a_reader(void)
{
	thrum_rwlock_init(&rwlock);
	is_int(thrum_rwlock_read_lock(&rwlock), 0);
	is_int(thrum_rwlock_read_lock(&rwlock), 0);
	thrum_rwlock_downgrade(&rwlock);
}

static void end_read(void)
{
	thrum_rwlock_init(&rwlock);
	is_int(thrum_rwlock_read_lock(&rwlock), 0);
	thrum_rwlock_fini(&rwlock);
}

static void end_written(void)
{
	rwlock_begin(0);
	thrum_rwlock_fini(&rwlock);
}

START_TEST(misuse_is_caught)
{
	aborts(read_unlock_unheld, "unlock what you hold, as you locked it");
	aborts(write_unlock_by_a_reader, "unlock what you hold, as you locked it");
	aborts(downgrade_by_a_reader, "unlock what you hold, as you locked it");
	aborts(end_read, "end a lock when nobody holds it");
	aborts(end_written, "end a lock when nobody holds it");
}
END_TEST

static void call_reads(struct thrum_future *f, void *unused)
{
	(void)f;
	(void)unused;
	is_int(thrum_rwlock_try_read_lock(&rwlock), 0);
	is_int(thrum_rwlock_try_write_lock(&rwlock), -EBUSY);
	thrum_rwlock_read_unlock(&rwlock);
}

TASK_TEST(a_callback_may_try, 1)
{
	struct thrum_future *f = thrum_spawn(task_return, NULL);

	thrum_rwlock_init(&rwlock);
	is_int(thrum_rwlock_read_lock(&rwlock), 0);
	is_int(thrum_future_on_done(f, call_reads, NULL), 0);
	is_int(thrum_join(f), 0);
	settle();
	thrum_rwlock_read_unlock(&rwlock);
	thrum_rwlock_fini(&rwlock);
}

static void child_uses(void)
{
	is_int(thrum_rwlock_read_lock(&rwlock), -ENOTSUP);
	is_int(thrum_rwlock_write_lock(&rwlock), -ENOTSUP);
	try_both(-EBUSY, -EBUSY);
	thrum_rwlock_downgrade(&rwlock);
	thrum_rwlock_read_unlock(&rwlock);
	store_relaxed(word_of(LOCK), THRUM__HELD);
	thrum_rwlock_write_unlock(&rwlock);
	try_both(-EBUSY, -EBUSY);
	thrum_rwlock_fini(&rwlock);
	store_relaxed(word_of(LOCK), 1);
	thrum_rwlock_fini(&rwlock);
}

TASK_TEST(in_a_forked_child, 1)
{
	come("wr");
	passes(child_uses);
	leave(0);
	leave(1);
	thrum_rwlock_fini(&rwlock);
}

int main(void)
{
	const TTest *const tests[] = {
	    readers_together_a_writer_alone,
	    readers_and_writers_take_turns,
	    writers_come_in_turn,
	    a_writer_that_gives_up_lets_readers_go,
	    a_writer_that_gives_up_beside_a_writer,
	    a_reader_that_gives_up,
	    who_was_to_be_let_in_is_cancelled,
	    a_writer_becomes_a_reader,
	    no_other_writer_comes_between,
	    so_many_readers_and_no_more,
	    in_a_storm_writers_are_alone,
	    in_a_storm_of_tries_writers_are_alone,
	    the_last_one_frees_it,
	    misuse_is_caught,
	    a_callback_may_try,
	    in_a_forked_child,
	};

	return RUN_TESTS_FOR("rwlock", 60, tests);
}
