/* SPDX-License-Identifier: MIT */
/*
 * test_socket.c - accept and connect, with listening sockets in both modes: they wait, are
 * cancelled, closed, and get over a lack of descriptors.
 */
#define _GNU_SOURCE
#include <sys/resource.h>

#include "base/os.h"
#include "child.h"
#include "io_test.h"

#include <thrum/net.h>

static intptr_t task_accepts(void *fd)
{
	return thrum_accept((int)(intptr_t)fd, NULL, NULL);
}

#define EACH_MODE(flags) for (int flags = 0; flags >= 0; flags = flags ? -1 : SOCK_NONBLOCK)

IO_TEST(accept_waits)
{
	EACH_MODE(flags)
	{
		struct sockaddr_in addr;
		int fd = tcp_listener(&addr, flags);
		struct thrum_future *f = spawn_waiting(task_accepts, as_arg(fd));
		int client = tcp_client(&addr), server = (int)thrum_join(f);

		must(server >= 0);
		must(fcntl(server, F_GETFD) & FD_CLOEXEC);
		is_int(fcntl(server, F_GETFL) & O_NONBLOCK, 0);
		f = spawn_waiting(task_reads_one, as_arg(server));
		is_int(thrum_write(client, "a", 1), 1);
		is_int(thrum_join(f), 'a');
		pair_close((int[]){client, server});
		is_int(thrum_close(fd), 0);
	}
}

IO_TEST(accept4_takes_flags_and_gives_the_address)
{
	struct sockaddr_in addr, peer = {0}, own = {0};
	socklen_t len = sizeof(peer);
	int fd = tcp_listener(&addr, SOCK_NONBLOCK);
	int client = tcp_client(&addr), server;

	server = thrum_accept4(fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK);
	must(server >= 0);
	must(fcntl(server, F_GETFL) & O_NONBLOCK);
	must(getsockname(client, (struct sockaddr *)&own, &len) == 0);
	is_int(peer.sin_port, own.sin_port);
	pair_close((int[]){client, server});
	is_int(thrum_close(fd), 0);
}

IO_TEST(several_acceptors_of_one_socket)
{
	EACH_MODE(flags)
	{
		struct sockaddr_in addr;
		struct thrum_future *fs[5];
		int clients[5];
		int fd = tcp_listener(&addr, flags);

		for (int i = 0; i < 5; i++)
			fs[i] = spawn_waiting(task_accepts, as_arg(fd));
		for (int i = 0; i < 4; i++)
			clients[i] = tcp_client(&addr);
		while (thrum_done(fs[0]) + thrum_done(fs[1]) + thrum_done(fs[2]) +
			   thrum_done(fs[3]) + thrum_done(fs[4]) <
		       4)
			is_int(thrum_yield(), 0);
		/* The fifth goes on waiting, and hears of a close. */
		is_int(thrum_close(fd), 0);
		for (int i = 0, cut = 0; i < 5; i++) {
			intptr_t r = thrum_join(fs[i]);

			must(r >= 0 || (r == -EBADF && !cut++));
			if (r >= 0)
				close((int)r);
		}
		for (int i = 0; i < 4; i++)
			close(clients[i]);
	}
}

IO_TEST(accept_is_cancelled)
{
	EACH_MODE(flags)
	{
		struct sockaddr_in addr;
		int client, server, fd = tcp_listener(&addr, flags);
		struct thrum_future *f = spawn_waiting(task_accepts, as_arg(fd));

		thrum_cancel(f);
		is_int(thrum_join(f), -ECANCELED);
		f = spawn_waiting(task_accepts, as_arg(fd));
		is_int(thrum_wait_for(f, THRUM_MS(1)), -ETIMEDOUT);
		thrum_release(f);
		/* A connection and a cancel: it is returned, or stays in the queue. */
		f = spawn_waiting(task_accepts, as_arg(fd));
		client = tcp_client(&addr);
		thrum_cancel(f);
		server = (int)thrum_join(f);
		if (server == -ECANCELED)
			server = thrum_accept(fd, NULL, NULL);
		must(server >= 0);
		pair_close((int[]){client, server});
		is_int(thrum_close(fd), 0);
	}
}

