/* SPDX-License-Identifier: MIT */
/* test_poll.c - thrum_poll: what is there at once, what comes, and what ends the wait else. */
#define _GNU_SOURCE
#include "io_test.h"

static struct pollfd in(int fd)
{
	return (struct pollfd){.fd = fd, .events = POLLIN};
}

IO_TEST(what_is_there_at_once)
{
	struct pollfd p[4];
	int ends[2], file = thrum_open("/proc/self/exe", O_RDONLY, 0);

	pair_make(ends, PIPE, false);
	p[0] = in(ends[0]);
	p[1] = (struct pollfd){.fd = ends[1], .events = POLLOUT};
	p[2] = (struct pollfd){.fd = -1, .events = POLLIN, .revents = 7};
	p[3] = in(file);
	is_int(thrum_poll(p, 1, 0), 0);
	is_int(thrum_poll(p, 4, -1), 2);
	is_int(p[0].revents, 0);
	is_int(p[1].revents, POLLOUT);
	is_int(p[2].revents, 0);
	is_int(p[3].revents, POLLIN);
	is_int(thrum_close(file), 0);
	is_int(thrum_poll(p + 3, 1, -1), 1);
	is_int(p[3].revents, POLLNVAL);
	is_int(thrum_close(ends[1]), 0);
	is_int(thrum_poll(p, 1, -1), 1);
	is_int(p[0].revents, POLLHUP);
	is_int(thrum_close(ends[0]), 0);
	is_int(thrum_poll((struct pollfd *)8, 1, 0), -EFAULT);
}

IO_TEST(the_time_passes)
{
	struct pollfd p;
	int ends[2];
	int64_t start = thrum_now();

	pair_make(ends, UNIX, true);
	p = in(ends[0]);
	is_int(thrum_poll(&p, 1, 3), 0);
	must(thrum_now() - start >= THRUM_MS(3));
	start = thrum_now();
	is_int(thrum_poll(NULL, 0, 3), 0);
	must(thrum_now() - start >= THRUM_MS(3));
	p.fd = -5;
	is_int(thrum_poll(&p, 1, 1), 0);
	pair_close(ends);
}

struct polled {
	struct pollfd fds[20];
	nfds_t n;
	int timeout_ms;
};

static intptr_t task_polls(void *polled)
{
	struct polled *p = polled;

	return thrum_poll(p->fds, p->n, p->timeout_ms);
}

/* One of @n. */
static void wait_for_one(nfds_t n)
{
	struct polled p = {.n = n, .timeout_ms = -1};
	struct thrum_future *f;
	int ends[20][2];

	for (nfds_t i = 0; i < n; i++) {
		pair_make(ends[i], (enum pair_kind)(i % PAIR_KINDS), i & 1);
		p.fds[i] = in(ends[i][0]);
	}
	for (nfds_t i = 0; i < n; i += 3) {
		char c;

		f = spawn_waiting(task_polls, &p);
		is_int(thrum_write(ends[i][1], "p", 1), 1);
		is_int(thrum_join(f), 1);
		for (nfds_t k = 0; k < n; k++)
			is_int(p.fds[k].revents, k == i ? POLLIN : 0);
		is_int(thrum_read(ends[i][0], &c, 1), 1);
	}
	for (nfds_t i = 0; i < n; i++)
		pair_close(ends[i]);
}

IO_TEST(one_of_several)
{
	wait_for_one(1);
	wait_for_one(4);
	wait_for_one(20);
}

IO_TEST(room_to_write)
{
	static char some[4096];
	struct polled p = {.n = 1, .timeout_ms = -1};
	struct thrum_future *f;
	int ends[2];

	pair_make(ends, PIPE, true);
	fill_up(ends[1]);
	p.fds[0] = (struct pollfd){.fd = ends[1], .events = POLLOUT | POLLIN};
	f = spawn_waiting(task_polls, &p);
	while (!thrum_done(f)) {
		must(read(ends[0], some, sizeof(some)) > 0 || errno == EAGAIN);
		thrum_yield();
	}
	is_int(thrum_join(f), 1);
	is_int(p.fds[0].revents, POLLOUT);
	pair_close(ends);
}

/* Errors and hang-ups come unasked. */
IO_TEST(nothing_asked_for)
{
	struct polled p = {.n = 1, .timeout_ms = -1};
	struct thrum_future *f;
	int ends[2];

	pair_make(ends, PIPE, false);
	p.fds[0] = (struct pollfd){.fd = ends[0]};
	f = spawn_waiting(task_polls, &p);
	is_int(thrum_close(ends[1]), 0);
	is_int(thrum_join(f), 1);
	is_int(p.fds[0].revents, POLLHUP);
	is_int(thrum_close(ends[0]), 0);
}

IO_TEST_ON(1, the_wait_is_cut_short)
{
	struct polled p = {.n = 2, .timeout_ms = -1};
	struct thrum_future *f;
	struct thrum_timeout t;
	int ends[2];

	pair_make(ends, UNIX, false);
	p.fds[0] = in(ends[0]);
	p.fds[1] = in(ends[1]);
	f = spawn_waiting(task_polls, &p);
	thrum_cancel(f);
	is_int(thrum_join(f), -ECANCELED);
	thrum_timeout_begin(&t, THRUM_MS(2));
	is_int(thrum_poll(p.fds, 2, 100000), -ETIMEDOUT);
	is_int(thrum_poll(p.fds, 2, 0), -ETIMEDOUT); /* checked on entry */
	must(thrum_timeout_end(&t));
	thrum_timeout_begin(&t, THRUM_SEC(100));
	is_int(thrum_poll(p.fds, 2, 1), 0);
	must(!thrum_timeout_end(&t));
	f = spawn_waiting(task_polls, &p);
	is_int(thrum_close(ends[1]), 0);
	must(thrum_join(f) == -EBADF);
	is_int(thrum_close(ends[0]), 0);
}

int main(void)
{
	const TTest *const tests[] = {
	    what_is_there_at_once, the_time_passes,   one_of_several,
	    room_to_write,         nothing_asked_for, the_wait_is_cut_short,
	};

	return RUN_TESTS("poll", tests);
}
