/* SPDX-License-Identifier: MIT */
/*
 * net.h - connections: listen, accept, connect, names.
 *
 * All of them, where not said otherwise: Called from: a task.  Suspends: yes.  Cancellation point:
 * yes.  Returns: a descriptor or 0, or -errno; -ECANCELED, -ETIMEDOUT: nothing was done and no
 * descriptor is left open; -EBADF, -ENOMEM, -EPERM, -ENOTSUP as in io.h.
 */
#ifndef THRUM_NET_H
#define THRUM_NET_H

#include <netdb.h>
#include <sys/socket.h>
#include <thrum/io.h>
#include <thrum/result.h>

#ifdef __cplusplus
extern "C" {
#endif

struct addrinfo; /* <netdb.h> has it only beyond ISO C */

/* thrum_accept - accept(2); thrum_accept4 - accept4(2), SOCK_NONBLOCK in @flags.  The new
 * descriptor is close-on-exec.  With no descriptor left (EMFILE, ENFILE) or no memory (ENOBUFS,
 * ENOMEM) it backs off, from 1 ms up to 100 ms, and tries again; connections that died in the queue
 * are passed over. */
THRUM_MUST_CHECK int thrum_accept(int fd, struct sockaddr *addr, socklen_t *len);
THRUM_MUST_CHECK int thrum_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags);

/* thrum_connect - connect(2).  Cut short, the attempt goes on in the kernel: close the
 * descriptor. */
THRUM_MUST_CHECK int thrum_connect(int fd, const struct sockaddr *addr, socklen_t len);

/*
 * thrum_getaddrinfo - getaddrinfo(3) on the name class of the blocking pool, which files never
 * fill; free *@out by freeaddrinfo.
 *
 * Numeric addresses and ports, and no address at all, are answered at once.  A look-up that has
 * started goes on to its end on its thread; a caller who is cancelled or whose deadline passes
 * leaves it behind.
 * Returns: 0; an EAI_ code as getaddrinfo(3), for gai_strerror (no memory: EAI_MEMORY; the pool's
 * queue is full, or the runtime ends: EAI_AGAIN; what is behind EAI_SYSTEM is not told);
 * -ECANCELED, -ETIMEDOUT, -EPERM, -ENOTSUP.
 */
THRUM_MUST_CHECK int thrum_getaddrinfo(const char *node, const char *service,
				       const struct addrinfo *hints, struct addrinfo **out);

/* Options of a listening socket. */
#define THRUM_LISTEN_REUSEPORT 1u /* SO_REUSEPORT: several sockets share the port */
#define THRUM_LISTEN_V6ONLY 2u

/*
 * thrum_tcp_listen - a listening TCP socket at @host and @port.
 *
 * @host: a name or an address, of a name's addresses the first that can be had; NULL: every address
 * (IPv6 and IPv4).  @port: a number up to 65535 or a service's name; "0" takes a free one
 * (thrum_local_port tells which).  SO_REUSEADDR is set.  @backlog: 0: SOMAXCONN.
 * Returns: the descriptor, close-on-exec and non-blocking; -ENOENT: the name is not known; -EAGAIN:
 * no name server answers, or the pool's queue is full; -EINVAL: no port, unknown @flags;
 * -EADDRINUSE and so on.
 * asyncio: start_server.
 */
THRUM_MUST_CHECK int thrum_tcp_listen(const char *host, const char *port, int backlog,
				      unsigned flags);

/*
 * thrum_tcp_connect - a TCP connection to @host and @port, TCP_NODELAY set.
 *
 * The addresses of @host are tried as RFC 8305 says: families in turn, a new attempt each 250 ms
 * or as soon as one failed, the first that connects wins, the others are closed.  At most 16 of
 * them.  @host NULL: this machine.
 * Returns: the descriptor, close-on-exec and non-blocking; -ENOENT, -EAGAIN, -EINVAL: as
 * thrum_tcp_listen; else the last attempt's error.
 * asyncio: open_connection.
 */
THRUM_MUST_CHECK int thrum_tcp_connect(const char *host, const char *port);

/* thrum_unix_listen, thrum_unix_connect - the same for a stream socket at @path (1 to 107 bytes,
 * else -EINVAL, -ENAMETOOLONG; a leading '@' stands for the abstract namespace).  listen fails with
 * -EADDRINUSE if @path exists. */
THRUM_MUST_CHECK int thrum_unix_listen(const char *path, int backlog);
THRUM_MUST_CHECK int thrum_unix_connect(const char *path);

/* thrum_local_port - the port that @fd is bound to, or -errno; -EAFNOSUPPORT: it has none.  Called
 * from: anywhere.  Suspends: no. */
THRUM_MUST_CHECK int thrum_local_port(int fd);

#ifdef __cplusplus
}
#endif
#endif
