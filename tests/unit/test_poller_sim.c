/* SPDX-License-Identifier: MIT */
/* test_poller_sim.c - unit tests of poll/poller_sim.c: that it is as hostile as it says, and yet
 * loses nothing.  Without THRUM_FAULTS there is no such poller. */
#define _GNU_SOURCE

#include "poll/poller.h"
#include "suite.h"

#ifdef THRUM_FAULTS

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/atomic.h"
#include "base/clock.h"
#include "base/os.h"
#include "base/os_net.h"

#define SEEDS 20

static struct thrum__poller *sim(uint64_t seed)
{
	struct thrum__poller *p;

	ck_assert_int_eq(thrum__poller_sim.create(&p, seed), 0);
	ck_assert_ptr_eq(p->ops, &thrum__poller_sim);
	return p;
}

/* An eventfd that is watched, ready to be written only. */
static int watched(struct thrum__poller *p, uint64_t tag)
{
	int fd = eventfd(0, EFD_NONBLOCK);

	ck_assert_int_eq(p->ops->watch(p, fd, tag), 0);
	return fd;
}

/* The end of each of @n pipes is news, which a report for nothing does not tell: it may be late,
 * doubled, out of order, but not missing. */
START_TEST(nothing_is_lost)
{
	enum { N = 40 };
	struct thrum__poller *p = sim((uint64_t)_i);
	struct thrum__poll_event e[7];
	int fds[2 * N], count[N] = {0}, seen = 0, i, n;
	bool token;

	for (i = 0; i < N; i++) {
		ck_assert_int_eq(pipe(fds + 2 * i), 0);
		ck_assert_int_eq(p->ops->watch(p, fds[2 * i], 1000 + (uint64_t)i), 0);
	}
	for (i = 0; i < N; i++)
		close(fds[2 * i + 1]);
	while (seen < N) {
		n = p->ops->wait(p, e, 7, INT64_MAX, &token);
		ck_assert(!token);
		ck_assert_int_le(n, 7);
		for (i = 0; i < n; i++) {
			ck_assert_uint_ge(e[i].tag, 1000);
			ck_assert_uint_lt(e[i].tag, 1000 + N);
			if (e[i].ready & THRUM__READY_ERROR)
				seen += !count[e[i].tag - 1000]++;
		}
	}
	for (i = 0; i < N; i++)
		close(fds[2 * i]);
	p->ops->destroy(p);
}
END_TEST

/* Of readable pipes, in rounds: how many waits told not all, how often the order was turned, how
 * many reports came again.  A report for nothing says more than readable and does not count. */
START_TEST(it_is_hostile)
{
	enum { N = 8, ROUNDS = 200 };
	struct thrum__poll_event e[THRUM__POLL_BATCH];
	int fds[2 * N], late = 0, again = 0, turned = 0, i, n, round;
	struct thrum__poller *p = sim(3);
	bool token;

	for (i = 0; i < N; i++) {
		ck_assert_int_eq(pipe(fds + 2 * i), 0);
		ck_assert_int_eq(p->ops->watch(p, fds[2 * i], (uint64_t)i), 0);
	}
	for (round = 0; round < ROUNDS; round++) {
		int count[N] = {0}, seen = 0, last = -1;

		for (i = 0; i < N; i++)
			ck_assert_int_eq(write(fds[2 * i + 1], "x", 1), 1);
		while (seen < N) {
			n = p->ops->wait(p, e, THRUM__POLL_BATCH, 0, &token);
			for (i = 0; i < n; i++) {
				if (e[i].ready != THRUM__READY_IN)
					continue;
				turned += (int)e[i].tag < last;
				last = (int)e[i].tag;
				again += count[e[i].tag] > 0;
				seen += !count[e[i].tag]++;
			}
			late += seen < N;
		}
	}
	ck_assert_int_gt(late, ROUNDS / 2);
	ck_assert_int_gt(turned, 3 * ROUNDS);
	ck_assert_int_gt(again, ROUNDS / 10);
	for (i = 0; i < 2 * N; i++)
		close(fds[i]);
	p->ops->destroy(p);
}
END_TEST

