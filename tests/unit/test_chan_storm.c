/* SPDX-License-Identifier: MIT */
/*
 * test_chan_storm.c - many senders and receivers at once, threads and tasks of several runtimes on
 * several workers, with cancels and deadlines: what is sent comes once, in each sender's order,
 * with all that was done before.
 */
#include "chan_test.h"

/* ---- Cancels and deadlines ---- */

struct storm {
	struct thrum_chan *c;
	struct atomic64 sent, sum_sent, received, sum_received, cut;
	struct atomic32 next;
};

/* One word; by a deadline that is near, or for ever. */
static intptr_t task_storm_sends(void *storm)
{
	struct storm *s = storm;
	uint64_t item = fetch_add_relaxed(&s->next, 1) + 1;
	int64_t deadline_ns = item % 3 ? THRUM_FOREVER : thrum_now() + THRUM_US(item % 50);
	int err;

	if (item % 7 == 0 && s->c->store.capacity) {
		err = thrum_chan_reserve_until(s->c, deadline_ns);
		if (!err)
			thrum_chan_commit(s->c, &item);
	} else {
		err = thrum_chan_send_until(s->c, &item, deadline_ns);
	}
	if (err) {
		must(err == -ECANCELED || err == -ETIMEDOUT);
		fetch_add_relaxed(&s->cut, 1);
		return 0;
	}
	fetch_add_relaxed(&s->sent, 1);
	fetch_add_relaxed(&s->sum_sent, item);
	return 0;
}

static intptr_t task_storm_receives(void *storm)
{
	struct storm *s = storm;
	uint64_t items[3] = {0}, round = fetch_add_relaxed(&s->next, 1);
	int64_t deadline_ns = round % 3 ? THRUM_FOREVER : thrum_now() + THRUM_US(round % 50);
	ssize_t n = thrum_chan_recv_many(s->c, items, round % 5 ? 1 : 3, deadline_ns);

	if (n < 0) {
		must(n == -ECANCELED || n == -ETIMEDOUT);
		must(items[0] == 0);
		fetch_add_relaxed(&s->cut, 1);
		return 0;
	}
	fetch_add_relaxed(&s->received, (uint64_t)n);
	for (ssize_t i = 0; i < n; i++)
		fetch_add_relaxed(&s->sum_received, items[i]);
	return 0;
}

#define AT_ONCE 24

/* Who is neither served nor late is cancelled, at various times. */
static void storm_round(struct storm *s, unsigned round)
{
	struct thrum_future *fs[AT_ONCE];

	for (unsigned i = 0; i < AT_ONCE; i++)
		must((fs[i] = thrum_spawn((i + round) % 2 ? task_storm_sends : task_storm_receives,
					  s)));
	for (unsigned i = 0; i < round % 4; i++)
		is_int(thrum_yield(), 0);
	for (unsigned i = 0; i < AT_ONCE; i++)
		(void)thrum_cancel(fs[(i * 5 + round) % AT_ONCE]);
	for (unsigned i = 0; i < AT_ONCE; i++)
		is_int(thrum_join(fs[i]), 0);
	must(senders_of(s->c) + receivers_of(s->c) == 0);
}

static intptr_t storms(void *unused)
{
	(void)unused;
	for (size_t capacity = 0; capacity < 8; capacity = capacity * 2 + 1) {
		struct storm s = {.c = words_new(capacity)};
		unsigned rounds = scaled(2000) + 20;
		uint64_t item;

		for (unsigned i = 0; i < rounds; i++)
			storm_round(&s, i);
		while (thrum_chan_try_recv(s.c, &item) == 0) {
			fetch_add_relaxed(&s.received, 1);
			fetch_add_relaxed(&s.sum_received, item);
		}
		is_int(load_relaxed(&s.received), load_relaxed(&s.sent));
		is_int(load_relaxed(&s.sum_received), load_relaxed(&s.sum_sent));
		must(load_relaxed(&s.cut) > 0 && load_relaxed(&s.sent) > 0);
		is_int(s.c->reserved, 0);
		chan_end(s.c);
	}
	return 0;
}

START_TEST(nothing_is_lost_or_doubled_in_a_storm_of_cancels)
{
	is_int(run_real(2, storms, NULL), 0);
}
END_TEST

/* ---- All kinds of parties ---- */

struct traffic {
	struct thrum_chan *c;
	unsigned n; /* by each sender */
	struct atomic64 sum, received;
	struct atomic32 seen[3]; /* for each sender: its last word that came to the one receiver */
};

/* A word tells its sender and its number. */
struct sender {
	struct traffic *t;
	unsigned id;
};

static void send_traffic(struct sender *s)
{
	struct traffic *t = s->t;

	for (unsigned i = 1; i <= t->n; i++) {
		uint64_t item = (uint64_t)s->id << 32 | i;

		is_int(thrum_chan_send(t->c, &item), 0);
	}
}

static void receive_traffic(struct traffic *t)
{
	uint64_t items[4];
	ssize_t n;

	while ((n = thrum_chan_recv_many(t->c, items, 4, THRUM_FOREVER)) > 0)
		for (ssize_t i = 0; i < n; i++) {
			fetch_add_relaxed(&t->sum, items[i] & 0xffffffff);
			fetch_add_relaxed(&t->received, 1);
		}
	is_int(n, -EPIPE);
}

static intptr_t task_sends_traffic(void *sender)
{
	send_traffic(sender);
	return 0;
}

