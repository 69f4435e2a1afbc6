/* SPDX-License-Identifier: MIT */
/* test_poller_epoll.c - unit tests of poll/poller_epoll.c: what is reported and when; that no token
 * is lost, doubled or left beside a sleeper. */
#define _GNU_SOURCE

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/atomic.h"
#include "base/clock.h"
#include "base/os.h"
#include "poll/poller.h"
#include "suite.h"

#define IN THRUM__READY_IN
#define OUT THRUM__READY_OUT
#define MORE THRUM__READY_MORE
#define ERROR (THRUM__READY_ERROR | MORE)

static struct thrum__poller *poller;
static struct thrum__poll_event events[THRUM__POLL_BATCH];
static bool token;
static int fds[2];

static void setup(void)
{
	ck_assert_int_eq(thrum__poller_epoll.create(&poller, 0), 0);
	ck_assert_ptr_eq(poller->ops, &thrum__poller_epoll);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
}

static void teardown(void)
{
	poller->ops->destroy(poller);
	close(fds[0]);
	close(fds[1]);
}

static int watch(int fd, uint64_t tag)
{
	return poller->ops->watch(poller, fd, tag);
}

static int wait_until(int64_t deadline_ns)
{
	return poller->ops->wait(poller, events, THRUM__POLL_BATCH, deadline_ns, &token);
}

static int look(void)
{
	return wait_until(0);
}

/* The one event that there is, of tag @tag: how ready it is. */
static uint32_t the_event(uint64_t tag)
{
	ck_assert_int_eq(look(), 1);
	ck_assert_uint_eq(events[0].tag, tag);
	return events[0].ready;
}

START_TEST(watching_reports_what_is_ready)
{
	char c;

	ck_assert_int_eq(watch(fds[0], 1), 0);
	ck_assert_uint_eq(the_event(1), OUT);
	ck_assert_int_eq(look(), 0);
	ck_assert_int_eq(write(fds[0], "x", 1), 1);
	ck_assert_int_eq(watch(fds[1], UINT64_MAX - 1), 0);
	ck_assert_uint_eq(the_event(UINT64_MAX - 1), IN | OUT);
	ck_assert_int_eq(read(fds[1], &c, 1), 1);
	ck_assert_int_le(look(), 1); /* there is room again, which is no news */
}
END_TEST

START_TEST(reports_are_edges)
{
	ck_assert_int_eq(watch(fds[1], 1), 0);
	ck_assert_uint_eq(the_event(1), OUT);
	ck_assert_int_eq(write(fds[0], "x", 1), 1);
	ck_assert_uint_eq(the_event(1), IN | OUT);
	ck_assert_int_eq(look(), 0);
	ck_assert_int_eq(write(fds[0], "y", 1), 1);
	ck_assert_uint_eq(the_event(1), IN | OUT);
	ck_assert_int_eq(look(), 0);
}
END_TEST

START_TEST(room_is_reported)
{
	static char big[4096];
	int i;

	ck_assert_int_eq(watch(fds[0], 1), 0);
	while (write(fds[0], big, sizeof(big)) > 0)
		;
	while (look())
		;
	for (i = 0; i < 1000 && read(fds[1], big, sizeof(big)) > 0; i++)
		;
	ck_assert_uint_eq(the_event(1), OUT);
}
END_TEST

START_TEST(ends_are_reported)
{
	ck_assert_int_eq(watch(fds[0], 1), 0);
	ck_assert_uint_eq(the_event(1), OUT);
	shutdown(fds[1], SHUT_WR);
	ck_assert_uint_eq(the_event(1), IN | OUT | MORE);
	shutdown(fds[1], SHUT_RD);
	close(fds[1]);
	ck_assert_uint_eq(the_event(1), IN | OUT | ERROR);
}
END_TEST

