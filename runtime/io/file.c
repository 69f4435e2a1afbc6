/* SPDX-License-Identifier: MIT */
/*
 * file.c - files: what the page cache holds is read at once, the rest goes to the file class of the
 * blocking pool.  Reading and writing at the file's own position is in rw.c.
 *
 * Opening for reading tries openat2 with RESOLVE_CACHED first, which never waits for the disk; it
 * looks at the file by a path descriptor before, so that a pipe or a device is never opened here
 * (that can block, or do something).
 * preadv2 with RWF_NOWAIT answers what is cached in a system call of a third of a microsecond;
 * -EAGAIN means that the disk is needed, and -EOPNOTSUPP that the file system or the descriptor
 * cannot tell: both go to the pool.  A short read of the cached part is a result like any other.  A
 * job that has started is never cut short, so the buffer is the call's until it returns; but open
 * may have to wait for others (a FIFO's other end, a lease), and a cancel or deadline ends that.
 * Each call's arguments live in the caller's frame, which waits for the job; while a job knows a
 * descriptor's number the call is inside of it (op.c), so that thrum_close waits for it.  What is
 * opened is not taken for the library's own as sockets are (poll/descriptor.c): few are watched,
 * and a program may end one by fclose.
 */
#define _GNU_SOURCE /* RWF_NOWAIT, O_TMPFILE */
#include "io/op.h"

#include "sched/worker.h"

#include <stdarg.h>

#include <thrum/file.h>

enum verb { OPEN, PREAD, PWRITE, FSYNC, STAT, LSTAT };

struct operation {
	struct thrum__op op; /* its fd: OPEN: the directory; STAT, LSTAT: none */
	enum verb verb;
	int flags;
	mode_t mode;
	const char *path;
	void *buf;
	size_t n;
	off_t offset;
};

/* On a thread of the pool. */
static ssize_t perform(struct thrum__op *op)
{
	struct operation *o = container_of(op, struct operation, op);

	switch (o->verb) {
	case OPEN:
		return thrum__os_openat(op->fd, o->path, o->flags, o->mode);
	case PREAD:
		return thrum__os_pread(op->fd, o->buf, o->n, o->offset);
	case PWRITE:
		return thrum__os_pwrite(op->fd, o->buf, o->n, o->offset);
	case FSYNC:
		return thrum__os_fsync(op->fd);
	case STAT:
		return thrum__os_stat(o->path, o->buf);
	case LSTAT:
		return thrum__os_lstat(o->path, o->buf);
	}
	return -EINVAL;
}

/* What the cache holds, else the pool. */
static ssize_t attempt(struct thrum__op *op)
{
	struct operation *o = container_of(op, struct operation, op);
	struct iovec v = {o->buf, o->n};
	ssize_t r = -EAGAIN;

	if (o->verb == PREAD)
		r = thrum__os_preadv2(op->fd, &v, 1, o->offset, RWF_NOWAIT);
	return r == -EAGAIN || r == -EOPNOTSUPP || r == -ENOSYS ? THRUM__OP_POOL : r;
}

static struct thrum__op op_on(int fd, const char *place)
{
	return (struct thrum__op){.place = place, .fd = fd, .attempt = attempt, .block = perform};
}

static bool is_regular(int fd)
{
	struct stat st;

	return thrum__os_fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/* A regular file whose path and inode are in memory: its descriptor; else an error: the pool is
 * asked. */
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
	/* Should it have become something else meanwhile: with O_NONBLOCK the open does not
	 * wait. */
	fd = thrum__os_openat_cached(dirfd, path, flags | O_NONBLOCK);
	if (fd < 0)
		return fd;
	if (!is_regular(fd) || thrum__os_set_flags(fd, flags)) {
		thrum__os_close(fd);
		return -EAGAIN;
	}
	return fd;
}

static ssize_t open_now(struct operation *o)
{
	int fd;

	if ((o->flags & (O_ACCMODE | O_CREAT | O_TRUNC | O_PATH | O_DIRECTORY)) == O_RDONLY) {
		fd = open_cached(o->op.fd, o->path, o->flags);
		if (fd >= 0)
			return fd;
	}
	return thrum__op_on_pool(&o->op, thrum__op_block_waiting);
}

static int open_at(int dirfd, const char *path, int flags, mode_t mode)
{
	struct operation o = {.op = op_on(dirfd, "? thrum_open"),
			      .verb = OPEN,
			      .path = path,
			      .flags = flags | O_CLOEXEC,
			      .mode = mode};
	struct thrum__descriptors *ds;
	ssize_t fd = thrum__op_entry(&o.op);

	if (fd)
		return (int)fd;
	ds = &thrum__op_runtime(&o.op)->descriptors;
	if (dirfd >= 0)
		fd = thrum__descriptor_enter(ds, dirfd, &o.op.d);
	if (fd)
		return (int)fd;
	fd = open_now(&o);
	if (o.op.d)
		thrum__descriptor_leave(o.op.d);
	if (fd >= 0)
		thrum__descriptor_opened(ds, (int)fd);
	return (int)fd;
}

/* What follows @flags, which need be there for these alone.  O_TMPFILE has O_DIRECTORY's bit in
 * it. */
static mode_t mode_of(int flags, va_list args)
{
	bool creates = flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE;

	return creates ? va_arg(args, mode_t) : 0;
}

int thrum_openat(int dirfd, const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = mode_of(flags, args);
	va_end(args);
	return open_at(dirfd, path, flags, mode);
}

int thrum_open(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = mode_of(flags, args);
	va_end(args);
	return open_at(AT_FDCWD, path, flags, mode);
}

ssize_t thrum_pread(int fd, void *buf, size_t n, off_t offset)
{
	struct operation o = {
	    .op = op_on(fd, "? thrum_pread"), .verb = PREAD, .buf = buf, .n = n, .offset = offset};
	int err = thrum__op_entry(&o.op);

	if (err)
		return err;
	return offset < 0 ? -EINVAL : thrum__op_start(&o.op); /* -1 has a meaning for preadv2 */
}

ssize_t thrum_pwrite(int fd, const void *buf, size_t n, off_t offset)
{
	struct operation o = {.op = op_on(fd, "? thrum_pwrite"),
			      .verb = PWRITE,
			      .buf = (void *)buf,
			      .n = n,
			      .offset = offset};

	return thrum__op_run(&o.op);
}

int thrum_fsync(int fd)
{
	struct operation o = {.op = op_on(fd, "? thrum_fsync"), .verb = FSYNC};

	return (int)thrum__op_run(&o.op);
}

static int stat_path(struct operation *o)
{
	int err = thrum__op_entry(&o->op);

	return err ? err : (int)thrum__op_on_pool(&o->op, thrum__op_block);
}

int thrum_stat(const char *path, struct stat *st)
{
	struct operation o = {
	    .op = op_on(-1, "? thrum_stat"), .verb = STAT, .path = path, .buf = st};

	return stat_path(&o);
}

int thrum_lstat(const char *path, struct stat *st)
{
	struct operation o = {
	    .op = op_on(-1, "? thrum_lstat"), .verb = LSTAT, .path = path, .buf = st};

	return stat_path(&o);
}

int thrum_fstat(int fd, struct stat *st)
{
	struct thrum__op op = {0};
	int err = thrum__op_entry(&op);

	return err ? err : thrum__os_fstat(fd, st); /* of an open descriptor: in memory */
}
