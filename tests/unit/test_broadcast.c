/* SPDX-License-Identifier: MIT */
/*
 * test_broadcast.c - broadcasts: each listener gets all that is sent from its begin on, in order;
 * one that falls behind hears how much it missed; close.  What cuts a listener's wait short is in
 * test_broadcast_cut.c.
 */
#include "base/os.h"
#include "hearing.h"

/* ---- Creation ---- */

START_TEST(what_can_be_made)
{
	struct thrum_listener l;
	struct thrum_broadcast *b;
	uint64_t nothing = 7;

	must(!thrum_broadcast_create(8, 0));
	must(!thrum_broadcast_create(0, 0));
	must(!thrum_broadcast_create(THRUM_CHAN_ITEM_MAX + 1, 1));
	must(!thrum_broadcast_create(0, (size_t)THRUM_CHAN_CAPACITY_MAX + 1));
	b = thrum_broadcast_create(0, THRUM_CHAN_CAPACITY_MAX);
	must(b);
	thrum_broadcast_listen(b, &l);
	is_int(thrum_broadcast_send(b, &nothing), 0);
	is_int(thrum_listener_try_recv(&l, &nothing), 0);
	is_int(thrum_listener_try_recv(&l, &nothing), -EAGAIN);
	is_int(nothing, 7);
	thrum_listener_fini(&l);
	thrum_broadcast_release(b);
	thrum_broadcast_retain(NULL);
	thrum_broadcast_release(NULL);
}
END_TEST

#ifdef THRUM_FAULTS
START_TEST(without_memory_there_is_none)
{
	for (unsigned n = 1; n < 3; n++) {
		struct thrum_broadcast *b;

		thrum__fault_set(n, false);
		b = thrum_broadcast_create(8, 10);
		thrum__fault_set(0, false);
		must(!b);
	}
}
END_TEST
#endif

/* Whoever comes last takes it along: a handle or a listener. */
START_TEST(a_listener_holds_it)
{
	struct thrum_broadcast *b = words_cast(2);
	struct thrum_listener l[2];

	thrum_broadcast_retain(b);
	thrum_broadcast_listen(b, &l[0]);
	thrum_broadcast_listen(b, &l[1]);
	thrum_broadcast_release(b);
	cast(b, 4);
	thrum_listener_fini(&l[0]);
	thrum_broadcast_close(b);
	thrum_broadcast_release(b);
	hears(&l[1], 4);
	hears_no_item(&l[1], -EPIPE);
	thrum_listener_fini(&l[1]);
}
END_TEST

START_TEST(items_of_any_size)
{
	static const size_t sizes[] = {1, 8, 24, THRUM_CHAN_ITEM_MAX};

	for (int i = 0; i < 4; i++) {
		struct thrum_broadcast *b = thrum_broadcast_create(sizes[i], 3);
		unsigned char *in = malloc(sizes[i]), *out = malloc(sizes[i] + 1);
		struct thrum_listener l;

		must(b && in && out);
		thrum_broadcast_listen(b, &l);
		out[sizes[i]] = 0xa5;
		for (int k = 0; k < 7; k++) { /* round the ring */
			memset(in, k, sizes[i]);
			in[sizes[i] - 1] = (unsigned char)(k + 1);
			is_int(thrum_broadcast_send(b, in), 0);
			is_int(thrum_listener_try_recv(&l, out), 0);
			must(!memcmp(in, out, sizes[i]) && out[sizes[i]] == 0xa5);
		}
		thrum_listener_fini(&l);
		thrum_broadcast_release(b);
		free(in);
		free(out);
	}
}
END_TEST

/* ---- All hear all ---- */

