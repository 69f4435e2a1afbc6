/* SPDX-License-Identifier: MIT */
/*
 * io_hogs.c - two workers, and on none, one, then both of them a task that computes without an end;
 * meanwhile requests go over connections that are old, new, and without a stack, and a task sleeps
 * again and again.  Every request is answered, every sleep ends, and the computing tasks have been
 * at it all the time.  Latencies are printed; judged is only that none is longer than LATE_NS.
 *
 * The client is a plain thread.  THRUM_TEST_DIV divides the requests.
 */
#define _GNU_SOURCE
#include "base/atomic.h"
#include "base/clock.h"
#include "support.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#define WORKERS 2
/* Seen: tens of milliseconds on a busy machine. */
#define LATE_NS THRUM_SEC(INSTRUMENTED ? 60 : 10)

static struct atomic32 hogs_running, hogs_end, sleeper_end;
static struct atomic64 answered, sleeps;
static int port;
static uint64_t requests;

struct client {
	struct thrum_future *done;
	int64_t *late_ns;
	uint64_t n;
};

/* Gives up, and fails, when the main task does not come to end it. */
static intptr_t hog(void *arg)
{
	int64_t end_ns = thrum__clock_monotonic_ns() + 4 * LATE_NS;

	(void)arg;
	fetch_add_acq_rel(&hogs_running, 1);
	while (!load_acquire(&hogs_end))
		CHECK(thrum__clock_monotonic_ns() < end_ns);
	return 0;
}

static intptr_t sleeper(void *arg)
{
	(void)arg;
	while (!load_acquire(&sleeper_end)) {
		CHECK(thrum_sleep(THRUM_MS(2)) == 0);
		fetch_add_acq_rel(&sleeps, 1);
	}
	return 0;
}

/* A number for each request, to be answered with its complement.  False: the end. */
static bool answer_one(int fd)
{
	uint64_t number;
	size_t have = 0;

	while (have < sizeof(number)) {
		ssize_t r = thrum_read(fd, (char *)&number + have, sizeof(number) - have);

		CHECK(r >= 0 && (r > 0 || have == 0));
		if (r == 0)
			return false;
		have += (size_t)r;
	}
	number = ~number;
	fetch_add_acq_rel(&answered, 1);
	CHECK(thrum_write(fd, &number, sizeof(number)) == sizeof(number));
	return true;
}

static intptr_t serve(void *arg)
{
	int fd = (int)(intptr_t)arg;

	while (answer_one(fd))
		;
	return thrum_close(fd);
}

/* The same, without a stack between requests. */
static intptr_t serve_next(void *arg)
{
	int fd = (int)(intptr_t)arg;
	struct thrum_future *f;

	if (!answer_one(fd))
		return thrum_close(fd);
	f = thrum_spawn_when_readable(fd, serve_next, arg);
	CHECK(f);
	thrum_release(f);
	return 0;
}

static intptr_t acceptor(void *arg)
{
	int listener = (int)(intptr_t)arg;

	for (unsigned i = 0;; i++) {
		int fd = thrum_accept(listener, NULL, NULL);

		if (fd == -EBADF)
			return 0;
		CHECK(fd >= 0);
		CHECK(thrum_go(i % 2 ? serve : serve_next, (void *)(intptr_t)fd) == 0);
	}
}

static int client_connect(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	struct timeval late = {.tv_sec = LATE_NS / THRUM_SEC(1)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
	CHECK(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0);
	CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &late, sizeof(late)) == 0);
	return fd;
}

static int64_t ask(int fd, uint64_t number)
{
	int64_t begin = thrum__clock_monotonic_ns();
	uint64_t got;

	CHECK(write(fd, &number, sizeof(number)) == sizeof(number));
	/* Fails with EAGAIN when it is LATE_NS late. */
	for (size_t have = 0; have < sizeof(got);) {
		ssize_t r = read(fd, (char *)&got + have, sizeof(got) - have);

		CHECK(r > 0);
		have += (size_t)r;
	}
	CHECK(got == ~number);
	return thrum__clock_monotonic_ns() - begin;
}

