/* SPDX-License-Identifier: MIT */
/*
 * io.h - reading, writing and waiting on any descriptor: POSIX's names, arguments and results; the
 * fiber waits instead of the thread.
 *
 * A descriptor may be a socket, a pipe, a terminal, a file or anything else, in blocking or
 * non-blocking mode, made by the library or not; its mode is left as it is.  Each call tries first
 * and waits only if it would block; it never returns -EAGAIN for that (but with MSG_DONTWAIT or
 * SPLICE_F_NONBLOCK in @flags it does not wait).  Any number of tasks may wait on one descriptor.
 * SIGPIPE is never raised: -EPIPE.  What epoll cannot watch (files) is done by the file class of
 * the blocking pool.  The same for what the kernel cannot be asked without blocking (a terminal or
 * a listening socket in blocking mode, once it is ready).  Should another process be faster, that
 * thread waits; what ends the call ends its wait by a signal, SIGRTMAX - 3 or the next below it
 * that nobody has a handler for.  It gets an empty one, and is unblocked in such threads alone.
 * A buffer belongs to the call until it returns.  SO_RCVTIMEO and SO_SNDTIMEO are not heard: see
 * thrum_timeout_begin.  A socket that the library made (accepted, connected, listening) is best
 * closed by thrum_close (of any runtime): it is watched once, and not before each wait.  close(2)
 * does as well when no call on it is pending, but a wait on what comes next under its number may
 * then hear some 50 ms late that it is ready.  Having found that, the runtime watches what it makes
 * from then on before each wait.
 *
 * All of them: Called from: a task.  Suspends: yes.  Cancellation point: yes, also when the call
 * need not wait.  What was transferred is never lost: a call that moved bytes and is then cut short
 * (an error, a cancel, a deadline) returns their number, and the next call returns why; that it was
 * a deadline thrum_timeout_end tells as well, and thrum_cancel_requested a cancel.
 * Returns: what the system call returns, or -errno; -ECANCELED, -ETIMEDOUT: nothing was done;
 * -EBADF: also when the descriptor is closed by thrum_close during the call; -ENOMEM; -EAGAIN: the
 * pool's queue is full; -EPERM outside a task; -ENOTSUP in a forked child.
 */
#ifndef THRUM_IO_H
#define THRUM_IO_H

#include <poll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <thrum/result.h>

#ifdef __cplusplus
extern "C" {
#endif

/* thrum_read, thrum_readv - read(2), readv(2): some bytes; 0 at the end. */
THRUM_MUST_CHECK ssize_t thrum_read(int fd, void *buf, size_t n);
THRUM_MUST_CHECK ssize_t thrum_readv(int fd, const struct iovec *v, int count);
/* thrum_write, thrum_writev - write(2), writev(2): on a blocking descriptor all bytes, as POSIX has
 * it; fewer only if cut short by an error, a cancel or a deadline after some were written.  On a
 * non-blocking one: some. */
THRUM_MUST_CHECK ssize_t thrum_write(int fd, const void *buf, size_t n);
THRUM_MUST_CHECK ssize_t thrum_writev(int fd, const struct iovec *v, int count);
/* thrum_recv, thrum_send, thrum_recvmsg, thrum_sendmsg - as recv(2) and its kin; @flags too, but
 * MSG_WAITALL waits neither with MSG_PEEK nor with a control buffer.  Sending: all or some bytes as
 * thrum_write. */
THRUM_MUST_CHECK ssize_t thrum_recv(int fd, void *buf, size_t n, int flags);
THRUM_MUST_CHECK ssize_t thrum_send(int fd, const void *buf, size_t n, int flags);
THRUM_MUST_CHECK ssize_t thrum_recvmsg(int fd, struct msghdr *m, int flags);
THRUM_MUST_CHECK ssize_t thrum_sendmsg(int fd, const struct msghdr *m, int flags);
/* thrum_sendfile - sendfile(2): up to @n bytes of file @in, from *@offset (moved on) or the file's
 * own position, to @out: all up to the end of @in, or some, as thrum_write.  With @offset and a
 * non-blocking @out it is cheapest. */
THRUM_MUST_CHECK ssize_t thrum_sendfile(int out, int in, off_t *offset, size_t n);
/* thrum_splice - splice(2): up to @n bytes from @in, from *@off_in (moved on) or its own position,
 * to @out, likewise; one of both is a pipe.  Some bytes, when there are any and room for one; 0 at
 * the end.  To a blocking socket all that the pipe has.  @flags too (they stand in <fcntl.h>, with
 * _GNU_SOURCE); with SPLICE_F_NONBLOCK it waits for neither end.  Where an end is a blocking socket
 * or terminal the pool moves the bytes; a non-blocking one is cheaper. */
THRUM_MUST_CHECK ssize_t thrum_splice(int in, off_t *off_in, int out, off_t *off_out, size_t n,
				      unsigned flags);
/* thrum_poll - poll(2): @timeout_ms below 0 is for ever.  Several descriptors; for one of them any
 * other call is cheaper.  POLLPRI ends a wait as any other event does. */
THRUM_MUST_CHECK int thrum_poll(struct pollfd *fds, nfds_t n, int timeout_ms);

/*
 * thrum_close - close(2).  Pending calls on @fd, of any runtime, return -EBADF; when all have left,
 * it is closed.
 * Neither a cancel nor a deadline keeps it from its work.
 */
int thrum_close(int fd);

#ifdef __cplusplus
}
#endif
#endif