static void *thread_sends_traffic(void *sender)
{
	send_traffic(sender);
	return NULL;
}

static intptr_t task_receives_traffic(void *traffic)
{
	receive_traffic(traffic);
	return 0;
}

static void *thread_receives_traffic(void *traffic)
{
	receive_traffic(traffic);
	return NULL;
}

/* A thread and a task of each of two runtimes send, so many receive. */
static void all_kinds(size_t capacity)
{
	struct traffic t = {.c = words_new(capacity), .n = scaled(10000) + 100};
	struct sender s[3] = {{&t, 0}, {&t, 1}, {&t, 2}};
	struct thrum_runtime *rts[2] = {runtime_of(2, THRUM_CLOCK_REAL),
					runtime_of(1, THRUM_CLOCK_REAL)};
	struct thrum_future *in[2], *out[2];
	pthread_t sender = thread_of(thread_sends_traffic, &s[2]);
	pthread_t receiver = thread_of(thread_receives_traffic, &t);

	for (int i = 0; i < 2; i++) {
		must((out[i] = thrum_runtime_submit(rts[i], task_receives_traffic, &t)));
		must((in[i] = thrum_runtime_submit(rts[i], task_sends_traffic, &s[i])));
	}
	thread_end(sender);
	is_int(thrum_join(in[0]) | thrum_join(in[1]), 0);
	thrum_chan_close(t.c);
	thread_end(receiver);
	is_int(thrum_join(out[0]) | thrum_join(out[1]), 0);
	is_int(load_relaxed(&t.received), 3 * (uint64_t)t.n);
	is_int(load_relaxed(&t.sum), 3 * (uint64_t)t.n * (t.n + 1) / 2);
	is_at_rest(t.c, 0);
	for (int i = 0; i < 2; i++)
		is_int(thrum_runtime_destroy(rts[i]), 0);
	chan_end(t.c);
}

START_TEST(threads_and_tasks_of_two_runtimes)
{
	all_kinds(0);
	all_kinds(1);
	all_kinds(16);
}
END_TEST

/* ---- Order and what is seen ---- */

/* Of each sender in its order, to the one receiver. */
static intptr_t receive_in_order(void *unused)
{
	(void)unused;
	for (size_t capacity = 0; capacity < 6; capacity += 2) {
		struct traffic t = {.c = words_new(capacity), .n = scaled(10000) + 100};
		struct sender s[3] = {{&t, 0}, {&t, 1}, {&t, 2}};
		struct thrum_future *fs[3];
		uint64_t item;

		for (int i = 0; i < 3; i++)
			must((fs[i] = thrum_spawn(task_sends_traffic, &s[i])));
		for (unsigned k = 0; k < 3 * t.n; k++) {
			is_int(thrum_chan_recv(t.c, &item), 0);
			is_int(item & 0xffffffff, load_relaxed(&t.seen[item >> 32]) + 1);
			store_relaxed(&t.seen[item >> 32], (uint32_t)item);
		}
		for (int i = 0; i < 3; i++)
			is_int(thrum_join(fs[i]), 0);
		is_at_rest(t.c, 0);
		chan_end(t.c);
	}
	return 0;
}

START_TEST(each_sender_s_items_come_in_its_order)
{
	is_int(run_real(2, receive_in_order, NULL), 0);
}
END_TEST

struct note {
	unsigned char text[40];
};

static struct thrum_chan *empty_ones, *full_ones;

static intptr_t task_writes_notes(void *n)
{
	struct note *note;

	for (intptr_t i = 0; i < (intptr_t)n; i++) {
		is_int(thrum_chan_recv(empty_ones, &note), 0);
		memset(note->text, (int)(i & 0xff), sizeof(note->text));
		is_int(thrum_chan_send(full_ones, &note), 0);
	}
	return 0;
}

/* What a pointer that is sent points to goes with it, there and back: plain memory, so that a
 * sanitizer sees it, too. */
static intptr_t pass_pointers(void *capacity)
{
	intptr_t n = scaled(20000) + 50;
	struct thrum_future *writer;
	struct note notes[2], *note;

	empty_ones = chan_new(sizeof(note), 2);
	full_ones = chan_new(sizeof(note), (size_t)(intptr_t)capacity);
	for (int i = 0; i < 2; i++) {
		note = &notes[i];
		is_int(thrum_chan_try_send(empty_ones, &note), 0);
	}
	must((writer = thrum_spawn(task_writes_notes, as_arg(n))));
	for (intptr_t i = 0; i < n; i++) {
		is_int(thrum_chan_recv(full_ones, &note), 0);
		for (size_t k = 0; k < sizeof(note->text); k++)
			must(note->text[k] == (i & 0xff));
		memset(note->text, 0xee, sizeof(note->text));
		is_int(thrum_chan_send(empty_ones, &note), 0);
	}
	is_int(thrum_join(writer), 0);
	chan_end(empty_ones);
	chan_end(full_ones);
	return 0;
}

START_TEST(what_was_done_before_a_send_is_seen)
{
	is_int(run_real(2, pass_pointers, as_arg(0)), 0);
	is_int(run_real(2, pass_pointers, as_arg(2)), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    nothing_is_lost_or_doubled_in_a_storm_of_cancels,
	    threads_and_tasks_of_two_runtimes,
	    each_sender_s_items_come_in_its_order,
	    what_was_done_before_a_send_is_seen,
	};

	return RUN_TESTS_FOR("chan_storm", 60, tests);
}