/* Nothing happens to any of them, and each is reported again and again, while somebody waits. */
START_TEST(reports_for_nothing)
{
	enum { N = 100 };
	struct thrum__poll_event e[THRUM__POLL_BATCH];
	struct thrum__poller *p = sim(5);
	int fds[N], i, n, full = 0;
	uint32_t count[N] = {0};
	bool token;

	for (i = 0; i < N; i++)
		fds[i] = watched(p, (uint64_t)i);
	while (full < N) {
		n = p->ops->wait(p, e, THRUM__POLL_BATCH, INT64_MAX, &token);
		for (i = 0; i < n; i++)
			full += ++count[e[i].tag] == 10;
	}
	/* A closed one is not, once all that was kept is told. */
	for (i = 1; i < N; i++)
		close(fds[i]);
	for (n = 0; n < 10 * N;) {
		int got = p->ops->wait(p, e, THRUM__POLL_BATCH, INT64_MAX, &token);

		for (i = 0; i < got; i++)
			n = e[i].tag ? 0 : n + 1;
	}
	ck_assert_int_eq(p->ops->unwatch(p, fds[0]), 0);
	ck_assert_int_eq(p->ops->unwatch(p, fds[0]), -ENOENT);
	for (n = 0; n < 20;)
		n = p->ops->wait(p, e, THRUM__POLL_BATCH, thrum__clock_monotonic_ns() + 1000000,
				 &token)
			? 0
			: n + 1;
	close(fds[0]);
	p->ops->destroy(p);
}
END_TEST

START_TEST(watch_results)
{
	struct thrum__poller *p = sim(1);
	char path[] = "/tmp/thrum_test_poller_sim_XXXXXX";
	int file = mkstemp(path), fd = watched(p, 1);

	ck_assert_int_eq(p->ops->watch(p, fd, 2), -EEXIST);
	ck_assert_int_eq(p->ops->watch(p, file, 2), -EPERM);
	ck_assert_int_eq(p->ops->watch(p, -1, 2), -EBADF);
	ck_assert_int_eq(p->ops->watch(p, 1 << 30, 2), -EBADF);
	ck_assert_int_eq(p->ops->unwatch(p, -1), -EBADF);
	close(fd);
	close(file);
	unlink(path);
	p->ops->destroy(p);
}
END_TEST

/* Waits end early, but a wait with a deadline also ends at it. */
START_TEST(waits_end)
{
	struct thrum__poller *p = sim((uint64_t)_i);
	struct thrum__poll_event e[4];
	int early = 0, i;
	bool token;

	for (i = 0; i < 50; i++) {
		int64_t deadline_ns = thrum__clock_monotonic_ns() + 3000000;

		ck_assert_int_eq(p->ops->wait(p, e, 4, deadline_ns, &token), 0);
		ck_assert(!token);
		early += thrum__clock_monotonic_ns() < deadline_ns;
	}
	ck_assert_int_gt(early, 0);
	ck_assert_int_lt(early, 50);
	p->ops->destroy(p);
}
END_TEST

START_TEST(tokens_are_conserved)
{
	struct thrum__poller *p = sim((uint64_t)_i);
	struct thrum__poll_event e[4];
	int fd = watched(p, 1), taken = 0, i;
	bool token;

	p->ops->post(p, 5);
	for (i = 0; i < 20; i++) {
		p->ops->wait(p, e, 4, 0, &token);
		ck_assert(!token);
	}
	while (taken < 5) {
		ck_assert(p->ops->await(p, taken % 2));
		if (taken % 2)
			token = p->ops->take(p);
		else
			p->ops->wait(p, e, 4, INT64_MAX, &token);
		taken += token;
	}
	for (i = 0; i < 50; i++) {
		p->ops->wait(p, e, 4, 1, &token);
		ck_assert(!token);
		ck_assert(!p->ops->take(p));
	}
	close(fd);
	p->ops->destroy(p);
}
END_TEST

START_TEST(takes_miss)
{
	struct thrum__poller *p = sim((uint64_t)_i);
	int missed = 0, i;

	for (i = 0; i < 100; i++) {
		p->ops->post(p, 1);
		while (!p->ops->take(p))
			missed++;
	}
	ck_assert_int_gt(missed, 0);
	ck_assert_int_lt(missed, 100);
	p->ops->destroy(p);
}
END_TEST

/* Who awaits is told of what was kept back, which is nothing below, and of reports for nothing. */
START_TEST(awaits_end)
{
	struct thrum__poller *p = sim((uint64_t)_i);
	struct thrum__poll_event e[4];
	int fds[2], i, n, told = 0;
	bool token;

	for (i = 0; i < 100; i++)
		ck_assert(!p->ops->await(p, i % 2));
	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(p->ops->watch(p, fds[0], 1), 0);
	close(fds[1]);
	while (!told) {
		while (!p->ops->await(p, true))
			;
		n = p->ops->wait(p, e, 4, 0, &token);
		for (i = 0; i < n; i++)
			told |= e[i].ready & THRUM__READY_ERROR;
	}
	for (told = 0; told < 10;) {
		while (!p->ops->await(p, true))
			;
		told += p->ops->wait(p, e, 4, 0, &token) > 0;
	}
	close(fds[0]);
	p->ops->destroy(p);
}
END_TEST

