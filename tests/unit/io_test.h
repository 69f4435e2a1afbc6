/* SPDX-License-Identifier: MIT */
/*
 * io_test.h - what the tests of I/O share: a test body as the main task of a runtime of two workers
 * on the real clock, which must leave as many descriptors open as it found; pairs of descriptors,
 * in both modes; small tasks.  The tests hold for the hostile poller too (THRUM_POLLER=sim), which
 * makes calls move a byte where they could move more.
 */
#ifndef TESTS_UNIT_IO_TEST_H
#define TESTS_UNIT_IO_TEST_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fds.h"
#include "run.h"

/* The only worker, without a spare for when it is held up. */
static inline intptr_t run_alone(thrum_fn fn)
{
	struct thrum_config c = config_of(1, THRUM_CLOCK_REAL);

	c.stall_ns = THRUM_FOREVER;
	return thrum_run_with(&c, fn, NULL);
}

#define IO_TEST_AS(run, name)                     \
	static void name##_body(void);            \
	static intptr_t name##_task(void *unused) \
	{                                         \
		int before = fds_open();          \
		(void)unused;                     \
		name##_body();                    \
		is_int(fds_open(), before);       \
		return 77;                        \
	}                                         \
	START_TEST(name)                          \
	{                                         \
		is_int(run, 77);                  \
	}                                         \
	END_TEST                                  \
	static void name##_body(void)
#define IO_TEST_ON(workers, name) IO_TEST_AS(run_real(workers, name##_task, NULL), name)
#define IO_TEST(name) IO_TEST_ON(2, name)
#define ALONE_TEST(name) IO_TEST_AS(run_alone(name##_task), name)

/* The last is the one to write to. */
enum pair_kind { PIPE, UNIX, TCP, PAIR_KINDS };

static inline int tcp_listener(struct sockaddr_in *addr, int flags)
{
	socklen_t len = sizeof(*addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

	*addr = (struct sockaddr_in){.sin_family = AF_INET};
	addr->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	must(fd >= 0);
	must(bind(fd, (struct sockaddr *)addr, sizeof(*addr)) == 0);
	must(listen(fd, 16) == 0);
	must(getsockname(fd, (struct sockaddr *)addr, &len) == 0);
	return fd;
}

static inline int tcp_client(const struct sockaddr_in *addr)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	must(fd >= 0);
	must(connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0);
	return fd;
}

static inline void make_nonblocking(int fd)
{
	must(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0);
}

static inline void pair_make(int ends[2], enum pair_kind kind, bool nonblocking)
{
	struct sockaddr_in addr;
	int listener;

	switch (kind) {
	case PIPE:
		must(pipe(ends) == 0);
		break;
	case UNIX:
		must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
		break;
	default:
		listener = tcp_listener(&addr, 0);
		ends[0] = tcp_client(&addr);
		ends[1] = accept(listener, NULL, NULL);
		must(ends[1] >= 0);
		close(listener);
	}
	for (int i = 0; i < 2 && nonblocking; i++)
		make_nonblocking(ends[i]);
}

static inline void pair_close(int ends[2])
{
	is_int(thrum_close(ends[0]), 0);
	is_int(thrum_close(ends[1]), 0);
}

/* A byte, or what else read returned. */
static inline intptr_t task_reads_one(void *fd)
{
	char c = 0;
	ssize_t r = thrum_read((int)(intptr_t)fd, &c, 1);

	return r == 1 ? c : r;
}

/* Exactly @n bytes, in as many parts as they come. */
static inline void read_all(int fd, void *bytes, size_t n)
{
	for (size_t got = 0; got < n;) {
		ssize_t r = thrum_read(fd, (char *)bytes + got, n - got);

		must(r > 0);
		got += (size_t)r;
	}
}

static inline void write_exactly(int fd, const void *bytes, size_t n)
{
	for (size_t done = 0; done < n;) {
		ssize_t r = thrum_write(fd, (const char *)bytes + done, n - done);

		must(r > 0);
		done += (size_t)r;
	}
}

/* More than a pipe or a socket's queues hold at first; less where it goes byte by byte. */
static inline size_t much(void)
{
	return is_hostile() ? (size_t)80 << 10 : (size_t)1 << 20;
}

/* Until nothing more goes in. */
static inline void fill_up(int fd)
{
	static char bytes[4096];
	int mode = fcntl(fd, F_GETFL);

	make_nonblocking(fd);
	for (size_t n = sizeof(bytes); n; n /= 2)
		while (write(fd, bytes, n) > 0)
			;
	must(fcntl(fd, F_SETFL, mode) == 0);
}

/* Is about to wait, or waits. */
static inline struct thrum_future *spawn_waiting(thrum_fn fn, void *arg)
{
	struct thrum_future *f = thrum_spawn(fn, arg);

	must(f);
	yield_often();
	must(!thrum_done(f));
	return f;
}

/* Bytes that tell their place. */
static inline void fill_bytes(char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		bytes[i] = (char)(i * 7 + i / 4096);
}

/* A file of such bytes that nothing leads to any more. */
static inline int file_make(size_t n)
{
	char path[] = "/tmp/thrum-io-XXXXXX", *bytes = malloc(n + 1);
	int fd = mkstemp(path);

	must(bytes && fd >= 0 && unlink(path) == 0);
	must(fcntl(fd, F_SETFD, FD_CLOEXEC) == 0);
	fill_bytes(bytes, n);
	must(write(fd, bytes, n) == (ssize_t)n);
	must(lseek(fd, 0, SEEK_SET) == 0);
	free(bytes);
	return fd;
}

struct drain {
	int fd;
	size_t n, got;
	size_t piece; /* at most so many bytes in one read; 0: many */
	bool same;    /* what came is what fill_bytes made */
};

/* Reads until it has n bytes or the end comes. */
static inline intptr_t task_drains(void *drain)
{
	struct drain *d = drain;
	char bytes[4096];

	d->same = true;
	while (d->got < d->n) {
		size_t most = d->piece ? d->piece : sizeof(bytes);
		ssize_t r = thrum_read(d->fd, bytes, most);

		if (r <= 0)
			return r;
		for (ssize_t i = 0; i < r; i++, d->got++)
			d->same &= bytes[i] == (char)(d->got * 7 + d->got / 4096);
	}
	return 0;
}

/* One write. */
struct job {
	int fd;
	char *bytes;
	size_t n;
};

static inline intptr_t task_writes(void *job)
{
	struct job *j = job;

	return thrum_write(j->fd, j->bytes, j->n);
}

#endif
