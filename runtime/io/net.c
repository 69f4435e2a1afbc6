/* SPDX-License-Identifier: MIT */
/*
 * net.c - listening sockets, Unix sockets, a socket's port.
 *
 * A socket that is made here is the library's (thrum__descriptor_made) until thrum_close, which is
 * what gives it back when one of the steps fails.  Only the look-up of a name and connecting wait.
 *
 * What can fail: names, the limit on descriptors, addresses in use: -errno, and nothing is left.
 */
#include "io/net.h"

#include "io/op.h"
#include "sched/worker.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

int thrum__net_socket(int family)
{
	int fd = thrum__os_socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0)
		thrum__descriptor_made(&thrum__tls_worker()->runtime->descriptors, fd);
	return fd;
}

static int set_option(int fd, int level, int name, int value)
{
	return thrum__os_setsockopt(fd, level, name, &value, sizeof(value));
}

static int set_options(int fd, int family, unsigned flags)
{
	int err = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);

	if (!err && (flags & THRUM_LISTEN_REUSEPORT))
		err = set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (!err && family == AF_INET6)
		err = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, !!(flags & THRUM_LISTEN_V6ONLY));
	return err;
}

/* @fd if @err is 0; else it is closed. */
static int keep_or_close(int fd, int err)
{
	if (!err)
		return fd;
	(void)thrum_close(fd);
	return err;
}

static int start_listening(int fd, int backlog)
{
	return thrum__os_listen(fd, backlog > 0 ? backlog : SOMAXCONN);
}

static int listen_at(const struct addrinfo *a, int backlog, unsigned flags)
{
	int fd = thrum__net_socket(a->ai_family);
	int err;

	if (fd < 0)
		return fd;
	err = set_options(fd, a->ai_family, flags);
	if (!err)
		err = thrum__os_bind(fd, a->ai_addr, a->ai_addrlen);
	if (!err)
		err = start_listening(fd, backlog);
	return keep_or_close(fd, err);
}

/* At the first address that can be had. */
static int listen_first(const char *host, const char *port, int family, int backlog, unsigned flags)
{
	struct addrinfo *list;
	int r = thrum__names_look_up(host, port, AI_PASSIVE, family, &list);

	if (r)
		return r;
	r = -ENOENT;
	for (const struct addrinfo *a = list; a && r < 0; a = a->ai_next)
		r = listen_at(a, backlog, flags);
	thrum__os_freeaddrinfo(list);
	return r;
}

int thrum_tcp_listen(const char *host, const char *port, int backlog, unsigned flags)
{
	struct thrum__op op;
	int r = thrum__op_entry(&op);

	if (r)
		return r;
	if (flags & ~(THRUM_LISTEN_REUSEPORT | THRUM_LISTEN_V6ONLY))
		return -EINVAL;
	if (flags & THRUM_LISTEN_V6ONLY)
		return listen_first(host, port, AF_INET6, backlog, flags);
	if (host)
		return listen_first(host, port, AF_UNSPEC, backlog, flags);
	r = listen_first(NULL, port, AF_INET6, backlog, flags); /* takes IPv4, too */
	if (r == -EAFNOSUPPORT || r == -EADDRNOTAVAIL)
		r = listen_first(NULL, port, AF_INET, backlog, flags);
	return r;
}

/* *@len is the address's length; 0, -EINVAL: empty, -ENAMETOOLONG. */
static int unix_address(const char *path, struct sockaddr_un *addr, socklen_t *len)
{
	size_t n = strnlen(path, sizeof(addr->sun_path));

	if (n == 0)
		return -EINVAL;
	if (n == sizeof(addr->sun_path))
		return -ENAMETOOLONG;
	memset(addr, 0, sizeof(*addr));
	addr->sun_family = AF_UNIX;
	memcpy(addr->sun_path, path, n);
	*len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	if (path[0] == '@')
		addr->sun_path[0] = 0; /* such a name ends where the address does */
	else
		++*len;
	return 0;
}

/* A new socket, and @path as an address. */
static int unix_socket(const char *path, struct sockaddr_un *addr, socklen_t *len)
{
	struct thrum__op op;
	int err = thrum__op_entry(&op);

	if (!err)
		err = unix_address(path, addr, len);
	return err ? err : thrum__net_socket(AF_UNIX);
}

int thrum_unix_listen(const char *path, int backlog)
{
	struct sockaddr_un addr;
	socklen_t len = 0;
	int fd = unix_socket(path, &addr, &len), err;

	if (fd < 0)
		return fd;
	err = thrum__os_bind(fd, (struct sockaddr *)&addr, len);
	if (err)
		return keep_or_close(fd, err);
	err = start_listening(fd, backlog);
	if (err && addr.sun_path[0])
		(void)thrum__os_unlink(path); /* which bind has made */
	return keep_or_close(fd, err);
}

int thrum_unix_connect(const char *path)
{
	struct sockaddr_un addr;
	socklen_t len = 0;
	int fd = unix_socket(path, &addr, &len);

	if (fd < 0)
		return fd;
	return keep_or_close(fd, thrum_connect(fd, (struct sockaddr *)&addr, len));
}

int thrum_local_port(int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_storage room;
	} addr;
	socklen_t len = sizeof(addr);
	int err = thrum__os_getsockname(fd, &addr.any, &len);

	if (err)
		return err;
	switch (addr.any.sa_family) {
	case AF_INET:
		return ntohs(addr.in.sin_port);
	case AF_INET6:
		return ntohs(addr.in6.sin6_port);
	}
	return -EAFNOSUPPORT;
}
