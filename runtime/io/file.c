/* SPDX-License-Identifier: MIT */
/*
 * file.c - files: what the page cache holds is read at once, the rest goes to the file class of the
 * blocking pool.
 *
 * Opening for reading tries openat2 with RESOLVE_CACHED first, which never waits for the disk; it
 * looks at the file by a path descriptor before, so that a pipe or a device is never opened here
 * (that can block, or do something).
 * preadv2 with RWF_NOWAIT answers what is cached in a system call of a third of a microsecond;
 * -EAGAIN means that the disk is needed, and -EOPNOTSUPP that the file system or the descriptor
 * cannot tell: both go to the pool.  A short read of the cached part is a result like any other.  A
 * job that has started is never cut short, so the buffer is the call's until it returns.  Each
 * call's arguments live in the caller's frame, which waits for the job.
 */
#define _GNU_SOURCE /* RWF_NOWAIT */
#include "base/os.h"
#include "sched/await.h"
#include "sched/blocking.h"
#include "sched/worker.h"

#include <signal.h>

enum verb { OPEN, READ, PREAD, WRITE, PWRITE, FSYNC, STAT, LSTAT, FSTAT };

struct operation {
	enum verb verb;
	int fd;
	int flags;
	mode_t mode;
	const char *path;
	void *buf;
	size_t n;
	off_t offset;
};

/* On a thread of the pool, where SIGPIPE is blocked. */
static intptr_t perform(void *arg)
{
	struct operation *op = arg;

	switch (op->verb) {
	case OPEN:
		return thrum__os_openat(op->fd, op->path, op->flags, op->mode);
	case READ:
		return thrum__os_read(op->fd, op->buf, op->n);
	case PREAD:
		return thrum__os_pread(op->fd, op->buf, op->n, op->offset);
	case WRITE:
		return thrum__os_write(op->fd, op->buf, op->n);
	case PWRITE:
		return thrum__os_pwrite(op->fd, op->buf, op->n, op->offset);
	case FSYNC:
		return thrum__os_fsync(op->fd);
	case STAT:
		return thrum__os_stat(op->path, op->buf);
	case LSTAT:
		return thrum__os_lstat(op->path, op->buf);
	case FSTAT:
		return thrum__os_fstat(op->fd, op->buf);
	}
	return -EINVAL;
}

static const char *const places[] = {
    [OPEN] = "? thrum_open",   [READ] = "? thrum_read",     [PREAD] = "? thrum_pread",
    [WRITE] = "? thrum_write", [PWRITE] = "? thrum_pwrite", [FSYNC] = "? thrum_fsync",
    [STAT] = "? thrum_stat",   [LSTAT] = "? thrum_lstat",   [FSTAT] = "? thrum_fstat",
};

static intptr_t on_pool(struct operation *op)
{
	intptr_t result;
	int err;

	do {
		err =
		    thrum__blocking_call(THRUM__JOBS_FILE, places[op->verb], perform, op, &result);
	} while (!err && result == -EINTR);
	return err ? err : result;
}

/* What the cache holds; -EAGAIN or -EOPNOTSUPP: ask the pool. */
static ssize_t read_cached(int fd, void *buf, size_t n, off_t offset)
{
	struct iovec v = {buf, n};

	return thrum__os_preadv2(fd, &v, 1, offset, RWF_NOWAIT);
}

static bool needs_pool(ssize_t r)
{
	return r == -EAGAIN || r == -EOPNOTSUPP || r == -ENOSYS || r == -EINTR || r == -ESPIPE;
}

/* The checks of a call that waits: 0, or what to return. */
static int entry(void)
{
	struct thrum__task *t = thrum__current_task();

	return t ? thrum__wait_entry(t) : thrum__no_task();
}

static bool is_regular(int fd)
{
	struct stat st;

	return thrum__os_fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/* A regular file whose path and inode are in memory: its descriptor; else an error: ask the pool.
 * */
static int open_cached(int dirfd, const char *path, int flags)
{
	int fd = thrum__os_openat_cached(dirfd, path, O_PATH | O_CLOEXEC | (flags & O_NOFOLLOW));
	bool regular;

	if (fd < 0)
		return fd;
	regular = is_regular(fd);
	thrum__os_close(fd);
	if (!regular)
		return -EAGAIN;
	/* Should it have become something else meanwhile, O_NONBLOCK keeps the open from waiting.
	 * */
	fd = thrum__os_openat_cached(dirfd, path, flags | O_NONBLOCK);
	if (fd < 0)
		return fd;
	if (!is_regular(fd) || thrum__os_set_flags(fd, flags)) {
		thrum__os_close(fd);
		return -EAGAIN;
	}
	return fd;
}

int thrum_openat(int dirfd, const char *path, int flags, mode_t mode)
{
	struct operation op = {
	    .verb = OPEN, .fd = dirfd, .path = path, .flags = flags | O_CLOEXEC, .mode = mode};

	int fd = entry();

	if (fd)
		return fd;
	if ((flags & (O_ACCMODE | O_CREAT | O_TRUNC | O_PATH | O_DIRECTORY)) == O_RDONLY) {
		fd = open_cached(dirfd, path, op.flags);
		if (fd >= 0)
			return fd;
	}
	return (int)on_pool(&op);
}

int thrum_open(const char *path, int flags, mode_t mode)
{
	return thrum_openat(AT_FDCWD, path, flags, mode);
}

ssize_t thrum_read(int fd, void *buf, size_t n)
{
	struct operation op = {.verb = READ, .fd = fd, .buf = buf, .n = n};
	ssize_t r = entry();

	if (r)
		return r;
	r = read_cached(fd, buf, n, -1);
	return needs_pool(r) ? on_pool(&op) : r;
}

ssize_t thrum_pread(int fd, void *buf, size_t n, off_t offset)
{
	struct operation op = {.verb = PREAD, .fd = fd, .buf = buf, .n = n, .offset = offset};
	ssize_t r = entry();

	if (r)
		return r;
	if (offset < 0)
		return -EINVAL;
	r = read_cached(fd, buf, n, offset);
	return needs_pool(r) ? on_pool(&op) : r;
}

ssize_t thrum_write(int fd, const void *buf, size_t n)
{
	struct operation op = {.verb = WRITE, .fd = fd, .buf = (void *)buf, .n = n};

	return on_pool(&op);
}

ssize_t thrum_pwrite(int fd, const void *buf, size_t n, off_t offset)
{
	struct operation op = {
	    .verb = PWRITE, .fd = fd, .buf = (void *)buf, .n = n, .offset = offset};

	return on_pool(&op);
}

int thrum_fsync(int fd)
{
	struct operation op = {.verb = FSYNC, .fd = fd};

	return (int)on_pool(&op);
}

int thrum_stat(const char *path, struct stat *st)
{
	struct operation op = {.verb = STAT, .path = path, .buf = st};

	return (int)on_pool(&op);
}

int thrum_lstat(const char *path, struct stat *st)
{
	struct operation op = {.verb = LSTAT, .path = path, .buf = st};

	return (int)on_pool(&op);
}

int thrum_fstat(int fd, struct stat *st)
{
	int err = entry();

	return err ? err : thrum__os_fstat(fd, st); /* of an open descriptor: in memory */
}

int thrum_close(int fd)
{
	return thrum__os_close(fd);
}