START_TEST(ends_of_pipes)
{
	int one[2], two[2];

	ck_assert_int_eq(pipe2(one, O_NONBLOCK), 0);
	ck_assert_int_eq(pipe2(two, O_NONBLOCK), 0);
	ck_assert_int_eq(watch(one[0], 1), 0);
	ck_assert_int_eq(look(), 0);
	close(one[1]);
	ck_assert_uint_eq(the_event(1), IN | OUT | ERROR);
	ck_assert_int_eq(watch(two[1], 2), 0);
	ck_assert_uint_eq(the_event(2), OUT);
	close(two[0]);
	ck_assert_uint_eq(the_event(2), IN | OUT | ERROR);
	close(one[0]);
	close(two[1]);
}
END_TEST

START_TEST(watch_results)
{
	char path[] = "/tmp/thrum_test_poller_epoll_XXXXXX";
	int file = mkstemp(path);

	ck_assert_int_eq(watch(fds[0], 1), 0);
	ck_assert_int_eq(watch(fds[0], 2), -EEXIST);
	ck_assert_uint_eq(the_event(1), OUT);
	ck_assert_int_eq(watch(file, 3), -EPERM);
	ck_assert_int_eq(watch(-1, 4), -EBADF);
	ck_assert_int_eq(poller->ops->unwatch(poller, fds[1]), -ENOENT);
	ck_assert_int_eq(poller->ops->unwatch(poller, fds[0]), 0);
	ck_assert_int_eq(poller->ops->unwatch(poller, fds[0]), -ENOENT);
	ck_assert_int_eq(poller->ops->unwatch(poller, -1), -EBADF);
	ck_assert_int_eq(write(fds[1], "x", 1), 1);
	ck_assert_int_eq(look(), 0);
	ck_assert_int_eq(watch(fds[0], 5), 0);
	ck_assert_uint_eq(the_event(5), IN | OUT);
	close(file);
	unlink(path);
}
END_TEST

START_TEST(closing_ends_the_watch)
{
	int other, fd = fds[0];

	ck_assert_int_eq(watch(fds[0], 1), 0);
	close(fds[0]);
	ck_assert_int_eq(look(), 0);
	other = dup(fds[1]);
	ck_assert_int_eq(other, fd);
	ck_assert_int_eq(watch(fds[0], 2), 0);
	ck_assert_uint_eq(the_event(2), IN | OUT | ERROR);
}
END_TEST

START_TEST(full_batches)
{
	int many[2 * THRUM__POLL_BATCH], i, n, seen = 0;

	for (i = 0; i < 2 * THRUM__POLL_BATCH; i += 2) {
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, &many[i]), 0);
		ck_assert_int_eq(watch(many[i], 10), 0);
		ck_assert_int_eq(watch(many[i + 1], 10), 0);
	}
	poller->ops->post(poller, 1);
	/* The token is behind them all: it is neither lost nor overtakes. */
	while (seen < 2 * THRUM__POLL_BATCH) {
		struct thrum__poll_event e[1000];
		n = poller->ops->wait(poller, e, 1000, INT64_MAX, &token);
		ck_assert_int_le(n, THRUM__POLL_BATCH);
		seen += n;
		if (token)
			break;
	}
	while (!token) {
		n = poller->ops->wait(poller, events, 1, INT64_MAX, &token);
		ck_assert_int_le(n, 1);
		seen += n;
	}
	ck_assert_int_eq(seen, 2 * THRUM__POLL_BATCH);
	for (i = 0; i < 2 * THRUM__POLL_BATCH; i++)
		close(many[i]);
}
END_TEST

START_TEST(deadlines)
{
	int64_t deadline_ns = thrum__clock_monotonic_ns() + 2000000;

	ck_assert_int_eq(wait_until(deadline_ns), 0);
	ck_assert(!token);
	ck_assert_int_ge(thrum__clock_monotonic_ns(), deadline_ns);
	ck_assert_int_eq(wait_until(1), 0);
	ck_assert(!token);
}
END_TEST

static void on_alarm(int sig)
{
	(void)sig;
}

