/* SPDX-License-Identifier: MIT */
/*
 * os_net.h - the seam's system calls on sockets, and names.  All that os.h says holds here; its F
 * and P too.
 *
 * Nothing here raises SIGPIPE: who sends adds MSG_NOSIGNAL.
 */
#ifndef THRUM_BASE_OS_NET_H
#define THRUM_BASE_OS_NET_H

#include <netdb.h>
#include <sys/socket.h>

#include "base/os.h"

/* As in POSIX, but for the way of the error. */
OS_CALL int thrum__os_socket(int domain, int type, int protocol);               /* F EMFILE */
OS_CALL int thrum__os_bind(int fd, const struct sockaddr *addr, socklen_t len); /* F EADDRINUSE */
OS_CALL int thrum__os_listen(int fd, int backlog);                              /* F EADDRINUSE */
OS_CALL int thrum__os_accept4(int fd, struct sockaddr *addr, socklen_t *len,
			      int flags); /* F EMFILE, P */
OS_CALL int thrum__os_connect(int fd, const struct sockaddr *addr,
			      socklen_t len); /* F EADDRNOTAVAIL, P */
OS_CALL int thrum__os_getsockopt(int fd, int level, int name, void *value,
				 socklen_t *len); /* F ENOBUFS */
OS_CALL int thrum__os_setsockopt(int fd, int level, int name, const void *value,
				 socklen_t len);                                  /* F ENOMEM */
OS_CALL int thrum__os_getsockname(int fd, struct sockaddr *addr, socklen_t *len); /* F ENOBUFS */

OS_CALL ssize_t thrum__os_recv(int fd, void *buf, size_t size, int flags); /* F ECONNRESET, P */
OS_CALL ssize_t thrum__os_send(int fd, const void *buf, size_t size, int flags); /* F ENOBUFS, P */
OS_CALL ssize_t thrum__os_recvmsg(int fd, struct msghdr *m, int flags);       /* F ECONNRESET, P */
OS_CALL ssize_t thrum__os_sendmsg(int fd, const struct msghdr *m, int flags); /* F ENOBUFS, P */

/* 0, or an EAI_ code; with EAI_SYSTEM *@err is the -errno behind it, else 0.  Blocks.
 * F: EAI_MEMORY. */
OS_CALL int thrum__os_getaddrinfo(const char *node, const char *service,
				  const struct addrinfo *hints, struct addrinfo **out, int *err);
OS_CALL void thrum__os_freeaddrinfo(struct addrinfo *list); /* NULL does nothing */

#endif
