/* SPDX-License-Identifier: MIT */
/* test_os_net.c - unit tests of base/os_net.h: what each call returns, and with THRUM_FAULTS that
 * each can be made to fail. */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/os_net.h"
#include "suite.h"

static struct sockaddr_in loopback;

#define ADDR ((struct sockaddr *)&loopback)

/* A listening TCP socket on a free port, whose address is in loopback then. */
static int listens(void)
{
	socklen_t len = sizeof(loopback);
	int fd = thrum__os_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	loopback = (struct sockaddr_in){.sin_family = AF_INET};
	loopback.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(thrum__os_bind(fd, ADDR, sizeof(loopback)), 0);
	ck_assert_int_eq(thrum__os_listen(fd, 8), 0);
	ck_assert_int_eq(thrum__os_getsockname(fd, ADDR, &len), 0);
	ck_assert_uint_ne(loopback.sin_port, 0);
	return fd;
}

START_TEST(a_connection)
{
	struct sockaddr_in peer, own;
	socklen_t len = sizeof(peer);
	int one = 1, got = 0, listening = listens();
	int fd = thrum__os_socket(AF_INET, SOCK_STREAM, 0), other;
	char buf[8];

	ck_assert_int_eq(thrum__os_accept4(listening, NULL, NULL, 0), -EAGAIN);
	ck_assert_int_eq(thrum__os_connect(fd, ADDR, sizeof(loopback)), 0);
	other = thrum__os_accept4(listening, (struct sockaddr *)&peer, &len,
				  SOCK_CLOEXEC | SOCK_NONBLOCK);
	ck_assert_int_ge(other, 0);
	ck_assert_int_eq(fcntl(other, F_GETFD), FD_CLOEXEC);
	len = sizeof(own);
	ck_assert_int_eq(thrum__os_getsockname(fd, (struct sockaddr *)&own, &len), 0);
	ck_assert_uint_eq(own.sin_port, peer.sin_port);
	ck_assert_int_eq(thrum__os_setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)), 0);
	len = sizeof(got);
	ck_assert_int_eq(thrum__os_getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &got, &len), 0);
	ck_assert_int_ne(got, 0);

	ck_assert_int_eq(thrum__os_recv(other, buf, 8, 0), -EAGAIN);
	ck_assert_int_eq(thrum__os_recv(fd, buf, 8, MSG_DONTWAIT), -EAGAIN);
	ck_assert_int_eq(thrum__os_send(other, "abc", 3, 0), 3);
	ck_assert_int_eq(thrum__os_recv(fd, buf, 8, 0), 3);
	ck_assert_mem_eq(buf, "abc", 3);
	thrum__os_close(fd);
	thrum__os_close(other);
	thrum__os_close(listening);
}
END_TEST

START_TEST(messages)
{
	char a[2], b[8], fd_room[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec out[2] = {{"ab", 2}, {"cdef", 4}}, in[2] = {{a, 2}, {b, 8}};
	struct msghdr sent = {.msg_iov = out,
			      .msg_iovlen = 2,
			      .msg_control = fd_room,
			      .msg_controllen = sizeof(fd_room)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&sent);
	struct msghdr got = {.msg_iov = in, .msg_iovlen = 2};
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fds[0], sizeof(int));
	ck_assert_int_eq(thrum__os_sendmsg(fds[0], &sent, 0), 6);
	memset(fd_room, 0, sizeof(fd_room));
	got.msg_control = fd_room;
	got.msg_controllen = sizeof(fd_room);
	ck_assert_int_eq(thrum__os_recvmsg(fds[1], &got, MSG_CMSG_CLOEXEC), 6);
	ck_assert_mem_eq(a, "ab", 2);
	ck_assert_mem_eq(b, "cdef", 4);
	c = CMSG_FIRSTHDR(&got);
	ck_assert_ptr_nonnull(c);
	thrum__os_close(*(int *)CMSG_DATA(c));
	thrum__os_close(fds[0]);
	thrum__os_close(fds[1]);
}
END_TEST

/* The default action of SIGPIPE would end this process. */
START_TEST(sending_raises_no_signal)
{
	struct iovec v = {"x", 1};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	thrum__os_close(fds[1]);
	ck_assert_int_eq(thrum__os_send(fds[0], "x", 1, 0), -EPIPE);
	ck_assert_int_eq(thrum__os_sendmsg(fds[0], &m, 0), -EPIPE);
	thrum__os_close(fds[0]);
}
END_TEST

