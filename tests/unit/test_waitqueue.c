/* SPDX-License-Identifier: MIT */
/*
 * test_waitqueue.c - core/waitqueue.h with bare parkers: the order, who is granted and who is
 * dropped, who is resumed when; then beside owners that give up.
 */
#include "core/waitqueue.h"

#include "run.h"

#define WORD_VALUE 5u
#define PEOPLE 100

/* Who waits. */
struct person {
	struct thrum__parker parker;
	struct thrum__turn turn;
	unsigned unparks;
};

static struct person people[PEOPLE];
static struct thrum__waitqueue queue;
static struct atomic32 word;
static unsigned order[PEOPLE], unparks; /* who was unparked, one after another */
static void (*at_unpark)(unsigned who);

static void note_unpark(struct thrum__parker *p, void *relay, enum thrum__why why)
{
	struct person *who = container_of(p, struct person, parker);
	unsigned i = (unsigned)(who - people);

	must(!relay);
	is_int(why, THRUM__BY_NODE);
	is_int(load_relaxed(&who->turn.gone), 1);
	must(!(load_relaxed(&word) & THRUM__HELD));
	who->unparks++;
	order[unparks++] = i;
	if (at_unpark)
		at_unpark(i);
}

static void reset(void)
{
	memset(&queue, 0, sizeof(queue));
	store_relaxed(&word, WORD_VALUE);
	unparks = 0;
	at_unpark = NULL;
	for (int i = 0; i < PEOPLE; i++) {
		thrum__parker_init(&people[i].parker, note_unpark);
		people[i].unparks = 0;
	}
}

static struct thrum__turn *turn(unsigned i)
{
	return &people[i].turn;
}

static uint64_t seq(unsigned i)
{
	return thrum__parker_seq(&people[i].parker);
}

static struct thrum__turn *turn_new(unsigned i)
{
	thrum__turn_init(turn(i), &people[i].parker, seq(i));
	return turn(i);
}

static void push(unsigned i)
{
	thrum__waitqueue_push(&queue, turn_new(i));
}

static void push_parked(unsigned i)
{
	push(i);
	must(thrum__parker_park(&people[i].parker, seq(i), true));
}

static void give_up(unsigned i)
{
	must(thrum__parker_abandon(&people[i].parker, seq(i)));
}

static void claims(unsigned i)
{
	must(thrum__waitqueue_claim(&queue) == turn(i));
	is_int(thrum__parker_why(&people[i].parker), THRUM__BY_NODE);
	must(!turn(i)->links.next);
}

static void is_empty(void)
{
	must(thrum__waitqueue_is_empty(&queue));
	must(!thrum__waitqueue_first(&queue));
	must(!thrum__waitqueue_claim(&queue));
}

START_TEST(all_zero_is_empty)
{
	reset();
	is_empty();
	push(0);
	must(!thrum__waitqueue_is_empty(&queue));
	claims(0);
	is_empty();
}
END_TEST

START_TEST(in_their_order)
{
	reset();
	for (unsigned i = 0; i < 3; i++)
		push(i);
	thrum__waitqueue_push_first(&queue, turn_new(3));
	must(thrum__waitqueue_first(&queue) == turn(3));
	must(thrum__waitqueue_first(&queue) == turn(3));
	claims(3);
	for (unsigned i = 0; i < 3; i++)
		claims(i);
	is_empty();
	thrum__waitqueue_push_first(&queue, turn_new(4));
	push(5);
	claims(4);
	claims(5);
	is_empty();
}
END_TEST

START_TEST(a_claim_ends_that_wait)
{
	uint64_t s;

	reset();
	s = seq(0);
	push(0);
	must(thrum__turn_claim(turn(0)));
	is_int(seq(0), s + 1);
	must(turn(0)->claimed && !turn(0)->parked);
	is_empty();
	push_parked(1);
	must(thrum__turn_claim(turn(1)));
	must(turn(1)->claimed && turn(1)->parked);
	is_int(unparks, 0);
}
END_TEST