IO_TEST(what_cannot_be_accepted_from)
{
	EACH_MODE(flags)
	{
		int fd = socket(AF_INET, SOCK_DGRAM | flags, 0), ends[2];

		is_int(thrum_accept(fd, NULL, NULL), -EOPNOTSUPP);
		close(fd);
		pair_make(ends, PIPE, flags);
		is_int(thrum_accept(ends[1], NULL, NULL), -ENOTSOCK);
		pair_close(ends);
		fd = socket(AF_INET, SOCK_STREAM | flags, 0);
		is_int(thrum_accept(fd, NULL, NULL), -EINVAL);
		close(fd);
		is_int(thrum_accept(-1, NULL, NULL), -EBADF);
	}
}

/* With no descriptor left the connection waits in the queue until there is one. */
static void accept_with_none_left(int flags)
{
	struct sockaddr_in addr;
	struct rlimit few, old;
	int fd = tcp_listener(&addr, flags);
	int client = tcp_client(&addr), spare = dup(client), r;
	struct thrum_future *f;
	struct thrum_timeout t;

	must(getrlimit(RLIMIT_NOFILE, &old) == 0);
	few = old;
	few.rlim_cur = (rlim_t)spare + 1;
	must(setrlimit(RLIMIT_NOFILE, &few) == 0);
	f = spawn_waiting(task_accepts, as_arg(fd));
	thrum_timeout_begin(&t, THRUM_MS(5));
	is_int(thrum_await(f), -ETIMEDOUT); /* it tries still */
	must(thrum_timeout_end(&t));
	close(spare);
	r = (int)thrum_join(f);
	is_int(r, spare);
	/* Deadline, cancel and close end a pause. */
	close(client);
	client = tcp_client(&addr); /* with the number that is free again */
	thrum_timeout_begin(&t, THRUM_MS(5));
	is_int(thrum_accept(fd, NULL, NULL), -ETIMEDOUT);
	must(thrum_timeout_end(&t));
	f = spawn_waiting(task_accepts, as_arg(fd));
	thrum_cancel(f);
	is_int(thrum_join(f), -ECANCELED);
	f = spawn_waiting(task_accepts, as_arg(fd));
	is_int(thrum_close(fd), 0);
	is_int(thrum_join(f), -EBADF);
	must(setrlimit(RLIMIT_NOFILE, &old) == 0);
	pair_close((int[]){client, r});
}

static intptr_t task_none_left(void *flags)
{
	accept_with_none_left((int)(intptr_t)flags);
	return 77;
}

/* The limit is the process's. */
static void child_none_left(void)
{
	_exit(run_real(2, task_none_left, as_arg(0)) == 77 &&
		      run_real(2, task_none_left, as_arg(SOCK_NONBLOCK)) == 77
		  ? 33
		  : 1);
}

START_TEST(a_lack_of_descriptors)
{
	char err[4096];
	int status = child_run(child_none_left, err, sizeof(err));

	is_text(err, "");
	must(WIFEXITED(status));
	is_int(WEXITSTATUS(status), 33);
}
END_TEST

IO_TEST(connect_to_a_listener)
{
	EACH_MODE(flags)
	{
		struct sockaddr_in addr;
		int fd = tcp_listener(&addr, SOCK_NONBLOCK);
		int client = socket(AF_INET, SOCK_STREAM | flags, 0), mode, server;

		mode = fcntl(client, F_GETFL);
		is_int(thrum_connect(client, (struct sockaddr *)&addr, sizeof(addr)), 0);
		is_int(fcntl(client, F_GETFL), mode);
		is_int(thrum_connect(client, (struct sockaddr *)&addr, sizeof(addr)), -EISCONN);
		server = thrum_accept(fd, NULL, NULL);
		is_int(thrum_write(client, "c", 1), 1);
		is_int(task_reads_one(as_arg(server)), 'c');
		pair_close((int[]){client, server});
		is_int(thrum_close(fd), 0);
	}
}