START_TEST(a_signal_ends_a_wait)
{
	struct sigaction action = {.sa_handler = on_alarm}, old;
	struct itimerval often = {{0, 2000}, {0, 2000}}, off = {{0, 0}, {0, 0}};

	sigaction(SIGALRM, &action, &old);
	setitimer(ITIMER_REAL, &often, NULL);
	ck_assert_int_eq(wait_until(INT64_MAX), 0);
	ck_assert(!token);
	setitimer(ITIMER_REAL, &off, NULL);
	sigaction(SIGALRM, &old, NULL);
}
END_TEST

START_TEST(tokens_wait_for_takers)
{
	int i;

	poller->ops->post(poller, 1);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(look(), 0);
		ck_assert(!token);
	}
	ck_assert_int_eq(wait_until(INT64_MAX), 0);
	ck_assert(token);
	ck_assert_int_eq(wait_until(1), 0);
	ck_assert(!token);

	poller->ops->post(poller, 2);
	poller->ops->post(poller, 3);
	poller->ops->post(poller, 0);
	for (i = 0; i < 5; i++) {
		wait_until(1);
		ck_assert(token);
		look();
		ck_assert(!token);
	}
	wait_until(1);
	ck_assert(!token);
}
END_TEST

START_TEST(a_token_comes_with_events)
{
	ck_assert_int_eq(watch(fds[0], 1), 0);
	poller->ops->post(poller, 1);
	ck_assert_int_eq(wait_until(INT64_MAX), 1);
	ck_assert(token);
	ck_assert_uint_eq(events[0].tag, 1);
}
END_TEST

START_TEST(take_is_a_token_at_once)
{
	int i;

	ck_assert(!poller->ops->take(poller));
	poller->ops->post(poller, 3);
	ck_assert(poller->ops->take(poller));
	ck_assert_int_eq(look(), 0);
	ck_assert(!token);
	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(wait_until(INT64_MAX), 0);
		ck_assert(token);
	}
	ck_assert(!poller->ops->take(poller));
	wait_until(1);
	ck_assert(!token);
}
END_TEST

START_TEST(await_takes_nothing)
{
	int i;

	ck_assert(!poller->ops->await(poller, false));
	poller->ops->post(poller, 1);
	ck_assert(poller->ops->await(poller, false));
	ck_assert(poller->ops->await(poller, true));
	ck_assert(poller->ops->take(poller));
	ck_assert(!poller->ops->await(poller, false));
	ck_assert_int_eq(watch(fds[0], 1), 0);
	for (i = 0; i < 3; i++)
		ck_assert(poller->ops->await(poller, i % 2));
	ck_assert_uint_eq(the_event(1), OUT);
	ck_assert(!poller->ops->await(poller, false));
}
END_TEST

/* ---- Threads ---- */

#define TAKERS 4

static struct atomic32 taken, told, stop;

static void *takes(void *arg)
{
	struct thrum__poll_event e[2];
	bool got;

	(void)arg;
	while (!load_acquire(&stop)) {
		int n = poller->ops->wait(poller, e, 2, INT64_MAX, &got);

		if (n)
			fetch_add_release(&told, (uint32_t)n);
		if (got)
			fetch_add_release(&taken, 1);
	}
	return NULL;
}

static void *looks(void *arg)
{
	struct thrum__poll_event e;
	bool got;

	(void)arg;
	while (!load_acquire(&stop)) {
		if (poller->ops->wait(poller, &e, 1, 0, &got))
			fetch_add_release(&told, 1);
		ck_assert(!got);
		thread_yield();
	}
	return NULL;
}

static void wait_for(struct atomic32 *counter, uint32_t value)
{
	while (load_acquire(counter) != value)
		thread_yield();
}

static uint32_t rounds(uint32_t n)
{
	return scaled(n) + 1;
}

/* Starts the threads, posts tokens in bursts with events between, and after each burst waits until
 * all were taken: a token left beside a sleeper would stop it here. */