START_TEST(whose_wait_has_ended_is_dropped)
{
	reset();
	for (unsigned i = 0; i < 5; i++)
		push(i);
	give_up(0);
	must(thrum__parker_fire(&people[1].parker, seq(1), THRUM__BY_TIMER));
	must(!thrum__turn_claim(turn(0)));
	must(!turn(0)->links.next && !turn(0)->claimed);
	claims(2);
	must(!turn(1)->links.next && !turn(1)->claimed);
	must(!thrum__turn_leave(turn(0)));
	must(!thrum__turn_leave(turn(1)));
	give_up(4);
	give_up(3);
	must(!thrum__waitqueue_claim(&queue));
	is_empty();
	is_int(unparks, 0);
}
END_TEST

START_TEST(one_that_leaves)
{
	reset();
	for (unsigned gone = 0; gone < 3; gone++) {
		for (unsigned i = 0; i < 3; i++)
			push(i);
		give_up(gone);
		must(!thrum__turn_leave(turn(gone)));
		must(!thrum__turn_leave(turn(gone))); /* it is on no queue */
		for (unsigned i = 0; i < 3; i++)
			if (i != gone)
				claims(i);
		is_empty();
	}
	push(0);
	give_up(0);
	must(!thrum__turn_leave(turn(0)));
	is_empty();
}
END_TEST

START_TEST(who_was_claimed_waits_until_it_is_granted)
{
	struct thrum__granted g = {NULL, NULL};

	reset();
	push(0);
	claims(0);
	must(thrum__turn_leave(turn(0)));
	is_int(load_relaxed(&turn(0)->gone), 0);
	thrum__turn_grant(turn(0), &g);
	is_int(load_relaxed(&turn(0)->gone), 0);
	must(thrum__turn_leave(turn(0)));
	thrum__granted_resume(&g);
	must(!g.first);
	thrum__turn_await_gone(turn(0));
	is_int(unparks, 0);
}
END_TEST

/* A select hangs one wait in several queues. */
START_TEST(one_turn_of_a_wait_is_claimed)
{
	struct thrum__waitqueue other = {{NULL, NULL}};
	struct thrum__turn second;

	reset();
	push(0);
	thrum__turn_init(&second, &people[0].parker, seq(0));
	thrum__waitqueue_push(&other, &second);
	claims(0);
	must(!thrum__waitqueue_claim(&other));
	must(!thrum__turn_leave(&second));
	must(thrum__turn_leave(turn(0)));
}
END_TEST

/* ---- Resuming ---- */

static void those_that_run_are_let_go(unsigned who)
{
	(void)who;
	for (unsigned i = 1; i < 6; i += 2)
		is_int(load_relaxed(&turn(i)->gone), 1);
}

/* Those that run spin for it: they are first. */
START_TEST(those_that_are_parked_go_on_in_their_order)
{
	struct thrum__granted g = {NULL, NULL};

	for (unsigned odd = 0; odd < 2; odd++) {
		reset();
		for (unsigned i = odd; i < 7; i++)
			i % 2 ? push(i) : push_parked(i);
		for (unsigned i = odd; i < 7; i++) {
			claims(i);
			thrum__turn_grant(turn(i), &g);
		}
		is_int(unparks, 0);
		at_unpark = those_that_run_are_let_go;
		thrum__granted_resume(&g);
		is_int(unparks, odd ? 3 : 4);
		for (unsigned i = 0; i < unparks; i++)
			is_int(order[i], 2 * (i + odd));
	}
	thrum__granted_resume(&g);
	is_int(unparks, 3);
}
END_TEST

START_TEST(they_are_numbered)
{
	reset();
	thrum__waitqueue_number(&queue);
	for (unsigned i = 0; i < 4; i++)
		push(i);
	is_int(turn(3)->note, 0);
	thrum__waitqueue_number(&queue);
	for (unsigned i = 0; i < 4; i++)
		is_int(turn(i)->note, i);
}
END_TEST

/* ---- All of them ---- */

