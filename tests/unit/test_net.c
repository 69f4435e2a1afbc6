/* SPDX-License-Identifier: MIT */
/*
 * test_net.c - listening and connecting over TCP and Unix sockets on this machine: options, ports,
 * names of both kinds, errors that leave no descriptor.
 */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/un.h>

#include <thrum/net.h>

#include "base/os.h"
#include "fds.h"

static int option(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	must(getsockopt(fd, level, name, &value, &len) == 0);
	return value;
}

static void port_text(int fd, char text[8])
{
	int port = thrum_local_port(fd);

	must(port > 0 && port < 65536);
	snprintf(text, 8, "%d", port);
}

/* Piece by piece if need be. */
static void say(int from, int to, const char *text)
{
	size_t n = strlen(text), sent = 0, got = 0;
	char bytes[8] = "";

	while (got < n) {
		ssize_t r = sent < n ? thrum_write(from, text + sent, n - sent) : 0;

		must(r >= 0);
		sent += (size_t)r;
		r = thrum_read(to, bytes + got, sizeof(bytes) - got);
		must(r > 0);
		got += (size_t)r;
	}
	is_text(bytes, text);
}

/* @client is connected to @listener. */
static void use_and_close(int listener, int client)
{
	int server = thrum_accept(listener, NULL, NULL);

	is_ours(client);
	must(server >= 0);
	say(client, server, "ping");
	say(server, client, "pong");
	is_int(thrum_close(client), 0);
	is_int(thrum_close(server), 0);
}

static bool have_ipv6(void)
{
	struct sockaddr_in6 addr = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool have = fd >= 0 && bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0;

	if (fd >= 0)
		close(fd);
	return have;
}

TASK_TEST(tcp, 2)
{
	int before = fds_open();
	int l = thrum_tcp_listen("127.0.0.1", "0", 0, 0);
	char port[8];
	int c;

	is_ours(l);
	is_int(option(l, SOL_SOCKET, SO_REUSEADDR), 1);
	is_int(option(l, SOL_SOCKET, SO_REUSEPORT), 0);
	port_text(l, port);
	c = thrum_tcp_connect("127.0.0.1", port);
	is_ours(c);
	must(option(c, IPPROTO_TCP, TCP_NODELAY) != 0);
	use_and_close(l, c);
	is_int(thrum_close(l), 0);
	is_int(fds_open(), before);
}

TASK_TEST(every_address, 1)
{
	int l = thrum_tcp_listen(NULL, "0", 8, 0);
	char port[8];

	is_ours(l);
	port_text(l, port);
	use_and_close(l, thrum_tcp_connect("127.0.0.1", port));
	if (have_ipv6())
		use_and_close(l, thrum_tcp_connect("::1", port));
	use_and_close(l, thrum_tcp_connect(NULL, port));
	is_int(thrum_close(l), 0);
}

TASK_TEST(ipv6_alone, 1)
{
	char port[8];
	int l;

	if (!have_ipv6())
		return;
	is_int(thrum_tcp_listen("127.0.0.1", "0", 0, THRUM_LISTEN_V6ONLY), -ENOENT);
	l = thrum_tcp_listen(NULL, "0", 0, THRUM_LISTEN_V6ONLY);
	is_ours(l);
	is_int(option(l, IPPROTO_IPV6, IPV6_V6ONLY), 1);
	port_text(l, port);
	is_int(thrum_tcp_connect("127.0.0.1", port), -ECONNREFUSED);
	use_and_close(l, thrum_tcp_connect("::1", port));
	is_int(thrum_close(l), 0);
	l = thrum_tcp_listen("::", "0", 0, 0);
	is_int(option(l, IPPROTO_IPV6, IPV6_V6ONLY), 0);
	is_int(thrum_close(l), 0);
}

TASK_TEST(a_port_may_be_shared, 1)
{
	int l = thrum_tcp_listen("127.0.0.1", "0", 0, THRUM_LISTEN_REUSEPORT);
	int before = fds_open(), second;
	char port[8];

	is_ours(l);
	port_text(l, port);
	is_int(thrum_tcp_listen("127.0.0.1", port, 0, 0), -EADDRINUSE);
	is_int(fds_open(), before);
	second = thrum_tcp_listen("127.0.0.1", port, 0, THRUM_LISTEN_REUSEPORT);
	is_ours(second);
	is_int(thrum_local_port(second), thrum_local_port(l));
	is_int(thrum_close(l), 0);
	is_int(thrum_close(second), 0);
}

