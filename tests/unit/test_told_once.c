/* SPDX-License-Identifier: MIT */
/*
 * test_told_once.c - a connection that the library made is told to epoll once in its life, not for
 * each wait.  The linker puts a counter in front of the call (CMakeLists.txt); what the monitor
 * puts in again, when a wait lasts, is not a request's and not counted.
 */
#include "io_test.h"

#include "base/atomic.h"
#include "base/os.h"
#include "sched/worker.h"

#define ROUND_TRIPS 1000
#define FDS 1024
#define TOLD_MAX 2

static struct atomic32 told[FDS];

int __real_thrum__os_epoll_ctl(int set, int op, int fd, struct epoll_event *event);
int __wrap_thrum__os_epoll_ctl(int set, int op, int fd, struct epoll_event *event);

int __wrap_thrum__os_epoll_ctl(int set, int op, int fd, struct epoll_event *event)
{
	if (thrum__current_task() && fd < FDS)
		fetch_add_relaxed(&told[fd], 1);
	return __real_thrum__os_epoll_ctl(set, op, fd, event);
}

/* A task that answers each byte. */
static intptr_t task_answers(void *fd)
{
	int accepted = (int)(intptr_t)fd;
	char c;

	for (int i = 0; i < ROUND_TRIPS; i++) {
		is_int(thrum_read(accepted, &c, 1), 1);
		is_int(thrum_write(accepted, &c, 1), 1);
	}
	return 0;
}

static intptr_t task_accepts(void *listener)
{
	return thrum_accept((int)(intptr_t)listener, NULL, NULL);
}

static void nothing_told(void)
{
	for (int fd = 0; fd < FDS; fd++)
		store_relaxed(&told[fd], 0);
}

static uint64_t suspensions(void)
{
	struct thrum_stats s = {.size = sizeof(s)};

	is_int(thrum_runtime_stats(NULL, -1, &s), 0);
	return s.suspensions;
}

static void is_told_once(int fd)
{
	uint32_t n;

	must(fd >= 0 && fd < FDS);
	n = load_relaxed(&told[fd]);
	must(n >= 1 && n <= TOLD_MAX);
}

/* Of a connection to @listener, whose one end is @connected. */
static void round_trips(struct thrum_future *accepting, int connected)
{
	int accepted = (int)thrum_join(accepting);
	struct thrum_future *f;
	uint64_t before;

	must(accepted >= 0 && connected >= 0);
	before = suspensions();
	f = thrum_spawn(task_answers, as_arg(accepted));
	for (int i = 0; i < ROUND_TRIPS; i++) {
		char c = 'a';

		is_int(thrum_write(connected, &c, 1), 1);
		is_int(thrum_read(connected, &c, 1), 1);
	}
	is_int(thrum_join(f), 0);
	must(suspensions() - before >= ROUND_TRIPS); /* or nothing was to be told */
	is_told_once(accepted);
	is_told_once(connected);
	pair_close((int[]){accepted, connected});
}

static void of_tcp(void)
{
	int listener = thrum_tcp_listen("127.0.0.1", "0", 0, 0);
	struct thrum_future *f = thrum_spawn(task_accepts, as_arg(listener));
	char port[16];

	nothing_told();
	snprintf(port, sizeof(port), "%d", thrum_local_port(listener));
	round_trips(f, thrum_tcp_connect("127.0.0.1", port));
	is_int(thrum_close(listener), 0);
}

static void of_unix(void)
{
	char name[64];
	struct thrum_future *f;
	int listener;

	nothing_told();
	snprintf(name, sizeof(name), "@thrum-test-told-once-%d", (int)getpid());
	listener = thrum_unix_listen(name, 0);
	f = thrum_spawn(task_accepts, as_arg(listener));
	round_trips(f, thrum_unix_connect(name));
	is_int(thrum_close(listener), 0);
}

/* One worker: each round trip is two waits. */
ALONE_TEST(tcp)
{
	of_tcp();
}

ALONE_TEST(unix_stream)
{
	of_unix();
}

/* Numbers that had another life are told once in each. */
ALONE_TEST(numbers_used_again)
{
	for (int i = 0; i < 3; i++) {
		of_tcp();
		of_unix();
	}
}

int main(void)
{
	const TTest *const tests[] = {tcp, unix_stream, numbers_used_again};

	return RUN_TESTS("told_once", tests);
}