START_TEST(none_is_granted_all)
{
	reset();
	for (int i = 0; i < 2; i++) { /* the second time it has its ends */
		is_int(thrum__hold(&word), WORD_VALUE + (unsigned)i);
		thrum__waitqueue_grant_all(&queue, &word, WORD_VALUE + 1);
		is_int(load_relaxed(&word), WORD_VALUE + 1);
		push(0);
		claims(0);
	}
	is_int(unparks, 0);
}
END_TEST

static void is_granted(unsigned i, bool parked)
{
	must(thrum__turn_leave(turn(i)));
	is_int(load_relaxed(&turn(i)->gone), 1);
	is_int(people[i].unparks, parked);
}

/* Numbers around that of one batch. */
START_TEST(all_are_granted)
{
	for (unsigned n = 1; n < PEOPLE; n += n % 32 == 1 ? 30 : 1) {
		unsigned parked = 0;

		reset();
		for (unsigned i = 0; i < n; i++)
			i % 3 ? push_parked(i) : push(i);
		if (n > 7)
			give_up(6);
		thrum__hold(&word);
		thrum__waitqueue_grant_all(&queue, &word, 9);
		is_int(load_relaxed(&word), 9);
		is_empty();
		for (unsigned i = 0; i < n; i++)
			if (n > 7 && i == 6)
				must(!thrum__turn_leave(turn(i)));
			else
				is_granted(i, i % 3);
		for (unsigned i = 0; i < n; i++)
			if (i % 3)
				is_int(order[parked++], i);
		is_int(unparks, parked);
	}
}
END_TEST

/* Between the batches: one that gives up leaves, one comes, and the word is another. */
static void come_and_go(unsigned who)
{
	if (who != 0)
		return;
	is_int(load_relaxed(&word), 1); /* two batches are claimed, none was let go */
	must(turn(2 * THRUM__AT_A_TIME - 1)->claimed);
	must(!turn(2 * THRUM__AT_A_TIME)->claimed);
	is_empty();
	give_up(90);
	is_int(thrum__hold(&word), 1);
	must(!thrum__turn_leave(turn(90)));
	push(99);
	thrum__drop(&word, 2);
}

START_TEST(others_may_hold_the_word_between_batches)
{
	reset();
	for (unsigned i = 0; i < 99; i++)
		i == 90 ? push(i) : push_parked(i);
	thrum__hold(&word);
	at_unpark = come_and_go;
	thrum__waitqueue_grant_all(&queue, &word, 1);
	is_int(load_relaxed(&word), 2);
	for (unsigned i = 0; i < 99; i++)
		if (i != 90)
			is_granted(i, true);
	must(!thrum__turn_leave(turn(90)));
	must(!turn(99)->claimed);
	claims(99);
	is_empty();
}
END_TEST

/* A batch of those that are to be dropped lets nobody go. */
static void the_third_is_claimed(unsigned who)
{
	if (who == 0)
		must(turn(2 * THRUM__AT_A_TIME)->claimed);
}

START_TEST(a_batch_of_dropped_ones)
{
	reset();
	for (unsigned i = 0; i < PEOPLE; i++)
		if (i / THRUM__AT_A_TIME == 1) {
			push(i);
			give_up(i);
		} else {
			push_parked(i);
		}
	thrum__hold(&word);
	at_unpark = the_third_is_claimed;
	thrum__waitqueue_grant_all(&queue, &word, 1);
	is_int(unparks, PEOPLE - THRUM__AT_A_TIME);
	is_int(load_relaxed(&word), 1);
}
END_TEST

/* All that are left have left. */
static void all_leave(unsigned who)
{
	if (who != 0)
		return;
	thrum__hold(&word);
	for (unsigned i = 2 * THRUM__AT_A_TIME; i < PEOPLE; i++) {
		give_up(i);
		must(!thrum__turn_leave(turn(i)));
	}
	thrum__drop(&word, 3);
}

START_TEST(the_last_batch_may_be_empty)
{
	reset();
	for (unsigned i = 0; i < PEOPLE; i++)
		i < 2 * THRUM__AT_A_TIME ? push_parked(i) : push(i);
	thrum__hold(&word);
	at_unpark = all_leave;
	thrum__waitqueue_grant_all(&queue, &word, 1);
	is_int(load_relaxed(&word), 3);
	is_int(unparks, 2 * THRUM__AT_A_TIME);
}
END_TEST

