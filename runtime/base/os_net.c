/* SPDX-License-Identifier: MIT */
/* os_net.c - the seam of os_net.h: sockets and names.  It keeps no state. */
#define _GNU_SOURCE

#include "base/os_net.h"

#include <limits.h>

#include "base/os_fault.h"

/* ---- Making and asking ---- */

int thrum__os_socket(int domain, int type, int protocol)
{
	FAULT_POINT(-EMFILE);
	return (int)result(socket(domain, type, protocol));
}

int thrum__os_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	FAULT_POINT(-EADDRINUSE);
	return (int)result(bind(fd, addr, len));
}

int thrum__os_listen(int fd, int backlog)
{
	FAULT_POINT(-EADDRINUSE);
	return (int)result(listen(fd, backlog));
}

int thrum__os_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	FAULT_POINT(-EMFILE);
	PERTURB(thrum__perturb(fd, false, NULL));
	return (int)result(accept4(fd, addr, len, flags));
}

int thrum__os_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	int err;

	FAULT_POINT(-EADDRNOTAVAIL);
	PERTURB(thrum__perturb_interrupt());
	err = (int)result(connect(fd, addr, len));
	if (err == -EINPROGRESS) /* interrupted or not, the attempt goes on */
		PERTURB(thrum__perturb_interrupt());
	return err;
}

int thrum__os_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	FAULT_POINT(-ENOBUFS);
	return (int)result(getsockopt(fd, level, name, value, len));
}

int thrum__os_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	FAULT_POINT(-ENOMEM);
	return (int)result(setsockopt(fd, level, name, value, len));
}

int thrum__os_getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
	FAULT_POINT(-ENOBUFS);
	return (int)result(getsockname(fd, addr, len));
}

/* ---- Transfers ---- */

ssize_t thrum__os_recv(int fd, void *buf, size_t size, int flags)
{
	FAULT_POINT(-ECONNRESET);
	PERTURB(thrum__perturb(fd, flags & MSG_DONTWAIT, &size));
	return result(recv(fd, buf, size, flags));
}

ssize_t thrum__os_send(int fd, const void *buf, size_t size, int flags)
{
	FAULT_POINT(-ENOBUFS);
	PERTURB(thrum__perturb(fd, flags & MSG_DONTWAIT, &size));
	return result(send(fd, buf, size, flags | MSG_NOSIGNAL));
}

/* What goes with the data stays as it is: it travels with the first byte. */
static int perturb_message(int fd, int flags, struct msghdr *m, struct iovec *one)
{
	const struct iovec *v = m->msg_iov;
	int n = (int)m->msg_iovlen;
	int err;

	if (m->msg_iovlen > IOV_MAX)
		return 0; /* fails anyway */
	err = thrum__perturb_vector(fd, flags & MSG_DONTWAIT, &v, &n, one);
	m->msg_iov = (struct iovec *)v;
	m->msg_iovlen = (size_t)n;
	return err;
}

ssize_t thrum__os_recvmsg(int fd, struct msghdr *m, int flags)
{
	struct iovec *v = m->msg_iov, one;
	size_t n = m->msg_iovlen;
	ssize_t r;

	FAULT_POINT(-ECONNRESET);
	PERTURB(perturb_message(fd, flags, m, &one));
	r = result(recvmsg(fd, m, flags));
	m->msg_iov = v;
	m->msg_iovlen = n;
	return r;
}

ssize_t thrum__os_sendmsg(int fd, const struct msghdr *m, int flags)
{
	struct msghdr sent = *m;
	struct iovec one;

	FAULT_POINT(-ENOBUFS);
	PERTURB(perturb_message(fd, flags, &sent, &one));
	return result(sendmsg(fd, &sent, flags | MSG_NOSIGNAL));
}

/* ---- Names ---- */

int thrum__os_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
			  struct addrinfo **out, int *err)
{
	int code;

	*err = 0;
	FAULT_POINT(EAI_MEMORY);
	code = getaddrinfo(node, service, hints, out);
	if (code == EAI_SYSTEM)
		*err = -errno;
	return code;
}

void thrum__os_freeaddrinfo(struct addrinfo *list)
{
	if (list)
		freeaddrinfo(list);
}