START_TEST(socket_errors)
{
	char b[1] = {0};
	struct iovec v = {b, 1};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
	socklen_t len = sizeof(loopback);
	int fd = listens();

	ck_assert_int_eq(thrum__os_listen(-1, 1), -EBADF);
	ck_assert_int_eq(thrum__os_bind(fd, ADDR, sizeof(loopback)), -EINVAL);
	ck_assert_int_eq(thrum__os_getsockopt(fd, SOL_SOCKET, -1, b, &len), -ENOPROTOOPT);
	ck_assert_int_eq(thrum__os_setsockopt(fd, SOL_SOCKET, -1, b, 1), -EINVAL);
	thrum__os_close(fd);
	fd = thrum__os_socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(thrum__os_connect(fd, ADDR, sizeof(loopback)), -ECONNREFUSED);
	thrum__os_close(fd);
	ck_assert_int_eq(thrum__os_socket(-1, SOCK_STREAM, 0), -EAFNOSUPPORT);
	ck_assert_int_eq(thrum__os_getsockname(-1, ADDR, &len), -EBADF);
	ck_assert_int_eq(thrum__os_accept4(-1, NULL, NULL, 0), -EBADF);
	ck_assert_int_eq(thrum__os_recv(-1, b, 1, 0), -EBADF);
	ck_assert_int_eq(thrum__os_send(-1, b, 1, 0), -EBADF);
	ck_assert_int_eq(thrum__os_recvmsg(-1, &m, 0), -EBADF);
	ck_assert_int_eq(thrum__os_sendmsg(-1, &m, 0), -EBADF);
}
END_TEST

START_TEST(names)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
				 .ai_socktype = SOCK_STREAM},
			*list = NULL;
	int err = 1;

	ck_assert_int_eq(thrum__os_getaddrinfo("127.0.0.1", "80", &hints, &list, &err), 0);
	ck_assert_int_eq(err, 0);
	ck_assert_uint_eq(((struct sockaddr_in *)list->ai_addr)->sin_port, htons(80));
	ck_assert_ptr_null(list->ai_next);
	thrum__os_freeaddrinfo(list);
	thrum__os_freeaddrinfo(NULL);
	err = 1;
	ck_assert_int_eq(thrum__os_getaddrinfo("no address", "80", &hints, &list, &err),
			 EAI_NONAME);
	ck_assert_int_eq(err, 0);
}
END_TEST

#ifdef THRUM_FAULTS

/* Call the @i-th fault point of os_net.h once, with arguments that would fail with -EBADF at
 * worst.  1000: no such point. */
static int call(int i)
{
	struct addrinfo *list;
	struct msghdr m = {0};
	socklen_t len = 0;
	int err;

	switch (i) {
	case 0:
		return thrum__os_socket(AF_INET, SOCK_STREAM, 0);
	case 1:
		return thrum__os_bind(-1, ADDR, 0);
	case 2:
		return thrum__os_listen(-1, 1);
	case 3:
		return thrum__os_accept4(-1, NULL, NULL, 0);
	case 4:
		return thrum__os_connect(-1, ADDR, 0);
	case 5:
		return thrum__os_getsockopt(-1, SOL_SOCKET, SO_ERROR, &err, &len);
	case 6:
		return thrum__os_setsockopt(-1, SOL_SOCKET, SO_ERROR, &err, len);
	case 7:
		return thrum__os_getsockname(-1, ADDR, &len);
	case 8:
		return (int)thrum__os_recv(-1, NULL, 0, 0);
	case 9:
		return (int)thrum__os_send(-1, NULL, 0, 0);
	case 10:
		return (int)thrum__os_recvmsg(-1, &m, 0);
	case 11:
		return (int)thrum__os_sendmsg(-1, &m, 0);
	case 12:
		return thrum__os_getaddrinfo("127.0.0.1", "80", NULL, &list, &err);
	}
	return 1000;
}

START_TEST(each_point_fails_as_documented)
{
	static const int errors[] = {
	    -EMFILE,  -EADDRINUSE, -EADDRINUSE, -EMFILE,     -EADDRNOTAVAIL, -ENOBUFS,  -ENOMEM,
	    -ENOBUFS, -ECONNRESET, -ENOBUFS,    -ECONNRESET, -ENOBUFS,       EAI_MEMORY};
	int i, result;

	for (i = 0;; i++) {
		thrum__fault_set(1, false);
		result = call(i);
		if (result == 1000)
			break;
		ck_assert_int_lt(i, (int)(sizeof(errors) / sizeof(errors[0])));
		ck_assert_int_eq(result, errors[i]);
		ck_assert(thrum__fault_fired());
		ck_assert_uint_eq(thrum__fault_count(), 1);
	}
	thrum__fault_set(0, false);
	ck_assert_int_eq(i, (int)(sizeof(errors) / sizeof(errors[0])));
}
END_TEST

#endif

int main(void)
{
	const TTest *const tests[] = {
	    a_connection,
	    messages,
	    sending_raises_no_signal,
	    socket_errors,
	    names,
#ifdef THRUM_FAULTS
	    each_point_fails_as_documented,
#endif
	};

	return RUN_TESTS("os_net", tests);
}