/* ---- Beside owners that give up ---- */

#define OWNERS 3

static struct owner {
	struct thrum__parker parker;
	sem_t unparked;
	pthread_t thread;
	uint64_t sum, count;
} owners[OWNERS];
static struct atomic32 running;

static void post_unpark(struct thrum__parker *p, void *relay, enum thrum__why why)
{
	(void)relay;
	(void)why;
	sem_post(&container_of(p, struct owner, parker)->unparked);
}

/* True: its turn was granted. */
static bool wait_once(struct owner *o, uint64_t s, unsigned how)
{
	if (how % 4 == 0)
		thread_yield();
	if (how % 3 && thrum__parker_park(&o->parker, s, true)) {
		if (how % 3 == 1 && thrum__parker_abandon(&o->parker, s))
			return false;
		while (sem_wait(&o->unparked))
			;
		return true;
	}
	return !thrum__parker_abandon(&o->parker, s);
}

static void *thread_owns(void *owner)
{
	struct owner *o = owner;

	for (unsigned i = 0; i < scaled(100000); i++) {
		uint64_t s = thrum__parker_seq(&o->parker);
		struct thrum__turn t;
		bool granted;

		thrum__turn_init(&t, &o->parker, s);
		thrum__hold(&word);
		if (i % 5)
			thrum__waitqueue_push(&queue, &t);
		else
			thrum__waitqueue_push_first(&queue, &t);
		thrum__drop(&word, 0);
		granted = wait_once(o, s, i);
		if (granted) {
			thrum__turn_await_gone(&t);
			o->sum += t.note;
			o->count++;
		} else {
			thrum__hold(&word);
			must(!thrum__turn_leave(&t));
			thrum__drop(&word, 0);
		}
		memset((void *)&t, 0xff, sizeof(t)); /* the frame has gone */
	}
	fetch_sub_release(&running, 1);
	return NULL;
}

/* What each was told adds up to what was told. */
START_TEST(what_is_granted_arrives_once)
{
	uint64_t sum = 0, count = 0;
	uint32_t told = 0;

	reset();
	store_relaxed(&word, 0);
	store_relaxed(&running, OWNERS);
	for (int i = 0; i < OWNERS; i++) {
		thrum__parker_init(&owners[i].parker, post_unpark);
		must(sem_init(&owners[i].unparked, 0, 0) == 0);
		owners[i].sum = owners[i].count = 0;
		owners[i].thread = thread_of(thread_owns, &owners[i]);
	}
	while (load_acquire(&running)) {
		struct thrum__granted g = {NULL, NULL};
		struct thrum__turn *t;

		thrum__hold(&word);
		for (int i = 0; i < 2 && (t = thrum__waitqueue_claim(&queue)); i++) {
			plain_write(&t->note, ++told);
			thrum__turn_grant(t, &g);
		}
		thrum__drop(&word, 0);
		if (!g.first)
			thread_yield();
		thrum__granted_resume(&g);
	}
	for (int i = 0; i < OWNERS; i++) {
		thread_end(owners[i].thread);
		sem_destroy(&owners[i].unparked);
		sum += owners[i].sum;
		count += owners[i].count;
	}
	is_empty();
	is_int(count, told);
	is_int(sum, (uint64_t)told * (told + 1) / 2);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    all_zero_is_empty,
	    in_their_order,
	    a_claim_ends_that_wait,
	    whose_wait_has_ended_is_dropped,
	    one_that_leaves,
	    who_was_claimed_waits_until_it_is_granted,
	    one_turn_of_a_wait_is_claimed,
	    those_that_are_parked_go_on_in_their_order,
	    they_are_numbered,
	    none_is_granted_all,
	    all_are_granted,
	    others_may_hold_the_word_between_batches,
	    a_batch_of_dropped_ones,
	    the_last_batch_may_be_empty,
	    what_is_granted_arrives_once,
	};

	return RUN_TESTS_FOR("waitqueue", 60, tests);
}