IO_TEST(connections_are_refused)
{
	EACH_MODE(flags)
	{
		struct sockaddr_in addr;
		int fd = tcp_listener(&addr, 0), client;

		close(fd);
		client = socket(AF_INET, SOCK_STREAM | flags, 0);
		is_int(thrum_connect(client, (struct sockaddr *)&addr, sizeof(addr)),
		       -ECONNREFUSED);
		is_int(thrum_connect(client, (struct sockaddr *)&addr, 1), -EINVAL);
		is_int(thrum_close(client), 0);
		is_int(thrum_connect(client, (struct sockaddr *)&addr, sizeof(addr)), -EBADF);
	}
}

struct attempt {
	int fd;
	const struct sockaddr *addr;
	socklen_t len;
};

static intptr_t task_connects(void *attempt)
{
	struct attempt *a = attempt;

	return thrum_connect(a->fd, a->addr, a->len);
}

/* A full queue: TCP's attempt goes on in the kernel, a Unix socket's does not begin. */
IO_TEST(connect_waits)
{
	struct sockaddr_in addr;
	int clients[16], n = 0, server, fd = tcp_listener(&addr, SOCK_NONBLOCK);
	struct attempt a = {.addr = (struct sockaddr *)&addr, .len = sizeof(addr)};
	struct thrum_future *f;

	must(listen(fd, 0) == 0);
	for (;;) {
		struct pollfd p = {.events = POLLOUT};

		p.fd = clients[n++] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(p.fd, a.addr, a.len);
		if (poll(&p, 1, 20) == 0 || n == 16)
			break;
	}
	must(n < 16);
	EACH_MODE(flags)
	{
		a.fd = socket(AF_INET, SOCK_STREAM | flags, 0);
		f = spawn_waiting(task_connects, &a);
		thrum_cancel(f);
		is_int(thrum_join(f), -ECANCELED);
		close(a.fd);
		a.fd = socket(AF_INET, SOCK_STREAM | flags, 0);
		f = spawn_waiting(task_connects, &a);
		is_int(thrum_close(a.fd), 0);
		is_int(thrum_join(f), -EBADF);
	}
	a.fd = clients[n - 1]; /* it is under way */
	f = spawn_waiting(task_connects, &a);
	for (int i = 0; i < n; i++) {
		server = thrum_accept(fd, NULL, NULL);
		must(server >= 0);
		is_int(thrum_close(server), 0);
	}
	is_int(thrum_join(f), 0);
	while (n)
		close(clients[--n]);
	is_int(thrum_close(fd), 0);
}

IO_TEST(connect_to_a_full_unix_socket)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct attempt a = {.addr = (struct sockaddr *)&addr, .len = sizeof(addr)};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), first, server;

	snprintf(addr.sun_path + 1, sizeof(addr.sun_path) - 1, "thrum-socket-%d", (int)getpid());
	must(bind(fd, a.addr, a.len) == 0 && listen(fd, 0) == 0);
	EACH_MODE(flags)
	{
		struct thrum_future *f;

		first = socket(AF_UNIX, SOCK_STREAM | flags, 0);
		is_int(thrum_connect(first, a.addr, a.len), 0);
		a.fd = socket(AF_UNIX, SOCK_STREAM | flags, 0);
		f = spawn_waiting(task_connects, &a);
		thrum_cancel(f);
		is_int(thrum_join(f), -ECANCELED);
		f = spawn_waiting(task_connects, &a);
		server = thrum_accept(fd, NULL, NULL);
		must(server >= 0);
		is_int(thrum_join(f), 0);
		close(server);
		server = thrum_accept(fd, NULL, NULL);
		must(server >= 0);
		close(server);
		pair_close((int[]){first, a.fd});
	}
	is_int(thrum_close(fd), 0);
}

int main(void)
{
	const TTest *const tests[] = {
	    accept_waits,
	    accept4_takes_flags_and_gives_the_address,
	    several_acceptors_of_one_socket,
	    accept_is_cancelled,
	    what_cannot_be_accepted_from,
	    a_lack_of_descriptors,
	    connect_to_a_listener,
	    connections_are_refused,
	    connect_waits,
	    connect_to_a_full_unix_socket,
	};

	return RUN_TESTS("socket", tests);
}
