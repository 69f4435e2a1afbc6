/* SPDX-License-Identifier: MIT */
/*
 * test_stand_crowd.c - a hundred thousand tasks wait in one queue, of each kind that there is: half
 * of them, in the middle, are cancelled, the others are let go, and each costs about what it costs
 * among a thousand.
 *
 * The CPU's time is counted, not the clock's.  Caches and page faults take their part, so ten times
 * as much for each is allowed, and what a busy host takes is counted as well, so there is more than
 * one try; a walk along the queue for each would be a hundred times as much, each time.
 */
#include <time.h>

#include "chan_test.h"
#include "standing.h"

#define CROWD 100000
#define AMONG 100 /* times fewer */
#define ROUNDS 10 /* of those */
#define LIMIT 10
#define TRIES 5

/* ---- Channels without room ---- */

static struct thrum_chan *chan;
static unsigned chan_waiters;

static void bare_begin(unsigned waiters)
{
	chan = words_new(0);
	chan_waiters = waiters;
}

static int send_wait(int64_t deadline_ns)
{
	return thrum_chan_send_until(chan, &(uint64_t){1}, deadline_ns);
}

static int recv_wait(int64_t deadline_ns)
{
	uint64_t item = 0;
	int err = thrum_chan_recv_until(chan, &item, deadline_ns);

	is_int(item, err ? 0 : 1);
	return err;
}

/* As many as are left. */
static void send_let_go(void)
{
	for (unsigned i = 0; i < chan_waiters; i++)
		is_next(chan, 1);
	has_nothing(chan, -EAGAIN);
}

static void recv_let_go(void)
{
	for (unsigned i = 0; i < chan_waiters; i++)
		is_int(try_send(chan, 1), 0);
	is_int(try_send(chan, 1), -EAGAIN);
}

static void bare_end(void)
{
	chan_end(chan);
}

static unsigned turns_at_chan(void)
{
	return (unsigned)(senders_of(chan) + receivers_of(chan));
}

static const struct standing at_chans[] = {
    {"send", bare_begin, send_wait, send_let_go, bare_end, NULL, .turns = turns_at_chan},
    {"recv", bare_begin, recv_wait, recv_let_go, bare_end, NULL, .turns = turns_at_chan},
};

/* ---- Crowds ---- */

static intptr_t task_waits(void *standing)
{
	const struct standing *s = standing;

	return s->wait(THRUM_FOREVER);
}

static bool is_cancelled(unsigned i, unsigned n)
{
	return i >= n / 4 && i < n / 4 + n / 2;
}

static void crowd_waits(const struct standing *s, unsigned n)
{
	struct thrum_future **fs = calloc(n, sizeof(*fs));

	must(fs);
	s->begin(n - n / 2);
	for (unsigned i = 0; i < n; i++)
		must((fs[i] = thrum_spawn(task_waits, (void *)(uintptr_t)s)));
	settle();
	is_int(turns_of(s), n);
	for (unsigned i = 0; i < n; i++)
		if (is_cancelled(i, n))
			is_int(thrum_cancel(fs[i]), 0);
	settle();
	is_int(turns_of(s), n - n / 2);
	s->let_go();
	for (unsigned i = 0; i < n; i++)
		is_int(thrum_join(fs[i]), is_cancelled(i, n) ? -ECANCELED : 0);
	s->end();
	free(fs);
}

static int64_t cpu_ns(void)
{
	struct timespec t;

	must(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) == 0);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* Of @n that wait together, for each. */
static int64_t cost_ns(const struct standing *s, unsigned n, unsigned rounds)
{
	int64_t start_ns = cpu_ns();

	for (unsigned i = 0; i < rounds; i++)
		crowd_waits(s, n);
	return (cpu_ns() - start_ns) / n / rounds;
}

static void costs_the_same(const struct standing *s)
{
	unsigned n = scaled(CROWD);
	int64_t among_few_ns = cost_ns(s, n / AMONG, ROUNDS), among_all_ns;
	int tries = 0;

	do {
		among_all_ns = cost_ns(s, n, 1);
		printf("%s: each takes %jd ns of %u, %jd ns of %u\n", s->name,
		       (intmax_t)among_few_ns, n / AMONG, (intmax_t)among_all_ns, n);
		fflush(stdout);
	} while (among_all_ns >= LIMIT * among_few_ns && ++tries < TRIES);
	must(tries < TRIES);
}

/* Whoever counts is not one that leaves in the middle. */
static intptr_t crowds(void *unused)
{
	(void)unused;
	crowd_waits(&standings[0], scaled(CROWD)); /* whose stacks are there from now on */
	for (int i = 0; i < STANDINGS; i++)
		if (!standings[i].counts)
			costs_the_same(&standings[i]);
	for (int i = 0; i < 2; i++)
		costs_the_same(&at_chans[i]);
	return 0;
}

START_TEST(a_wait_costs_the_same_in_any_crowd)
{
	is_int(run_virtual(1, crowds, NULL), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    a_wait_costs_the_same_in_any_crowd,
	};

	return RUN_TESTS_FOR("stand_crowd", 60, tests);
}