static void bursts(int n_lookers, int burst_max)
{
	pthread_t takers[TAKERS], lookers[2];
	uint32_t posted = 0, n = rounds(5000), i;
	int k;

	store_relaxed(&taken, 0);
	store_relaxed(&told, 0);
	store_relaxed(&stop, 0);
	ck_assert_int_eq(watch(fds[1], 1), 0);
	for (k = 0; k < TAKERS; k++)
		ck_assert_int_eq(pthread_create(&takers[k], NULL, takes, NULL), 0);
	for (k = 0; k < n_lookers; k++)
		ck_assert_int_eq(pthread_create(&lookers[k], NULL, looks, NULL), 0);
	for (i = 0; i < n; i++) {
		uint32_t before = load_acquire(&told);
		unsigned burst = 1 + i % (unsigned)burst_max;

		ck_assert_int_eq(write(fds[0], "x", 1), 1);
		if (i % 2)
			poller->ops->post(poller, burst);
		else
			for (unsigned b = 0; b < burst; b++)
				poller->ops->post(poller, 1);
		posted += burst;
		wait_for(&taken, posted);
		while (load_acquire(&told) == before)
			thread_yield();
		while (read(fds[1], events, sizeof(events)) > 0)
			;
	}
	ck_assert_uint_eq(load_acquire(&taken), posted);
	store_release(&stop, 1);
	poller->ops->post(poller, TAKERS);
	for (k = 0; k < TAKERS; k++)
		pthread_join(takers[k], NULL);
	for (k = 0; k < n_lookers; k++)
		pthread_join(lookers[k], NULL);
	ck_assert_uint_le(load_acquire(&taken), posted + TAKERS);
}

START_TEST(tokens_wake_sleepers)
{
	bursts(0, 1);
}
END_TEST

START_TEST(many_tokens_wake_many)
{
	bursts(0, 2 * TAKERS);
}
END_TEST

START_TEST(looks_eat_no_token)
{
	bursts(2, 2 * TAKERS);
}
END_TEST

START_TEST(signals_eat_no_token)
{
	struct sigaction action = {.sa_handler = on_alarm}, old;
	struct itimerval often = {{0, 300}, {0, 300}}, off = {{0, 0}, {0, 0}};

	sigaction(SIGALRM, &action, &old);
	setitimer(ITIMER_REAL, &often, NULL);
	bursts(1, 2 * TAKERS);
	setitimer(ITIMER_REAL, &off, NULL);
	sigaction(SIGALRM, &old, NULL);
}
END_TEST

/* One token for all: whoever finds it gone awaits the next. */
static void *awaits(void *arg)
{
	(void)arg;
	while (!load_acquire(&stop)) {
		if (poller->ops->await(poller, true) && poller->ops->take(poller))
			fetch_add_release(&taken, 1);
	}
	return NULL;
}

START_TEST(tokens_end_every_await)
{
	pthread_t threads[TAKERS];
	uint32_t n = rounds(5000), i;
	int k;

	store_relaxed(&taken, 0);
	store_relaxed(&stop, 0);
	for (k = 0; k < TAKERS; k++)
		ck_assert_int_eq(pthread_create(&threads[k], NULL, awaits, NULL), 0);
	for (i = 1; i <= n; i++) {
		poller->ops->post(poller, 1);
		wait_for(&taken, i);
	}
	store_release(&stop, 1);
	/* It stays, so that all of them come back. */
	poller->ops->post(poller, TAKERS + 1);
	for (k = 0; k < TAKERS; k++)
		pthread_join(threads[k], NULL);
	ck_assert_uint_le(load_acquire(&taken), n + TAKERS);
}
END_TEST

/* A wait that ends at its deadline as a token comes has it, or leaves it. */
static void *takes_in_time(void *arg)
{
	struct thrum__poll_event e;
	bool got;

	(void)arg;
	while (!load_acquire(&stop)) {
		poller->ops->wait(poller, &e, 1, thrum__clock_monotonic_ns() + 5000, &got);
		if (got)
			fetch_add_release(&taken, 1);
	}
	return NULL;
}