/* ---- A reader that trusts the poller ---- */

#define BYTES 3000

struct reader {
	struct thrum__poller *poller;
	int fd;
	bool at_fault; /* bytes that are not what was sent */
	uint32_t got;
};

/* Reads all there is at each report, and waits for the next. */
static void *reads(void *arg)
{
	struct reader *r = arg;
	struct thrum__poll_event e[4];
	unsigned char buf[64];
	bool token;
	ssize_t n;

	while (r->got < BYTES) {
		if (!r->poller->ops->wait(r->poller, e, 4, INT64_MAX, &token))
			continue;
		do {
			n = thrum__os_recv(r->fd, buf, sizeof(buf), 0);
			for (ssize_t i = 0; i < n; i++)
				r->at_fault |= buf[i] != (unsigned char)r->got++;
		} while (n > 0 || n == -EINTR);
		r->at_fault |= n != -EAGAIN;
	}
	return NULL;
}

/* Every call is perturbed: without reports for nothing the reader would sleep for ever before a
 * byte that it was told is not there. */
START_TEST(a_stream_goes_through)
{
	struct reader r = {.poller = sim((uint64_t)_i)};
	unsigned char data[BYTES];
	pthread_t thread;
	int fds[2], sent = 0, i;

	for (i = 0; i < BYTES; i++)
		data[i] = (unsigned char)i;
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	r.fd = fds[0];
	ck_assert_int_eq(r.poller->ops->watch(r.poller, r.fd, 1), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, reads, &r), 0);
	while (sent < BYTES) {
		ssize_t n = thrum__os_send(fds[1], data + sent, (size_t)(BYTES - sent), 0);

		ck_assert(n > 0 || n == -EINTR || n == -EAGAIN);
		sent += n > 0 ? (int)n : 0;
	}
	pthread_join(thread, NULL);
	ck_assert(!r.at_fault);
	r.poller->ops->destroy(r.poller);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

/* The lowest free descriptor: what is left open moves it. */
static int lowest_free(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

START_TEST(destroyed_it_perturbs_no_more)
{
	int free_fd = lowest_free(), fds[2], i;
	struct thrum__poller *p = sim(8), *other = sim(12);
	char c;

	p->ops->destroy(p);
	other->ops->destroy(other);
	ck_assert_int_eq(lowest_free(), free_fd);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	for (i = 0; i < 200; i++) {
		ck_assert_int_eq(thrum__os_send(fds[0], "x", 1, 0), 1);
		ck_assert_int_eq(thrum__os_recv(fds[1], &c, 1, MSG_DONTWAIT), 1);
	}
	close(fds[0]);
	close(fds[1]);
}
END_TEST

START_TEST(fails_cleanly)
{
	struct thrum__poller *p = NULL;
	int free_fd = lowest_free(), fd, i;

	for (i = 1; i <= 5; i++) {
		thrum__fault_set((uint64_t)i, false);
		ck_assert_int_lt(thrum__poller_sim.create(&p, 1), 0);
		ck_assert_ptr_null(p);
		ck_assert(thrum__fault_fired());
	}
	ck_assert_int_eq(lowest_free(), free_fd);
	thrum__fault_set(6, false);
	p = sim(1);
	fd = eventfd(0, 0);
	ck_assert_int_eq(p->ops->watch(p, fd, 1), -ENOMEM); /* the table */
	thrum__fault_set(2, false);
	ck_assert_int_eq(p->ops->watch(p, fd, 1), -ENOMEM); /* the poller below */
	thrum__fault_set(0, false);
	ck_assert_int_eq(p->ops->watch(p, fd, 1), 0);
	close(fd);
	p->ops->destroy(p);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("poller_sim");

	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, nothing_is_lost, 0, SEEDS);
	tcase_add_test(tc, it_is_hostile);
	tcase_add_test(tc, reports_for_nothing);
	tcase_add_test(tc, watch_results);
	tcase_add_loop_test(tc, waits_end, 0, 3);
	tcase_add_loop_test(tc, tokens_are_conserved, 0, SEEDS);
	tcase_add_loop_test(tc, takes_miss, 0, 3);
	tcase_add_loop_test(tc, awaits_end, 0, SEEDS);
	tcase_add_loop_test(tc, a_stream_goes_through, 0, 8);
	tcase_add_test(tc, destroyed_it_perturbs_no_more);
	tcase_add_test(tc, fails_cleanly);
	return run_case("poller_sim", tc);
}

#else

int main(void)
{
	return 77; /* skipped */
}

#endif
