/* SPDX-License-Identifier: MIT */
/*
 * stream.h - buffered reading and writing over a descriptor: lines, exact counts, peeking, writes
 * that are gathered and held back when the other side is slow.
 *
 * A stream has one reading and one writing task at a time (they may be two); a second is -EBUSY.
 * What a call that was cancelled or timed out had read stays in the buffer.
 *
 * All of them, where not said otherwise: Called from: a task.  Suspends: yes.  Cancellation point:
 * yes, even if the buffer would do.
 * Returns: as the call says, or -errno as in io.h.
 */
#ifndef THRUM_STREAM_H
#define THRUM_STREAM_H

#include <thrum/io.h>
#include <thrum/result.h>

#ifdef __cplusplus
extern "C" {
#endif

struct thrum_stream;

/*
 * thrum_stream_create - a stream over @fd, which it owns from now on.
 *
 * @buffer_bytes: the read buffer, which bounds a line and a peek, and the high-water mark of
 * writing; 0: 64 KiB; 16 to 1 GiB.  Memory is taken when it is needed: an idle stream has 2 KiB.
 * Called from: anywhere.  Suspends: no.
 * Returns: NULL: no memory, or @buffer_bytes out of its range; @fd is still the caller's.
 */
struct thrum_stream *thrum_stream_create(int fd, size_t buffer_bytes);

/* thrum_stream_close - write what is buffered, close the descriptor, free the stream.  It always
 * closes and frees; neither cancel nor deadline keeps it from that, but they cut the writing short.
 * Calls that other tasks wait in return -EBADF; no new ones may begin.
 * Returns: 0, or why not all was written; -EBUSY: another task is writing; -EPERM outside a task:
 * nothing was done. */
int thrum_stream_close(struct thrum_stream *s);

/* thrum_stream_fd - the descriptor, still the stream's.  Called from: anywhere.  Suspends: no. */
int thrum_stream_fd(const struct thrum_stream *s);

/* thrum_stream_read - up to @n bytes, at least one; 0 at the end, then and for ever. */
THRUM_MUST_CHECK ssize_t thrum_stream_read(struct thrum_stream *s, void *buf, size_t n);
/* thrum_stream_read_exactly - @n bytes: @n; fewer only at the end (asyncio: IncompleteReadError's
 * partial); with an error what had come stays in the stream as far as the buffer holds it, else the
 * number of bytes is returned and the error by the next call. */
THRUM_MUST_CHECK ssize_t thrum_stream_read_exactly(struct thrum_stream *s, void *buf, size_t n);
/*
 * thrum_stream_read_until - up to and with the first @delimiter (1 to 64 bytes).
 * thrum_stream_read_line - the same for "\n".
 *
 * *@out points into the stream's buffer until its next read; not terminated by a zero.
 * Returns: the length, delimiter included, at most @limit (0, and at most: the buffer's size); at
 * the end without one: what is left (0: nothing); -EMSGSIZE: the next @limit bytes hold no whole
 * delimiter (nothing was taken); -EINVAL: @length.
 */
THRUM_MUST_CHECK ssize_t thrum_stream_read_until(struct thrum_stream *s, const void *delimiter,
						 size_t length, size_t limit, char **out);
THRUM_MUST_CHECK ssize_t thrum_stream_read_line(struct thrum_stream *s, size_t limit, char **out);
/* thrum_stream_peek - what is buffered, at least @least bytes of it unless the end comes first (0:
 * does not wait); nothing is taken.  *@out as above.  Returns: how many; -EMSGSIZE: @least is more
 * than the buffer's size. */
THRUM_MUST_CHECK ssize_t thrum_stream_peek(struct thrum_stream *s, size_t least, char **out);
/* thrum_stream_take - drop @n bytes of what peek showed.  Suspends: no. */
void thrum_stream_take(struct thrum_stream *s, size_t n);

/* thrum_stream_write - take all @n bytes; suspends while more than the high-water mark waits to be
 * written.  What is taken waits for more, a flush or the close.
 * Returns: @n; -errno: from now on every write and flush returns it; but if @buf was not begun,
 * -ECANCELED, -ETIMEDOUT and -ENOMEM leave the stream as it was. */
THRUM_MUST_CHECK ssize_t thrum_stream_write(struct thrum_stream *s, const void *buf, size_t n);
/* thrum_stream_flush - write what is buffered.  Returns: 0 or -errno; cut short it may be called
 * again.  asyncio: drain. */
THRUM_MUST_CHECK int thrum_stream_flush(struct thrum_stream *s);

#ifdef __cplusplus
}
#endif
#endif