TASK_TEST(a_service_s_name_is_a_port, 1)
{
	int r = thrum_tcp_connect("127.0.0.1", "tcpmux"); /* port 1 */

	must(r == -ECONNREFUSED || r == -ENOENT /* no list of services */);
	is_int(thrum_tcp_connect("127.0.0.1", "no-such-service"), -ENOENT);
}

TASK_TEST(what_is_no_port, 1)
{
	static const char *const bad[] = {"", "-1", "+1", " 1", "65536", "99999999999999999999",
					  "!"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		is_int(thrum_tcp_listen("127.0.0.1", bad[i], 0, 0), -EINVAL);
		is_int(thrum_tcp_connect("127.0.0.1", bad[i]), -EINVAL);
	}
	is_int(thrum_tcp_connect("127.0.0.1", NULL), -EINVAL);
	is_int(thrum_tcp_listen(NULL, "0", 0, 4), -EINVAL);
}

TASK_TEST(local_port_of_others, 1)
{
	int ends[2];

	must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	is_int(thrum_local_port(ends[0]), -EAFNOSUPPORT);
	close(ends[0]);
	close(ends[1]);
	must(pipe(ends) == 0);
	is_int(thrum_local_port(ends[0]), -ENOTSOCK);
	close(ends[0]);
	close(ends[1]);
	is_int(thrum_local_port(-1), -EBADF);
}

/* ---- Unix sockets ---- */

