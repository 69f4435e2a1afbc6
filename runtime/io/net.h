/* SPDX-License-Identifier: MIT */
/* net.h - what net.c, net_names.c and net_connect.c share. */
#ifndef THRUM_IO_NET_H
#define THRUM_IO_NET_H

#include <netdb.h>

/*
 * thrum__names_look_up - the TCP addresses of @host and @port, for the current task, whose call has
 * been checked (thrum__op_entry).
 *
 * @flags, @family: of struct addrinfo's hints.
 * Returns: 0: *@out is to be freed by thrum__os_freeaddrinfo; -EINVAL: @port is no port; -ENOENT:
 * not known; -EAGAIN: no name server answers, or the pool's queue is full; -ENOMEM, -ECANCELED,
 * -ETIMEDOUT, -ESHUTDOWN.
 */
int thrum__names_look_up(const char *host, const char *port, int flags, int family,
			 struct addrinfo **out);

/* A new stream socket, close-on-exec and non-blocking, the library's; or -errno.  From a task. */
int thrum__net_socket(int family);

#endif
