/* SPDX-License-Identifier: MIT */
/*
 * io_churn.c - 100,000 connections, each made, used for one request and closed, both ends in one
 * process.  They end in turn by the client's close, by the server's, and by a reset.  In stages:
 * after each, every request has been answered and every connection has ended at both ends, as many
 * descriptors are open as before, and memory does not grow.
 *
 * THRUM_TEST_DIV divides the connections.
 */
#include "base/atomic.h"
#include "support.h"

#include <errno.h>
#include <string.h>

#define CLIENTS 32
#define STAGES 5
#define REQUEST 100
/* Seen: less than 100. */
#define GROWTH_MAX_KIB 2048

enum end { BY_CLIENT, BY_SERVER, BY_RESET, ENDS };

struct request {
	uint64_t number;
	uint64_t how; /* enum end */
	char text[REQUEST];
};

static struct atomic64 made, accepted, answered, ended, resets;
static char port[16];
static uint64_t each; /* of a client, in a stage */

/* Up to @n bytes, fewer only at the end or after an error, which is returned if nothing came. */
static ssize_t read_all(int fd, void *buf, size_t n)
{
	size_t have = 0;

	while (have < n) {
		ssize_t r = thrum_read(fd, (char *)buf + have, n - have);

		if (r < 0)
			return r;
		if (r == 0)
			break;
		have += (size_t)r;
	}
	return (ssize_t)have;
}

static void write_all(int fd, const void *buf, size_t n)
{
	size_t sent = 0;

	while (sent < n) {
		ssize_t r = thrum_write(fd, (const char *)buf + sent, n - sent);

		CHECK(r > 0);
		sent += (size_t)r;
	}
}

static void await_end(int fd, bool reset)
{
	char byte;
	ssize_t r = thrum_read(fd, &byte, 1);

	CHECK(r == (reset ? -ECONNRESET : 0));
	if (reset)
		fetch_add_acq_rel(&resets, 1);
}

static intptr_t serve(void *arg)
{
	int fd = (int)(intptr_t)arg;
	struct request r;

	CHECK(read_all(fd, &r, sizeof(r)) == sizeof(r));
	r.number = ~r.number;
	write_all(fd, &r, sizeof(r));
	fetch_add_acq_rel(&answered, 1);
	if (r.how != BY_SERVER)
		await_end(fd, r.how == BY_RESET);
	CHECK(thrum_close(fd) == 0);
	fetch_add_acq_rel(&ended, 1);
	return 0;
}

static intptr_t acceptor(void *arg)
{
	int listener = (int)(intptr_t)arg;

	for (;;) {
		int fd = thrum_accept(listener, NULL, NULL);

		if (fd == -EBADF)
			return 0;
		CHECK(fd >= 0);
		fetch_add_acq_rel(&accepted, 1);
		CHECK(thrum_go(serve, (void *)(intptr_t)fd) == 0);
	}
}

static void one_connection(const char *host, uint64_t number)
{
	struct request r = {.number = number, .how = number % ENDS}, got;
	const struct linger none = {.l_onoff = 1};
	int fd = thrum_tcp_connect(host, port);

	CHECK(fd >= 0);
	fetch_add_acq_rel(&made, 1);
	memset(r.text, (int)(number & 0xff), sizeof(r.text));
	write_all(fd, &r, sizeof(r));
	CHECK(read_all(fd, &got, sizeof(got)) == sizeof(got));
	CHECK(got.number == ~number && !memcmp(got.text, r.text, sizeof(r.text)));
	if (r.how == BY_SERVER)
		await_end(fd, false);
	if (r.how == BY_RESET)
		CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none)) == 0);
	CHECK(thrum_close(fd) == 0);
}

static intptr_t client(void *arg)
{
	uint64_t index = (uint64_t)(uintptr_t)arg;
	char host[32];

	/* Each at an address of its own: ports of closed connections stay taken for a minute. */
	snprintf(host, sizeof(host), "127.0.0.%u", (unsigned)index + 1);
	for (uint64_t i = 0; i < each; i++)
		one_connection(host, index * each + i);
	return 0;
}

static void stage(void)
{
	struct thrum_future *f[CLIENTS];

	for (uintptr_t i = 0; i < CLIENTS; i++) {
		f[i] = thrum_spawn(client, (void *)i);
		CHECK(f[i]);
	}
	for (int i = 0; i < CLIENTS; i++)
		CHECK(thrum_join(f[i]) == 0);
	while (load_acquire(&ended) < load_acquire(&made))
		CHECK(thrum_yield() == 0);
}

static intptr_t run(void *unused)
{
	int listener = thrum_tcp_listen("0.0.0.0", "0", 0, 0);
	struct thrum_future *a;
	int fds = 0;
	long kib = 0;

	(void)unused;
	CHECK(listener >= 0);
	snprintf(port, sizeof(port), "%d", thrum_local_port(listener));
	a = thrum_spawn(acceptor, (void *)(intptr_t)listener);
	CHECK(a);
	for (int s = 1; s <= STAGES; s++) {
		stage();
		CHECK(load_acquire(&made) == (uint64_t)s * CLIENTS * each);
		if (s == 1) {
			fds = descriptors();
			kib = status_of("VmRSS");
		}
		CHECK(descriptors() == fds);
		if (!INSTRUMENTED)
			CHECK(status_of("VmRSS") <= kib + GROWTH_MAX_KIB);
	}
	printf("%llu connections, %llu reset; memory %ld -> %ld KiB, %d descriptors\n",
	       (unsigned long long)load_acquire(&made), (unsigned long long)load_acquire(&resets),
	       kib, status_of("VmRSS"), fds);
	CHECK(thrum_close(listener) == 0);
	return thrum_join(a);
}

int main(void)
{
	int fds = descriptors();
	struct thrum_stats stats;
	uint64_t n, of_reset = 0;

	each = scaled_io(100000) / (STAGES * CLIENTS) + 1;
	n = each * STAGES * CLIENTS;
	stats = run_to_the_end(run);
	for (uint64_t i = 0; i < each * CLIENTS; i++)
		of_reset += i % ENDS == BY_RESET;
	CHECK(load_acquire(&made) == n && load_acquire(&accepted) == n);
	CHECK(load_acquire(&answered) == n && load_acquire(&ended) == n);
	CHECK(load_acquire(&resets) == of_reset * STAGES);
	/* Connecting takes tasks of its own only when several addresses are tried. */
	CHECK(stats.spawned >= 2 + n + STAGES * CLIENTS);
	CHECK(descriptors() == fds);
	return 0;
}
