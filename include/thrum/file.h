/* SPDX-License-Identifier: MIT */
/*
 * file.h - files: POSIX's names, arguments and results; the fiber waits instead of the thread.
 *
 * What the page cache holds is read at once (preadv2 with RWF_NOWAIT); what would block goes to the
 * file class of the blocking pool.  A buffer belongs to the call until it returns, also when the
 * caller is cancelled: a job that has started is never cut short.  Only opening, which may have to
 * wait for others (a FIFO's other end), ends its wait as io.h tells.
 *
 * All of them, where not said otherwise: Called from: a task.  Suspends: yes.  Cancellation point:
 * until the operation has started.
 * Returns: what the system call returns, or -errno; -ECANCELED, -ETIMEDOUT: nothing was done;
 * -EAGAIN: the pool's queue is full; -ENOMEM; -EPERM outside a task; -ENOTSUP in a forked child.
 * Reading and writing at the file's own offset, and closing: io.h.
 */
#ifndef THRUM_FILE_H
#define THRUM_FILE_H

#include <fcntl.h>
#include <sys/stat.h>
#include <thrum/io.h>
#include <thrum/result.h>

#ifdef __cplusplus
extern "C" {
#endif

/* thrum_open - open(2); with O_CREAT or O_TMPFILE a mode_t follows @flags, else it may be left out.
 * O_CLOEXEC is added.  Cancellation point: as long as it waits. */
THRUM_MUST_CHECK int thrum_open(const char *path, int flags, ...);
/* thrum_openat - openat(2); as thrum_open.  Cancellation point: as long as it waits. */
THRUM_MUST_CHECK int thrum_openat(int dirfd, const char *path, int flags, ...);
/* thrum_pread - pread(2). */
THRUM_MUST_CHECK ssize_t thrum_pread(int fd, void *buf, size_t n, off_t offset);
/* thrum_pwrite - pwrite(2). */
THRUM_MUST_CHECK ssize_t thrum_pwrite(int fd, const void *buf, size_t n, off_t offset);
/* thrum_fsync - fsync(2). */
THRUM_MUST_CHECK int thrum_fsync(int fd);
/* thrum_stat, thrum_fstat, thrum_lstat - stat(2) and its kin. */
THRUM_MUST_CHECK int thrum_stat(const char *path, struct stat *st);
THRUM_MUST_CHECK int thrum_lstat(const char *path, struct stat *st);
THRUM_MUST_CHECK int thrum_fstat(int fd, struct stat *st);

#ifdef __cplusplus
}
#endif
#endif