TASK_TEST(unix_sockets, 2)
{
	char dir[] = "/tmp/thrum-net-XXXXXX", path[64];
	int before = fds_open(), l;

	must(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/socket", dir);
	is_int(thrum_unix_connect(path), -ENOENT);
	l = thrum_unix_listen(path, 0);
	is_ours(l);
	use_and_close(l, thrum_unix_connect(path));
	is_int(thrum_unix_listen(path, 0), -EADDRINUSE);
	is_int(thrum_close(l), 0);
	is_int(thrum_unix_connect(path), -ECONNREFUSED);
	is_int(thrum_unix_listen(path, 0), -EADDRINUSE);
	unlink(path);
	must(rmdir(dir) == 0);
	is_int(fds_open(), before);
}

TASK_TEST(abstract_names, 1)
{
	char name[64];
	int l;

	snprintf(name, sizeof(name), "@thrum-test-net-%d", (int)getpid());
	l = thrum_unix_listen(name, 0);
	is_ours(l);
	use_and_close(l, thrum_unix_connect(name));
	name[strlen(name) - 1]++; /* the length counts */
	is_int(thrum_unix_connect(name), -ECONNREFUSED);
	is_int(thrum_close(l), 0);
}

TASK_TEST(paths_have_a_length, 1)
{
	char path[120] = "@";
	int l;

	is_int(thrum_unix_listen("", 0), -EINVAL);
	is_int(thrum_unix_connect(""), -EINVAL);
	snprintf(path, sizeof(path), "@thrum-test-net-%d-", (int)getpid());
	memset(path + strlen(path), 'x', 107 - strlen(path));
	l = thrum_unix_listen(path, 0);
	is_ours(l);
	use_and_close(l, thrum_unix_connect(path));
	is_int(thrum_close(l), 0);
	path[107] = 'x';
	is_int(thrum_unix_listen(path, 0), -ENAMETOOLONG);
	is_int(thrum_unix_connect(path), -ENAMETOOLONG);
}

static intptr_t task_connect_unix(void *name)
{
	return thrum_unix_connect(name);
}

/* A full queue: those who connect wait for room. */
TASK_TEST(a_full_queue_is_waited_for, 1)
{
	struct thrum_future *fs[8];
	int before = fds_open(), made = 0, l;
	char name[64];

	snprintf(name, sizeof(name), "@thrum-test-net-%d-full", (int)getpid());
	l = thrum_unix_listen(name, 1);
	is_ours(l);
	for (int i = 0; i < 8; i++)
		fs[i] = thrum_spawn(task_connect_unix, name);
	is_int(thrum_sleep(THRUM_MS(1)), 0);
	for (int i = 0; i < 8; i++)
		made += thrum_done(fs[i]);
	is_int(made, 2); /* listen(2): one more than its number */
	for (int i = 0; i < 7; i++)
		is_int(thrum_close(thrum_accept(l, NULL, NULL)), 0);
	is_int(thrum_close(l), 0); /* whoever is still outside is refused */
	made = 0;
	for (int i = 0; i < 8; i++) {
		intptr_t fd = thrum_join(fs[i]);

		must(fd >= 0 || fd == -ECONNREFUSED);
		made += fd >= 0;
		if (fd >= 0)
			is_int(thrum_close((int)fd), 0);
	}
	must(made == 7 || made == 8); /* the eighth came before the close, or not */
	is_int(fds_open(), before);
}

TASK_TEST(a_cancelled_wait_for_room, 1)
{
	int before = fds_open(), l, first, second;
	struct thrum_future *f;
	char name[64];

	snprintf(name, sizeof(name), "@thrum-test-net-%d-room", (int)getpid());
	l = thrum_unix_listen(name, 1);
	first = thrum_unix_connect(name);
	second = thrum_unix_connect(name);
	f = thrum_spawn(task_connect_unix, name);
	is_int(thrum_sleep(THRUM_MS(1)), 0);
	must(!thrum_done(f));
	thrum_cancel(f);
	is_int(thrum_join(f), -ECANCELED);
	is_int(thrum_close(first), 0);
	is_int(thrum_close(second), 0);
	is_int(thrum_close(l), 0);
	is_int(fds_open(), before);
}

/* ---- Who may call ---- */

TASK_TEST(a_cancelled_task_opens_nothing, 1)
{
	int before = fds_open();

	thrum_cancel(thrum_self());
	is_int(thrum_tcp_listen(NULL, "0", 0, 0), -ECANCELED);
	is_int(thrum_tcp_listen(NULL, "0", 0, ~0u), -ECANCELED);
	is_int(thrum_tcp_listen(NULL, "no port", 0, 0), -ECANCELED);
	is_int(thrum_tcp_connect(NULL, "1"), -ECANCELED);
	is_int(thrum_tcp_connect(NULL, "no port"), -ECANCELED);
	is_int(thrum_unix_listen("@thrum-test", 0), -ECANCELED);
	is_int(thrum_unix_connect("@thrum-test"), -ECANCELED);
	is_int(fds_open(), before);
}

START_TEST(outside_tasks)
{
	is_int(thrum_tcp_listen(NULL, "0", 0, 0), -EPERM);
	is_int(thrum_tcp_listen(NULL, "0", 0, ~0u), -EPERM);
	is_int(thrum_tcp_listen(NULL, "no port", 0, 0), -EPERM);
	is_int(thrum_tcp_connect(NULL, "1"), -EPERM);
	is_int(thrum_tcp_connect(NULL, "no port"), -EPERM);
	is_int(thrum_unix_listen("@thrum-test", 0), -EPERM);
	is_int(thrum_unix_connect("@thrum-test"), -EPERM);
}
END_TEST

#ifdef THRUM_FAULTS
static int listen_once(void)
{
	return thrum_tcp_listen(NULL, "0", 0, THRUM_LISTEN_REUSEPORT);
}

static int listen_unix_once(void)
{
	char name[64];

	snprintf(name, sizeof(name), "@thrum-test-net-%d-faults", (int)getpid());
	return thrum_unix_listen(name, 0);
}

/* A socket's file is there while it listens, and not if it never did. */
static int listen_at_path_once(void)
{
	char dir[] = "/tmp/thrum-net-XXXXXX", path[64];
	int fd;

	must(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/socket", dir);
	fd = thrum_unix_listen(path, 0);
	is_int(unlink(path), fd >= 0 ? 0 : -1);
	must(rmdir(dir) == 0);
	return fd;
}

/* Fails at each point in turn: an error, and no descriptor is left. */
static void sweep(int (*make)(void))
{
	bool fired = true;

	for (uint64_t n = 1; fired; n++) {
		int before = fds_open(), fd;

		thrum__fault_set(n, false);
		fd = make();
		fired = thrum__fault_fired();
		thrum__fault_set(0, false);
		must(fired || fd >= 0);
		if (fd >= 0)
			is_int(thrum_close(fd), 0);
		is_int(fds_open(), before);
	}
}

TASK_TEST(a_failed_listen_leaves_nothing, 1)
{
	sweep(listen_once);
	sweep(listen_unix_once);
	sweep(listen_at_path_once);
}
#endif

int main(void)
{
	const TTest *const tests[] = {
	    tcp,
	    every_address,
	    ipv6_alone,
	    a_port_may_be_shared,
	    a_service_s_name_is_a_port,
	    what_is_no_port,
	    local_port_of_others,
	    unix_sockets,
	    abstract_names,
	    paths_have_a_length,
	    a_full_queue_is_waited_for,
	    a_cancelled_wait_for_room,
	    a_cancelled_task_opens_nothing,
	    outside_tasks,
#ifdef THRUM_FAULTS
	    a_failed_listen_leaves_nothing,
#endif
	};

	return RUN_TESTS("net", tests);
}