START_TEST(each_hears_what_is_sent_from_its_begin_on)
{
	struct thrum_broadcast *b = words_cast(10);
	struct thrum_listener l[4];

	cast(b, 90); /* for nobody */
	for (uint64_t i = 0; i < 4; i++) {
		thrum_broadcast_listen(b, &l[i]);
		hears_no_item(&l[i], -EAGAIN);
		cast(b, i);
	}
	for (uint64_t i = 0; i < 4; i++) {
		for (uint64_t k = i; k < 4; k++)
			hears(&l[i], k);
		hears_no_item(&l[i], -EAGAIN);
		is_int(thrum_listener_missed(&l[i]), 0);
		thrum_listener_fini(&l[i]);
	}
	thrum_broadcast_release(b);
}
END_TEST

/* Exactly as many as are kept are no reason; then those that are too many are counted. */
START_TEST(who_falls_behind_hears_how_much)
{
	for (uint64_t capacity = 1; capacity < 5; capacity++)
		for (uint64_t late = 0; late < 2 * capacity + 2; late++) {
			struct thrum_broadcast *b = words_cast(capacity);
			struct thrum_listener l;
			uint64_t sent = 0, missed = 0;

			thrum_broadcast_listen(b, &l);
			for (int round = 0; round < 3; round++) {
				uint64_t end = sent + capacity + late;

				while (sent < end)
					cast(b, sent++);
				if (round == 2)
					thrum_broadcast_close(b);
				if (late) {
					hears_no_item(&l, -EOVERFLOW);
					missed += late;
				}
				is_int(thrum_listener_missed(&l), missed);
				for (uint64_t i = end - capacity; i < end; i++)
					hears(&l, i);
				hears_no_item(&l, round == 2 ? -EPIPE : -EAGAIN);
			}
			is_int(thrum_listener_missed(&l), 3 * late);
			thrum_listener_fini(&l);
			thrum_broadcast_release(b);
		}
}
END_TEST

/* Few, as many as are let go at a time, more. */
static const unsigned crowds[] = {1, 2, THRUM__AT_A_TIME, THRUM__AT_A_TIME + 1, 80};

TASK_TEST(all_that_wait_are_woken, 1)
{
	for (int i = 0; i < 5; i++) {
		struct thrum_broadcast *b = words_cast(2);
		struct thrum_future *f[80];
		struct hearing h[80];

		for (unsigned k = 0; k < crowds[i]; k++) {
			hearing_begin(&h[k], b);
			f[k] = stands(waits[k % 2], &h[k]);
		}
		cast(b, 7);
		cast(b, 8);
		for (unsigned k = 0; k < crowds[i]; k++) {
			is_int(thrum_join(f[k]), 0);
			is_int(h[k].item, 7);
			is_int(thrum_listener_recv(&h[k].l, &h[k].item), 0);
			is_int(h[k].item, 8);
			f[k] = stands(waits[k % 2], &h[k]);
		}
		thrum_broadcast_close(b);
		for (unsigned k = 0; k < crowds[i]; k++) {
			is_int(thrum_join(f[k]), -EPIPE);
			is_int(h[k].item, 8);
			thrum_listener_fini(&h[k].l);
		}
		thrum_broadcast_release(b);
	}
}

/* It was woken for the first and comes for the third. */
TASK_TEST(who_is_slow_to_wake_has_missed_some, 1)
{
	struct thrum_broadcast *b = words_cast(2);
	struct thrum_future *f;
	struct hearing h;

	hearing_begin(&h, b);
	f = stands(task_hears, &h);
	for (uint64_t i = 1; i < 5; i++)
		cast(b, i);
	is_int(thrum_join(f), -EOVERFLOW);
	is_int(h.item, 50);
	is_int(thrum_listener_missed(&h.l), 2);
	is_int(thrum_listener_recv(&h.l, &h.item), 0);
	is_int(h.item, 3);
	cast(b, 5);
	cast(b, 6);
	is_int(thrum_listener_recv_until(&h.l, &h.item, 0), -EOVERFLOW);
	is_int(h.item, 3);
	is_int(thrum_listener_missed(&h.l), 3);
	hears(&h.l, 5);
	thrum_listener_fini(&h.l);
	thrum_broadcast_release(b);
}

