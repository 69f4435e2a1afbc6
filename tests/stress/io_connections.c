/* SPDX-License-Identifier: MIT */
/*
 * io_connections.c - a server with 15,000 idle connections, each a task without a stack that starts
 * when its connection is readable; the client, another process, wakes all of them at once, then
 * again, checks every answer and closes.  What an idle connection takes of the server's memory is
 * printed and bounded; every connection must have served each round once and seen the end, and its
 * descriptor must be closed.
 *
 * The client uses plain blocking calls.  Each process has one end of every connection: both ends in
 * one would need twice as many descriptors.  THRUM_TEST_DIV divides the connections.  Where the
 * limit on descriptors allows less the test is skipped (77).
 */
#define _GNU_SOURCE
#include "base/atomic.h"
#include "support.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 2
/* Of the server's memory for an idle connection: seen are some 350 bytes; a stack each would be
 * more than 4 KiB. */
#define BYTES_MAX 1500
#define SLACK_KIB 1024

struct message {
	uint32_t connection;
	uint32_t round;
};

struct connection {
	int fd;
	uint32_t served;
	struct message known; /* of the last request */
};

static uint32_t connections;
static struct connection *all;
static struct atomic32 served, ended;
static struct thrum_future *over;
/* Words between the processes: the client reads to_client[0], the server reads to_server[0]. */
static int to_client[2], to_server[2];

static struct message answer_to(struct message m)
{
	return (struct message){.connection = ~m.connection, .round = m.round * 7919 + 1};
}

/* The client, a process of its own. */

static void client_read(int fd, void *buf, size_t n)
{
	size_t have = 0;

	while (have < n) {
		ssize_t r = read(fd, (char *)buf + have, n - have);

		CHECK(r > 0 || (r < 0 && errno == EINTR));
		have += r > 0 ? (size_t)r : 0;
	}
}

static void client_write(int fd, const void *buf, size_t n)
{
	CHECK(write(fd, buf, n) == (ssize_t)n);
}

static int client_connect(int port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
	return fd;
}

static void client_round(const int *fds, uint32_t round)
{
	for (uint32_t i = 0; i < connections; i++) {
		struct message m = {.connection = i, .round = round};

		client_write(fds[i], &m, sizeof(m));
	}
	for (uint32_t i = 0; i < connections; i++) {
		struct message m = {.connection = i, .round = round}, got;
		struct message want = answer_to(m);

		client_read(fds[i], &got, sizeof(got));
		CHECK(got.connection == want.connection && got.round == want.round);
	}
}

static int client_main(void)
{
	int *fds = calloc(connections, sizeof(*fds));
	int port;

	CHECK(fds);
	client_read(to_client[0], &port, sizeof(port));
	for (uint32_t i = 0; i < connections; i++)
		fds[i] = client_connect(port);
	for (uint32_t round = 0; round < ROUNDS; round++) {
		char go;

		client_read(to_client[0], &go, 1);
		client_round(fds, round);
		client_write(to_server[1], &go, 1);
	}
	for (uint32_t i = 0; i < connections; i++)
		CHECK(close(fds[i]) == 0);
	free(fds);
	return 0;
}

/* The server. */

/* All of @n bytes, or 0 at the end. */
static ssize_t read_all(int fd, void *buf, size_t n)
{
	size_t have = 0;

	while (have < n) {
		ssize_t r = thrum_read(fd, (char *)buf + have, n - have);

		CHECK(r >= 0 && (r > 0 || have == 0));
		if (r == 0)
			return 0;
		have += (size_t)r;
	}
	return (ssize_t)n;
}

static intptr_t serve(void *arg);

static void wait_for_next(struct connection *c)
{
	struct thrum_future *f = thrum_spawn_when_readable(c->fd, serve, c);

	CHECK(f);
	thrum_release(f);
}

static intptr_t serve(void *arg)
{
	struct connection *c = arg;
	struct message m, answer;

	if (read_all(c->fd, &m, sizeof(m)) == 0) {
		CHECK(thrum_close(c->fd) == 0);
		CHECK(c->served == ROUNDS);
		if (fetch_add_acq_rel(&ended, 1) == connections - 1)
			CHECK(thrum_future_set(over, 0) == 0);
		return 0;
	}
	CHECK(m.round == c->served);
	CHECK(c->served == 0 || m.connection == c->known.connection);
	c->known = m;
	c->served++;
	fetch_add_acq_rel(&served, 1);
	answer = answer_to(m);
	wait_for_next(c); /* before the answer: the next request may start it at once */
	CHECK(thrum_write(c->fd, &answer, sizeof(answer)) == sizeof(answer));
	return 0;
}

static void check_memory(const char *when, long before_kib)
{
	long kib = status_of("VmRSS") - before_kib;

	printf("%u connections idle %s: %ld bytes each\n", connections, when,
	       kib * 1024 / (long)connections);
	if (!INSTRUMENTED && !hostile_poller()) /* which starts tasks for nothing */
		CHECK(kib < SLACK_KIB + (long)connections * BYTES_MAX / 1024);
}

static intptr_t server_main(void *unused)
{
	int listener = thrum_tcp_listen("127.0.0.1", "0", 0, 0);
	int port = thrum_local_port(listener);
	long before_kib = status_of("VmRSS");
	char go = 'g';

	(void)unused;
	CHECK(listener >= 0 && port > 0);
	over = thrum_future_create();
	CHECK(over);
	CHECK(thrum_write(to_client[1], &port, sizeof(port)) == sizeof(port));
	for (uint32_t i = 0; i < connections; i++) {
		all[i].fd = thrum_accept(listener, NULL, NULL);
		CHECK(all[i].fd >= 0);
		wait_for_next(&all[i]);
	}
	check_memory("at first", before_kib);
	for (uint32_t round = 0; round < ROUNDS; round++) {
		CHECK(thrum_write(to_client[1], &go, 1) == 1);
		CHECK(read_all(to_server[0], &go, 1) == 1);
		CHECK(load_acquire(&served) == (round + 1) * connections);
	}
	CHECK(thrum_await(over) == 0);
	thrum_release(over);
	CHECK(load_acquire(&ended) == connections);
	return thrum_close(listener);
}

/* False: there are not as many descriptors to be had. */
static bool raise_limit(void)
{
	struct rlimit limit;

	CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	limit.rlim_cur = limit.rlim_max;
	CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	if (limit.rlim_cur >= connections + 64)
		return true;
	printf("io_connections: skipped: %u connections, and no more than %llu descriptors here\n",
	       connections, (unsigned long long)limit.rlim_cur);
	return false;
}

int main(void)
{
	struct thrum_stats stats;
	int fds, status;
	pid_t client;

	connections = (uint32_t)scaled_io(15000);
	if (!raise_limit())
		return 77;
	all = calloc(connections, sizeof(*all));
	CHECK(all && pipe(to_client) == 0 && pipe(to_server) == 0);
	memset(all, 1, connections * sizeof(*all)); /* in memory before it is measured */
	memset(all, 0, connections * sizeof(*all));
	fflush(stdout);
	client = fork();
	CHECK(client >= 0);
	if (client == 0) {
		close(to_client[1]);
		close(to_server[0]);
		_exit(client_main());
	}
	close(to_client[0]);
	close(to_server[1]);
	fds = descriptors();
	stats = run_to_the_end(server_main);
	CHECK(stats.spawned == 1 + (uint64_t)connections * (ROUNDS + 1));
	CHECK(descriptors() == fds);
	CHECK(waitpid(client, &status, 0) == client && status == 0);
	free(all);
	return 0;
}