static void *client_main(void *arg)
{
	struct client *c = arg;
	int old[2] = {client_connect(), client_connect()};

	for (c->n = 0; c->n < requests; c->n++) {
		if (c->n % 8 == 0) { /* a new connection */
			int fd = client_connect();

			c->late_ns[c->n] = ask(fd, c->n);
			close(fd);
		} else {
			c->late_ns[c->n] = ask(old[c->n % 2], c->n);
		}
	}
	close(old[0]);
	close(old[1]);
	CHECK(thrum_future_set(c->done, 0) == 0);
	return NULL;
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void report(struct client *c, unsigned hogs, uint64_t slept)
{
	qsort(c->late_ns, c->n, sizeof(c->late_ns[0]), by_value);
	printf("%u computing: %llu requests answered after 50 %% %.3f, 99 %% %.3f, at most %.3f "
	       "ms; %llu sleeps of 2 ms\n",
	       hogs, (unsigned long long)c->n, (double)c->late_ns[c->n / 2] / 1e6,
	       (double)c->late_ns[c->n * 99 / 100] / 1e6, (double)c->late_ns[c->n - 1] / 1e6,
	       (unsigned long long)slept);
	CHECK(c->late_ns[c->n - 1] <= LATE_NS);
}

/* With @n computing tasks: this task waits, so the two workers are all theirs. */
static void beside(unsigned n)
{
	struct thrum_future *f[WORKERS];
	struct client c = {.done = thrum_future_create()};
	uint64_t before = load_acquire(&answered), slept = load_acquire(&sleeps);
	pthread_t t;

	c.late_ns = calloc(requests, sizeof(*c.late_ns));
	CHECK(c.done && c.late_ns);
	store_release(&hogs_end, 0);
	store_release(&hogs_running, 0);
	for (unsigned i = 0; i < n; i++) {
		f[i] = thrum_spawn(hog, NULL);
		CHECK(f[i]);
	}
	while (load_acquire(&hogs_running) < n)
		CHECK(thrum_sleep(THRUM_MS(1)) == 0);
	CHECK(!pthread_create(&t, NULL, client_main, &c));
	CHECK(thrum_await(c.done) == 0);
	/* One sleep at least comes to its end beside them. */
	while (load_acquire(&sleeps) == slept)
		CHECK(thrum_sleep(THRUM_MS(1)) == 0);
	for (unsigned i = 0; i < n; i++)
		CHECK(!thrum_done(f[i]));
	store_release(&hogs_end, 1);
	for (unsigned i = 0; i < n; i++)
		CHECK(thrum_join(f[i]) == 0);
	pthread_join(t, NULL);
	CHECK(load_acquire(&answered) - before == requests);
	report(&c, n, load_acquire(&sleeps) - slept);
	thrum_release(c.done);
	free(c.late_ns);
}

static intptr_t run(void *unused)
{
	int listener = thrum_tcp_listen("127.0.0.1", "0", 0, 0);
	struct thrum_future *a, *s;

	(void)unused;
	CHECK(listener >= 0);
	port = thrum_local_port(listener);
	a = thrum_spawn(acceptor, (void *)(intptr_t)listener);
	s = thrum_spawn(sleeper, NULL);
	CHECK(a && s);
	for (unsigned n = 0; n <= WORKERS; n++)
		beside(n);
	store_release(&sleeper_end, 1);
	CHECK(thrum_join(s) == 0);
	CHECK(thrum_close(listener) == 0);
	return thrum_join(a);
}

int main(void)
{
#ifdef THRUM_MIGRATE
	printf("with forced migration each woken task waits for one worker: nothing to see\n");
	return 77;
#endif
	int fds = descriptors();
	struct thrum_stats stats;

	requests = scaled_io(5000) + 16;
	stats = run_to_the_end_on(WORKERS, run);
	CHECK(stats.spawned >= 3 + 1 + requests / 8);
	CHECK(descriptors() == fds);
	return 0;
}