TASK_TEST(a_closed_one_is_heard_to_its_end, 1)
{
	struct thrum_broadcast *b = words_cast(3);
	struct thrum_listener l, late;
	uint64_t item = 9;

	thrum_broadcast_listen(b, &l);
	cast(b, 1);
	cast(b, 2);
	thrum_broadcast_close(b);
	is_int(thrum_broadcast_send(b, &item), -EPIPE);
	thrum_broadcast_close(b);
	thrum_broadcast_listen(b, &late);
	is_int(thrum_listener_recv(&late, &item), -EPIPE);
	is_int(item, 9);
	is_int(thrum_listener_recv(&l, &item), 0);
	is_int(item, 1);
	hears(&l, 2);
	is_int(thrum_listener_recv(&l, &item), -EPIPE);
	is_int(thrum_listener_recv_until(&l, &item, 0), -EPIPE);
	hears_no_item(&l, -EPIPE);
	is_int(item, 1);
	thrum_listener_fini(&late);
	thrum_listener_fini(&l);
	thrum_broadcast_release(b);
}

/* ---- Many, on two workers and threads ---- */

struct news {
	struct thrum_broadcast *b;
	unsigned n;
	struct atomic32 listening;
};

/* All that was sent was heard in its order or missed. */
static intptr_t listen_to_all(void *news)
{
	struct news *s = news;
	uint64_t item, last = 0, heard = 0, missed = 0;
	struct thrum_listener l;
	int err;

	thrum_broadcast_listen(s->b, &l);
	fetch_add_relaxed(&s->listening, 1);
	while ((err = thrum_listener_recv(&l, &item)) != -EPIPE) {
		if (err) {
			is_int(err, -EOVERFLOW);
			must(thrum_listener_missed(&l) > missed);
			missed = thrum_listener_missed(&l);
			continue;
		}
		heard++;
		must(item > last);
		is_int(item, heard + missed);
		last = item;
	}
	is_int(heard + thrum_listener_missed(&l), s->n);
	thrum_listener_fini(&l);
	return 0;
}

static void *thread_listens(void *news)
{
	return as_arg(listen_to_all(news));
}

#define LISTENERS 4

static intptr_t send_news(void *news)
{
	struct news *s = news;
	struct thrum_future *fs[LISTENERS];
	pthread_t thread = thread_of(thread_listens, s);

	for (int i = 0; i < LISTENERS; i++)
		must((fs[i] = thrum_spawn(listen_to_all, s)));
	while (load_relaxed(&s->listening) < LISTENERS + 1)
		is_int(thrum_yield(), 0);
	for (uint64_t i = 1; i <= s->n; i++) {
		cast(s->b, i);
		if (i % 7 == 0)
			is_int(thrum_yield(), 0);
	}
	thrum_broadcast_close(s->b);
	for (int i = 0; i < LISTENERS; i++)
		is_int(thrum_join(fs[i]), 0);
	thread_end(thread);
	return 0;
}

START_TEST(many_listen_beside_the_sender)
{
	for (size_t capacity = 1; capacity < 200; capacity *= 10) {
		struct news s = {.b = words_cast(capacity), .n = scaled(30000) + 100};

		is_int(run_real(2, send_news, &s), 0);
		thrum_broadcast_release(s.b);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    what_can_be_made,
#ifdef THRUM_FAULTS
	    without_memory_there_is_none,
#endif
	    a_listener_holds_it,
	    items_of_any_size,
	    each_hears_what_is_sent_from_its_begin_on,
	    who_falls_behind_hears_how_much,
	    all_that_wait_are_woken,
	    who_is_slow_to_wake_has_missed_some,
	    a_closed_one_is_heard_to_its_end,
	    many_listen_beside_the_sender,
	};

	return RUN_TESTS_FOR("broadcast", 60, tests);
}