START_TEST(deadlines_eat_no_token)
{
	uint32_t n = rounds(5000), i;
	pthread_t thread;

	store_relaxed(&taken, 0);
	store_relaxed(&stop, 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, takes_in_time, NULL), 0);
	for (i = 1; i <= n; i++) {
		poller->ops->post(poller, 1);
		wait_for(&taken, i);
	}
	store_release(&stop, 1);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(load_acquire(&taken), n);
}
END_TEST

/* ---- Creation ---- */

/* What is left open moves it. */
static int lowest_free(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

START_TEST(descriptors_are_close_on_exec_and_given_back)
{
	struct thrum__poller *other;
	int first = dup(0), second = lowest_free();

	close(first);
	ck_assert_int_eq(thrum__poller_epoll.create(&other, 7), 0);
	ck_assert_int_eq(fcntl(first, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fcntl(second, F_GETFD), FD_CLOEXEC);
	other->ops->destroy(other);
	ck_assert_int_eq(fcntl(first, F_GETFD), -1);
	ck_assert_int_eq(fcntl(second, F_GETFD), -1);
}
END_TEST

#ifdef THRUM_FAULTS

START_TEST(create_and_watch_fail_cleanly)
{
	static const int errors[] = {-ENOMEM, -EMFILE, -EMFILE, -ENOMEM};
	struct thrum__poller *other = NULL;
	int free_fd = lowest_free(), i;

	for (i = 0; i < 4; i++) {
		thrum__fault_set((uint64_t)i + 1, false);
		ck_assert_int_eq(thrum__poller_epoll.create(&other, 0), errors[i]);
		ck_assert_ptr_null(other);
		ck_assert_int_eq(lowest_free(), free_fd);
	}
	thrum__fault_set(5, false);
	ck_assert_int_eq(thrum__poller_epoll.create(&other, 0), 0);
	ck_assert_int_eq(other->ops->watch(other, fds[0], 1), -ENOMEM);
	ck_assert_int_eq(other->ops->watch(other, fds[0], 1), 0);
	thrum__fault_set(1, true);
	ck_assert_int_eq(other->ops->unwatch(other, fds[0]), 0);
	other->ops->post(other, 2);
	ck_assert_int_eq(other->ops->wait(other, events, 1, 1, &token), 0);
	ck_assert(token);
	other->ops->destroy(other);
	ck_assert(!thrum__fault_fired());
	thrum__fault_set(0, false);
}
END_TEST

#endif

int main(void)
{
	TCase *tc = tcase_create("poller_epoll");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, watching_reports_what_is_ready);
	tcase_add_test(tc, reports_are_edges);
	tcase_add_test(tc, room_is_reported);
	tcase_add_test(tc, ends_are_reported);
	tcase_add_test(tc, ends_of_pipes);
	tcase_add_test(tc, watch_results);
	tcase_add_test(tc, closing_ends_the_watch);
	tcase_add_test(tc, full_batches);
	tcase_add_test(tc, deadlines);
	tcase_add_test(tc, a_signal_ends_a_wait);
	tcase_add_test(tc, tokens_wait_for_takers);
	tcase_add_test(tc, a_token_comes_with_events);
	tcase_add_test(tc, take_is_a_token_at_once);
	tcase_add_test(tc, await_takes_nothing);
	tcase_add_test(tc, tokens_wake_sleepers);
	tcase_add_test(tc, many_tokens_wake_many);
	tcase_add_test(tc, looks_eat_no_token);
	tcase_add_test(tc, signals_eat_no_token);
	tcase_add_test(tc, deadlines_eat_no_token);
	tcase_add_test(tc, tokens_end_every_await);
	tcase_add_test(tc, descriptors_are_close_on_exec_and_given_back);
#ifdef THRUM_FAULTS
	tcase_add_test(tc, create_and_watch_fail_cleanly);
#endif
	return run_case("poller_epoll", tc);
}
